# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook rotate revokes a key that has leaked: on two servers at once, without any wait."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from rotating_stand_ins import BUCKET, Rotating, kid_of, rotating
from runs import Run


@dataclass
class Revocation:
    """A cluster whose key has leaked, before it is revoked, and the runs that do so."""

    rotating: Rotating
    leaked: list[str]
    planned: Run
    done: Run
    again: Run


@pytest.fixture(scope="module")
def revocation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Revocation]:
    with rotating("kubeadm", 2, tmp_path_factory) as cluster:
        tokens = cluster.cluster.minted()
        leaked = ("-e", f"irsa_rotate_revoke_kid={kid_of(tokens)}")
        # Nobody has the time to wait for it: these are the defaults.
        waits = (
            *("-e", "irsa_rotate_cache_seconds=3600"),
            *("-e", "irsa_rotate_token_seconds=86400"),
            *("-e", "irsa_rotate_stale_window=3600"),
        )
        yield Revocation(
            rotating=cluster,
            leaked=tokens,
            planned=cluster.rotate("revoke", *leaked, *waits, "--check"),
            done=cluster.rotate("revoke", *leaked, *waits),
            again=cluster.rotate("revoke", *leaked, *waits),
        )


def test_tokens_of_the_leaked_key_are_refused_and_new_ones_are_not(revocation: Revocation) -> None:
    cluster = revocation.rotating.cluster
    new = cluster.minted()
    assert kid_of(new) != kid_of(revocation.leaked)
    assert {client.status(token) for client in cluster.clients for token in revocation.leaked} == {401}
    assert {client.status(token) for client in cluster.clients for token in new} == {200}
    assert revocation.rotating.kids() == [kid_of(new)]


def test_check_mode_lists_what_the_run_does(revocation: Revocation) -> None:
    assert revocation.planned.result["actions"] == revocation.done.result["actions"]
    assert revocation.planned.result["done"] == revocation.done.result["done"]
    assert not [request for request in revocation.planned.writes if request.signed]


def test_a_second_run_has_nothing_to_do(revocation: Revocation) -> None:
    assert (revocation.again.result["actions"], revocation.again.changed) == ([], 0)


def test_the_run_says_what_fails_and_what_ends_sessions(revocation: Revocation) -> None:
    said = revocation.done.result["revocation"]
    assert said["kid"] == kid_of(revocation.leaked)
    assert any("API servers refuse pods' tokens" in sentence for sentence in said["consequences"])
    assert "aws:TokenIssueTime" in json.dumps(said["deny_policy"])


def test_the_record_says_to_which_key_each_phase_led(revocation: Revocation) -> None:
    record = json.loads(revocation.rotating.s3.get_object(Bucket=BUCKET, Key="rotation.json")["Body"].read())
    assert {event["kid"] for event in record["events"] if event["kind"] == "ended"} != {""}
