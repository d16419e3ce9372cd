# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the built collection may hold."""

from __future__ import annotations

import pytest

from check_package import EXAMPLES, EXPECTED, faults

SOUND = [*EXPECTED, *EXAMPLES, "docs/architecture.md"]


def test_a_package_of_what_users_need_has_no_faults() -> None:
    assert faults(SOUND) == []


@pytest.mark.parametrize("name", ["docs/.hidden", "plugins/__pycache__/x", "plugins/x.pyc", "roles/x.retry", "docs/x~"])
def test_a_file_that_is_not_for_users_is_a_fault(name: str) -> None:
    assert faults([*SOUND, name]) == [f"not for users: {name}"]


@pytest.mark.parametrize("name", ["tests/unit/test_x.py", "Makefile", ".gitignore"])
def test_a_folder_that_is_not_for_users_is_a_fault(name: str) -> None:
    assert f"not for users: {name.split('/')[0]}" in faults([*SOUND, name])


@pytest.mark.parametrize("name", ["LICENSE", "playbooks/provision.yml"])
def test_what_users_need_and_a_package_lacks_is_a_fault(name: str) -> None:
    assert faults([each for each in SOUND if each != name]) == [f"missing: {name}"]
