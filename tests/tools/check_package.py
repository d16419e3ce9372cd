# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the collection and checks that the tarball holds what users need and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

# FILES.json and MANIFEST.json are what the build itself adds.
EXPECTED = {
    "CHANGELOG.rst",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}
EXAMPLES = ("playbooks/provision.yml", "roles/irsa_issuer/tasks/main.yml", "plugins/modules/irsa_bucket.py")
NOT_FOR_USERS = re.compile(r"\.pyc$|\.retry$|~$|__pycache__|(^|/)\.|test", re.IGNORECASE)


def build(directory: Path) -> Path:
    """Build the collection into directory and return the tarball; raises CalledProcessError if that fails."""
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(directory)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    return next(directory.glob("*.tar.gz"))


def faults(names: list[str]) -> list[str]:
    """What is wrong with the names of the files in a tarball."""
    found = {name.split("/")[0] for name in names}
    return [
        *(f"not for users: {name}" for name in sorted(found - EXPECTED)),
        *(f"missing: {name}" for name in sorted(EXPECTED - found)),
        *(f"missing: {name}" for name in EXAMPLES if name not in names),
        *(f"not for users: {name}" for name in names if NOT_FOR_USERS.search(name)),
    ]


def main() -> int:
    with tempfile.TemporaryDirectory() as directory, tarfile.open(build(Path(directory))) as archive:
        found = faults(archive.getnames())
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
