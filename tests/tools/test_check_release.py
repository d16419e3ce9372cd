# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No release leaves with links that lead nowhere."""

from __future__ import annotations

import pytest
import yaml

from check_release import GALAXY, LINKS, faults

REAL = {name: f"https://git.selfhosted-irsa.dev/{name}" for name in LINKS}


def test_real_links_are_accepted() -> None:
    assert list(faults(REAL)) == []


@pytest.mark.parametrize(
    "link",
    [
        "https://git.selfhosted-irsa.example/irsa",
        "https://user@GIT.Selfhosted-Irsa.Example:8443/irsa",
        "https://example",
        "https://www.example.com/irsa",
        "https://irsa.example.org.",
        "https://irsa.invalid",
        "https://irsa.test",
        "https://localhost/irsa",
        "http://git.selfhosted-irsa.dev/irsa",
        "git@git.selfhosted-irsa.dev:irsa",
        "https://",
        "",
        None,
    ],
)
@pytest.mark.parametrize("name", LINKS)
def test_other_links_are_refused_by_name(name: str, link: str | None) -> None:
    (fault,) = faults({**REAL, name: link})
    assert fault.startswith(f"galaxy.yml: {name} ") and str(link or "") in fault


@pytest.mark.parametrize("host", ["example.dev", "my-example.com", "examples.org", "test.io"])
def test_a_name_that_only_resembles_a_reserved_one_is_accepted(host: str) -> None:
    assert list(faults({**REAL, "homepage": f"https://{host}"})) == []


def test_the_links_of_this_checkout_are_all_there_and_not_real_yet() -> None:
    """When they are real, this test goes, and the comment in galaxy.yml with it."""
    found = list(faults(yaml.safe_load(GALAXY.read_text(encoding="utf-8"))))
    assert len(found) == len(LINKS) and all("reserved" in fault for fault in found)
