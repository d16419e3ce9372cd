# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook rotate is killed at each boundary between two changes, run again, and converges."""

from __future__ import annotations

import re

import pytest

from rotating_stand_ins import PHASES, kid_of, rotating

# Tasks that change something, one after the other. That a run begins is recorded by each run.
_CHANGE = re.compile(r"^TASK \[(?:.* : )?Rotation \| (?:\S+: |publish |withdraw |record that it )")
_MOST_KILLS = 12


def test_a_rotation_that_is_killed_at_every_boundary_converges(tmp_path_factory: pytest.TempPathFactory) -> None:
    with rotating("kubeadm", 2, tmp_path_factory) as cluster:
        old, kills = cluster.cluster.minted(), dict.fromkeys(PHASES, 0)
        for phase in PHASES:
            with cluster.polled(phase):
                # Each run does one change, and is killed as the next one begins.
                while "PLAY RECAP" not in (printed := cluster.rotate_until(phase, _CHANGE, 2)):
                    kills[phase] += 1
                    assert kills[phase] <= _MOST_KILLS, printed
        assert cluster.rotate("status").result["next_phase"] is None
        new = cluster.cluster.minted()
        assert cluster.kids() == [kid_of(new)]
        # What is published by the last run is recorded in the same write.
        assert {phase for phase, number in kills.items() if number} >= {"prepare", "accept", "sign", "retire-accepted"}
        cluster.require_no_refusal(old, new)
