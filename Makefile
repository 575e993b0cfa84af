# Everything a person types. Each recipe is one script, and each script says what it is doing.
.PHONY: help run demo test lint build bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## install what is missing, build, and serve http://127.0.0.1:3000
	@scripts/run serve

demo: ## the same with a simulator in place of the providers, and keys to try
	@scripts/run serve --demo

test: ## every test: unit, HTTP on SQLite and PostgreSQL, WebAssembly build, SDKs, REST interface, browser
	@scripts/test

lint: ## formatting, clippy for server and browser, documentation, scripts
	@scripts/lint

build: ## the release: target/release/keyward and target/site
	@scripts/build --release

bench: ## the measurements
	@scripts/bench

clean: ## remove what builds and tests made; keeps data/ and .tools/
	@scripts/clean
