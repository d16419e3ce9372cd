# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the collection to where ansible-test wants it: <root>/ansible_collections/<namespace>/<name>, a git checkout.

A link to the checkout will not do, since ansible-test takes the real path of the folder that it starts in.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from environments import DEPENDENCIES


def source_files(repository: Path) -> list[Path]:
    """Paths, relative to repository, of the files in its work tree that git tracks or would offer to track."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        check=True,
        capture_output=True,
        text=True,
    )
    # git still lists a tracked file that the work tree no longer has.
    return [Path(name) for name in sorted(set(listing.stdout.split("\0")) - {""}) if (repository / name).exists()]


def copy_collection(repository: Path, collections: Path, root: Path) -> Path:
    """Lay a fresh copy of repository under root, its dependencies linked beside it, and return the copy's path.

    collections is the folder that holds ansible_collections/amazon/aws and the other dependencies.
    """
    target = root / "ansible_collections" / "selfhosted" / "irsa"
    shutil.rmtree(target, ignore_errors=True)
    for name in source_files(repository):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository / name, target / name, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)

    for namespace in {name.partition(".")[0] for name in DEPENDENCIES}:
        dependency = root / "ansible_collections" / namespace
        dependency.unlink(missing_ok=True)
        dependency.symlink_to((collections / "ansible_collections" / namespace).resolve())
    return target
