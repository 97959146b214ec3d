# Every way to build, run and check Tailwater; `make help` lists them. What cargo alone cannot do is in xtask/.
#
# One toolchain compiles everything (xtask/setup.sh chooses it), and compiler flags are the same in all commands: a flag of its
# own would make a command compile all dependencies again. For the same reason xtask is built and tested by itself: together with
# the server, cargo would unite the features of what both depend on.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Holds links to Debian's Rust where rustup's cannot compile for the browser; else it is empty.
export PATH := $(CURDIR)/target/toolchain:$(PATH)
# The browser comes from the machine.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
# What the browser's tests run.
export TAILWATER_BIN ?= $(CURDIR)/target/release/tailwater

XTASK := cargo run --quiet -p xtask --
# The server and what it is made of.
SERVER := -p tailwater -p tailwater-engine -p tailwater-model -p redact --features ssr

.PHONY: help run build dev test lint unit e2e bench setup setup-unit setup-test server site clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  ARGS=...      more arguments: of the server (run, dev), nextest (unit), Playwright (e2e), the benchmark (bench)"
	@echo "  CHROMIUM=...  the browser of the tests, else the first of chromium, chromium-browser, google-chrome"
	@echo "  TOOLCHAIN=debian  Debian's Rust instead of rustup's, after 'make clean'"

run: build ## Build for production and serve on http://127.0.0.1:3000.
	@exec target/release/tailwater serve $(ARGS)

# The library and the site are built side by side: each ends in a long stretch that keeps only one core busy. The program embeds the
# site, so it comes last and takes seconds; a changed site has other names in its list.
build: setup node_modules/.package-lock.json ## Build the release: target/release/tailwater, one file with all it needs.
	@$(MAKE) -j2 server site
	TAILWATER_SITE=$$(cksum <target/site/names.toml) cargo build --release --features ssr

dev: setup node_modules/.package-lock.json ## Serve, and rebuild and restart at every change.
	@$(XTASK) dev $(ARGS)

test: setup-test ## Check everything, as CI does: lint, unit, e2e.
	@$(MAKE) lint
	@$(MAKE) unit
	@$(MAKE) e2e

lint: setup node_modules/.package-lock.json ## Check formatting, lints and documentation.
	cargo fmt --all --check
	cargo clippy $(SERVER) --all-targets -- -D warnings
	cargo clippy -p xtask -p benches --all-targets -- -D warnings
	cargo clippy --lib --features hydrate -- -D warnings
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' cargo doc --no-deps --document-private-items $(SERVER)
	node_modules/.bin/tsc -p end2end
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; else echo 'cargo-deny is not installed: skipped' >&2; fi

# nextest knows no doctests; they go first, so that the last summary is one of many tests.
unit: setup-unit ## Run the tests of every crate.
	cargo test --doc -p redact
	@runner='cargo test --tests'; \
	if cargo nextest --version >/dev/null 2>&1; then runner='cargo nextest run'; fi; \
	set -x; \
	$$runner -p xtask; \
	$$runner $(SERVER) $(ARGS)

e2e: setup-test build ## Run the browser's tests against the release.
	node_modules/.bin/playwright test -c end2end $(ARGS)

bench: setup-test build ## Measure the main path against the release, then the pages in a browser.
	ulimit -n "$$(ulimit -Hn)"; cargo run --quiet --release -p benches -- $(ARGS)
	node_modules/.bin/playwright test -c end2end/bench.config.ts

# What make says of its jobs is for makes; cargo would look for it in vain.
server: setup
	env -u MAKEFLAGS -u MFLAGS cargo build --release --lib --features ssr

site: setup node_modules/.package-lock.json
	env -u MAKEFLAGS -u MFLAGS $(XTASK) site --release

# `npm ci` writes this file last.
node_modules/.package-lock.json: package-lock.json .npmrc | setup
	npm ci --no-progress

setup:
	@xtask/setup.sh build

setup-unit:
	@xtask/setup.sh unit

setup-test:
	@xtask/setup.sh test

clean: ## Remove everything that was built.
	rm -rf target node_modules
