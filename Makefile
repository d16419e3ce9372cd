# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Targets only. Which Python, which ansible-core and which folder they use is in tests/tools/environments.py.

SHELL := bash
tools := tests/tools
python = $(or $(shell $(tools)/find_python 3.11 $(if $(PYTHON),'$(PYTHON)',python3.11 python3.13 python3.12 python3)),$(error \
  No Python 3.11 or newer that can make a virtual environment; name one: make PYTHON=...))
run = $(python) $(tools)/run_tests.py
in = $(python) $(tools)/in_environment.py

# Building needs nothing but ansible-galaxy, so the one that is there will do.
galaxy = $(if $(shell command -v ansible-galaxy 2>/dev/null),,$(in) controller)

.PHONY: help demo setup test tools lint package node unit isolated integration sanity e2e guide screens bench faults races build \
  release-check changelog clean

# The text after ## is what this prints.
help: ## list the targets
	@awk -F ': *## *' '/^[a-z0-9-]+: *## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: ## try the collection on an embedded AWS; needs no account
	@$(in) controller bash tests/demo/run

build: ## build the tarball into .dist
	@$(galaxy) ansible-galaxy collection build --force --output-path .dist

setup: ## set up all environments that the tests need
	@$(python) $(tools)/set_up.py

# Fastest first, so that a failure shows early; sanity takes one core while the others up to unit take the other.
test: ## run all tests, in the order of the next seven targets
	@$(run) sanity-newest tools lint package node unit integration

tools: ## test the structure of the code and the tools
lint: ## run all linters
package: ## check the tarball, and import it as Galaxy does
node: ## run the tests of what runs on cluster nodes
unit: ## run the unit tests
integration: ## run roles, playbooks and modules against an embedded AWS
sanity: ## run ansible-test sanity on both ends of the version matrix
isolated: ## run the unit tests with a process for each test
tools lint package node unit isolated integration sanity:
	@$(run) $@

e2e: ## run the end-to-end tests against the endpoint that the environment names
	@$(in) old python -m pytest tests/e2e

guide: ## write the documentation that is generated from code
	@$(in) controller python $(tools)/write_guides.py

screens: ## write docs/screens.md from runs on the embedded AWS
	@IRSA_WRITE_SCREENS=1 $(in) newest python -m pytest -q tests/integration/test_screens.py

# Where the AWS CLI cannot be installed, the benchmark says so and goes on.
bench: ## compare the role with its alternatives; writes docs/benchmarks.md
	@$(python) $(tools)/set_up.py awscli || true
	@IRSA_BENCH_AWS_CLI="$(CURDIR)/.venv-awscli/bin" $(in) newest python -m tests.bench

# ONLY='teardown: iam:' tries only what has such a text in its name.
faults: ## try every API call with everything that can go wrong with it
	@$(in) newest python -m tests.faults $(if $(ONLY),--only '$(ONLY)')

# Against the endpoint that the environment names: python -m tests.races
races: ## let many runs work on one bucket at once
	@$(in) newest python -m tests.sandbox run --state .build/races -- python -m tests.races

changelog: ## turn the changelog fragments into CHANGELOG.rst, for a release
	@$(in) lint antsibull-changelog release

release-check: ## refuse a release whose links in galaxy.yml are not real yet
	@$(in) controller python $(tools)/check_release.py

clean: ## remove everything that the other targets have made
	rm -rf .build .dist .venv .venv-3.13 .venv-3.9 .venv-lint .venv-importer .venv-awscli tests/output changelogs/.plugin-cache.yaml
	rm -rf .hypothesis .pytest_cache .ruff_cache .mypy_cache .ansible
	find playbooks plugins roles tests -type d -name __pycache__ -prune -exec rm -rf {} +
