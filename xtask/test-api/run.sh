#!/usr/bin/env bash
# Checks that a server agrees with the description of its API (/api/openapi.json). Schemathesis generates the requests.
#
#   xtask/test-api/run.sh PROGRAM SECONDS [ARGS...]     ARGS are options of `schemathesis run`
#
# The server has a new data directory and listens on a free port of the loopback address. It has no worker, because the
# generated jobs contain arbitrary text as commands. It is stopped at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1 seconds=$2
shift 2

venv=target/schemathesis
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "test-api: Python 3 with venv is missing; on Debian: apt-get install python3-venv" >&2
  exit 1
fi
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
# The limit on invalid tokens is raised, because the checks send many of them.
"$program" serve --listen 127.0.0.1:0 --data-dir "$data" --concurrency 0 --failed-logins-per-address 1000000 \
  >"$data/output" 2>"$data/log" &
server=$!
until url=$(sed -n 's/^Listening on //p' "$data/output") && [ -n "$url" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done

export SERVER_URL=$url
read -r WORKER_TOKEN WORKER_TOKEN_ID < <("$venv/bin/python" - "$url" <<'PYTHON'
import json, os, sys, urllib.request
headers = {"Authorization": "Bearer " + os.environ["TAILWATER_ADMIN_TOKEN"], "Content-Type": "application/json"}
body = json.dumps({"name": "schemathesis", "role": "worker"}).encode()
with urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/api/queue/tokens", body, headers)) as reply:
    created = json.load(reply)
print(created["token"], created["id"])
PYTHON
)
export WORKER_TOKEN WORKER_TOKEN_ID
# The response time depends on what else runs on the machine, so its limit is high. `timeout` also limits the beginning
# and the end of the run, which --max-time does not.
timeout --signal=INT $((seconds + 120)) "$venv/bin/schemathesis" --config-file xtask/test-api/schemathesis.toml \
  run "$url/api/openapi.json" --checks all --max-response-time 600 --max-time "$seconds" --generation-database none "$@"
