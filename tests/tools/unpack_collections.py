# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes collections out of the PyPI package ansible, so that tests need no other package index.

Usage: python unpack_collections.py 'ansible==12.*' DIRECTORY amazon.aws kubernetes.core
puts the collections at DIRECTORY/ansible_collections/amazon/aws and …/kubernetes/core. The wheel is fetched once, by
the pip of the interpreter that runs this, with whatever settings pip has there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from environments import PIP_OPTIONS


def download(requirement: str, directory: Path) -> Path:
    """Fetch the wheel for requirement into directory and return its path; raises CalledProcessError if pip fails."""
    pip = [sys.executable, "-m", "pip", "download", *PIP_OPTIONS, "--no-deps"]
    subprocess.run([*pip, "--only-binary", ":all:", "--dest", str(directory), requirement], check=True)
    return next(directory.glob("*.whl"))


def unpack(wheel: Path, collection: str, directory: Path) -> None:
    """Replace the copy of collection under directory by the one in wheel; raises LookupError if it holds none."""
    inside = f"ansible_collections/{collection.replace('.', '/')}/"
    shutil.rmtree(directory / inside, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.startswith(inside)]
        if not members:
            raise LookupError(f"{wheel.name} holds no collection {collection}")
        archive.extractall(directory, members)


def main() -> None:
    requirement, directory, *collections = sys.argv[1:]
    with tempfile.TemporaryDirectory() as downloads:
        wheel = download(requirement, Path(downloads))
        for collection in collections:
            unpack(wheel, collection, Path(directory))


if __name__ == "__main__":
    main()
