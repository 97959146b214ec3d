#!/usr/bin/env bash
# Puts in place what the build needs and this machine lacks: `xtask/setup.sh build` for the two halves, `xtask/setup.sh unit` for the
# proxy of the integration tests too, `xtask/setup.sh test` for a browser beside that. It chooses one Rust toolchain for everything, so that nothing is compiled twice:
#   1. the one on the PATH, if it is new enough and can compile for the browser;
#   2. the same after `rustup target add`;
#   3. Debian's, whose std for the browser is built from source (`xtask/src/wasm.rs`). Links in target/toolchain, which the
#      Makefile puts first on the PATH, let it win over rustup's.
# TOOLCHAIN=debian skips the first two. Nothing is ever removed from the machine.
set -euo pipefail
cd "$(dirname "$0")/.."

wasm=wasm32-unknown-unknown
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
links=target/toolchain
debian=(rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web rust-web-llvm)

fail() { echo "setup: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null; }

# Installs Debian packages, for the reason given first.
install() {
  local why=$1 as_root=() failed=; shift
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  have apt-get || failed="there is no apt-get"
  [ -n "$failed" ] || [ ${#as_root[@]} = 0 ] || sudo -n true 2>/dev/null || failed="neither root nor sudo without a password"
  [ -z "$failed" ] || fail "missing: $why; install it, or the Debian packages: $* ($failed)"
  echo "setup: installing $* ($why)" >&2
  { "${as_root[@]}" apt-get -qq update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-remove --no-install-recommends install "$@" >/dev/null
  } </dev/null || fail "missing: $why; apt-get could not install: $*"
}

# Whether the cargo on the PATH is new enough and complete, but for the target.
usable() {
  local version
  version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || return
  [ "$(printf '%s\n' "$oldest" "$version" | sort -V | head -n 1)" = "$oldest" ] &&
    cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}
has_target() { [ -d "$(rustc --print target-libdir --target $wasm 2>/dev/null)" ]; }

choose_toolchain() {
  mkdir -p $links
  rm -f $links/*
  if [ "${TOOLCHAIN:-}" != debian ] && usable; then
    ! has_target || return 0
    if have rustup && timeout 120 rustup target add $wasm >/dev/null 2>&1 && has_target; then return 0; fi
  fi
  for tool in cargo cargo-clippy cargo-fmt rustc rustdoc rustfmt; do ln -s /usr/bin/$tool $links/; done
  PATH=$PWD/$links:$PATH
  if ! { usable && have rust-lld && [ -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library" ]; }; then
    install "a Rust $oldest or later that compiles for $wasm" "${debian[@]}"
  fi
  usable || fail "missing: a Rust $oldest or later; Debian's here is $(cargo --version)"
}

have cc || install "a C compiler" gcc libc6-dev
have npm || install "Node.js 20 or later, with npm" nodejs npm
node_version=$(node --version)
[ "$(printf 'v20\n%s\n' "$node_version" | sort -V | head -n 1)" = v20 ] || fail "missing: Node.js 20 or later; here is $node_version"
if [ ! -e $links/ready ]; then
  choose_toolchain
  echo "setup: using $(cargo --version)" >&2
  touch $links/ready
fi
if [ "${1:-build}" != build ]; then
  # Debian puts it where only root looks.
  [ -x /usr/sbin/nginx ] || have nginx || install "an nginx" nginx
  # Programs of the README, what writes to both of its outputs at will, and what makes calls of the system fail.
  for program in curl jq python3 zstd strace; do have $program || install "$program" $program; done
  # It shows a program another time of day.
  compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || install "libfaketime" libfaketime
fi
if [ "${1:-build}" = test ] && [ -z "${CHROMIUM:-}" ]; then
  have chromium || have chromium-browser || have google-chrome || install "a Chromium" chromium
fi
