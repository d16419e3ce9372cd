# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run waits for is told once, and only to a process that can print it."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import announce, announced_by


def test_a_wait_is_announced_once_in_a_task():
    told: list[str] = []
    for _task in range(2):
        with announced_by(told.append):
            announce("sts", "STS is asked again.")
            announce("sts", "STS is asked again for the second time.")
            announce("aws", "AWS is slow.")
    assert told == ["STS is asked again.", "AWS is slow."] * 2


def test_without_an_announcer_nothing_happens():
    told: list[str] = []
    with announced_by(told.append):
        pass
    announce("sts", "STS is asked again.")
    assert told == []
