# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which role irsa_image_pulls changes a cluster. Its two actions only note that they were called.

What they do is tested in tests/unit, and on a real node in tests/e2e/test_image_pulls.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbooks import ANSIBLE_PLAYBOOK, COLLECTIONS, HERE, LOCAL

REPOSITORY = HERE.parents[1]
ACTION = """
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        options = self._task.args
        host = (task_vars or {}).get("inventory_hostname")
        with open("%s", "a", encoding="utf-8") as stream:
            delegated = self._task.delegate_to or host
            print(options.get("operation") or "rights", delegated, options["state"], file=stream)
        return {"changed": True, "config": "/c", "needs_step": True, "settings": options}
"""


def calls(folder: Path, *, state: str, serial: int = 3, fails: bool = False, **variables: Any) -> list[str]:
    """Run the role for three nodes, and return what its actions were called for, in order."""
    collection = folder / "ansible_collections" / "selfhosted" / "irsa"
    for name in ("plugins", "roles", "meta"):
        shutil.copytree(REPOSITORY / name, collection / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "galaxy.yml", collection)
    log = folder / "log"
    for name in ("irsa_image_pulls", "irsa_image_pulls_rights"):
        (collection / "plugins" / "action" / f"{name}.py").write_text(ACTION % log, encoding="utf-8")
    play: dict[str, Any] = {
        "hosts": "all",
        "gather_facts": False,
        "serial": serial,
        "roles": [{"role": "selfhosted.irsa.irsa_image_pulls"}],
        "vars": {
            "irsa_kubeconfig": "/none",
            "irsa_image_pulls_provider_path": "/opt/ecr-credential-provider",
            "irsa_image_pulls_state": state,
            **variables,
        },
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    inventory = {"all": {"hosts": dict.fromkeys(("n1", "n2", "n3"), LOCAL)}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    command = [*ANSIBLE_PLAYBOOK, "-i", str(folder / "inventory.yml"), str(folder / "play.yml")]
    environment = {**os.environ, COLLECTIONS: str(folder)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert bool(ended.returncode) == fails, ended.stdout + ended.stderr
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@pytest.mark.parametrize("serial", [1, 2, 3])
def test_kubelets_have_the_rights_before_the_first_changes_and_until_the_last_has_changed(
    tmp_path: Path, serial: int
) -> None:
    made = [each for each in calls(tmp_path / "present", state="present", serial=serial) if "plan" not in each]
    assert made[0] == "rights localhost present"
    assert [each for each in made if each.startswith("step")] == [f"step {host} present" for host in ("n1", "n2", "n3")]
    removed = [each for each in calls(tmp_path / "absent", state="absent", serial=serial) if "plan" not in each]
    assert removed == [*(f"step {host} absent" for host in ("n1", "n2", "n3")), "rights localhost absent"]


def test_accounts_that_no_trust_policy_can_name_stop_the_run_before_it_changes_anything(tmp_path: Path) -> None:
    arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
    variables: dict[str, Any] = {"irsa_image_pulls_accounts": ["shop/*"], "irsa_image_pulls_provider_arn": arn}
    made = calls(tmp_path, state="present", fails=True, **variables)
    assert [each for each in made if not each.startswith("plan")] == []
