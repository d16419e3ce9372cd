# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses a release whose links lead nowhere: those in galaxy.yml that Galaxy shows beside the collection."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

GALAXY = Path(__file__).resolve().parents[2] / "galaxy.yml"
LINKS = ("repository", "documentation", "homepage", "issues")
# https://www.rfc-editor.org/rfc/rfc2606: names that nobody can ever have.
RESERVED = re.compile(r"(.+\.)?(example|test|invalid|localhost|example\.(com|net|org))\.?")


def faults(galaxy: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the links."""
    for name in LINKS:
        link = str(galaxy.get(name) or "")
        host = urlsplit(link).hostname
        if not link.startswith("https://") or not host:
            yield f"galaxy.yml: {name} must be an https:// link, and is '{link}'"
        elif RESERVED.fullmatch(host):
            yield f"galaxy.yml: {name} is '{link}', at a reserved host; set the real one before a release"


def main() -> int:
    found = list(faults(yaml.safe_load(GALAXY.read_text(encoding="utf-8"))))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
