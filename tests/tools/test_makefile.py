# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make` says about itself."""

from __future__ import annotations

import re
import subprocess

from environments import REPOSITORY


def make(*arguments: str) -> str:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def test_make_alone_lists_every_target_on_lines_that_fit_a_terminal() -> None:
    (targets,) = re.findall(
        r"^\.PHONY: ((?:.*\\\n)*.*)$", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    shown = make()
    assert re.findall(r"^  make (\S+) +\S", shown, re.MULTILINE) and shown == make("help")
    assert sorted(re.findall(r"^  make (\S+) +\S", shown, re.MULTILINE)) == sorted(targets.replace("\\\n", "").split())
    assert max(map(len, shown.splitlines())) <= 100


def test_every_target_is_explained_to_contributors() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in re.findall(r"^  make (\S+)", make(), re.MULTILINE):
        assert f"`make {name}`" in text
