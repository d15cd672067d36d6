# Shortcuts to ./ost, which sets itself up. HOST, PORT, PARAMS and STATE go to `make run`; STATE to the others too.
HOST ?= 127.0.0.1
PORT ?= 4566
STATE ?= .local
PARAMS ?=
FILE ?= catalog/demo.yaml
STEPS ?= 10000
export OST_STATE = $(STATE)

.DEFAULT_GOAL := help
.PHONY: help run demo publish audit build test check format fuzz measure load simulate openapi pins clean

help:     ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12
run:      ## Deploy to a local cloud and keep it running: make run PORT=4610 PARAMS="QueueCapacity=5 HoldSeconds=8"
	@exec ./ost run --host $(HOST) --port $(PORT) --params "$(PARAMS)"
demo:     ## Walk the whole journey against the running stack
	@exec ./ost demo
publish:  ## Publish a catalog to the running stack: make publish FILE=catalog/demo.yaml
	@exec ./ost publish $(FILE)
audit:    ## Read the running stack's tables and report every violation of its promises
	@exec ./ost audit
build:    ## Build functions and layers into .aws-sam/build
	@exec ./ost build
test:     ## Check everything, then run every test
	@exec ./ost test
check:    ## Lint, types and template, without tests
	@exec ./ost check
format:   ## Format the code
	@exec ./ost format
fuzz:     ## The whole booking against its model, at length: make fuzz STEPS=10000
	@exec ./ost fuzz --steps $(STEPS)
measure:  ## Count what every operation asks of AWS, in units and dollars; CPU as ratios
	@exec ./ost measure
load:     ## Drive the running local stack at rising concurrency, then audit it
	@exec ./ost load
simulate: ## A million fans in the waiting room, with a virtual clock: docs/scaling.md
	@exec ./ost simulate
openapi:  ## Merge the API's specification from the handlers
	@exec ./ost openapi
pins:     ## Compile the pinned requirements again
	@exec ./ost pins
clean:    ## Remove what was built (not .venv)
	@rm -rf .aws-sam .local .mypy_cache .ruff_cache .pytest_cache .hypothesis
