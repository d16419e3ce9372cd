# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit tests of what irsa_keypair ships, on what a control-plane node has: Python 3.9 and cryptography 3.4.

The test files here are links to those in tests/unit. Ansible's collection loader being absent, this repository is made
importable under the collection's name.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

_COLLECTION = "ansible_collections.selfhosted.irsa"


def _add_package(name: str, *folders: Path) -> None:
    package = types.ModuleType(name)
    package.__path__ = [str(folder) for folder in folders]
    sys.modules[name] = package


_add_package("ansible_collections")
_add_package("ansible_collections.selfhosted")
_add_package(_COLLECTION, Path(__file__).resolve().parents[2])
