# Builds, runs and tests Tailwater. `make help` lists the targets. Build steps that cargo cannot perform are in xtask/.
#
# All commands use the same toolchain (xtask/setup.sh selects it) and the same compiler flags, because a command with
# other flags would recompile all dependencies. xtask is built and tested separately for the same reason: if it were
# built together with the server, cargo would unify the features of their common dependencies.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# xtask/setup.sh creates links in this directory if it selects tools other than those on the PATH.
export PATH := $(CURDIR)/target/toolchain:$(PATH)
# The tests use a browser that is installed on the machine, so npm must not download one.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
# The server binary that the browser tests run.
export TAILWATER_BIN ?= $(CURDIR)/target/release/tailwater

XTASK := cargo run --quiet -p xtask --
BINARY := cargo rustc --release --features ssr --bin
# The packages of the server.
SERVER := -p tailwater -p tailwater-engine -p tailwater-model -p tailwater-supervise -p redact --features ssr
# The options with which cargo runs each test in its own process.
EACH_ALONE := --config 'target."cfg(all())".runner = ["$(CURDIR)/xtask/run-tests.sh"]'

.PHONY: help run build dev test test-api test-long fuzz mutants false-masks lint unit e2e bench bench-ui setup setup-server setup-unit setup-test server site clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  ARGS=...      more arguments: of the server (run, dev), nextest (unit), Playwright (e2e, bench-ui), the benchmark (bench),"
	@echo "                libFuzzer (fuzz: ARGS=-max_total_time=60), cargo-mutants (mutants: ARGS='--shard 0/100')"
	@echo "  TIME=300      the seconds that generating requests takes (test-api)"
	@echo "  LOGS=...      more logs to examine (false-masks)"
	@echo "  CHROMIUM=...  the browser of the tests, else the first of chromium, chromium-browser, google-chrome"
	@echo "  TOOLCHAIN=debian  Debian's Rust instead of rustup's, after 'make clean'"

run: build ## Build for production and serve on http://127.0.0.1:3000.
	@exec target/release/tailwater serve $(ARGS)

# The library and the site are built in parallel: the last part of each build uses only one core, and the library can be
# compiled while Node.js and its packages are installed for the site. The binary embeds the site and the supervisor, so
# it is built last, which takes a few seconds. cargo rebuilds the binary whenever the supervisor or the list of hashed
# names has changed, because TAILWATER_EMBEDDED contains their checksum. Debian's cargo strips less than the profile
# specifies, so `-C strip=symbols` is passed to the compiler.
build: ## Build the release: target/release/tailwater, a single file with everything it needs.
	@$(MAKE) -j2 server site
	$(BINARY) tailwater-supervisor -- -C strip=symbols
	install -D -t target/supervisor target/release/tailwater-supervisor
	TAILWATER_EMBEDDED=$$(cat target/site/names.toml target/supervisor/* | cksum) $(BINARY) tailwater -- -C strip=symbols

dev: setup node_modules/.package-lock.json ## Serve, and rebuild and restart after every change.
	@$(XTASK) dev $(ARGS)

test: setup-test ## Check everything, as CI does: lint, unit, e2e.
	@$(MAKE) lint
	@$(MAKE) unit
	@$(MAKE) e2e

lint: setup node_modules/.package-lock.json ## Check formatting, lints and documentation.
	cargo fmt --all --check
	cargo clippy $(SERVER) --all-targets -- -D warnings
	cargo clippy -p xtask -p benches --all-targets -- -D warnings
	cargo clippy --lib --no-default-features --features hydrate -- -D warnings
	cargo clippy --lib --no-default-features --features ssr -- -D warnings
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' cargo doc --no-deps --document-private-items $(SERVER)
	node_modules/.bin/tsc -p end2end
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; else echo 'cargo-deny is not installed: skipped' >&2; fi

# The doctests are run by cargo, because nextest does not support them. They run first, so that the output ends with the
# summary of the other tests.
unit: setup-unit ## Run the tests of every crate.
	cargo test --doc -p redact
	@if cargo nextest --version >/dev/null 2>&1; then \
		set -x; \
		cargo nextest run -p xtask; \
		cargo nextest run $(SERVER) $(ARGS); \
	else \
		set -x; \
		cargo test $(EACH_ALONE) --tests -p xtask; \
		cargo test $(EACH_ALONE) --tests $(SERVER) $(ARGS); \
	fi

# The requests are generated, so each run may find different problems. This target is not part of `make test`, because
# it takes several minutes.
test-api: setup-unit ## Compare the server with its description, /api/openapi.json, with generated requests (5 minutes).
	cargo build --features ssr --bin tailwater
	xtask/test-api/run.sh target/debug/tailwater $(or $(TIME),300) $(ARGS)

test-long: setup-server ## Test the redactor with new random texts and the fuzzed inputs, and long outages (15 minutes).
	REDACT_SEED=$$(date +%s)000000 cargo test -p redact --release -- --include-ignored
	cargo test -p tailwater --features ssr --test it -- --ignored

# New inputs are stored outside the corpus in the repository, because only inputs that reach new code belong in that
# corpus.
fuzz: setup-server ## Fuzz the redactor with cargo-fuzz, 10 minutes for each target.
	@cargo fuzz --version >/dev/null || { echo 'cargo-fuzz is missing: cargo install cargo-fuzz' >&2; exit 1; }
	@for target in matcher terminal rules custom_rules; do \
		mkdir -p target/fuzz/found/$$target; \
		cargo fuzz run --fuzz-dir redact/fuzz --target-dir target/fuzz --sanitizer none $$target \
			target/fuzz/found/$$target redact/fuzz/corpus/$$target \
			-- -max_total_time=600 -max_len=600 -len_control=20 -timeout=60 $(ARGS) || exit; \
	done

mutants: setup-server ## Break the redactor in every way that cargo-mutants knows, and list what the tests miss (hours).
	@cargo mutants --version >/dev/null || { echo 'cargo-mutants is missing: cargo install cargo-mutants' >&2; exit 1; }
	cargo mutants --package redact --output target $(ARGS)

false-masks: setup-server ## Count what the rules of the redactor mask in 20 MB of logs of this machine.
	xtask/collect-logs.sh target/logs $(LOGS)
	cargo run --quiet --release -p redact --example false_masks -- target/logs/*.log

e2e: setup-test build ## Run the browser tests against the release.
	node_modules/.bin/playwright test -c end2end $(ARGS)

bench: setup-test build ## Measure the main data path of the release, then the pages in a browser.
	ulimit -n "$$(ulimit -Hn)"; cargo run --quiet --release -p benches -- $(ARGS)
	@$(MAKE) bench-ui ARGS=

bench-ui: setup-test build ## Measure the pages in a browser, with logs of up to 100,000,000 lines.
	node_modules/.bin/playwright test -c end2end/bench.config.ts $(ARGS)

# These variables describe a jobserver, which make shares only with other makes. They are unset, because cargo would
# otherwise try to use it.
server: setup-server
	env -u MAKEFLAGS -u MFLAGS cargo build --release --lib --features ssr

site: setup node_modules/.package-lock.json
	env -u MAKEFLAGS -u MFLAGS $(XTASK) site --release

# `npm ci` writes this file after it has installed all packages.
node_modules/.package-lock.json: package-lock.json .npmrc | setup
	npm ci --no-progress

setup-server:
	@xtask/setup.sh server

setup: setup-server
	@xtask/setup.sh build

setup-unit:
	@xtask/setup.sh unit

setup-test:
	@xtask/setup.sh test

clean: ## Remove everything that was built.
	rm -rf target node_modules
