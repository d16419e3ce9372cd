# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbook rotate prints."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import as_text
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_lines import rotate_lines

NOTHING = {
    "phase": "status",
    "done": [],
    "status": {},
    "table": ["key  new  signs"],
    "refusals": [],
    "reasons": [],
    "notes": [],
    "warnings": [],
    "actions": [],
    "next_phase": None,
    "next_at": None,
}
DONE = {**NOTHING, "done": ["prepare", "accept"], "actions": ["a", "b"], "next_phase": "sign", "next_at": 0.0}
REFUSED = {**NOTHING, "refusals": [{"name": "cache-time", "message": "Not yet.", "at": None}], "next_phase": "sign"}


@pytest.mark.parametrize(
    ("result", "check_mode", "expected"),
    [
        (NOTHING, False, ["ok: nothing had to change", "key  new  signs", "Next: nothing to do."]),
        (NOTHING, True, ["ok: nothing would change"]),
        (DONE, False, ["changed: prepare, accept: 2 actions", "irsa_rotate_phase=sign from 1970-01-01T00:00:00Z on"]),
        (DONE, True, ["would change: prepare, accept: 2 actions", "run this again without --check"]),
        (REFUSED, False, ["refused     Not yet.", "irsa_rotate_phase=sign"]),
    ],
)
def test_the_lines_say_what_was_done_and_what_comes_next(result, check_mode, expected):
    text = " ".join(as_text(rotate_lines(result, check_mode=check_mode)).split("\n"))
    assert [part for part in expected if part not in text] == []
