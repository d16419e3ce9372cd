# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode of a run with several phases lists exactly what the run then does: auto, and the revocation after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from rotating_stand_ins import PHASES, kid_of, rotating
from runs import Run

CLUSTERS = (("kubeadm", 2), ("k3s", 2))
RUNS = ("auto", "revoke")
# What is listed in the place of the ID of a key that does not exist yet.
PLANNED = "the-ID-of-the-key-that-is-yet-to-be-created"


@dataclass(frozen=True)
class Foreseen:
    """A run in check mode, the same for real, and once more; and the ID of the key that it led to."""

    planned: Run
    done: Run
    again: Run
    new: str


@pytest.fixture(scope="module", params=CLUSTERS, ids=lambda cluster: f"{cluster[0]}-{cluster[1]}")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Foreseen]]:
    distribution, count = request.param
    with rotating(distribution, count, tmp_path_factory) as cluster:
        found = {}
        for phase in RUNS:
            leaked = ("-e", f"irsa_rotate_revoke_kid={kid_of(cluster.cluster.minted())}") if phase == "revoke" else ()
            planned, done, again = (
                cluster.rotate(phase, *leaked, *options) for options in (("--check", "--diff"), (), ())
            )
            found[phase] = Foreseen(planned, done, again, kid_of(cluster.cluster.minted()))
        yield found


def _foreseen(run: Foreseen) -> dict[str, Any]:
    """The result in check mode, with the ID that the new key has got."""
    found: dict[str, Any] = json.loads(json.dumps(run.planned.result).replace(PLANNED, run.new))
    return found


@pytest.mark.parametrize("name", RUNS)
def test_check_mode_lists_all_that_the_run_does_in_order(runs: dict[str, Foreseen], name: str) -> None:
    planned, done = _foreseen(runs[name]), runs[name].done.result
    assert planned["actions"] == done["actions"]
    assert planned["done"] == done["done"] == list(PHASES)
    print(f"{name}: {len(done['actions'])} actions")


@pytest.mark.parametrize("name", RUNS)
def test_check_mode_writes_nothing(runs: dict[str, Foreseen], name: str) -> None:
    assert not [request for request in runs[name].planned.writes if request.signed]


@pytest.mark.parametrize("name", RUNS)
def test_check_mode_says_where_the_run_ends(runs: dict[str, Foreseen], name: str) -> None:
    planned, done = _foreseen(runs[name]), runs[name].done.result
    for member in ("next_phase", "next_at", "refusals", "forced", "warnings", "notes", "reasons"):
        assert planned[member] == done[member]
    assert _keys(planned) == _keys(done)


def _keys(result: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    return [(key["kid"], key["role"], key["accepted_by"]) for key in result["status"]["keys"]]


@pytest.mark.parametrize("name", RUNS)
def test_a_second_run_has_nothing_to_do(runs: dict[str, Foreseen], name: str) -> None:
    assert (runs[name].again.result["actions"], runs[name].again.changed) == ([], 0)
