# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks, run by ansible-playbook with the role's variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .module_runs import Run

# Where the callback is that writes down what each task came to.
_CALLBACKS = Path(__file__).resolve().parents[1] / "integration" / "callback_plugins"
# The role names these files itself.
_NOT_OF_THE_ROLE = frozenset({"state", "public_key_path", "openssh_public_key_path"})


def run(folder: Path, playbook: str, *, options: Mapping[str, Any]) -> Run:
    """Runs a playbook in the environment of this process.

    :param options: of irsa_issuer, which become the role's variables
    """
    own = Path(tempfile.mkdtemp(dir=folder))
    (own / "ansible.cfg").touch()
    variables = {f"irsa_issuer_{name}": value for name, value in options.items() if name not in _NOT_OF_THE_ROLE}
    (own / "variables.yml").write_text(json.dumps(variables), encoding="utf-8")
    record = own / "record.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", playbook, f"--extra-vars=@{own / 'variables.yml'}"],
        cwd=own,
        env={**os.environ, **_settings(own), "IRSA_TEST_RECORD": str(record)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    results = [
        {**line["result"], "failed": line["status"] == "failed"} for line in map(json.loads, lines) if _tells(line)
    ]
    if done.returncode and not any(result["failed"] for result in results):
        return Run(results=results, printed=done.stdout, broke=done.stdout)
    return Run(results=results, printed=done.stdout)


def _tells(line: Mapping[str, Any]) -> bool:
    """Whether a task failed or says what it wrote."""
    return line["status"] == "failed" or (line["status"] == "ok" and "permissions" in line["result"])


def _settings(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / ".ansible"),
        "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
