#!/usr/bin/env bash
# Runs each test of a test binary in its own process, with as many processes at a time as the machine has processors,
# and prints the output of the tests that fail. If tests shared a process, a program that one test starts could inherit
# the locks and sockets of another test. nextest runs tests in the same way, so `make unit` uses this script only if
# nextest is not installed.
#
#   xtask/run-tests.sh BINARY [FILTER...]
set -euo pipefail

if [ "$1" = --one ]; then
  if output=$("$2" --exact "$3" 2>&1) && grep -Eq '^test result: ok. (1 passed; 0 failed; 0|0 passed; 0 failed; 1) ignored' <<<"$output"; then
    exit
  fi
  printf '\n---- %s\n%s\n' "$3" "$output" >&2
  exit 1
fi

tests=$("$1" --list --format terse "${@:2}" | sed -n 's/: test$//p')
[ -n "$tests" ] || exit 0
started=$SECONDS
xargs -d '\n' -n 1 -P "$(nproc)" "$0" --one "$1" <<<"$tests" || { echo "tests failed: see above" >&2; exit 1; }
echo "$(wc -l <<<"$tests") tests passed in $((SECONDS - started)) s"
