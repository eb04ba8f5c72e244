# The few commands of this project. `make` alone lists them.

CARGO ?= cargo
ARGS ?=
SCENARIO ?=
BENCH ?=
FUZZ ?= cartridge_chain cartridge_directory cartridge_frames cartridge_lines cartridge_segment \
	cdb chap connection foreign login pdu unit
SECONDS ?= 60
MINUTES ?= 10
PART ?=
CAPSTAN = $(or $(CARGO_TARGET_DIR),target)/release/capstan

.PHONY: help run build test unit interop bench bench-quick soak fuzz fuzz-nightly check setup clean

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## Builds the gateway and serves a tape library; options in ARGS="…"
	exec $(CAPSTAN) serve $(ARGS)

test: setup unit interop ## Installs what the tests need (apt), then runs them all

check: ## What review starts from: format, lints, dependencies, documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items
	scripts/check-dependencies

unit: ## Unit, property and in-process tests
	$(CARGO) test --workspace

interop: build ## Linux's own initiator against the gateway; one of them: SCENARIO=name
	tests/interop/run --capstan $(CAPSTAN) $(SCENARIO)

BENCH_RUN = $(CARGO) run --release --package bench --bin bench -- --capstan $(CAPSTAN) \
	--directory $(or $(TMPDIR),/var/tmp) --revision "$$(git describe --always --dirty)"

bench: build ## Speed beside tgt, istgt and the machine's limits, 20 minutes; options in BENCH="…"
	$(BENCH_RUN) --output bench/results/$$(date +%F) $(BENCH)

bench-quick: build ## The most telling part of it in 4 minutes; stores nothing
	$(BENCH_RUN) --quick $(BENCH)

soak: ## Mixed work on all drives with verification, memory and descriptors watched; MINUTES=n
	@scripts/setup build
	CAPSTAN_SOAK_SECONDS=$$(($(MINUTES) * 60)) \
		$(CARGO) test --release --package capstan --test it stress::soak -- --nocapture

fuzz: ## Attacks the parsers and the iSCSI core; options in FUZZ="target…" SECONDS=n
	@scripts/setup build fuzz
	scripts/fuzz $(SECONDS) $(FUZZ)

nightly: ## All that is long: random steps, every crash and bit, kills, soak, fuzzers; PART="…"
	@scripts/setup build fuzz
	scripts/nightly $(PART)

fuzz-nightly: ## The fuzzers for an hour each, and many more seeds of the simulator
	scripts/nightly simulator fuzz

build: ## Builds the gateway as users run it
	@scripts/setup build
	$(CARGO) build --release --package capstan

setup: ## Installs the Debian packages that building and testing need
	@scripts/setup build test

clean: ## Removes what was built; never a data directory
	$(CARGO) clean
