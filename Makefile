# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Everything that is made for developing, testing and the demo stands in .venv* and .build, under this folder.

SHELL := bash
MAKEFLAGS += --no-builtin-rules --no-print-directory

ifndef PYTHON
PYTHON := $(shell tests/tools/find_python 3.11 python3.11 python3.13 python3.12 python3)
endif
NODE_PYTHON := $(shell tests/tools/find_python 3.9 python3.9)

# The two ends of what is supported: ansible-core 2.19 on PYTHON, best 3.11, and 2.21 on 3.13. Where there is nothing but
# a Python too new for 2.19, one end remains. The collection amazon.aws comes out of the PyPI package ansible of the same
# time, so that no other package index is needed.
ANSIBLE_OF_2.19 := 12
ANSIBLE_OF_2.21 := 14
CORE := $(shell $(or $(PYTHON),false) -c 'import sys; print("2.19" if sys.version_info < (3, 14) else "2.21")')
ifeq ($(CORE)$(filter clean,$(MAKECMDGOALS)),)
$(error No Python 3.11 or newer that can make a virtual environment; name one: make PYTHON=...)
endif
NEW_CORE := 2.21
NEW_PYTHON := $(if $(filter-out $(NEW_CORE),$(CORE)),$(shell tests/tools/find_python 3.13 python3.13))

END := .venv/.test .build/$(CORE)/.collections
RUN_OPTIONS := --end $(CORE)=.venv
ifneq ($(NEW_PYTHON),)
NEW_END := .venv-3.13/.test .build/$(NEW_CORE)/.collections
RUN_OPTIONS += --end $(NEW_CORE)=.venv-3.13
else
RUN_OPTIONS += --missing "second end of the matrix: no Python 3.13 beside an older one"
endif
ifneq ($(NODE_PYTHON),)
NODE := .venv-3.9/.test
RUN_OPTIONS += $(if $(wildcard tests/py39),--node .venv-3.9,--missing "tests/py39: not written yet")
else
RUN_OPTIONS += --missing "irsa_keypair on a cluster node: no Python 3.9"
endif
# The tools that read the whole collection run once, on the newest ansible-core that is there.
LINT_PYTHON := $(or $(NEW_PYTHON),$(PYTHON))
LINT_CORE := $(if $(NEW_PYTHON),$(NEW_CORE),$(CORE))
BENCH_VENV := $(if $(NEW_PYTHON),.venv-3.13,.venv)

RUN := $(PYTHON) tests/tools/run_tests.py $(RUN_OPTIONS)

.PHONY: demo test unit integration sanity lint node package tools e2e bench guide build changelog clean

demo: .venv/.runtime .build/$(CORE)/.collections
	@PATH="$(CURDIR)/.venv/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.build/$(CORE)" bash tests/demo/run

# Whatever cannot be set up is counted as failed, and the rest is run all the same. MAKE_COMMAND, since make -n would run a
# line with MAKE in it, tests and all.
test:
	@$(MAKE_COMMAND) --keep-going --jobs 2 $(END) $(NEW_END) $(NODE) .venv-lint/.test || broken='--broken set-up'; \
	$(RUN) $$broken tools unit integration node lint package sanity-newest

unit integration sanity tools: $(END) $(NEW_END)
	@$(RUN) $@

lint package: .venv-lint/.test $(END) $(NEW_END)
	@$(RUN) $@

node: $(NODE)
	@$(RUN) $@

e2e: $(END)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.build/$(CORE)" python -m pytest tests/e2e

guide:
	$(PYTHON) tests/tools/write_troubleshooting.py

# On the newest ansible-core that is there. Where the AWS CLI cannot be installed, the benchmark says so and goes on.
bench: $(if $(NEW_PYTHON),$(NEW_END),$(END))
	@$(MAKE_COMMAND) .venv-awscli/.bench || true
	@PATH="$(CURDIR)/$(BENCH_VENV)/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.build/$(LINT_CORE)" \
	IRSA_BENCH_AWS_CLI="$(CURDIR)/.venv-awscli/bin" python -m tests.bench

build: .venv/.runtime
	@mkdir -p .dist
	.venv/bin/python .venv/bin/ansible-galaxy collection build --force --output-path .dist

# The fragments become release notes; antsibull-changelog reads the modules' documentation, which amazon.aws has parts of.
changelog: .venv-lint/.test $(END) $(NEW_END)
	@PATH="$(CURDIR)/.venv-lint/bin:$$PATH" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.build/$(LINT_CORE)" \
	antsibull-changelog release

clean:
	rm -rf .build .dist .venv .venv-3.13 .venv-3.9 .venv-lint .venv-awscli

# Each stamp is touched when its step has ended well, so what broke off is done again.

define venv
$(1)/.made:
	@echo "== $(1): $(2)"
	@rm -rf $(1) && "$(2)" -m venv $(1) && touch $$@
endef

define end
$(1)/.runtime: $(1)/.made Makefile requirements.txt tests/requirements-sandbox.txt
	@echo "== $(1): ansible-core $(2), the collection's requirements, moto"
	@$(1)/bin/python -m pip install --quiet 'ansible-core==$(2).*' -r requirements.txt -r tests/requirements-sandbox.txt
	@touch $$@

$(1)/.test: $(1)/.runtime tests/requirements.txt tests/unit/requirements.txt
	@echo "== $(1): test requirements"
	@$(1)/bin/python -m pip install --quiet -r tests/requirements.txt
	@touch $$@

.build/$(2)/.collections: $(1)/.made tests/tools/unpack_collection.py
	@echo "== .build/$(2): amazon.aws from the package ansible $(3)"
	@$(1)/bin/python tests/tools/unpack_collection.py 'ansible==$(3).*' amazon.aws .build/$(2)
	@mkdir -p .build/$(2)/ansible_collections/selfhosted
	@ln -sfn ../../../.. .build/$(2)/ansible_collections/selfhosted/irsa
	@touch $$@
endef

$(eval $(call venv,.venv,$(PYTHON)))
$(eval $(call venv,.venv-3.13,$(NEW_PYTHON)))
$(eval $(call venv,.venv-3.9,$(NODE_PYTHON)))
$(eval $(call venv,.venv-lint,$(LINT_PYTHON)))
$(eval $(call venv,.venv-awscli,$(LINT_PYTHON)))
$(eval $(call end,.venv,$(CORE),$(ANSIBLE_OF_$(CORE))))
ifneq ($(NEW_PYTHON),)
$(eval $(call end,.venv-3.13,$(NEW_CORE),$(ANSIBLE_OF_$(NEW_CORE))))
endif

.venv-3.9/.test: .venv-3.9/.made tests/requirements-py39.txt
	@echo "== .venv-3.9: what a cluster node has"
	@.venv-3.9/bin/python -m pip install --quiet -r tests/requirements-py39.txt
	@touch $@

.venv-lint/.test: .venv-lint/.made Makefile tests/requirements-lint.txt
	@echo "== .venv-lint: linters"
	@.venv-lint/bin/python -m pip install --quiet 'ansible-core==$(LINT_CORE).*' -r tests/requirements-lint.txt
	@touch $@

.venv-awscli/.bench: .venv-awscli/.made tests/requirements-bench.txt
	@echo "== .venv-awscli: the AWS CLI"
	@.venv-awscli/bin/python -m pip install --quiet -r tests/requirements-bench.txt
	@touch $@
