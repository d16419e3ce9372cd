# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports the built collection as Galaxy does, and checks that Galaxy would show all of its documentation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from check_package import build

DOCUMENTED = ("module", "filter", "lookup")
PARTS = ("doc", "examples", "return")
# What make lint does, with the dependencies that the importer lacks.
SETTINGS = {"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "no"}


def faults(output: str, result: dict[str, Any]) -> Iterator[str]:
    """Yield what the importer complains about, and what would have no documentation."""
    yield from (line for line in output.splitlines() if line.startswith(("ERROR", "WARNING")))
    contents = result.get("docs_blob", {}).get("contents", [])
    if not contents:
        yield "the importer found nothing"
    for each in contents:
        title = f"{each['content_type']} {each['content_name']}"
        if each["content_type"] in DOCUMENTED:
            strings = each["doc_strings"] or {}
            yield from (f"{title}: Galaxy would show no '{part}'" for part in PARTS if not strings.get(part))
        elif each["content_type"] == "role" and not each["readme_html"]:
            yield f"{title}: Galaxy would show no README"


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = subprocess.run(
            [sys.executable, "-m", "galaxy_importer.main", str(build(folder))],
            cwd=folder,
            # Nothing of the importer's is left in the home folder.
            env={**os.environ, **SETTINGS, "HOME": name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        file = folder / "importer_result.json"
        found = list(faults(done.stdout, json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}))
    if done.returncode or found:
        print("\n".join([done.stdout, *found]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
