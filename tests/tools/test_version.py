# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version that reports give is that of the collection."""

from __future__ import annotations

import runpy
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]


def test_reports_have_the_version_of_galaxy_yml() -> None:
    galaxy = yaml.safe_load((REPOSITORY / "galaxy.yml").read_text(encoding="utf-8"))
    constants = runpy.run_path(str(REPOSITORY / "plugins" / "module_utils" / "_common" / "version.py"))
    assert constants["VERSION"] == galaxy["version"]
