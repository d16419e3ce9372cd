# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rounds of a rotation on a cluster and a store in memory, item by item as the role does them."""

from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Event, Record
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_reading
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import (
    FORMER,
    NEW,
    Machine,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_readings import (
    FOLDER,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_rotation import (
    DAY,
    HOSTS,
    QUIET,
    RETIRED,
    WAITS,
    Play,
    reach,
)


@pytest.fixture
def play(monkeypatch):
    play = Play()
    monkeypatch.setattr(_rotate_reading.time, "time", lambda: play.now)
    return play


def test_each_phase_does_its_part_and_a_second_run_nothing(play):
    for phase, wait in WAITS.items():
        play.now += wait
        dummy, planned = play.rounds(phase)
        assert planned and play.fleet.refused() == []
        plan, again = play.rounds(phase)
        assert (plan["failure"], again) == (None, [])
    assert play.published == [NEW.kid]
    assert {(machine.signing, *machine.kids) for machine in play.fleet.machines.values()} == {(NEW.kid, NEW.kid)}
    assert play.plan("status")["table"]


@pytest.mark.parametrize("phase", WAITS)
def test_check_mode_lists_the_actions_of_the_run_and_does_none(play, phase):
    reach(play, phase)
    before = (play.published, play.record.text, play.fleet.state(), str(play.own))
    play.check_mode = True
    dummy, titles = play.rounds(phase)
    planned = play.done["actions"]
    assert (play.published, play.record.text, play.fleet.state(), str(play.own)) == before
    play.check_mode = False
    assert play.rounds(phase)[1] == titles
    assert play.done["actions"] == planned


@pytest.mark.parametrize(("phase", "others"), [("accept", 0), ("sign", 5)])
def test_what_a_killed_run_left_is_removed_first_also_if_nothing_else_is_to_be_done(play, phase, others):
    reach(play, "sign")
    left = {HOSTS[1]: [f"{FOLDER}/rotate-ca"]}
    play.left, play.check_mode = dict(left), True
    play.rounds(phase)
    planned = play.done["actions"]
    assert f"{HOSTS[1]}:remove {FOLDER}/rotate-ca" in planned and play.left == left
    play.check_mode, record = False, play.record.text
    plan, titles = play.rounds(phase)
    tidied = f"{HOSTS[1]}: remove what a run left that was cut off"
    assert (len([each for each in titles if each != tidied]), plan["failure"], play.left) == (others, None, {})
    assert play.done["actions"] == planned
    assert (play.record.text == record) == (others == 0)


def test_what_another_run_may_be_at_work_with_is_left(play):
    reach(play, "sign")
    play.record = play.record.after([Event(kind="began", kid="", at=play.now, by="user@elsewhere[1]")])
    play.left = left = {HOSTS[1]: [f"{FOLDER}/rotate-ca"]}
    for phase in ("accept", "sign"):
        play.rounds(phase)
    assert play.left == left


def test_no_result_has_a_private_key(play):
    reach(play, "sign")
    plan, dummy = play.rounds("sign")
    for key in (FORMER, NEW):
        assert key.private.decode().split("\n")[1] not in f"{plan} {play.done}"


@pytest.mark.parametrize(
    ("phase", "early", "name"), [("sign", 1, "cache-time"), ("retire-published", 60, "token-time")]
)
def test_a_phase_that_comes_too_early_is_refused_unless_it_is_forced(play, phase, early, name):
    reach(play, phase)
    play.now -= early
    plan, planned = play.rounds(phase)
    assert (planned, [each["name"] for each in plan["refusals"]]) == ([], [name])
    assert plan["failure"].startswith(f"{phase} is refused; no key and no server was changed.")
    assert f"add {name} to irsa_rotate_force" in plan["failure"]
    assert play.rounds(phase, force=[name])[1]
    assert play.done["forced"] == [name]
    assert play.done["warnings"][0].startswith(f"irsa_rotate_force has {name}.")


def test_auto_says_when_the_next_phase_may_be_done_and_does_not_fail(play):
    plan, dummy = play.rounds("auto")
    assert (play.done["phases"], plan["failure"], plan["next_phase"]) == (["prepare", "accept"], None, "sign")
    assert plan["next_at"] == play.now + 3600


class TestHandedOver:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (NEW.public, "public"),
            (samples.openssl("genrsa 1024"), "1024"),
            (samples.openssl("genpkey -algorithm ED25519"), "ED25519|Ed25519"),
            (samples.openssl("genrsa -aes128 -passout pass:secret 2048"), "encrypted|passphrase|password"),
            (b"nonsense", "PEM|key"),
        ],
    )
    def test_a_key_that_cannot_be_used_is_refused_with_the_reason(self, play, tmp_path, content, reason):
        path = tmp_path / "handed.key"
        path.write_bytes(content)
        plan = play.plan("prepare", key_path=str(path))
        assert plan["failed"] and "irsa_rotate_key_path cannot be used" in plan["msg"]
        assert any(each in plan["msg"] for each in reason.split("|"))
        assert play.plan("status", key_path=str(path))["table"]

    def test_a_file_that_is_nowhere_is_named(self, play, tmp_path):
        plan = play.plan("prepare", key_path=str(tmp_path / "none.key"))
        assert plan["failed"] and f"{tmp_path}/none.key" in plan["msg"]

    def test_one_that_can_be_used_is_staged_and_published(self, play, tmp_path):
        path = tmp_path / "handed.key"
        path.write_bytes(NEW.private)
        play.rounds("prepare", key_path=str(path))
        assert (play.published, play.own[HOSTS[0]]) == (
            [FORMER.kid, NEW.kid],
            {f"{FOLDER}/{NEW.kid}.key": NEW.private},
        )


def test_a_node_without_openssl_gets_a_key_that_was_made_in_memory(play):
    play.has_openssl = False
    plan = play.plan("prepare")
    made = play.run(HOSTS[0], operation="make_key", settings={"phase": "prepare"}, work=plan["work"][1])
    [(host, asked)] = [each for each in play.asked if each[1]["operation"] == "make_key"]
    assert (host, made["done"]["made"]["kid"]) == (HOSTS[0], samples.kid(asked["private_key"].encode()))
    assert asked["private_key"] not in str(made)


def test_a_prepare_whose_key_was_lost_starts_over(play):
    play.rounds("prepare")
    play.own[HOSTS[0]].clear()
    plan = play.plan("sign")
    assert "The private half of" in plan["failure"]
    plan, planned = play.rounds("prepare")
    assert planned[:2] == ["record that this run begins", "host-of-node1: make the new key"]
    assert (plan["failure"], play.own[HOSTS[0]]) == (None, {f"{FOLDER}/{NEW.kid}.key": NEW.private})


@pytest.mark.parametrize(("phase", "settings"), [("auto", {}), ("sign", {}), ("revoke", {"revoke_kid": FORMER.kid})])
def test_a_server_that_comes_back_with_the_former_key_is_repaired(play, phase, settings):
    for each, wait in WAITS.items():
        play.now += wait
        play.rounds(each)
    play.fleet.machines["node3"] = Machine("node3")
    play.now += DAY
    plan, dummy = play.rounds(phase, **settings)
    assert (plan["failure"], play.done["phases"][0], play.done["forced"]) == (None, "sign", [])
    assert {machine.signing for machine in play.fleet.machines.values()} == {NEW.kid}
    assert play.fleet.refused() == []


def test_a_second_rotation_says_who_began_the_first_and_when(play):
    play.record = play.record.after([Event(kind="began", kid="", at=play.now - 60, by="ann@desk, process 1")])
    plan, planned = play.rounds("prepare")
    assert (planned, play.published, play.own[HOSTS[0]]) == ([], [FORMER.kid], {})
    for part in ("ann@desk, process 1", "other-rotation", "1970-"):
        assert part in plan["failure"]
    assert play.rounds("prepare", force=["other-rotation"])[1]


BROKEN = {"name": "vault", "command": [sys.executable, "-c", "import sys; sys.exit('sealed')"]}


def vault(folder):
    """A party whose command notes what it is told."""
    script = f"import sys; print(sys.stdin.read(), file=open({str(folder / 'told')!r}, 'a'))"
    return {"name": "vault", "command": [sys.executable, "-c", script]}


def titles(plan):
    return [item["title"] for item in plan["work"]]


class TestParties:
    def test_one_that_is_told_is_remembered(self, play, tmp_path):
        script = f"import sys; open({str(tmp_path / 'told')!r}, 'a').write(sys.stdin.read())"
        parties = [{"name": "vault", "command": [sys.executable, "-c", script]}]
        play.rounds("prepare", relying_parties=parties, issuer="https://example.com")
        told = json.loads((tmp_path / "told").read_text())
        assert (told["kids"], told["phase"]) == ([FORMER.kid, NEW.kid], "prepare")
        assert play.record.is_told(NEW.kid, "vault")

    def test_one_whose_command_fails_ends_the_run_by_name_and_is_told_by_the_next(self, play):
        parties = [{"name": "vault", "command": [sys.executable, "-c", "import sys; sys.exit('sealed')"]}]
        with pytest.raises(AssertionError, match=r"(?s)'vault'.*sealed.*run the phase again"):
            play.rounds("prepare", relying_parties=parties)
        assert not play.record.is_told(NEW.kid, "vault")
        play.rounds("prepare", relying_parties=[{"name": "vault", "command": [sys.executable, "-c", ""]}])
        assert play.record.is_told(NEW.kid, "vault")

    def test_sign_waits_for_one_that_has_to_confirm(self, play):
        parties = [{"name": "desk", "confirm": []}]
        reach(play, "sign", relying_parties=parties)
        plan = play.plan("sign", relying_parties=parties)
        assert [each["name"] for each in plan["refusals"]] == ["relying-parties"]
        assert play.rounds("sign", relying_parties=[{"name": "desk", "confirm": [NEW.kid]}])[1]

    def test_one_that_is_told_late_is_told_before_sign_and_sign_is_done(self, play):
        reach(play, "sign")
        parties = [{"name": "vault", "command": [sys.executable, "-c", ""]}]
        plan, planned = play.rounds("sign", relying_parties=parties)
        assert (planned[0], plan["failure"], play.done["phases"]) == ("tell vault", None, ["sign"])
        assert {machine.signing for machine in play.fleet.machines.values()} == {NEW.kid}

    def test_none_is_told_while_another_run_is_at_work(self, play):
        reach(play, "sign")
        play.record = play.record.after([Event(kind="began", kid="", at=play.now - 60, by="ann@desk, process 1")])
        parties = [{"name": "vault", "command": [sys.executable, "-c", ""]}]
        plan, planned = play.rounds("sign", relying_parties=parties)
        assert (planned, play.done["phases"]) == ([], [])
        assert "other-rotation" in plan["failure"]

    @pytest.mark.parametrize("phase", ["retire-published", "retire-accepted", "auto", "prepare"])
    def test_one_that_was_not_told_that_a_key_left_is_told_by_the_next_run(self, play, tmp_path, phase):
        reach(play, "retire-published", relying_parties=[vault(tmp_path)])
        with pytest.raises(AssertionError, match="was not told of the keys"):
            play.rounds("retire-published", relying_parties=[BROKEN])
        assert play.published == [NEW.kid]
        play.rounds(phase, relying_parties=[vault(tmp_path)])
        assert json.loads((tmp_path / "told").read_text().splitlines()[-1])["kids"] == [NEW.kid]
        assert play.record.is_told(FORMER.kid, "vault", kind="told-removal")
        play.rounds(phase, relying_parties=[vault(tmp_path)])
        assert (tmp_path / "told").read_text().count('"phase": "retire-published"') == 1

    def test_servers_forget_no_key_that_a_party_was_not_told_to_forget(self, play, tmp_path):
        reach(play, "retire-published", relying_parties=[vault(tmp_path)])
        with pytest.raises(AssertionError):
            play.rounds("retire-published", relying_parties=[BROKEN])
        play.now += 3600
        with pytest.raises(AssertionError, match="was not told of the keys"):
            play.rounds("retire-accepted", relying_parties=[BROKEN])
        assert all(FORMER.kid in machine.kids for machine in play.fleet.machines.values())
        assert play.rounds("retire-accepted", relying_parties=[BROKEN], force=["relying-parties"])[1]
        assert all(FORMER.kid not in machine.kids for machine in play.fleet.machines.values())
        assert any("was not told of the keys" in text for text in play.done["warnings"])

    def test_retirement_waits_for_one_that_does_not_have_the_key_that_signs(self, play):
        reach(play, "retire-published")
        plan = play.plan("retire-published", relying_parties=[{"name": "desk", "confirm": []}])
        assert [each["name"] for each in plan["refusals"]] == ["relying-parties"]
        assert play.rounds("retire-published", relying_parties=[{"name": "desk", "confirm": [NEW.kid]}])[1]

    def test_a_revocation_goes_on_without_one_that_cannot_be_told_and_the_next_run_tells_it(self, play, tmp_path):
        plan, planned = play.rounds("revoke", revoke_kid=FORMER.kid, relying_parties=[BROKEN])
        assert (plan["failure"], play.published, planned.count("tell vault")) == (None, [NEW.kid], 1)
        assert {(machine.signing, *machine.kids) for machine in play.fleet.machines.values()} == {(NEW.kid, NEW.kid)}
        assert any("was not told of the keys" in text for text in play.done["warnings"])
        assert play.rounds("auto", relying_parties=[vault(tmp_path)])[1].count("tell vault") == 2
        assert play.record.is_told(NEW.kid, "vault")
        assert play.record.is_told(FORMER.kid, "vault", kind="told-removal")


class TestFilesOfKeysThatWereGivenUp:
    """A file of an own key is the next key unless something says otherwise."""

    def test_a_leaked_key_that_was_not_published_yet_never_signs(self, play):
        own = f"{FOLDER}/{NEW.kid}.key"
        play.own[HOSTS[0]] = {own: NEW.private}
        restarts = [machine.restarts for machine in play.fleet.machines.values()]
        plan, dummy = play.rounds("revoke", revoke_kid=NEW.kid)
        assert (plan["failure"], play.own[HOSTS[0]]) == (None, {f"{RETIRED}{NEW.kid}.key": NEW.private})
        assert [machine.restarts for machine in play.fleet.machines.values()] == restarts
        assert play.rounds("revoke", revoke_kid=NEW.kid)[1] == []
        play.own[HOSTS[1]] = {own: NEW.private}  # on a host that the play had left out
        assert "host-of-node1: make the new key" in titles(play.plan("prepare"))

    def test_a_leaked_key_that_is_handed_over_again_is_refused(self, play, tmp_path):
        path = tmp_path / "handed.key"
        path.write_bytes(NEW.private)
        play.own[HOSTS[0]] = {f"{FOLDER}/{NEW.kid}.key": NEW.private}
        play.rounds("revoke", revoke_kid=NEW.kid)
        assert "never signs again" in play.plan("prepare", key_path=str(path))["failure"]

    def test_a_key_that_replaces_a_leaked_one_is_not_the_leaked_one(self, play, tmp_path):
        path = tmp_path / "handed.key"
        path.write_bytes(FORMER.private)
        plan = play.plan("revoke", revoke_kid=FORMER.kid, key_path=str(path))
        assert "never signs again" in plan["failure"]

    @pytest.mark.parametrize("phase", ["retire-accepted", "revoke"])
    def test_without_its_record_a_rotation_does_not_lead_back(self, play, phase):
        play.own[HOSTS[1]] = {f"{FOLDER}/{FORMER.kid}.key": FORMER.private}
        if phase == "retire-accepted":
            reach(play, phase)
        play.rounds(phase, revoke_kid=FORMER.kid)
        assert play.own[HOSTS[1]] == {f"{RETIRED}{FORMER.kid}.key": FORMER.private}
        play.record = Record()
        assert f"publish {FORMER.kid}" not in titles(play.plan("auto"))

    @pytest.mark.parametrize("phase", ["retire-accepted", "auto"])
    def test_what_a_run_that_was_cut_off_left_is_destroyed_by_the_next(self, play, phase):
        reach(play, "retire-accepted")
        play.rounds("retire-accepted")
        play.own[HOSTS[2]][f"{FOLDER}/{FORMER.kid}.key"] = FORMER.private
        play.rounds(phase, old_key="destroy")
        assert [FORMER.private in files.values() for files in play.own.values()] == [False] * 3
        assert play.rounds(phase, old_key="destroy")[1] == []

    def test_a_key_that_is_in_use_stays(self, play):
        reach(play, "retire-published")
        assert play.rounds("auto", old_key="destroy")[0]["failure"] is None
        assert [FORMER.private in files.values() for files in play.own.values()] == [True] * 3


@pytest.mark.parametrize(("old_key", "left"), [("archive", 3), ("destroy", 0)])
def test_the_old_key_is_kept_or_destroyed_as_told(play, old_key, left):
    reach(play, "retire-accepted")
    play.rounds("retire-accepted", old_key=old_key)
    assert sum(FORMER.private in files.values() for files in play.own.values()) == left


def test_legacy_tokens_of_the_old_key_are_named_and_made_again_if_told(play):
    reach(play, "retire-accepted")
    secret = {"namespace": "ci", "name": "robot", "account": "robot", "kid": FORMER.kid}
    play.of_cluster = {**QUIET, "legacy_tokens": [secret]}
    assert "ci/robot" in play.plan("retire-accepted")["failure"]
    work = play.plan("retire-accepted", remake_tokens=True)["work"]
    assert [item["arguments"]["secrets"] for item in work if item["kind"] == "node"] == [
        [{"namespace": "ci", "name": "robot"}]
    ]


def test_a_legacy_token_that_is_of_the_old_key_again_is_made_again_only_once(play):
    reach(play, "retire-accepted")
    secret = {"namespace": "ci", "name": "robot", "account": "robot", "kid": FORMER.kid}
    play.of_cluster = {**QUIET, "legacy_tokens": [secret]}
    plan, dummy = play.rounds("retire-accepted", remake_tokens=True)
    assert play.done["actions"] == ["k8s:patch Secret/ci/robot"]
    assert (play.done["phases"], "ci/robot" in plan["failure"]) == ([], True)


CART = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-7d", "controller": True}


class TestRevoke:
    def pod(self, name, *owners, started="1970-01-02T00:00:00Z", **more):
        labels = {"pod-template-hash": "7d"}
        metadata = {"namespace": "shop", "name": name, "labels": labels, "ownerReferences": list(owners)}
        return {"started": started, "metadata": metadata, "uses_aws": True, "is_critical": False, **more}

    def test_it_replaces_the_key_at_once_and_names_the_pods_to_restart(self, play):
        job = {**CART, "apiVersion": "batch/v1", "kind": "Job", "name": "report"}
        pods = [self.pod("cart-7d-1", CART), self.pod("cart-7d-2", CART), self.pod("report-1", job)]
        late = self.pod("late", CART, started="2099-01-01T00:00:00Z")
        play.pods = {"pods": [self.pod("alone", uses_aws=False), *pods, late], "faults": []}
        plan, dummy = play.rounds("revoke", revoke_kid=FORMER.kid)
        assert play.published == [NEW.kid]
        assert {(machine.signing, *machine.kids) for machine in play.fleet.machines.values()} == {(NEW.kid, NEW.kid)}
        assert plan["revocation"]["hasten"] == (
            "kubectl -n shop rollout restart deployment/cart",
            "kubectl -n shop delete pod report-1",
        )
        assert "Nothing makes 'shop/alone' again" in plan["revocation"]["consequences"][-1]
        asked = [arguments for host, arguments in play.asked if arguments["operation"] == "token_pods"]
        assert asked[0]["audiences"] == ["sts.amazonaws.com"]

    def test_a_key_id_that_is_mistyped_is_no_success(self, play):
        plan, planned = play.rounds("revoke", revoke_kid=f"{FORMER.kid}x")
        assert planned == []
        assert f"'{FORMER.kid}x' is not known" in plan["failure"] and "irsa_rotate_revoke_kid" in plan["failure"]

    def test_it_goes_on_without_a_server_that_is_cut_off_if_that_is_forced(self, play):
        play.outside = HOSTS[2]
        assert [each["name"] for each in play.plan("revoke", revoke_kid=FORMER.kid)["refusals"]] == ["platform"]
        plan, dummy = play.rounds("revoke", revoke_kid=FORMER.kid, force=["platform"])
        assert (plan["failure"], play.published) == (None, [NEW.kid])
        state = [(machine.signing, machine.kids) for machine in play.fleet.machines.values()]
        assert state == [*[(NEW.kid, {NEW.kid})] * 2, (FORMER.kid, {FORMER.kid})]
        assert any(text.startswith("node3 is no host of this play") for text in play.done["warnings"])
        assert "'node3' is no host of this play" in plan["revocation"]["consequences"][0]

    def test_a_step_is_not_to_prove_what_such_a_server_accepts(self, play):
        play.outside = HOSTS[2]
        play.rounds("prepare", force=["platform"])
        [first, *dummy] = [item for item in play.plan("accept", force=["platform"])["work"] if item["kind"] == "server"]
        assert first["step"]["node"]["servers"] == ["https://192.0.2.1:6443", "https://192.0.2.2:6443"]

    def test_a_run_on_another_machine_that_did_not_end_does_not_stop_it(self, play):
        play.record = play.record.after([Event(kind="began", kid="", at=play.now - 60, by="ci@runner, process 1")])
        assert [each["name"] for each in play.plan("auto")["refusals"]] == ["other-rotation"]
        plan, dummy = play.rounds("revoke", revoke_kid=FORMER.kid)
        assert (plan["failure"], play.published, play.done["forced"]) == (None, [NEW.kid], [])
        assert "ci@runner, process 1" in play.done["warnings"][0]

    def test_pods_that_cannot_be_listed_do_not_stop_it(self, play):
        play.pods = {"pods": None, "faults": ["The API server x answers in an unknown form."]}
        plan = play.plan("revoke", revoke_kid=FORMER.kid)
        assert plan["work"] and "x answers in an unknown form." in plan["revocation"]["consequences"][-1]
