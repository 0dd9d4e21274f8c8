# `make run` needs Rust and a C compiler. `make test` also needs Postgres; Python 3 with venv, for the mail server that tests
# talk to; npm, Chromium and its driver, for the web client. `make bench` also needs Postgres.

CARGO ?= cargo

.PHONY: run test test-web web-figures soak fuzz lint deny doc bench load tools postgres mail-server web-tools

## Start the chat server on http://127.0.0.1:8000, with its data in .data/
run: tools
	$(CARGO) run --release --locked -p chat-server

## Run every test, the doc examples among them
test: tools postgres mail-server web-tools
	$(CARGO) test --workspace --locked --all-features
	$(MAKE) test-web

## Check the types of the web client, test its library alone, and its pages in real browsers
test-web: tools web-tools tests/web/node_modules/.ready
	$(CARGO) build --locked -p chat-server
	cd tests/web && npm test

## Measure the web client: bytes of the first paint, frames while scrolling through ten thousand messages, findings of axe
web-figures: tools web-tools tests/web/node_modules/.ready
	$(CARGO) build --release --locked -p chat-server
	cd tests/web && CHAT_SERVER=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/release/chat-server npm run --silent figures

## Break sockets and kill the server for ten minutes (FAULT_SECONDS), with new seeds each time (FAULT_SEED)
soak: tools
	FAULT_SECONDS=$${FAULT_SECONDS:-600} FAULT_SEED=$${FAULT_SEED:-$$(date +%s)} \
		$(CARGO) test --locked -p chat-tests --test faults

FUZZ_TARGETS := frames session http connection

## Feed random input to what strangers reach, FUZZ_SECONDS (60) for each target; needs a nightly compiler
fuzz: tools
	@command -v rustup >/dev/null && rustup toolchain list | grep -q ^nightly || { \
		echo "a nightly compiler is missing: rustup toolchain install nightly --profile minimal"; exit 1; }
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz || { \
		echo "cargo-fuzz is missing and could not be installed: cargo install --locked cargo-fuzz"; exit 1; }
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/found/$$target && \
		rustup run nightly cargo fuzz run --sanitizer none $$target fuzz/found/$$target fuzz/seeds/$$target -- \
			-dict=fuzz/words.dict -max_total_time=$${FUZZ_SECONDS:-60} -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 || exit 1; \
	done

## Check formatting and lints
lint: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --locked --all-targets --all-features -- -D warnings

## Check licences, sources and bans of what is built in, and advisories where their database can be reached
deny: tools
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked --quiet cargo-deny@0.20.2 || { \
		echo "cargo-deny is missing and could not be installed: cargo install --locked cargo-deny"; exit 1; }
	$(CARGO) deny --all-features check bans licenses sources
	@if $(CARGO) deny fetch db 2>/dev/null; then $(CARGO) deny --all-features check advisories; \
		else echo "advisories were not checked: their database cannot be reached from here"; fi

## Build the documentation; every warning is an error
doc: tools
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --locked --no-deps --all-features

## Measure the engine's parts
bench: tools postgres
	$(CARGO) bench --locked -p chat-benches

## Measure the whole server over real sockets; takes minutes. ARGS="--help" lists what can be chosen
load: tools
	$(CARGO) build --release --locked -p chat-server
	$(CARGO) run --release --locked -p chat-benches --bin load -- $(ARGS)

# Installs the one thing that a bare Debian or Ubuntu lacks, if it may; elsewhere says what is missing.
tools:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing: install Rust 1.94 or newer from https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && apt-get install -qq -y build-essential; \
		else \
			echo "a C compiler is missing: sudo apt-get install build-essential, or your system's equivalent"; exit 1; \
		fi; }

VENV := tests/.venv

## Set up the mail server that tests talk to, in tests/.venv
mail-server: $(VENV)/.ready

$(VENV)/.ready: tests/smtp/requirements.txt
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && apt-get install -qq -y python3 python3-venv; \
		else \
			echo "Python 3 with venv is missing: sudo apt-get install python3-venv, or your system's equivalent"; exit 1; \
		fi; }
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/smtp/requirements.txt
	@touch $@

# The tests start a server of their own; one that runs already is left alone.
postgres:
	@command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && apt-get install -qq -y postgresql; \
		else \
			echo "Postgres is missing: sudo apt-get install postgresql, or your system's equivalent"; exit 1; \
		fi; }

# The browser that tests drive, and npm, from which all else comes that they need, a Node of the right version among it. Each is
# installed by itself: an npm that came with Node does not go together with that of Debian.
web-tools:
	@command -v npm >/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && apt-get install -qq -y npm; \
		else \
			echo "npm is missing: sudo apt-get install npm, or your system's equivalent"; exit 1; \
		fi; }
	@command -v chromedriver >/dev/null || { \
		if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
			apt-get update -qq && apt-get install -qq -y chromium chromium-driver fonts-noto-color-emoji; \
		else \
			echo "chromedriver is missing: sudo apt-get install chromium chromium-driver, or your system's equivalent"; exit 1; \
		fi; }

tests/web/node_modules/.ready: tests/web/package-lock.json
	cd tests/web && npm ci --no-fund --no-audit
	@touch $@
