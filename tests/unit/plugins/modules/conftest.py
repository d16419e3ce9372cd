# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules run as Ansible runs them: arguments in, JSON out, an exit code."""

from __future__ import annotations

import importlib
import json
import typing as t

import pytest
from ansible.module_utils.common.parameters import PASS_VARS
from ansible.module_utils.testing import patch_module_args

from ansible_collections.selfhosted.irsa.plugins.module_utils._module import aws_module
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import FakeAws

MODULES = "ansible_collections.selfhosted.irsa.plugins.modules"


class Run(t.NamedTuple):
    """What a run of a module left: its result, and everything it printed."""

    result: dict[str, t.Any]
    printed: str


@pytest.fixture
def run_any(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., str]:
    """Run a module by its name with options, whether it fails or not. Returns all that it prints and logs."""
    # Once another test has imported Ansible's controller, modules of this process show their warnings instead of
    # returning them, and each only once.
    monkeypatch.setattr("ansible.module_utils._internal.is_controller", False, raising=False)
    logged: list[str] = []
    monkeypatch.setattr(
        "ansible.module_utils.basic.AnsibleModule.log", lambda self, *log, **more: logged.append(f"{log} {more}")
    )

    def run_module(module_name: str, /, check_mode: bool = False, **options: t.Any) -> str:
        module = importlib.import_module(f"{MODULES}.{module_name}")
        capsys.readouterr()
        logged.clear()
        settings = {"_ansible_check_mode": check_mode, "_ansible_diff": True}
        if "inject_invocation" in PASS_VARS:  # ansible-core 2.20 and newer repeat the options only if told to
            settings["_ansible_inject_invocation"] = True
        with patch_module_args({**options, **settings}), pytest.raises(SystemExit) as ended:
            module.main()
        captured = capsys.readouterr()
        assert bool(ended.value.code) == bool(json.loads(captured.out).get("failed"))
        return "\n".join([captured.out + captured.err, *logged])

    return run_module


@pytest.fixture
def run(run_any: t.Callable[..., str]) -> t.Callable[..., Run]:
    """Run a module by its name with options; one that fails must be expected to."""

    def run_module(module_name: str, /, check_mode: bool = False, fails: bool = False, **options: t.Any) -> Run:
        printed = run_any(module_name, check_mode, **options)
        # The result is all that a module prints, in one line after an empty one.
        result = json.loads(printed.splitlines()[1])
        assert bool(result.get("failed")) == fails, result.get("msg")
        return Run(result, printed)

    return run_module


@pytest.fixture
def aws(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """The account that the modules talk to."""
    monkeypatch.setattr(aws_module, "Clients", lambda module: fake_aws.clients)
    return fake_aws
