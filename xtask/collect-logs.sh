#!/usr/bin/env bash
# Collects the output of programs on this machine as sample logs for `make false-masks`.
#
#   xtask/collect-logs.sh DIRECTORY [FILE...]
#
# Each source becomes one file in DIRECTORY, which is emptied first. At most MOST bytes of a source are kept, so that no
# single source dominates the result. Each FILE is an additional log, for example one of CI. A program that is not
# installed is skipped. Nothing is installed, and nothing outside DIRECTORY is changed. Besides the output of these
# programs, the script reads only the system's logs, npm's logs, the installed documentation and each FILE.
set -uo pipefail
cd "$(dirname "$0")/.."

MOST=${MOST:-6000000}
directory=$1
shift
export LC_ALL=C.UTF-8 PAGER=cat GIT_PAGER=cat MANPAGER=cat MANWIDTH=100

rm -rf "$directory"
mkdir -p "$directory"

# Stores the beginning of what a command prints, whether or not the command succeeds.
collect() {
  local name=$1
  shift
  { "$@" 2>&1 || true; } </dev/null | head -c "$MOST" >"$directory/$name.log"
  if [ -s "$directory/$name.log" ]; then
    printf '%10d  %s\n' "$(stat -c %s "$directory/$name.log")" "$name"
  else
    rm "$directory/$name.log"
    echo "   skipped  $name"
  fi
}
have() { command -v "$1" >/dev/null; }

cargo_build() {
  CARGO_TARGET_DIR="$directory/target" CARGO_LOG=cargo=debug cargo build -vv -p tailwater-model
  CARGO_TARGET_DIR="$directory/target" cargo test -v -p tailwater-model
  rm -rf "$directory/target"
}
cargo_plan() {
  cargo tree --all-features --target all
  CARGO_LOG=cargo=trace cargo metadata --format-version 1 --offline
}
npm_all() {
  npm ls --all --long
  npm ls --all --json
  npm --loglevel silly ci --dry-run --offline --ignore-scripts
  npm config ls --long
  cat "$HOME"/.npm/_logs/*.log
}
node_all() { NODE_DEBUG=module,fs,http,net,stream,timer node -e 'for (const m of require("module").builtinModules) require(m)'; }
python_all() {
  python3 -v -c 'import asyncio, email.mime.text, http.server, json, logging, sqlite3, ssl, unittest, xml.dom'
  python3 -m pip -vvv list
  python3 -m pip debug --verbose
  python3 -m pydoc ssl http.client urllib.request logging argparse
}
apt_all() {
  apt-get --simulate -o Debug::pkgProblemResolver=1 -o Debug::pkgDepCache::Marker=1 -o Debug::pkgDepCache::AutoInstall=1 \
    install build-essential postgresql nginx docker.io kubernetes-client golang openjdk-17-jdk
  apt-cache policy
  apt-cache showpkg openssl curl git python3 nodejs postgresql mysql-server
  find /var/log/apt -type f -exec zcat -f {} +
}
apt_packages() { apt-cache dumpavail; }
git_log() { git log --patch --stat -- . ':(exclude)redact' ':(exclude)package-lock.json' ':(exclude)Cargo.lock'; }
git_debug() { GIT_TRACE=2 GIT_TRACE_PERFORMANCE=2 GIT_TRACE_SETUP=2 GIT_TRACE2=2 git log --raw --numstat --no-abbrev; }
kernel() { dmesg; journalctl --no-pager; cat /proc/modules /proc/cpuinfo; }
system_logs() { find /var/log -type f ! -path '*/apt/*' ! -path '*/journal/*' ! -name '*tmp' ! -name 'lastlog' -exec zcat -f {} +; }
files() { ls -lR --full-time /usr/lib /usr/share/doc; }
compiler() {
  printf '#include <vector>\n#include <regex>\nint main() {}\n' >"$directory/a.cc"
  g++ -v -H -Q -ftime-report -fdump-tree-optimized=/dev/stdout -c "$directory/a.cc" -o /dev/null
  rm -f "$directory/a.cc"
}
make_all() { make --dry-run --debug=a --print-data-base build bench test; }
shell() { bash -x xtask/setup.sh server; }
tools() { for tool in cargo rustc git curl openssl ssh npm docker kubectl gh aws; do have $tool && $tool --help; done; curl --help all; }
openssl_all() {
  openssl speed -seconds 1 sha256
  openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=localhost -text
  openssl ciphers -v ALL
  openssl version -a
}
manuals() { for page in curl git-config ssh_config apt.conf tar bash openssl gpg rsync make gcc systemd.exec sshd_config wget; do man "$page"; done; }
documents() { find /usr/share/doc -type f \( -iname 'README*' -o -iname 'NEWS*' -o -iname '*.md' -o -iname '*.txt' -o -iname 'changelog*' \) -exec zcat -f {} +; }

collect cargo-build cargo_build
collect cargo-plan cargo_plan
collect npm npm_all
collect node node_all
collect python python_all
collect apt apt_all
collect apt-packages apt_packages
collect git-log git_log
collect git-debug git_debug
collect kernel kernel
collect system system_logs
collect files files
collect compiler compiler
collect make make_all
collect shell shell
collect tools tools
collect openssl openssl_all
collect manuals manuals
collect documents documents
for file in "$@"; do collect "given-$(basename "$file")" cat "$file"; done
