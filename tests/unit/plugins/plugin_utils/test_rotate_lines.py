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
    "status": {"keys": [{}], "next_command": "ansible-playbook selfhosted.irsa.rotate -e irsa_rotate_phase=sign"},
    "table": ["KEY  ROLE", "new  signing", "It is old. " * 12, "Next: sign."],
    "refusals": [],
    "reasons": [],
    "notes": [],
    "warnings": [],
    "actions": [],
    "next_phase": None,
    "next_at": None,
    "revocation": None,
}
DONE = {
    **NOTHING,
    "done": ["prepare", "accept"],
    "actions": ["a", "b"],
    "warnings": ["Look here."],
    "notes": ["Later."],
}
LEAKED = {
    "consequences": ["Pods fail."],
    "hasten": ["kubectl delete pod x"],
    "deny_policy": {"Version": "2012-10-17"},
}


MANY = {**LEAKED, "hasten": [f"kubectl -n shop rollout restart deployment/app{number}" for number in range(42)]}


def test_a_revocation_shows_as_many_commands_as_people_can_look_through():
    text = as_text(rotate_lines({**DONE, "revocation": MANY}))
    assert (text.count("kubectl"), "deployment/app39" in text) == (40, True)
    assert "2 more commands are in irsa_rotate_result.revocation.hasten" in text


@pytest.mark.parametrize(
    ("result", "check_mode", "expected"),
    [
        (NOTHING, False, ["ok: nothing had to change", "KEY  ROLE", "new  signing", "Next: sign."]),
        (NOTHING, True, ["ok: nothing would change"]),
        (DONE, False, ["changed: prepare, accept: 2 actions", "Look here.", "Later."]),
        (DONE, True, ["would change: prepare, accept: 2 actions", "run this again without --check"]),
        (DONE, True, ["What follows is foreseen", "KEY  ROLE"]),
        ({**DONE, "revocation": LEAKED, "reasons": ["Then sign."]}, True, ["Then sign."]),
        ({**DONE, "revocation": LEAKED}, False, ["Pods fail.", "kubectl delete pod x", '{"Version": "2012-10-17"}']),
    ],
)
def test_the_lines_say_what_was_done_and_what_comes_next(result, check_mode, expected):
    lines = as_text(rotate_lines(result, check_mode=check_mode)).split("\n")
    assert [part for part in expected if not any(part in line for line in lines)] == []
    assert max(map(len, lines)) <= 80
