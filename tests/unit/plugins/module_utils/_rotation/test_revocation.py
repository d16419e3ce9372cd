# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a revocation breaks, what hastens the end of that, and how far it comes on servers that cannot be changed."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import decide
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import LegacyToken
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.revocation import Pod, revocation, switched_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import Settings
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._rotation.rotations import (
    ACCEPTED,
    DAY,
    DONE,
    IDLE,
    NEW,
    NOW,
    OLD,
    PREPARED,
    SIGNED,
    WITHDRAWN,
    cluster,
    event,
    events,
    published,
    server,
    unread,
    with_server,
)

SWITCHED = NOW - 30
JUST_SIGNED = ACCEPTED[1].after(events("signing", NEW, SWITCHED))
PODS = (
    Pod(namespace="shop", name="web-1", workload="deployment/web", started=NOW - 60),
    Pod(namespace="shop", name="cart-1", workload="deployment/cart", uses_aws=True, started=NOW - 60),
    Pod(namespace="shop", name="cart-2", workload="deployment/cart", uses_aws=True, started=NOW - 60),
    Pod(namespace="shop", name="till-1", workload="deployment/till", started=NOW - 60),
    Pod(namespace="shop", name="late-1", workload="deployment/late", started=NOW - 5),
    Pod(namespace="jobs", name="report-1", uses_aws=True),
    Pod(namespace="jobs", name="alone", is_made_again=False, started=NOW - 60),
    Pod(namespace="kube-system", name="net-1", workload="daemonset/net", is_critical=True, started=NOW - 60),
)


def of(place, *pods, **settings):
    return revocation(OLD, *place, settings=Settings(**settings), pods=pods)


def at(place, now, **changes):
    return dataclasses.replace(place[0], now=now, controller=now, **changes), place[1]


def time_of(found):
    (statement,) = found.deny_policy["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    json.dumps(found.deny_policy)
    return statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"]


def test_what_the_cluster_needs_comes_first_and_each_namespace_has_few_commands():
    token = LegacyToken(namespace="shop", name="robot", account="robot", kid=OLD)
    found = of((dataclasses.replace(SIGNED[0], legacy_tokens=(token,)), JUST_SIGNED), *PODS, parties=("vault",))
    assert found.hasten == (
        "kubectl -n kube-system rollout restart daemonset/net",
        "kubectl -n jobs delete pod report-1",
        "kubectl -n shop rollout restart deployment/cart",
        "kubectl -n shop rollout restart deployment/till deployment/web",
        """kubectl -n shop patch secret robot -p '{"data": {"token": null}}'""",
    )
    assert found.pods[:3] == ("kube-system/net-1", "jobs/report-1", "shop/cart-1")
    text = " ".join(found.consequences)
    for words in ("19 hours 12 minutes", "48 minutes", "for 1 hour more", "shop/robot", "vault", "deny policy"):
        assert words in text


def test_a_pod_that_nothing_makes_again_is_named_and_not_deleted():
    found = of((SIGNED[0], JUST_SIGNED), *PODS)
    assert "Nothing makes 'jobs/alone' again once deleted" in found.consequences[-1]
    assert "jobs/alone" in found.pods and not any("alone" in command for command in found.hasten)


LEFT = NOW - 60  # when WITHDRAWN's key left the JWKS


@pytest.mark.parametrize(
    ("place", "before", "again"),
    [
        # Nothing is known of when it leaves while it is there.
        (SIGNED, NOW, None),
        # The time is a past one, so that pods get sessions at once, and a later run does not move it.
        (WITHDRAWN, LEFT + 60, LEFT + 3660),
        (at(WITHDRAWN, NOW + 600), LEFT + 60, LEFT + 3660),
        (at(WITHDRAWN, NOW, max_age=7200), LEFT + 60, LEFT + 7260),
        # When no cache can have it any more, the policy has that time, whenever it is read.
        (at(WITHDRAWN, NOW + 3600), LEFT + 3660, None),
        (at(WITHDRAWN, NOW + 2 * DAY), LEFT + 3660, None),
        # No cache keeps it at all.
        (at(WITHDRAWN, NOW, max_age=0), LEFT + 60, None),
        # Without a record, it left when the JWKS was written last, if not before.
        ((at(WITHDRAWN, NOW, max_age=0)[0], Record()), LEFT + 60, None),
        ((at(WITHDRAWN, NOW, max_age=0, modified=None)[0], Record()), NOW + 60, None),
    ],
)
def test_the_deny_policy_has_the_time_when_the_key_left_and_once_more_when_caches_are_over(place, before, again):
    found = of(place)
    assert (time_of(found), found.deny_again_at) == (moment(before), None if again is None else moment(again))
    text = " ".join(found.consequences)
    assert f"ends all sessions that were given before {moment(before)}, those of pods, too" in text
    assert again is None or f"Run this again after {moment(again)}" in text
    assert ("The key is still in the JWKS." in text) is (place is SIGNED)


def test_a_pod_whose_session_the_policy_ends_is_restarted_though_its_token_is_new():
    between = {"namespace": "shop", "started": NOW + 600}
    pods = [Pod(name="aws", uses_aws=True, **between), Pod(name="plain", **between)]
    assert of(at(WITHDRAWN, NOW + 900), *pods).pods == ()
    assert of(at(WITHDRAWN, NOW + 3600), *pods).pods == ("shop/aws",)


def test_pods_that_cannot_be_listed_are_said():
    found = revocation(OLD, *IDLE, settings=Settings(), unlisted="The API server is down.")
    assert (
        "could not be listed; restart all that use AWS or the Kubernetes API. The API server" in found.consequences[-1]
    )


def test_secrets_that_cannot_be_listed_are_said():
    assert "could not be listed" in " ".join(
        of((dataclasses.replace(IDLE[0], legacy_tokens=None), IDLE[1])).consequences
    )


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (ACCEPTED, None),
        (SIGNED, NOW - 2 * DAY),
        ((with_server(SIGNED[0], server("cp2", OLD, NEW, signing=OLD)), SIGNED[1]), None),
        ((with_server(SIGNED[0], unread("cp2")), SIGNED[1]), None),
    ],
)
def test_a_key_was_switched_when_the_last_server_stopped_signing_with_it(place, expected):
    assert switched_at(OLD, *place) == expected


# --- what is still to come


@pytest.mark.parametrize(
    ("place", "kid", "phase", "then"),
    [
        (IDLE, OLD, "prepare", ("accept", "sign", "retire-published", "retire-accepted")),
        (PREPARED, OLD, "accept", ("sign", "retire-published", "retire-accepted")),
        (ACCEPTED, OLD, "sign", ("retire-published", "retire-accepted")),
        (SIGNED, OLD, "retire-published", ("retire-accepted",)),
        (WITHDRAWN, OLD, "retire-accepted", ()),
        (PREPARED, NEW, "retire-published", ()),
        (ACCEPTED, NEW, "retire-published", ("retire-accepted",)),
    ],
)
def test_a_revocation_says_what_follows(place, kid, phase, then):
    decision = decide("revoke", *place, settings=Settings(revoke_kid=kid))
    assert (decision.phase, decision.work.then) == (phase, then)
    assert decision.next_phase == (then[0] if then else None)


# --- other runs, and servers that cannot be changed


def test_a_run_that_may_be_dead_is_a_warning_to_a_revocation_and_stops_all_else():
    other = IDLE[1].after([event("began", NEW, NOW - 600, by="ci@runner")])
    assert not decide("auto", IDLE[0], other, settings=Settings(by="us")).may_go_on
    decision = decide("revoke", IDLE[0], other, settings=Settings(by="us", revoke_kid=OLD))
    assert decision.may_go_on and not decision.forced
    (warning,) = decision.warnings
    assert f"'ci@runner' began at {moment(NOW - 600)}" in warning and "end it" in warning


def without_cp4(place, cp4, **changes):
    return dataclasses.replace(place[0], servers=(*place[0].servers, cp4), **changes), place[1]


CP4 = {
    "a host of no play that answers": server("cp4", OLD, managed=False),
    "cut off": dataclasses.replace(unread("cp4"), managed=False),
    "down": unread("cp4"),
}


@pytest.mark.parametrize("cp4", CP4.values(), ids=CP4)
def test_a_revocation_goes_to_its_end_on_all_servers_that_can_be_changed(cp4):
    settings = Settings(revoke_kid=OLD, force=frozenset({"platform"}))
    places = [
        (IDLE, "prepare", {"makes_key": True}),
        (PREPARED, "accept", {"kid": NEW}),
        (ACCEPTED, "sign", {"kid": NEW}),
        ((SIGNED[0], JUST_SIGNED), "retire-published", {"withdraw": (OLD,)}),
        (WITHDRAWN, "retire-accepted", {"kid": NEW, "drop": (OLD,)}),
    ]
    for place, phase, does in places:
        decision = decide("revoke", *without_cp4(place, cp4), settings=settings)
        assert (decision.phase, decision.refusals) == (phase, ())
        assert {name: getattr(decision.work, name) for name in does} == does
        forced = Settings(revoke_kid=OLD)
        assert [each.name for each in decide("revoke", *without_cp4(place, cp4), settings=forced).refusals] == (
            ["platform"] if not cp4.managed else []
        )
    found, record = without_cp4(DONE, cp4)
    done = dataclasses.replace(found, staged={}), record
    assert decide("revoke", *done, settings=settings).is_done
    assert "'cp4' is no host of this play, or could not be read, and so not changed" in of(done).consequences[0]


def test_without_any_server_to_change_nothing_leaves():
    servers = cluster(OLD, managed=False)
    facts = dataclasses.replace(IDLE[0], servers=servers, published=published(OLD))
    decision = decide("revoke", facts, IDLE[1], settings=Settings(revoke_kid=OLD, force=frozenset({"platform"})))
    assert [refusal.name for refusal in decision.refusals] == [None]
