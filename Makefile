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

.PHONY: demo setup test tools lint package node unit isolated integration sanity e2e guide bench faults races build changelog clean

demo:
	@$(in) controller bash tests/demo/run

setup:
	@$(python) $(tools)/set_up.py

# Fastest first, so that a failure shows early; sanity takes one core while the others up to unit take the other.
test:
	@$(run) sanity-newest tools lint package node unit integration

tools lint package node unit isolated integration sanity:
	@$(run) $@

e2e:
	@$(in) old python -m pytest tests/e2e

guide:
	@$(in) controller python $(tools)/write_guides.py

# Where the AWS CLI cannot be installed, the benchmark says so and goes on.
bench:
	@$(python) $(tools)/set_up.py awscli || true
	@IRSA_BENCH_AWS_CLI="$(CURDIR)/.venv-awscli/bin" $(in) newest python -m tests.bench

# ONLY='teardown: iam:' tries only what has such a text in its name.
faults:
	@$(in) newest python -m tests.faults $(if $(ONLY),--only '$(ONLY)')

# Against the endpoint that the environment names: python -m tests.races
races:
	@$(in) newest python -m tests.sandbox run --state .build/races -- python -m tests.races

build:
	@$(in) controller ansible-galaxy collection build --force --output-path .dist

changelog:
	@$(in) lint antsibull-changelog release

clean:
	rm -rf .build .dist .venv .venv-3.13 .venv-3.9 .venv-lint .venv-awscli tests/output changelogs/.plugin-cache.yaml
	rm -rf .hypothesis .pytest_cache .ruff_cache .mypy_cache .ansible
	find playbooks plugins roles tests -type d -name __pycache__ -prune -exec rm -rf {} +
