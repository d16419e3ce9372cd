# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the benchmark ran, and with what."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .contestants.by_hand import aws_cli

GIB = 2**30
PACKAGES = ("ansible-core", "boto3", "botocore", "cryptography", "moto")


def machine() -> list[tuple[str, str]]:
    """:return: names and values that say what the figures depend on, and nothing about whose machine it is"""
    return [
        ("CPU", f"{processor()}, {len(os.sched_getaffinity(0))} cores"),
        ("memory", f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / GIB:.0f} GiB"),
        ("system", f"{platform.system()}, {platform.machine()}"),
    ]


def processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.machine()


def versions(collections: Path) -> list[tuple[str, str]]:
    """:return: what was compared, in its versions"""
    found = [("selfhosted.irsa", revision(collections / "ansible_collections" / "selfhosted" / "irsa"))]
    found.append(("Python", platform.python_version()))
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            found.append((package, "not there"))
    found.append(("amazon.aws", collection_version(collections / "ansible_collections" / "amazon" / "aws")))
    found.append(("AWS CLI", first_line([aws_cli() or "aws", "--version"], r"aws-cli/(\S+)")))
    found.append(("Terraform", first_line([shutil.which("terraform") or "terraform", "version"], r"Terraform v(\S+)")))
    return found


def revision(folder: Path) -> str:
    described = first_line(["git", "-C", str(folder), "describe", "--always", "--dirty= with changes"], r"(.+)")
    return f"commit {described}"


def collection_version(folder: Path) -> str:
    manifest = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))
    return str(manifest["collection_info"]["version"])


def first_line(command: Sequence[str], pattern: str) -> str:
    """:return: what a program says of itself, so far as it is there"""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout
    except (OSError, subprocess.CalledProcessError):
        return "not there"
    found = re.search(pattern, answer)
    return found[1] if found else "unknown"
