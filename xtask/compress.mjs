// Compresses each FILE given as an argument to FILE.br and FILE.gz, and prints the sizes.
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const sums = { brotli: 0, gzip: 0 };

for (const file of process.argv.slice(2)) {
  const plain = readFileSync(file);
  const brotli = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } });
  const gzip = gzipSync(plain, { level: 9 });
  writeFileSync(`${file}.br`, brotli);
  writeFileSync(`${file}.gz`, gzip);
  sums.brotli += brotli.length;
  sums.gzip += gzip.length;
  console.error(`  ${basename(file)}: ${kB(plain.length)}, ${kB(brotli.length)} brotli, ${kB(gzip.length)} gzip`);
}
console.error(`  together: ${kB(sums.brotli)} brotli, ${kB(sums.gzip)} gzip`);
