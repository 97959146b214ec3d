#!/usr/bin/env bash
# Installs missing build requirements on this machine. The argument is one of four levels, and each level includes the
# ones before it: `server` installs the requirements of the server, `build` those of the pages, `unit` those of the
# integration tests, and `test` a browser.
#
# A single Rust toolchain is used, so that nothing is compiled twice. The script selects the first of these toolchains
# that can compile for the browser:
#   1. the toolchain on the PATH, if it is new enough;
#   2. the same toolchain after `rustup target add`;
#   3. Debian's, which builds std for the browser from source (`xtask/src/wasm.rs`).
# If the script selects Debian's toolchain or Python, or installs a Node.js because the one on the PATH is too old, it
# creates links to these programs in target/toolchain. The Makefile puts that directory first on the PATH.
# TOOLCHAIN=debian skips the first two options. The script never removes anything from the machine.
#
# The script tests each tool by using it once. Rust is tested before anything is compiled. Node.js, which is installed
# while the server is compiled, is tested before anything uses it. The browser and the programs that the tests use are
# tested before the tests begin. The files rust-ready, ready, unit-ready and test-ready in target/toolchain record which
# of these tests have succeeded.
set -euo pipefail
cd "$(dirname "$0")/.."

wasm=wasm32-unknown-unknown
oldest_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# sass requires at least this version of Node.js. Debian 12 provides version 18, so on Debian 12 Node.js is installed
# from its npm package, which contains the official binary.
oldest_node=20.19
npm_node=22.23.3
links=target/toolchain
faketime='/usr/lib/*/faketime/libfaketime.so.1'
# In Debian's rust-web-llvm package, rust-lld is a link to lld-22, but rust-web-llvm does not depend on the package
# lld-22, so that package is listed too.
debian=(rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web rust-web-llvm lld-22)

fail() { echo "setup: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null; }
# Returns whether version $2 is equal to or later than $1.
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# Installs Debian packages. The first argument is the reason that the messages give for the installation. If another
# program is installing packages, such as the automatic updates of a machine that has just started, apt-get waits for it.
install() {
  local why=$1 as_root=() failed= wait=DPkg::Lock::Timeout=600; shift
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  have apt-get || failed="there is no apt-get"
  [ -n "$failed" ] || [ ${#as_root[@]} = 0 ] || sudo -n true 2>/dev/null || failed="neither root nor sudo without a password"
  [ -z "$failed" ] || fail "missing: $why; install it, or the Debian packages: $* ($failed)"
  echo "setup: installing $* ($why)" >&2
  # The installation may replace packages that the tested programs depend on, so these programs must be tested again.
  rm -f $links/unit-ready $links/test-ready
  { "${as_root[@]}" apt-get -qq -o $wait update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o $wait --no-remove --no-install-recommends install "$@" >/dev/null
  } </dev/null || fail "missing: $why; apt-get could not install: $*"
}

# Returns whether the cargo on the PATH is new enough and has clippy and rustfmt. This function does not check whether
# cargo can compile for the browser.
usable() {
  local version
  version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return
  at_least "$oldest_rust" "$version" && cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}
has_target() { [ -d "$(rustc --print target-libdir --target $wasm 2>/dev/null)" ]; }

choose_rust() {
  if [ "${TOOLCHAIN:-}" != debian ] && usable; then
    ! has_target || return 0
    if have rustup && timeout 120 rustup target add $wasm >/dev/null 2>&1 && has_target; then return 0; fi
  fi
  for tool in cargo cargo-clippy cargo-fmt rustc rustdoc rustfmt; do ln -s /usr/bin/$tool $links/; done
  hash -r
  if ! { usable && rust-lld -flavor wasm --version >/dev/null 2>&1 && [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ]; }; then
    install "a Rust $oldest_rust or later that compiles for $wasm" "${debian[@]}"
  fi
  usable || fail "missing: a Rust $oldest_rust or later; Debian's here is $(cargo --version)"
  # Debian's rustc uses the linker on the PATH. rust-lld is several times as fast as the linker of binutils.
  ln -s "$(command -v rust-lld)" $links/ld
}

choose_node() {
  local machine
  have npm || install "Node.js with npm" nodejs npm
  ! at_least v$oldest_node "$(node --version)" || return 0
  case $(uname -m) in
    x86_64) machine=x64 ;;
    aarch64) machine=arm64 ;;
    *) fail "missing: Node.js $oldest_node or later; here is $(node --version)" ;;
  esac
  echo "setup: installing Node.js $npm_node from its npm package (here is $(node --version), and $oldest_node or later is needed)" >&2
  npm install --silent --no-save --no-package-lock --prefix target/node "node-linux-$machine@$npm_node" </dev/null >&2 ||
    fail "missing: Node.js $oldest_node or later; npm could not install node-linux-$machine@$npm_node"
  ln -sf "$PWD/target/node/node_modules/node-linux-$machine/bin/node" $links/
  hash -r
}

# Compiles, links and runs a small program for this machine, and compiles and links another one for the browser. The
# program for the browser uses the release's profile and the build's directory, so that the build does not compile
# `core` again.
prove_rust() {
  local at=target/proof std=()
  rm -rf $at
  mkdir -p $at/src
  echo 'fn main() { println!("{}", 1 + 1) }' >$at/main.rs
  {
    printf '[package]\nname = "proof"\nedition = "2024"\n[lib]\ncrate-type = ["cdylib", "rlib"]\n[workspace]\n'
    sed -n '/^\[profile.dev\]$/,/^$/p; /^\[profile.wasm-release\]$/,/^$/p' Cargo.toml
  } >$at/Cargo.toml
  # The program does not use std, because building std from source takes half a minute.
  cat >$at/src/lib.rs <<'END'
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[unsafe(no_mangle)]
pub extern "C" fn two() -> u32 { 1 + 1 }
END
  has_target || std=(-Zbuild-std=core)
  [ "$(rustc $at/main.rs -o $at/main && $at/main)" = 2 ] || fail "$(rustc --version) cannot make a program for this machine"
  RUSTC_BOOTSTRAP=1 cargo rustc --quiet --manifest-path $at/Cargo.toml --target-dir target --profile wasm-release \
    --target $wasm ${std[@]+"${std[@]}"} || fail "$(cargo --version) cannot compile and link for $wasm"
  mv target/$wasm/wasm-release/proof.wasm $links/
  rm -rf $at
}

# Runs the program that prove_rust compiled for the browser.
prove_node() {
  local program='const wasm = require("node:fs").readFileSync(process.argv[1]);
    console.log(new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.two());'
  [ "$(node -e "$program" $links/proof.wasm)" = 2 ] ||
    fail "Node.js $(node --version) cannot run what was compiled for the browser"
}

# Runs a command, whose output must be $2. $1 is the program that the command uses.
proves() {
  local program=$1 expected=$2 printed; shift 2
  printed=$(timeout 60 "$@" 2>&1 </dev/null) && [ "$printed" = "$expected" ] ||
    fail "$program is installed, but does not work: \`$*\` should print '$expected', but printed: $printed"
}

# Uses each program that the integration tests need.
prove_unit() {
  local at=$PWD/target/proof nginx=/usr/sbin/nginx
  [ -x $nginx ] || nginx=nginx
  rm -rf "$at"
  mkdir -p "$at"
  echo 2 >"$at/two"
  echo 'def test_two(): assert 1 + 1 == 2' >"$at/test_two.py"
  printf 'pid nginx.pid;\nerror_log error.log;\nevents {}\nhttp { access_log off; }\n' >"$at/nginx.conf"
  proves nginx '' $nginx -q -t -p "$at" -e error.log -c nginx.conf
  proves curl 2 curl -s "file://$at/two"
  proves git 0cfbf08886fca9a91cb753ec8734c84fcbe52c9f git hash-object --no-filters "$at/two"
  proves jq 2 jq . "$at/two"
  proves kill '' env kill -0 $$
  proves less 2 less "$at/two"
  proves mount '' sh -c 'mount >/dev/null'
  proves perl 2 perl -e 'print 1 + 1'
  proves pgrep '' sh -c 'pgrep . >/dev/null'
  proves python3 2 python3 -c 'print(1 + 1)'
  proves pytest '' sh -c 'cd "$0" && out=$(python3 -m pytest -q -p no:cacheprovider test_two.py 2>&1) || echo "$out"' "$at"
  proves strace 2 strace -D -f -qq -e trace=pwrite64 -o "$at/trace" echo 2
  proves zstd 2 sh -c 'zstd -qc "$0" | zstd -dqc' "$at/two"
  proves libfaketime 2001 env LD_PRELOAD="$(compgen -G "$faketime")" FAKETIME='2001-06-01 00:00:00' date +%Y
  rm -rf "$at"
  touch $links/unit-ready
}

# Lets the browser run a script, with the flags of the browser tests.
prove_browser() {
  local browser=${CHROMIUM:-} name profile page='data:text/html,<title>x</title><script>document.title = 1 + 1</script>'
  for name in chromium chromium-browser google-chrome; do [ -n "$browser" ] || browser=$(command -v $name || true); done
  profile=$(mktemp -d)
  proves "$browser" '<title>2</title>' sh -c '"$@" 2>"$0/errors" | grep -o "<title>.*</title>" || tail -n 5 "$0/errors"' "$profile" \
    "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
    --disable-component-update --disable-sync --user-data-dir="$profile" --dump-dom "$page"
  rm -rf "$profile"
  touch $links/test-ready
}

export PATH=$PWD/$links:$PATH
# These variables describe a jobserver, which make shares only with other makes. They are unset, because cargo would
# otherwise try to use it.
unset MAKEFLAGS MFLAGS
if [ ! -e $links/rust-ready ]; then
  rm -rf $links
  mkdir -p $links
  choose_rust
  have cc || install "a C compiler" gcc libc6-dev
  prove_rust
  echo "setup: using $(cargo --version)" >&2
  touch $links/rust-ready
fi
[ "${1:-build}" != server ] || exit 0
if [ ! -e $links/ready ]; then
  choose_node
  prove_node
  echo "setup: using Node.js $(node --version)" >&2
  touch $links/ready
fi
if [ "${1:-build}" != build ]; then
  # Debian installs nginx in a directory that is only in root's PATH.
  [ -x /usr/sbin/nginx ] || have nginx || install "an nginx" nginx
  # A minimal Debian 13 does not contain `kill` and `pgrep`. Shells have a `kill` of their own.
  have pgrep || install "kill and pgrep" procps
  # The README and the integration tests use these programs.
  for program in curl git jq less mount perl python3 strace zstd; do have $program || install "$program" $program; done
  if ! python3 -m pytest --version >/dev/null 2>&1; then
    install "pytest" python3-pytest
    # Another Python that precedes Debian's on the PATH does not find Debian's packages.
    python3 -m pytest --version >/dev/null 2>&1 || { ln -sf /usr/bin/python3 $links/; hash -r; }
  fi
  # libfaketime lets the tests run a program with a different system time.
  compgen -G "$faketime" >/dev/null || install "libfaketime" libfaketime
  [ -e $links/unit-ready ] || prove_unit
fi
if [ "${1:-build}" = test ]; then
  [ -n "${CHROMIUM:-}" ] || have chromium || have chromium-browser || have google-chrome || install "a Chromium" chromium
  [ -e $links/test-ready ] || prove_browser
fi
