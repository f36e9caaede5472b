# `make demo` shows muster on three real control planes; `make test` runs the tests. Both do all their own set-up.
# Needed first: Rust (rustup), Go, git, make and a C compiler. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
# Steps build on each other and fill both cores by themselves.
.NOTPARALLEL:

# The same random cases in every run; PROPTEST_RNG_SEED=<number> makes others.
export PROPTEST_RNG_SEED ?= 1

# One profile for build, tests and demo, always for the whole workspace: the same features, so compiled once.
CI := --workspace --locked --profile ci
TARGET := $(or $(CARGO_TARGET_DIR),target)

# The test layers, bottom first: each is one test binary, tests/<layer>/main.rs. `unit` is the crates' own tests.
# Add a layer here and as [[test]] in tests/Cargo.toml; nothing else knows the list.
LAYERS := architecture golden hubs scenario simulation git differential apiserver conformance e2e
PRESENT := $(foreach layer,$(LAYERS),$(if $(wildcard tests/$(layer)/main.rs),$(layer)))
# Integration tests that lie beside the crates they test.
BESIDE := $(notdir $(basename $(wildcard agent/*/tests/*.rs))) $(notdir $(patsubst %/main.rs,%,$(wildcard agent/*/tests/*/main.rs)))
UNIT := --lib --bins $(addprefix --test ,$(BESIDE))
# Layers that talk to a real API server, and those that need an SSH server.
WITH_TESTBED := apiserver e2e
WITH_SSHD := git

# What our kustomize is compared with: programs from the Go module of kustomize 5.8.1, kept in the user's cache.
ORACLES := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/muster/oracles
export MUSTER_KUSTOMIZE_ORACLE ?= $(wildcard $(ORACLES)/kustomize-oracle)
ifeq ($(MUSTER_KUSTOMIZE_ORACLE),)
unexport MUSTER_KUSTOMIZE_ORACLE
endif
# What our ApplicationSets are compared with: a program around Argo CD's own code. It takes minutes to build, so tests
# use it where it is.
export MUSTER_ARGOCD_ORACLE ?= $(wildcard $(ORACLES)/argocd-oracle)
ifeq ($(MUSTER_ARGOCD_ORACLE),)
unexport MUSTER_ARGOCD_ORACLE
endif

# Where the musl targets cannot be had, `make image TRIPLE=x86_64-unknown-linux-gnu` links the C library statically.
TRIPLE ?= $(shell uname -m)-unknown-linux-musl

.PHONY: help
help: ## Lists the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##### What a newcomer runs

.PHONY: demo
demo: deps-demo $(if $(KUBECONFIGS),,testbed) bins ## Three clusters, three agents, a Git server: half a minute (KEEP=1, KUBECONFIGS=a,b,c)
	@KEEP="$(KEEP)" KUBECONFIGS="$(KUBECONFIGS)" $(TARGET)/ci/demo

.PHONY: test
test: deps-test testbed compile $(addprefix run-,unit $(PRESENT)) ## Every test layer, bottom first

##### Set-up

.PHONY: deps
deps: ## Installs what the tests and the image need (Debian, as root); elsewhere names it
	@.ci/deps sshd git-http-backend musl-gcc

.PHONY: deps-test deps-demo
deps-test:
	@.ci/deps sshd git-http-backend
deps-demo:
	@.ci/deps git-http-backend

.PHONY: testbed
testbed: ## Builds etcd, kube-apiserver, its controllers and KWOK from source, once (about 13 minutes on 2 cores)
	@tests/testbed/build.sh

.PHONY: oracle
oracle: ## Builds kustomize 5.8.1, and the programs our YAML and kustomize are compared with, from Go modules (1 minute)
	@tests/oracle/build.sh "$(ORACLES)"

.PHONY: oracle-argocd
oracle-argocd: ## Builds the program our ApplicationSets are compared with, from Argo CD's module (4 minutes on 2 cores, once)
	@tests/oracle/build.sh "$(ORACLES)" argocd

##### Building

.PHONY: build
build: bins ## Builds `muster` as the tests do
	@echo "built $(TARGET)/ci/muster"

.PHONY: bins
bins:
	@echo "==> building muster (about 5 minutes on 2 cores the first time, seconds later)"
	$(CARGO) build $(CI) --bins

# Libraries, binaries and every test binary in one go.
.PHONY: compile
compile: ## Builds everything that the tests run
	@echo "==> compiling muster and its tests (about 8 minutes on 2 cores the first time, seconds later)"
	$(CARGO) build $(CI) --lib --bins --tests

.PHONY: image
image: ## One static release binary, checked, and an image of it where podman or docker is
	@.ci/image "$(TRIPLE)" "$(TARGET)"

##### Checks

.PHONY: fmt
fmt: ## Formatting
	$(CARGO) fmt --all --check

.PHONY: lint
lint: ## Clippy, warnings are errors
	$(CARGO) clippy $(CI) --all-targets -- -D warnings

.PHONY: doc
doc: ## Documentation builds without a warning
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(CI) --no-deps --document-private-items

.PHONY: deny
deny: ## Licences, bans, sources, and advisories where the database is at hand
	@.ci/deny

.PHONY: generated
generated: bins ## Generated files are as committed
	@.ci/generated "$(TARGET)/ci/muster"

.PHONY: generate
generate: bins ## Writes the generated files
	@.ci/generated "$(TARGET)/ci/muster" --write

##### Tests, one layer at a time

.PHONY: unit
unit: run-unit ## The crates' own tests

.PHONY: run-unit
run-unit:
	@echo "==> unit"
	$(CARGO) test $(CI) $(UNIT)

.PHONY: $(filter-out conformance differential,$(LAYERS))
$(filter-out conformance differential,$(LAYERS)): %: run-%

.PHONY: $(addprefix run-,$(LAYERS))
$(addprefix run-,$(LAYERS)): run-%:
	@echo "==> $*"
	$(CARGO) test $(CI) --test $*

$(addprefix run-,$(WITH_TESTBED)): testbed
$(addprefix run-,$(WITH_SSHD)): deps-test

# Which trees `make differential` and `make test-long` compare; SEED=<number> makes others.
TREES ?= 10000
SEED ?= 1

.PHONY: differential
differential: oracle ## Random kustomizations, built by muster and by kustomize 5.8.1 (TREES=10000, SEED=1)
	env -u MUSTER_ARGOCD_ORACLE MUSTER_KUSTOMIZE_ORACLE="$(ORACLES)/kustomize-oracle" MUSTER_TREES=$(TREES) MUSTER_SEED=$(SEED) \
		$(CARGO) test $(CI) --test differential

# Which ApplicationSets are compared.
APPS ?= 2000

.PHONY: differential-applicationset
differential-applicationset: oracle-argocd ## Random ApplicationSets, evaluated by muster and by Argo CD's code (APPS=2000, SEED=1)
	env -u MUSTER_KUSTOMIZE_ORACLE MUSTER_ARGOCD_ORACLE="$(ORACLES)/argocd-oracle" MUSTER_APPS=$(APPS) MUSTER_SEED=$(SEED) \
		$(CARGO) test $(CI) --test differential

# How long `make fuzz` runs, over all targets.
MINUTES ?= 3

.PHONY: fuzz
fuzz: ## Fuzzes YAML, kustomizations and patches (MINUTES=3); needs a C++ compiler
	@tests/fuzz/run.sh $(MINUTES)

# What `make test-long` runs, one after the other.
LONG := simulation pause differential yaml fuzz
SECONDS ?= 3600

.PHONY: test-long
test-long: $(addprefix long-,$(LONG)) ## What takes hours: fresh simulations (SECONDS=3600), an agent stopped for ten minutes, 50,000 random kustomizations, fuzzing

# Fresh seeds, as the time of day gives them: the line at the end of a failure repeats it.
.PHONY: $(addprefix long-,$(LONG))
long-simulation:
	@echo "==> simulation, fresh seeds for $(SECONDS) s"
	$(CARGO) build $(CI) --bins
	$(TARGET)/ci/muster-sim --seed $$(date +%s)00000 --seconds $(SECONDS) --reached
long-pause: testbed
	@echo "==> an agent that is stopped for ten minutes, beside another one"
	MUSTER_STOPPED=600 $(CARGO) test $(CI) --test apiserver -- a_stopped_agent
long-differential:
	@$(MAKE) differential TREES=50000
long-yaml: oracle
	MUSTER_YAML_ORACLE="$(ORACLES)/yaml-oracle" MUSTER_ROUNDS=200000 $(CARGO) test $(CI) --test yaml_oracle
long-fuzz:
	@$(MAKE) fuzz MINUTES=30

.PHONY: conformance
conformance: ## How exactly we match kustomize, Argo CD and their peers: one table (V=1 names what differs)
	@$(CARGO) test $(CI) --test conformance -- --nocapture

##### Measuring

.PHONY: bench-render
bench-render: oracle ## Whole renders by the shipped binary beside kustomize 5.8.1, from a warm file cache, and 1,000 overlays in one process (RUNS=5)
	@.ci/deps time
	@NO_IMAGE=1 .ci/image "$(TRIPLE)" "$(TARGET)"
	$(CARGO) build --workspace --locked --release --bin bench-render
	@$(TARGET)/release/bench-render $(TARGET)/$(TRIPLE)/release/muster "$(ORACLES)/kustomize" $(or $(RUNS),5)

.PHONY: bench-plan
bench-plan: ## What a plan of 500 clusters and 50,000 Applications costs (a release build, then about a minute)
	@echo "==> building muster as it is shipped"
	$(CARGO) build --workspace --locked --release --bin muster --bin bench-plan
	@$(TARGET)/release/bench-plan

.PHONY: bench
bench: deps-demo testbed ## What the agent costs on a real API server, beside bare requests (about 20 minutes; ROWS="monorepo at-rest")
	@echo "==> building the release binary (about 10 minutes on 2 cores the first time)"
	$(CARGO) build --workspace --locked --release --bin muster --bin bench
	@$(TARGET)/release/bench $(ROWS)

.PHONY: ci
ci: ## What CI runs
	@.ci/run

.PHONY: clean
clean: ## Removes what was built here; the testbed stays in the cache
	$(CARGO) clean
