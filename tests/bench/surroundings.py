# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder to run in, and an environment in which nothing of the person who runs the benchmark is left."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

REGION = "eu-west-1"
ACCOUNT = "123456789012"
BUCKET = "bench-irsa"
TAGS = {"purpose": "benchmark"}


@dataclass(frozen=True)
class Surroundings:
    """Where one contestant runs, in one repetition.

    :ivar folder: its own, which is made
    :ivar endpoint: URL of everything of AWS
    :ivar collections: for ANSIBLE_COLLECTIONS_PATH
    """

    folder: Path
    endpoint: str
    collections: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self._settings.touch()

    @property
    def _settings(self) -> Path:
        return self.folder / "ansible.cfg"

    @property
    def environment(self) -> dict[str, str]:
        """:return: all variables of a run; the programs of this Python's environment come first"""
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            # The pair of AWS's documentation, which opens nothing.
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_EC2_METADATA_DISABLED": "true",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            # Ansible's own defaults, five forks among them.
            "ANSIBLE_CONFIG": str(self._settings),
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        }
