# The words of this project. CI calls the same words, nothing else.
#
#   make check        format, lints, documentation, licences
#   make test         everything CI runs; does all its own set-up
#   make demo         a cloud host made and verified in front of you
#   make faults       every failpoint times every kind of fault
#   make bench        speed and size, beside others
#   make acceptance   profile base on virtual machines with Debian's own kernel: nothing left out, a restart, a power cut;
#                     a machine installed from the medium, by hand and by itself, its power cut in the middle;
#                     a cloud from a bundle on a host that reaches nobody, through the same (the bundle is kept); and what
#                     is rendered for a cloud, given to the programs that read it, those of OSISM out of the
#                     checkouts in UPSTREAM=<dir> (tests/consumers/osism/upstream.md)
#   make bless        takes what the code now says as expected
#   make dist         the one static binary

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
# Whatever -j says: the parts share one lock on target/.
.NOTPARALLEL:
.PHONY: check fmt clippy doc deny test unit e2e setup hosts consumers demo faults bench acceptance bless dist

# Where rustup puts it, for a shell that has not been started anew since.
export PATH := $(HOME)/.cargo/bin:$(PATH)

PART := @tests/part
TARGET := target/x86_64-unknown-linux-gnu

# Built once and kept. Without optimisation: it is built in half the time and runs for two seconds.
DENY_VERSION := 0.20.2
DENY := $(or $(shell command -v cargo-deny),target/tools/bin/cargo-deny)

check: fmt clippy doc deny

fmt:
	$(PART) "format" cargo fmt --check

clippy:
	$(PART) "lints" cargo clippy --quiet --locked --all-targets -- -D warnings

doc:
	$(PART) "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --no-deps --document-private-items

deny: $(DENY)
	$(PART) "licences and sources" $(DENY) --log-level error check --hide-inclusion-graph bans licenses sources

target/tools/bin/cargo-deny:
	$(PART) "cargo-deny $(DENY_VERSION)" env -C / cargo install --quiet --locked --debug \
	  --root "$(CURDIR)/target/tools" --target-dir "$(CURDIR)/target/tools/build" cargo-deny --version $(DENY_VERSION)
	@rm -rf target/tools/build

# Combinations of the fault table that every test run tries; drawn by the commit's hash.
SAMPLE := 12

test:
	$(PART) "set-up" $(MAKE) --no-print-directory setup
	$(PART) "check" $(MAKE) --no-print-directory check
	$(PART) "unit tests" $(MAKE) --no-print-directory unit
	$(PART) "consumers" $(MAKE) --no-print-directory consumers
	$(PART) "end-to-end tests" $(MAKE) --no-print-directory hosts e2e
	$(PART) "sample of the faults" $(FAULTS) --sample $(SAMPLE)
	$(PART) "faults over base" $(FAULTS) --base 3

setup:
	$(PART) "Debian packages" tests/apt

hosts: setup
	$(PART) "base of the test hosts" tests/host/host prepare

unit:
	@cargo test --locked

# kolla-ansible and others from the package index read one profile; a program that is missing is a failure.
consumers: setup
	@tests/consumers/run --quick

e2e: hosts
	@cargo build --quiet --locked
	@tests/each tests/e2e

demo:
	@tests/apt --ask
	@tests/demo

# The harness, the engine and the helper of the fault tests, with the places at which a process can be held.
FAULTS := cargo test --quiet --locked --features failpoints --test faults --

faults: hosts
	$(PART) "fault table" $(FAULTS) --full --base 6
	$(FAULTS) --table

bench: hosts
	$(PART) "binary" $(MAKE) --no-print-directory dist
	$(PART) "benchmarks" tests/bench/run

# The program that is shipped: an emulated processor is slow enough.
acceptance: hosts
	@tests/consumers/osism/upstream
	$(PART) "image of the virtual machines" tests/vm/vm prepare
	$(PART) "binary" $(MAKE) --no-print-directory dist
	$(PART) "acceptance" env CIAB=$(TARGET)/dist/ciab tests/vm/acceptance --record
	$(PART) "installation" env CIAB=$(TARGET)/dist/ciab tests/vm/install --record
	$(PART) "cloud" env CIAB=$(TARGET)/dist/ciab tests/cloud/run --record
	$(PART) "consumers" tests/consumers/run

bless:
	@BLESS=1 INSTA_UPDATE=always cargo test --locked

dist:
	$(PART) "static binary" cargo build --quiet --locked --profile dist
	@stat --format '%n %s bytes' $(TARGET)/dist/ciab
