# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode of a rotation lists what the whole run then does, also of phases that are decided on earlier ones."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kids import PLANNED
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_reading
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import FORMER, NEW, Machine
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_rotation import (
    DAY,
    FOLDER,
    HOSTS,
    QUIET,
    Play,
    reach,
)

AT_ONCE = {"cache_seconds": 0, "token_seconds": 0, "stale_window": 0}
PHASES = ["prepare", "accept", "sign", "retire-published", "retire-accepted"]
# What is true of the end of a run, besides times.
END = ("failure", "next_phase", "reasons")


@pytest.fixture
def play(monkeypatch):
    play = Play()
    play.seconds, play.max_age, play.of_cluster = 1, 0, {**QUIET, "token_seconds": 0}
    monkeypatch.setattr(_rotate_reading.time, "time", lambda: play.now)
    return play


def foreseen_and_done(play, phase, **settings):
    """Return the plan, what has been done and its actions: in check mode, and then for real."""
    # The key that the machines make.
    settings = {"key_type": "ECDSA", **settings}
    before = (play.published, play.record.text, play.fleet.state(), str(play.own))
    play.check_mode = True
    planned, dummy = play.rounds(phase, **settings)
    foreseen = play.done
    assert (play.published, play.record.text, play.fleet.state(), str(play.own)) == before
    play.check_mode = False
    plan, dummy = play.rounds(phase, **settings)
    return (planned, foreseen), (plan, play.done)


def require_same(foreseen, done):
    planned, would_do = json.loads(json.dumps(foreseen).replace(PLANNED, NEW.kid))
    plan, did = done
    assert would_do["actions"] == did["actions"]
    for name in ("phases", "forced", "warnings"):
        assert would_do[name] == did[name]
    for name in END:
        assert planned[name] == plan[name]
    assert [each["name"] for each in planned["refusals"]] == [each["name"] for each in plan["refusals"]]
    assert planned["status"]["next_phase"] == plan["status"]["next_phase"]
    assert keys_in(planned) == keys_in(plan)


def keys_in(plan):
    """What the table says of keys, besides times."""
    return [(key["role"], key["accepted_by"], key["signing_on"]) for key in plan["status"]["keys"]]


@pytest.mark.parametrize("begin", PHASES)
def test_auto_lists_every_phase_from_wherever_it_begins(play, begin):
    reach(play, begin)
    foreseen, done = foreseen_and_done(play, "auto", **AT_ONCE)
    require_same(foreseen, done)
    assert done[1]["phases"] == PHASES[PHASES.index(begin) :]
    assert play.published == [NEW.kid]


@pytest.mark.parametrize("old_key", ["archive", "destroy"])
def test_what_becomes_of_the_old_key_is_listed(play, old_key):
    require_same(*foreseen_and_done(play, "auto", **AT_ONCE, old_key=old_key))


def test_it_ends_where_the_run_has_to_wait(play):
    foreseen, done = foreseen_and_done(play, "auto")
    require_same(foreseen, done)
    assert (done[1]["phases"], foreseen[0]["next_phase"]) == (PHASES[:2], "sign")


def test_it_waits_for_counters_that_start_again(play):
    foreseen, dummy = foreseen_and_done(play, "auto", **{**AT_ONCE, "stale_window": 3600})
    assert foreseen[1]["phases"] == PHASES[:4]
    assert [each["name"] for each in foreseen[0]["refusals"]] == ["stale-tokens"]


@pytest.mark.parametrize("begin", PHASES)
def test_revoke_lists_all_of_it(play, begin):
    reach(play, begin)
    foreseen, done = foreseen_and_done(play, "revoke", revoke_kid=FORMER.kid)
    require_same(foreseen, done)
    assert done[1]["phases"][-1] == "retire-accepted"
    assert play.published == [NEW.kid]


def test_the_key_to_come_can_leak_too(play):
    reach(play, "sign")
    require_same(*foreseen_and_done(play, "revoke", revoke_kid=NEW.kid))


def test_a_leaked_key_that_nobody_has_heard_of_is_put_away(play):
    play.own[HOSTS[0]] = {f"{FOLDER}/{NEW.kid}.key": NEW.private}
    foreseen, done = foreseen_and_done(play, "revoke", revoke_kid=NEW.kid)
    require_same(foreseen, done)
    assert f"{HOSTS[0]}:retire {FOLDER}/{NEW.kid}.key" in done[1]["actions"]


def test_a_server_that_comes_back_with_former_files_is_repaired_in_the_same_run(play):
    reach(play, "retire-accepted")
    play.rounds("retire-accepted", key_type="ECDSA")
    play.fleet.machines["node3"] = Machine("node3")
    play.now += DAY
    foreseen, done = foreseen_and_done(play, "revoke", revoke_kid=FORMER.kid)
    require_same(foreseen, done)
    assert done[1]["phases"] == ["sign", "retire-accepted"]


def test_what_is_known_of_a_leaked_key_before_it_is_gone_says_that_its_policy_has_another_time(play):
    play.check_mode = True
    plan, dummy = play.rounds("revoke", revoke_kid=FORMER.kid)
    assert any("attach the one of then" in text for text in plan["revocation"]["consequences"])


def test_one_server_that_is_cut_off_is_gone_on_without(play):
    play.outside = HOSTS[2]
    require_same(*foreseen_and_done(play, "revoke", revoke_kid=FORMER.kid, force=["platform"]))


def test_legacy_tokens_that_are_made_again_are_listed_with_what_follows(play):
    reach(play, "retire-accepted")
    secret = {"namespace": "ci", "name": "robot", "account": "robot", "kid": FORMER.kid}
    play.of_cluster = {**play.of_cluster, "legacy_tokens": [secret]}
    play.check_mode = True
    play.rounds("retire-accepted", remake_tokens=True)
    assert play.done["actions"][0] == "k8s:patch Secret/ci/robot"
    assert play.done["phases"] == ["retire-accepted"]


def test_parties_are_told_and_that_is_recorded(play):
    parties = [{"name": "vault", "command": ["true"]}]
    foreseen, done = foreseen_and_done(play, "auto", **AT_ONCE, relying_parties=parties)
    require_same(foreseen, done)
    assert done[1]["actions"].count("tell:vault") == 2


def test_a_party_that_has_to_confirm_ends_it_there(play):
    parties = [{"name": "desk", "confirm": []}]
    foreseen, done = foreseen_and_done(play, "auto", **AT_ONCE, relying_parties=parties)
    require_same(foreseen, done)
    assert done[1]["phases"] == PHASES[:2]


def test_a_key_that_does_not_exist_yet_has_no_id_and_no_private_half(play):
    play.check_mode = True
    plan, dummy = play.rounds("auto", **AT_ONCE)
    [made] = [item["foreseen"] for item in plan["work"] if item["kind"] == "make_key"]
    known = json.dumps({name: value for name, value in plan.items() if name != "work"})
    later = json.dumps([item for item in plan["work"] if item["kind"] == "foreseen"])
    assert made["kid"] not in known + later
    assert PLANNED in "".join(plan["table"])
    assert "PRIVATE" not in json.dumps(plan)


def test_a_key_that_is_handed_over_is_known_by_its_id(play, tmp_path):
    path = tmp_path / "handed.key"
    path.write_bytes(NEW.private)
    foreseen, done = foreseen_and_done(play, "auto", **AT_ONCE, key_path=str(path), key_type="")
    require_same(foreseen, done)
    assert NEW.kid in "".join(foreseen[0]["table"])


def test_what_cannot_be_planned_ends_it_with_the_reason(play):
    play.fleet.machines["node2"].disk["/etc/kubernetes/pki/sa.pub"] = b"nothing"
    play.check_mode = True
    plan, dummy = play.rounds("auto", **AT_ONCE, force=["platform"])
    assert plan["done"]["phases"] == ["prepare"]
    [warning] = [text for text in plan["done"]["warnings"] if "cannot be foreseen" in text]
    assert "node2" in warning


def test_what_a_killed_run_left_is_removed_once(play):
    play.left = {HOSTS[1]: [f"{FOLDER}/rotate-ca"]}
    left = dict(play.left)
    play.check_mode = True
    play.rounds("auto", **AT_ONCE)
    assert play.done["actions"].count(f"{HOSTS[1]}:remove {FOLDER}/rotate-ca") == 1
    assert play.left == left
