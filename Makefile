# Chekomat. `make` alone lists what there is; every target sets up what it needs in .venv.

PYTHON ?= python3
BIN    := .venv/bin
LOCK   := deploy/constraints.txt

.PHONY: help setup demo test simulation nightly soak fuzz chaos check format bench lock clean

help:
	@echo 'make demo             a vending machine, its register and its buyer page, here and now'
	@echo 'make demo SALES=20    the same without a person: sells, sums up as JSON, ends'
	@echo 'make setup            sets .venv up, and no more: .venv/bin/python -m mdb --help'
	@echo 'make test             every test; installs missing system parts where it may'
	@echo 'make simulation SEEDS=2000  so many bad days on virtual time; FROM=N begins there, STORY=1 tells them'
	@echo 'make nightly          days that nobody has lived through yet, other ones each night; SEEDS=N, as many as you like'
	@echo 'make soak ROUNDS=1000  sudden death again and again; SEED=N repeats a run; sums up as JSON'
	@echo 'make fuzz TARGET=inbox SECONDS=60  bytes against one part until it breaks; without TARGET, their names'
	@echo 'make chaos MINUTES=10  everything dies, stalls and lies at once; SEED=N; sums up as JSON'
	@echo 'make check            format, lint, types, import rules'
	@echo 'make bench            figures, each beside its ceiling'
	@echo 'make format           let the formatter have its way'
	@echo 'make lock             raise the locked versions'
	@echo 'make clean            take .venv away'

setup: .venv/.demo

demo: .venv/.demo
	@$(BIN)/python -m cloud demo $(if $(SALES),--sales $(SALES))

test: .venv/.dev
	@sh .ci/parts mosquitto postgresql chromium openssl fonts-dejavu-core
	@$(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder $(ARGS)

simulation: .venv/.dev
	@$(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(FROM),--from $(FROM)) $(if $(STORY),--story)

# Seeds are the date and a number: no night has those of another.
nightly:
	@$(MAKE) simulation SEEDS=$(or $(SEEDS),100000) FROM=$(shell date +%Y%m%d)000000

soak: .venv/.dev
	@sh .ci/parts mosquitto
	@PYTHONPATH=tests $(BIN)/python -m street \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED))

chaos: .venv/.dev
	@sh .ci/parts mosquitto postgresql
	@PYTHONPATH=tests $(BIN)/python -m end_to_end.chaos \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

fuzz: .venv/.dev
	@PYTHONPATH=tests $(BIN)/python -m hostile $(TARGET) $(if $(SECONDS),--seconds $(SECONDS))

check: .venv/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/.dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/.dev
	@sh .ci/parts mosquitto postgresql
	@$(BIN)/python tests/bench

lock: .venv/.dev
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-header --no-annotate --no-emit-index-url pyproject.toml --output-file $(LOCK)

clean:
	rm -rf .venv

# The editable install is made anew when what it was made from has changed.
.venv/.demo: pyproject.toml $(LOCK)
	@sh .ci/install $(PYTHON) demo
	@touch $@

.venv/.dev: pyproject.toml $(LOCK)
	@sh .ci/install $(PYTHON) dev
	@touch $@ .venv/.demo
