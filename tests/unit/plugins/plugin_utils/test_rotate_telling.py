# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which relying parties are told of which keys."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import TOLD, Event, Record
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_telling import Telling

NEW, OLD = "new-kid", "old-kid"
TOLD_BEFORE = Record.of([Event(kind=TOLD, kid=NEW, at=1.0, party="vault")])
PARTIES = [
    {"name": "vault", "command": ["tell"]},
    {"name": "proxy", "url": "https://x"},
    {"name": "desk", "confirm": []},
]


def told(kids, **more):
    items = Telling(parties=PARTIES, record=TOLD_BEFORE, **more).added(kids)
    return [item["party"]["name"] for item in items]


@pytest.mark.parametrize(
    ("kids", "expected"), [([NEW], ["proxy"]), ([None], ["vault", "proxy"]), ([OLD], ["vault", "proxy"]), ([], [])]
)
def test_each_party_is_told_once_of_each_key(kids, expected):
    assert told(kids) == expected


def test_one_that_could_not_be_told_is_not_tried_again_in_the_same_run():
    assert told([OLD], untold=["vault"]) == ["proxy"]
