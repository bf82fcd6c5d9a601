# What can be done here, a target each; `make help` lists them. The work is in tests/scripts, and
# external tools are installed below target/tools on first use.

SECONDS ?= 600
SCALE ?=
ROUNDS ?= 200
FAULTS ?= 10000
SEEDS ?= 10000
DEPTH ?= 12
STATES ?= 200
SEED ?= 1
CLIENTS ?=
STORES ?=
MODEL ?=
BENCH ?=
ROWS ?=
ROW ?=

.DEFAULT_GOAL := help
.PHONY: help run test build tools conformance cloud clients cosign smoke fuzz crash power-cut disk-faults chaos replicas fsync model bench benches profile audit simulation planted endurance scale

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

run: ## build the release binary and serve on 127.0.0.1:5000 with the data in ./data
	@echo "Building the server (a few minutes the first time), then serving ./data on 127.0.0.1:5000; Ctrl-C stops it."
	cargo build --release --package roadstead
	@exec "$${CARGO_TARGET_DIR:-target}/release/roadstead" serve

test: ## everything CI does: format, lints, dependencies, tests, fuzzing, official suite, crashes, disk faults, real clients
	@tests/scripts/test.sh

build: ## build the release binary
	cargo build --release --package roadstead

tools: ## install every external tool that the other targets use
	tests/scripts/tools.sh shellcheck cargo-deny nightly cargo-fuzz conformance crane regctl oras helm cosign crictl \
		skopeo podman buildah dockerd containerd ctr docker-registry strace faketime jq curl

conformance: ## the official OCI suite: profiles dev, 1.1 and 1.0, and dev again as a user who logs in
	tests/scripts/conformance.sh

cloud: ## the drivers over real stores, or some: make cloud STORES="fake versitygw minio moto azurite"
	tests/scripts/cloud.sh $(STORES)

clients: ## real clients, or only some of them: make clients CLIENTS="crane login_crane"
	tests/scripts/clients.sh $(CLIENTS)

cosign: ## sign, verify and attest with cosign (the tool takes minutes to build)
	tests/scripts/clients.sh cosign

smoke: ## start, push, restart, pull, stop: the shortest look at a built server
	tests/scripts/smoke.sh

fuzz: ## a long fuzz run of every target: make fuzz SECONDS=600 (for each target)
	tests/scripts/fuzz.sh $(SECONDS)

crash: ## rounds of kill -9 under load: make crash ROUNDS=200
	tests/scripts/crash.sh $(ROUNDS)

power-cut: ## disks after a power cut at every moment: make power-cut STATES=200 SEED=1 (disks a moment)
	POWER_CUT_STATES=$(STATES) POWER_CUT_SEED=$(SEED) \
		cargo test --release --package roadstead-storage --lib power_cut -- --nocapture

disk-faults: ## a disk that fails under a running server: make disk-faults DEPTH=12 (needs strace)
	tests/scripts/disk_faults.sh $(DEPTH)

chaos: ## a disk that fails under a server, a bucket that fails under three, collecting: make chaos FAULTS=10000
	tests/scripts/chaos.sh $(FAULTS)

replicas: ## HAProxy in front of three replicas: the real clients and the official suite
	tests/scripts/haproxy.sh
	tests/scripts/haproxy.sh login

fsync: ## trace a running server: what is on the disk before each answer (needs strace)
	tests/scripts/fsync_audit.sh

simulation: ## histories of the core under a seeded scheduler: make simulation SEEDS=100000
	cargo run --release --package roadstead-simulation -- --seeds $(SEEDS)

planted: ## plant bugs in a copy of the sources; the simulation must find each within 1,000 seeds
	tests/scripts/planted.sh

endurance: ## push what is being collected, and look whether it stays: make endurance SECONDS=3600
	cargo build --release --package roadstead
	cargo run --release --package roadstead-tests --bin endurance -- --seconds $(SECONDS)

model: ## explore the model of the storage protocol; one part, deeper: make model MODEL="names --deep"
	cargo run --release --package roadstead-model -- $(MODEL)

scale: ## what a million blobs cost: make scale SCALE="--blobs 100000 --manifests 10000" (options of roadstead-scale)
	tests/scripts/scale.sh $(SCALE)

bench: ## beside other registries, some rows: make bench ROWS="small requests --peer zot=127.0.0.1:8080,pid=12"
	tests/bench/run.sh $(ROWS)

benches: ## measure the inner loops, or some of them: make benches BENCH="parse manifest"
	cargo bench --package roadstead-inner-loops -- "$(BENCH)"

profile: ## a flame graph of the server under a row: make profile ROW=pull, or ROW="HEAD blob"
	tests/scripts/profile.sh "$(ROW)"

audit: ## known vulnerabilities in the dependencies (asks the advisory database on the network)
	tests/scripts/tools.sh cargo-deny
	PATH="$(CURDIR)/target/tools/bin:$$PATH" cargo deny check advisories
