# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ansible_test_environment
from ansible_test_environment import link_interpreters

OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def _one_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ansible_test_environment, "PYTHON_VERSIONS", (OWN,))
    monkeypatch.setattr(ansible_test_environment, "find_python", lambda *_: sys.executable)


def test_steps_that_run_at_once_link_interpreters_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        (folder,) = set(pool.map(link_interpreters, [tmp_path] * 200))
    assert [link.name for link in folder.iterdir()] == [f"python{OWN}"]
    assert (folder / f"python{OWN}").resolve() == Path(sys.executable).resolve()


def test_a_link_that_is_right_stays_and_one_that_is_wrong_is_replaced(tmp_path: Path) -> None:
    link = link_interpreters(tmp_path) / f"python{OWN}"
    made = link.lstat()
    link_interpreters(tmp_path)
    assert (link.lstat().st_ino, link.lstat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    link.unlink()
    link.symlink_to("/nowhere/python")
    link_interpreters(tmp_path)
    assert link.resolve() == Path(sys.executable).resolve()
