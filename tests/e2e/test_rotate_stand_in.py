# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook rotate changes the signing key of stand-in servers, published on the embedded AWS, phase by phase."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from rotating_stand_ins import PHASES, Rotating, kid_of, rotating
from runs import Run
from stand_in.layouts import SECRET

# The cluster's own key in its files, in its datastore, and by flags, and the issuer's own key by flags; on several
# servers and on one.
CLUSTERS = (
    ("kubeadm", 2, "adopt"),
    ("k3s", 2, "adopt"),
    ("k3s", 1, "adopt"),
    ("k0s", 2, "adopt"),
    ("kubeadm", 2, "own"),
)


@dataclass
class Rotation:
    """A rotation, each phase in check mode, for real while clients polled, and once more; and the status after it."""

    rotating: Rotating
    planned: dict[str, Run] = field(default_factory=dict)
    done: dict[str, Run] = field(default_factory=dict)
    again: dict[str, Run] = field(default_factory=dict)
    published: dict[str, list[str]] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=dict)

    def walk(self) -> None:
        self._look("before")
        for phase in PHASES:
            self.planned[phase] = self.rotating.rotate(phase, "--check")
            with self.rotating.polled(phase):
                self.done[phase] = self.rotating.rotate(phase, "-vvv")
            self.again[phase] = self.rotating.rotate(phase)
            self._look(phase)

    def _look(self, when: str) -> None:
        self.tokens[when], self.published[when] = self.rotating.cluster.minted(), self.rotating.kids()


@pytest.fixture(scope="module", params=CLUSTERS, ids=lambda cluster: "-".join(map(str, cluster)))
def rotation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotation]:
    distribution, count, key = request.param
    with rotating(distribution, count, tmp_path_factory, key=key) as cluster:
        found = Rotation(cluster)
        found.walk()
        yield found


@pytest.mark.parametrize("phase", PHASES)
def test_check_mode_lists_what_the_phase_does(rotation: Rotation, phase: str) -> None:
    assert rotation.done[phase].result["actions"]
    assert rotation.planned[phase].result["actions"] == rotation.done[phase].result["actions"]
    assert not [request for request in rotation.planned[phase].writes if request.signed]


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_that_is_done_is_left(rotation: Rotation, phase: str) -> None:
    assert rotation.again[phase].result["actions"] == []
    assert rotation.again[phase].changed == 0


@pytest.mark.parametrize(("phase", "following"), [*zip(PHASES, (*PHASES[1:], None), strict=True)])
def test_a_run_names_the_phase_that_is_due_after_it(rotation: Rotation, phase: str, following: str | None) -> None:
    for run in (rotation.done[phase], rotation.again[phase]):
        assert (run.result["next_phase"], run.result["status"]["next_phase"]) == (following, following)


def test_the_servers_change_to_the_new_key_when_they_sign(rotation: Rotation) -> None:
    old, new = kid_of(rotation.tokens["before"]), kid_of(rotation.tokens["sign"])
    assert old != new
    assert [kid_of(rotation.tokens[phase]) for phase in PHASES] == [old, old, new, new, new]
    assert [set(rotation.published[phase]) for phase in ("before", *PHASES)] == [
        {old},
        {old, new},
        {old, new},
        {old, new},
        {new},
        {new},
    ]


def test_no_token_is_refused_before_its_key_retires(rotation: Rotation) -> None:
    rotation.rotating.require_no_refusal(rotation.tokens["before"], rotation.tokens["retire-accepted"])


def test_no_private_key_and_no_token_is_printed(rotation: Rotation) -> None:
    for run in (*rotation.planned.values(), *rotation.done.values(), *rotation.again.values()):
        assert not re.search(rf"eyJ[\w-]+\.eyJ|{SECRET}|PRIVATE KEY", run.output)
