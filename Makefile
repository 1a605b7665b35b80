# Everything starts from here: `make demo` and `make test` set up what they need by themselves.
# Needed: Python 3.11 or newer, make and a package index. No root, no Java, no Docker.
#   ARGS="..."       goes to the command behind demo, test and chaos
#   PYTHON=...       the interpreter to build .venv with
#   UPGRADE=--upgrade    lets `make lock` take newer releases

VENV = .venv
BIN = $(VENV)/bin
PYTHON =
ARGS =
UPGRADE =
CHAOS = $(BIN)/segue chaos
RESULTS = benchmarks/results
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo test chaos lint types imports check advisories format lock clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

setup: $(VENV)/.ready $(VENV)/.kafka ## make .venv with all that the lock names, and fetch Kafka

demo: setup ## run the whole loop on this machine (ARGS="--seconds 60 --data mssd-mini:DIR")
	@$(BIN)/segue demo $(ARGS)

test: setup ## run every test
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

chaos: setup ## disturb a real cluster, an hour and three quarters in all (ARGS="--rate 200" for every run)
	@for seed in 1 2 3 4; do $(CHAOS) --seed $$seed --minutes 5 \
	    --report $(RESULTS)/chaos_seed_$$seed.json --picture $(RESULTS)/chaos_seed_$$seed.svg $(ARGS) \
	    || exit 1; done
	@$(CHAOS) --kills 100 --workers 2 --session-timeout 3 --report $(RESULTS)/chaos_kills.json $(ARGS)
	@$(CHAOS) --bounces 20 --nodes 1 --report $(RESULTS)/chaos_bounces_1.json $(ARGS)
	@$(CHAOS) --bounces 20 --nodes 3 --report $(RESULTS)/chaos_bounces_3.json $(ARGS)
	@$(CHAOS) --seed 1 --minutes 5 --nodes 1 --workers 2 --picture $(RESULTS)/chaos_finetune.svg \
	    --only learning,worker-kill,link-cut \
	    --report $(RESULTS)/chaos_finetune.json $(ARGS)
	@$(CHAOS) recovery --sessions 100000 --report $(RESULTS)/chaos_recovery.json
	@$(CHAOS) soak --minutes 20 --rate 300 --report $(RESULTS)/chaos_soak.json

lint: $(VENV)/.ready ## layout and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.ready ## static types
	$(BIN)/mypy

imports: $(VENV)/.ready ## who may import whom
	$(BIN)/lint-imports

check: lint types imports ## lint, types and imports

advisories: $(VENV)/.ready ## known holes in the pinned packages, where an advisory source can be reached
	@.ci/advisories

format: $(VENV)/.ready ## lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.ready ## resolve pyproject.toml anew into the committed locks
	$(COMPILE) $(UPGRADE) --group dev pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml -c requirements.lock -o requirements.worker.lock
	$(COMPILE) --group train pyproject.toml -c requirements.lock -o requirements.learner.lock

clean: ## remove .venv and what tools left behind (not the downloads in the user's cache)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The interpreter, with or without ensurepip (Debian ships it apart).
$(VENV)/.made:
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    python=; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "setup: no Python 3.11 or newer is on the PATH; install one, or say where it is:" \
	        "make setup PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	fi; \
	echo "setup: $(VENV) with $$("$$python" -V) ($$python)"; \
	if "$$python" -c 'import ensurepip' 2>/dev/null; then \
	    "$$python" -m venv $(VENV); \
	elif "$$python" -m pip --version >/dev/null 2>&1; then \
	    "$$python" -m venv --without-pip $(VENV); \
	else \
	    echo "setup: $$python has neither ensurepip nor pip, so it cannot fill an environment;" \
	        "on Debian: apt-get install python3-venv" >&2; \
	    exit 1; \
	fi && "$$python" -c 'import sys; print(sys.executable)' >$@

# uv at the version and with the hashes of the lock.
$(VENV)/.uv: $(VENV)/.made requirements.lock
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >$(VENV)/uv.txt
	@echo "setup: $$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' $(VENV)/uv.txt) as the installer"
	@if $(BIN)/python -c 'import pip' 2>/dev/null; then pip="$(BIN)/python -m pip"; \
	else pip="$$(cat $(VENV)/.made) -m pip --python $(BIN)/python"; fi; \
	$$pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.txt
	@touch $@

# uv does not read pip's settings: an index that only pip was told of is handed on. Everything is
# compiled once, here: a worker then starts in half the time, wherever bytecode is not written later.
$(VENV)/.ready: $(VENV)/.uv requirements.lock pyproject.toml
	@echo "setup: the packages of requirements.lock (a few GB, torch most of it, when none is cached)"
	@index=$${UV_DEFAULT_INDEX:-$${UV_INDEX_URL:-$${PIP_INDEX_URL:-$$( \
	    $(BIN)/python -m pip config get global.index-url 2>/dev/null)}}}; \
	if [ -n "$$index" ]; then UV_DEFAULT_INDEX=$$index; export UV_DEFAULT_INDEX; fi; \
	VIRTUAL_ENV=$(CURDIR)/$(VENV); export VIRTUAL_ENV; \
	$(BIN)/uv pip sync --compile-bytecode requirements.lock \
	&& echo "setup: segue itself, from this folder" \
	&& $(BIN)/uv pip install --quiet --no-deps --editable . \
	&& $(BIN)/python -m compileall -q benchmarks cli export infra models streams
	@touch $@

$(VENV)/.kafka: $(VENV)/.ready infra/kafka/jars.sha256
	@echo "setup: Apache Kafka for the embedded broker (42 MB, kept in the user's cache)"
	@if $(BIN)/segue kafka fetch; then touch $@; else \
	    echo "setup: Kafka could not be fetched now; a first broker will try again, and" \
	        "KAFKA_BOOTSTRAP or --bootstrap use one that exists" >&2; fi
