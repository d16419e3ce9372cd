# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken out of the package ansible."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import unpack_collections
from environments import DEPENDENCIES, REPOSITORY


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requirements that were downloaded, each answered with a wheel of two collections."""
    asked = []

    def download(requirement: str, directory: Path) -> Path:
        asked.append(requirement)
        wheel = directory / "ansible-1-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            for collection in ("amazon/aws", "amazon/awsome", "kubernetes/core"):
                archive.writestr(f"ansible_collections/{collection}/MANIFEST.json", collection)
        return wheel

    monkeypatch.setattr(unpack_collections, "download", download)
    return asked


def unpack(monkeypatch: pytest.MonkeyPatch, directory: Path, *collections: str) -> list[str]:
    """Unpack collections and return the files that are there then."""
    monkeypatch.setattr(sys, "argv", ["unpack_collections.py", "ansible==1.*", str(directory), *collections])
    unpack_collections.main()
    return sorted(file.relative_to(directory).as_posix() for file in directory.rglob("*") if file.is_file())


def test_one_download_serves_all_collections(
    downloads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = unpack(monkeypatch, tmp_path / "here", "amazon.aws", "kubernetes.core")
    assert files == [f"ansible_collections/{name}/MANIFEST.json" for name in ("amazon/aws", "kubernetes/core")]
    assert downloads == ["ansible==1.*"]


def test_an_older_copy_is_replaced(downloads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "here" / "ansible_collections" / "amazon" / "aws" / "stale.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert unpack(monkeypatch, tmp_path / "here", "amazon.aws") == ["ansible_collections/amazon/aws/MANIFEST.json"]


def test_a_collection_that_the_package_lacks_is_named(
    downloads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LookupError, match=r"holds no collection kubernetes\.cores"):
        unpack(monkeypatch, tmp_path, "kubernetes.cores")


def test_all_dependencies_of_galaxy_yml_are_taken() -> None:
    galaxy = yaml.safe_load((REPOSITORY / "galaxy.yml").read_text(encoding="utf-8"))
    assert set(galaxy["dependencies"]) == set(DEPENDENCIES)
