# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as a user installs it: built, installed from the file, run from there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from playbooks import COLLECTIONS, Operator

REPOSITORY = Path(__file__).resolve().parents[2]


def galaxy(folder: Path, *arguments: str) -> None:
    command = [sys.executable, str(Path(sys.executable).with_name("ansible-galaxy")), "collection", *arguments]
    (folder / "ansible.cfg").touch()
    subprocess.run(
        command,
        check=True,
        cwd=REPOSITORY,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(folder / "home"),
            "LC_ALL": "C.UTF-8",
        },
    )


def test_the_installed_collection_runs(operator: Operator) -> None:
    galaxy(operator.folder, "build", "--output-path", str(operator.folder))
    (tarball,) = operator.folder.glob("selfhosted-irsa-*.tar.gz")
    empty = operator.folder / "collections"
    galaxy(operator.folder, "install", str(tarball), "--collections-path", str(empty), "--no-deps", "--offline")
    (beside,) = (
        path
        for folder in os.environ[COLLECTIONS].split(os.pathsep)
        if (path := Path(folder) / "ansible_collections" / "amazon").is_dir()
    )
    (empty / "ansible_collections" / "amazon").symlink_to(beside.resolve())

    operator.by_command = True
    run = operator.provision(
        "-vv",
        variables={"irsa_issuer_bucket": "irsa-installed", "irsa_issuer_key_path": str(operator.key)},
        environment={COLLECTIONS: str(empty)},
    ).ok()

    assert run.result["changed"] is True
    assert run.actions[-1] == "iam:CreateOpenIDConnectProvider"
    installed = empty / "ansible_collections" / "selfhosted" / "irsa" / "roles" / "irsa_issuer"
    assert f"task path: {installed}/tasks/issuer.yml" in run.output
