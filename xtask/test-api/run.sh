#!/usr/bin/env bash
# Compares a server with the description of its API (/api/openapi.json), with requests that Schemathesis generates.
#
#   xtask/test-api/run.sh PROGRAM SECONDS [ARGS...]     ARGS are options of `schemathesis run`
#
# The server has a new data directory, a free port of the loopback address, and no worker, because the generated jobs
# contain any text as commands. It is stopped at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1 seconds=$2
shift 2

venv=target/schemathesis
if ! cmp -s xtask/test-api/requirements.txt "$venv/installed.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r xtask/test-api/requirements.txt
  cp xtask/test-api/requirements.txt "$venv/installed.txt"
fi

data=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi; rm -rf "$data"' EXIT
TAILWATER_ADMIN_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export TAILWATER_ADMIN_TOKEN
# The checks also send many invalid tokens.
"$program" serve --listen 127.0.0.1:0 --data-dir "$data" --concurrency 0 --failed-logins-per-address 1000000 \
  >"$data/output" 2>"$data/log" &
server=$!
until url=$(sed -n 's/^Listening on //p' "$data/output") && [ -n "$url" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done

WORKER_TOKEN=$(curl -sf "$url/api/queue/tokens" -H "Authorization: Bearer $TAILWATER_ADMIN_TOKEN" \
  -H 'Content-Type: application/json' -d '{"name":"schemathesis","role":"worker"}' | jq -r .token)
export WORKER_TOKEN
# The time also includes the beginning and the end of the run, which its own limit does not.
timeout --signal=INT $((seconds + 120)) "$venv/bin/schemathesis" --config-file xtask/test-api/schemathesis.toml \
  run "$url/api/openapi.json" --checks all --max-time "$seconds" --generation-database none "$@"
