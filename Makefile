# The few commands of this project. `make` alone lists them.

CARGO ?= cargo
ARGS ?=
SCENARIO ?=
BENCH ?=
FUZZ ?= cartridge_chain cartridge_directory cartridge_frames cartridge_lines cartridge_segment \
	cdb chap connection foreign login pdu unit
SECONDS ?= 60
MINUTES ?= 10
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

nightly: fuzz-nightly ## All that is long: millions of random steps, every bit, fuzzers, simulator
	CAPSTAN_CARTRIDGE_STEPS=5000000 CAPSTAN_CRASH_SCRIPTS=40 $(CARGO) test --release --package cartridge \
		--test it -- --nocapture machine crash:: invariants
	CAPSTAN_FUZZ_COPIES=20000 $(CARGO) test --release --package fuzz cartridge
	CAPSTAN_KILL_ROUNDS=200 $(CARGO) test --release --package capstan --test it stress::kill

fuzz-nightly: ## The fuzzers for an hour each, and many more seeds of the simulator
	$(MAKE) fuzz SECONDS=3600
	CAPSTAN_SIMULATOR_SEEDS=50000 $(CARGO) test --release --package iscsi --test it simulator

build: ## Builds the gateway as users run it
	@scripts/setup build
	$(CARGO) build --release --package capstan

setup: ## Installs the Debian packages that building and testing need
	@scripts/setup build test

clean: ## Removes what was built; never a data directory
	$(CARGO) clean
