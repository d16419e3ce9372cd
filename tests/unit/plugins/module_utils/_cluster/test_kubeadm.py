# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for clusters of kubeadm: in which order servers change, what survives, when it is refused."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options, own_key_paths, plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ABSENT,
    ACCEPT,
    FORGET,
    SIGN,
    SIGN_BACK,
    Goal,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.phases import KeyFiles
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import (
    CONFIGURATION,
    ONLY_OLD,
    SIGNING_KID,
    STARTED,
    cluster,
    command_of,
    issuers,
    walked,
    with_server,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import KID, KUBEADM, NEW, OLD

DAY = 86400
GOAL = Goal(issuer=NEW, published_kids=frozenset({SIGNING_KID}))
OWN = Goal(issuer=NEW, published_kids=frozenset({KID}), own_kid=KID)
AWAY = Goal(issuer=NEW, state=ABSENT)
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
PATCH = "/etc/kubernetes/patches/kube-apiserver-irsa+json.yaml"
SORTING = {"tool_version": "v1.34.0"}


def planned(before, goal=GOAL, **options):
    return plan(before, goal, Options(**options))


def shape(result):
    return [(step.phase, step.server) for step in result.steps]


def with_kubeadm(before, version):
    return dataclasses.replace(
        before, servers=tuple(dataclasses.replace(each, tool_version=version) for each in before.servers)
    )


def known_of(server):
    """What changes of a server in a step."""
    return {name: getattr(server, name) for name in ("manifest", "running", "started")}


def in_phase(phase, *names):
    return [(phase, name) for name in names or ("node1", "node2", "node3")]


def test_every_server_accepts_before_any_signs():
    result = planned(cluster())
    assert shape(result) == in_phase(ACCEPT) + in_phase(SIGN)
    assert all(step.restarts for step in result.steps)
    assert [step.issuers for step in result.steps] == [(OLD, NEW)] * 3 + [(NEW, OLD)] * 3
    assert result.summary == (
        "3 API servers restart, one at a time, to accept the issuer and then to sign with the issuer."
    )
    assert issuers(walked(cluster(), result)) == [(NEW, OLD)] * 3


def test_one_server_needs_one_restart():
    result = planned(cluster(1))
    assert shape(result) == [(SIGN, "node1")]
    assert result.summary == "1 API server restarts, to sign with the issuer."
    (step,) = result.steps
    assert [write.path for write in step.files] == [MANIFEST] and step.files[0].before == KUBEADM.encode()


def test_a_step_says_what_must_be_proved_after_it():
    result = planned(cluster())
    assert {(step.kids, step.signing_kid) for step in result.steps} == {(frozenset({SIGNING_KID}), SIGNING_KID)}
    own = planned(cluster(), OWN)
    both = frozenset({SIGNING_KID, KID})
    assert [(step.kids, step.signing_kid) for step in own.steps] == [(both, SIGNING_KID)] * 3 + [(both, KID)] * 3


def test_audiences_that_are_set_to_nothing_stay_so():
    """kube-apiserver takes all issuers for audiences then, as if the flag were not there."""
    before = cluster(
        1,
        manifest=KUBEADM.replace(
            "    - kube-apiserver\n", "    - kube-apiserver\n    - --api-audiences=\n", 1
        ).encode(),
    )
    after = walked(before, planned(before))
    assert [text for text in after.servers[0].running if "api-audiences" in text] == ["--api-audiences="]
    assert planned(after).steps == ()


@pytest.mark.parametrize("goal", [GOAL, OWN])
@pytest.mark.parametrize("known", [{}, SORTING])
def test_nothing_is_left_to_do_after_the_steps(goal, known):
    after = walked(cluster(**known), planned(cluster(**known), goal))
    again = planned(after, goal)
    assert (again.steps, again.summary, again.findings.problems) == ((), "", ())


@pytest.mark.parametrize(("stopped", "known"), [(0, {}), (2, {}), (3, {}), (4, {}), (1, SORTING), (5, SORTING)])
def test_the_next_run_goes_on_where_one_was_stopped(stopped, known):
    result = planned(cluster(**known))
    half = walked(cluster(**known), dataclasses.replace(result, steps=result.steps[:stopped]))
    rest = planned(half)
    assert shape(rest) == shape(result)[stopped:]
    assert walked(half, rest) == walked(cluster(**known), result)


def test_a_server_that_joined_later_is_brought_in():
    """The others sign with the issuer already, and it refuses their tokens."""
    others = walked(cluster(2), planned(cluster(2)))
    refusal = "The API server https://192.0.2.1:6443 mints tokens that another one does not accept."
    others = with_server(others, "node1", issuer=NEW, refusals=(refusal,))
    joined = dataclasses.replace(others, servers=(*others.servers, cluster(3).servers[2]))
    result = planned(joined)
    assert shape(result) == [(ACCEPT, "node3"), (SIGN, "node3")]
    lasting = walked(joined, result)
    assert planned(lasting).findings.problems == (f"node1: {refusal}",)


@pytest.mark.parametrize(
    "further",
    [{"accepted_issuers": ("https://x.example.com",)}, {"accepted_key_files": ("/etc/kubernetes/pki/other.pub",)}],
)
def test_the_next_run_goes_on_with_what_else_is_accepted(further):
    goal = dataclasses.replace(GOAL, **further)
    result = planned(cluster(), goal)
    for stopped in (1, 4):
        half = walked(cluster(), dataclasses.replace(result, steps=result.steps[:stopped]))
        rest = planned(half, goal)
        assert rest.findings.problems == ()
        assert shape(rest) == shape(result)[stopped:]
        assert walked(half, rest) == walked(cluster(), result)


def test_a_server_that_joined_without_the_own_key_is_brought_in():
    """It signs with the cluster's key, which the others verify, and does not verify theirs."""
    refusal = "The API server https://192.0.2.1:6443 mints tokens that another one does not accept."
    signing = walked(cluster(2), planned(cluster(2), OWN))
    for name in ("node1", "node2"):
        own = {"kids": frozenset({SIGNING_KID, KID}), "signing_kid": KID, "issuer": NEW, "refusals": (refusal,)}
        signing = with_server(signing, name, **own)
    joined = dataclasses.replace(signing, servers=(*signing.servers, cluster(3).servers[2]))
    result = planned(joined, OWN)
    assert result.findings.problems == ()
    assert shape(result) == [(ACCEPT, "node3"), (SIGN, "node3")]
    adopting = planned(joined, dataclasses.replace(GOAL, published_kids=frozenset({SIGNING_KID, KID})))
    assert f"the key '{KID}', which node3 does not have" in adopting.findings.problems[0]
    outside = with_server(joined, "node3", managed=False, manifest=None)
    assert "Add node3 to the hosts of this play (no --limit)" in planned(outside, OWN).findings.problems[0]


def test_an_own_key_that_a_server_names_and_does_not_serve_is_a_difference():
    signing = walked(cluster(2), planned(cluster(2), OWN))
    signing = with_server(signing, "node1", kids=frozenset({SIGNING_KID, KID}), signing_kid=KID)
    (problem,) = planned(signing, OWN).findings.problems
    assert f"the key '{KID}', which node2 does not have in its JWKS" in problem


def test_accept_alone_leaves_what_signs():
    result = planned(cluster(), dataclasses.replace(GOAL, phase=ACCEPT))
    assert shape(result) == in_phase(ACCEPT)
    assert "run this again with irsa_apiserver_phase auto or sign" in result.next[0]
    after = walked(cluster(), result)
    assert shape(planned(after, dataclasses.replace(GOAL, phase=SIGN))) == in_phase(SIGN)


def test_sign_is_refused_while_a_server_does_not_accept():
    accepting = walked(cluster(), planned(cluster(), dataclasses.replace(GOAL, phase=ACCEPT)))
    before = with_server(accepting, "node2", running=cluster(1).servers[0].running, manifest=KUBEADM.encode())
    result = planned(before, dataclasses.replace(GOAL, phase=SIGN))
    assert result.steps == ()
    (problem,) = result.findings.problems
    assert "it is not known of node2 that it accepts this issuer" in problem
    assert problem.endswith("Run this with irsa_apiserver_phase accept or auto first.")


@pytest.mark.parametrize("running", [None, cluster(1).servers[0].running])
def test_a_server_outside_the_play_stops_what_it_could_refuse(running):
    before = with_server(cluster(), "node3", managed=False, manifest=None, running=running, tool_version=None)
    for phase in ("auto", SIGN):
        result = planned(before, dataclasses.replace(GOAL, phase=phase))
        assert result.steps == ()
        assert "Add node3 to the hosts of this play (no --limit)" in result.findings.problems[0]
    accepting = planned(before, dataclasses.replace(GOAL, phase=ACCEPT))
    assert shape(accepting) == in_phase(ACCEPT, "node1", "node2")
    assert "node3 is an API server of this cluster, but not a host of this play" in accepting.findings.warnings[0]


def test_a_server_outside_the_play_that_accepts_is_left_alone():
    accepting = walked(cluster(), planned(cluster(), dataclasses.replace(GOAL, phase=ACCEPT)))
    before = with_server(accepting, "node3", managed=False, manifest=None)
    result = planned(before)
    assert shape(result) == in_phase(SIGN, "node1", "node2")
    assert "It does not sign with the issuer yet" in result.findings.warnings[0]


def test_going_back_takes_two_runs():
    signing = walked(cluster(), planned(cluster()))
    first = planned(signing, AWAY)
    assert shape(first) == in_phase(SIGN_BACK)
    assert first.summary == "3 API servers restart, one at a time, to sign with the former issuer again."
    assert f"after {DAY} seconds" in first.next[0]
    back = walked(signing, first, now=STARTED + 200)
    assert issuers(back) == [(OLD, NEW)] * 3
    early = planned(back, AWAY)
    assert early.steps == ()
    (problem,) = early.findings.problems
    assert problem == (
        f"The issuer '{NEW}' may be forgotten from 1970-01-13T13:50:00Z on, not yet: pods may still use tokens of it. "
        f"node1 started at 1970-01-12T13:50:00Z, and irsa_apiserver_forget_after is {DAY} seconds. Run this again then."
    )
    later = dataclasses.replace(back, now=STARTED + 200 + DAY)
    last = planned(later, AWAY)
    assert shape(last) == in_phase(FORGET)
    gone = walked(later, last)
    assert issuers(gone) == ONLY_OLD and gone.configuration == CONFIGURATION
    assert [each.manifest for each in gone.servers] == [KUBEADM.encode()] * 3
    assert (planned(gone, AWAY).steps, planned(gone, AWAY).findings.warnings) == ((), ())


def test_the_youngest_server_decides_how_long_to_wait():
    signing = walked(cluster(), planned(cluster()))
    back = walked(signing, planned(signing, AWAY))
    before = with_server(dataclasses.replace(back, now=STARTED + 2 * DAY), "node2", started=STARTED + 2 * DAY - 1)
    assert "node2 started at" in planned(before, AWAY).findings.problems[0]
    unknown = with_server(dataclasses.replace(back, now=STARTED + 2 * DAY), "node2", started=None)
    assert "it is not known when node2 started" in planned(unknown, AWAY).findings.problems[0]
    assert shape(planned(before, dataclasses.replace(AWAY, forget_after=1))) == in_phase(FORGET)


def test_forgetting_goes_on_where_it_was_stopped():
    """node1 has forgotten the issuer, and node2 was put back, so it has just started. node3 waited long enough."""
    signing = walked(cluster(), planned(cluster()))
    back = dataclasses.replace(walked(signing, planned(signing, AWAY)), now=STARTED + 2 * DAY)
    result = planned(back, AWAY)
    half = walked(back, dataclasses.replace(result, steps=result.steps[:1]), now=back.now + 60)
    half = with_server(dataclasses.replace(half, now=back.now + 180), "node2", started=back.now + 120)
    assert shape(planned(half, AWAY)) == in_phase(FORGET, "node2", "node3")


def test_a_server_without_the_issuer_does_not_shorten_the_wait():
    """It may have joined without it. Only the user can know."""
    signing = walked(cluster(), planned(cluster()))
    back = with_server(walked(signing, planned(signing, AWAY)), "node1", **known_of(cluster(1).servers[0]))
    (problem,) = planned(back, AWAY).findings.problems
    assert problem.startswith(f"The issuer '{NEW}' may be forgotten from ")
    assert problem.endswith(
        "It is not accepted by node1. If an earlier run had it forgotten there, the wait was over then: set "
        "irsa_apiserver_forget_after to 0, and run this again at once."
    )


@pytest.mark.parametrize("running", [None, ("kube-apiserver", f"--service-account-issuer={NEW}")])
def test_a_server_outside_the_play_that_may_sign_keeps_the_issuer(running):
    signing = walked(cluster(), planned(cluster()))
    back = dataclasses.replace(walked(signing, planned(signing, AWAY)), now=STARTED + 2 * DAY)
    before = with_server(back, "node3", managed=False, manifest=None, running=running)
    assert FORGET not in dict(shape(planned(before, AWAY)))


def test_an_issuer_without_a_former_one_cannot_go_back():
    alone = cluster(1, manifest=KUBEADM.replace(OLD, NEW).encode())
    (problem,) = planned(alone, AWAY).findings.problems
    assert problem.startswith("node1: it cannot sign with a former issuer again")
    named = dataclasses.replace(AWAY, accepted_issuers=("https://former.example.com",))
    assert shape(planned(alone, named)) == [(SIGN_BACK, "node1")]


def test_a_new_cluster_with_the_issuer_needs_nothing():
    configuration = CONFIGURATION.replace(
        "apiServer: {}", f"apiServer:\n  extraArgs:\n  - name: service-account-issuer\n    value: {NEW}"
    )
    before = dataclasses.replace(cluster(manifest=KUBEADM.replace(OLD, NEW).encode()), configuration=configuration)
    assert planned(before).steps == ()
    sorting = dataclasses.replace(
        before, servers=tuple(dataclasses.replace(each, **SORTING) for each in before.servers)
    )
    assert planned(sorting).steps == ()


def test_cluster_configuration_is_written_once_all_servers_of_a_phase_are_proved():
    result = planned(cluster())
    assert [bool(step.configuration) for step in result.steps] == [False, False, True] * 2
    assert result.method == "cluster_configuration" and result.new_node_needs == ()
    accepting, signing = (step.configuration[1] for step in result.steps if step.configuration)
    for text, expected in ((accepting, (OLD, NEW)), (signing, (NEW, OLD))):
        lines = "".join(f"  - name: service-account-issuer\n    value: {issuer}\n" for issuer in expected)
        assert text == CONFIGURATION.replace("apiServer: {}\n", f"apiServer:\n  extraArgs:\n{lines}")


def test_a_kubeadm_that_sorts_gets_patches():
    result = planned(cluster(**SORTING))
    assert [[write.path for write in step.files] for step in result.steps] == [[PATCH, MANIFEST]] * 6
    assert not any(step.configuration for step in result.steps)
    contents = [step.files[0].after.decode().split("\n", 1)[1] for step in result.steps]
    operation = '- {{op: add, path: /spec/containers/0/command/{}, value: "--service-account-issuer={}"}}\n'
    assert contents == [operation.format("-", NEW)] * 3 + [operation.format(1, NEW)] * 3
    assert result.new_node_needs == (PATCH,)
    assert "--patches /etc/kubernetes/patches" in result.next[-1] and "UpgradeConfiguration" in result.next[-1]


def test_one_node_with_a_kubeadm_that_sorts_is_enough_for_patches():
    assert planned(with_server(cluster(), "node2", **SORTING)).method == "patches"


def test_a_lost_patch_is_written_again_without_a_restart():
    after = walked(cluster(**SORTING), planned(cluster(**SORTING)))
    lost = with_server(after, "node2", patches={})
    (step,) = planned(lost).steps
    assert (step.server, step.restarts, [write.path for write in step.files]) == ("node2", False, [PATCH])
    assert planned(lost).summary == ""


def test_a_lost_entry_of_cluster_configuration_is_written_again_without_a_restart():
    after = walked(cluster(), planned(cluster()))
    (step,) = planned(dataclasses.replace(after, configuration=CONFIGURATION)).steps
    assert (step.restarts, step.files) == (False, ()) and NEW in step.configuration[1]


def test_patches_give_way_to_cluster_configuration():
    after = walked(cluster(**SORTING), planned(cluster(**SORTING)))
    newer = with_kubeadm(after, "v1.37.2")
    result = planned(newer)
    assert not any(step.restarts for step in result.steps)
    assert all(not each.patches for each in walked(newer, result).servers)
    assert NEW in (walked(newer, result).configuration or "")


def test_patches_and_cluster_configuration_never_both_name_the_issuer():
    """ClusterConfiguration of a newer kubeadm: an older one would sort it, and a patch would repeat it."""
    after = walked(cluster(), planned(cluster()))
    older = with_kubeadm(after, "v1.34.0")
    lasting = walked(older, planned(older))
    named = (lasting.configuration or "").count(NEW), [len(each.patches) for each in lasting.servers]
    assert named in [(0, [1] * 3), (1, [0] * 3)]


def with_map(issuer):
    """A cluster of v1beta3 whose ClusterConfiguration names an issuer, as one of kubeadm 1.30 may."""
    section = f"apiServer:\n  extraArgs:\n    service-account-issuer: {issuer}"
    configuration = CONFIGURATION.replace("v1beta4", "v1beta3").replace("apiServer: {}", section)
    before = cluster(manifest=KUBEADM.replace(OLD, issuer).encode(), tool_version="v1.30.0")
    return dataclasses.replace(before, configuration=configuration)


def test_an_issuer_of_the_user_in_a_map_stays_there():
    before = with_map("https://user.example.com")
    after = walked(before, planned(before))
    assert issuers(after) == [(NEW, "https://user.example.com")] * 3
    assert after.configuration == before.configuration
    (patch,) = after.servers[0].patches.values()
    assert patch.count(b"service-account-issuer") == 1 and b'/command/1, value: "--service-account-issuer=' in patch


def test_the_issuer_is_taken_out_of_a_map_on_the_way_back():
    """A patch adds the former issuer in front, but it can take nothing away."""
    before = with_map(NEW)
    away = dataclasses.replace(AWAY, accepted_issuers=(OLD,))
    accepting = walked(before, planned(before, dataclasses.replace(GOAL, accepted_issuers=(OLD,))))
    back = walked(accepting, planned(accepting, away))
    assert issuers(back) == [(OLD, NEW)] * 3
    assert (
        f'/command/1, value: "--service-account-issuer={OLD}"'
        in back.servers[0].patches[PATCH.rpartition("/")[2]].decode()
    )
    gone = walked(back, planned(dataclasses.replace(back, now=STARTED + 2 * DAY), away))
    assert issuers(gone) == [(OLD,)] * 3
    assert [dict(each.patches) for each in gone.servers] == [{}] * 3
    assert gone.configuration == CONFIGURATION.replace("v1beta4", "v1beta3")


def with_list(issuer):
    """A cluster whose ClusterConfiguration names an issuer, and whose kubeadm sorts."""
    section = f"apiServer:\n  extraArgs:\n  - name: service-account-issuer\n    value: {issuer}"
    before = cluster(manifest=KUBEADM.replace(OLD, issuer).encode(), **SORTING)
    return dataclasses.replace(before, configuration=CONFIGURATION.replace("apiServer: {}", section))


@pytest.mark.parametrize("with_issuer", [with_map, with_list])
def test_an_issuer_that_does_not_run_leaves_cluster_configuration_by_force_alone(with_issuer):
    """Otherwise the next upgrade would bring it, whatever a patch adds."""
    stray = "https://stray.example.com"
    named = with_issuer(stray)
    before = dataclasses.replace(cluster(tool_version="v1.30.0"), configuration=named.configuration)
    (problem,) = planned(before).findings.problems
    assert f"'{stray}' does not run" in problem and "irsa_apiserver_force" in problem
    after = walked(before, planned(before, dataclasses.replace(GOAL, force=True)))
    assert stray not in (after.configuration or "") and issuers(after) == [(NEW, OLD)] * 3
    assert [len(each.patches) for each in after.servers] == [1] * 3


def test_own_keys_leave_cluster_configuration_whatever_the_way():
    signing = walked(cluster(), planned(cluster(), OWN))
    back = walked(signing, planned(signing, AWAY))
    result = planned(dataclasses.replace(back, now=STARTED + 2 * DAY), AWAY, persist="patches")
    assert walked(back, result).configuration == CONFIGURATION


def test_persist_none_writes_nothing_else():
    result = planned(cluster(), persist="none")
    assert [[write.path for write in step.files] for step in result.steps] == [[MANIFEST]] * 6
    assert not any(step.configuration for step in result.steps)
    assert "kubeadm upgrade will drop the issuer" in result.next[-1]


def test_an_own_key_comes_with_the_controller_manager():
    result = planned(cluster(), OWN)
    assert own_key_paths(KUBEADM.encode(), KID) == KeyFiles(
        private=f"/etc/kubernetes/pki/irsa/{KID}.key",
        public=f"/etc/kubernetes/pki/irsa/{KID}.pub",
    )
    assert [[write.path.rpartition("/")[2] for write in step.writes] for step in result.steps] == (
        [["kube-apiserver.yaml"]] * 3 + [["kube-apiserver.yaml", "kube-controller-manager.yaml"]] * 3
    )
    manager = result.steps[-1].manager
    assert manager.arguments == command_of(manager.file.after)
    assert result.summary == (
        "3 API servers restart, one at a time, to accept the issuer and then to sign with the issuer. "
        "3 controller managers restart, too."
    )
    assert result.new_node_needs == dataclasses.astuple(own_key_paths(KUBEADM.encode(), KID))
    text = result.steps[-1].configuration[1]
    assert f"service-account-private-key-file\n    value: /etc/kubernetes/pki/irsa/{KID}.key" in text
    signing = walked(cluster(), result)
    back = walked(signing, planned(signing, AWAY))
    gone = walked(back, planned(dataclasses.replace(back, now=STARTED + 2 * DAY), AWAY))
    assert dataclasses.replace(gone, now=0, servers=()) == dataclasses.replace(cluster(), now=0, servers=())
    assert {(each.manifest, each.controller_manager) for each in gone.servers} == {
        (KUBEADM.encode(), cluster(1).servers[0].controller_manager)
    }


def test_a_controller_manager_that_was_left_behind_is_changed_alone():
    signing = walked(cluster(), planned(cluster(), OWN))
    behind = with_server(signing, "node2", controller_manager=cluster(1).servers[0].controller_manager)
    result = planned(behind, OWN)
    (step,) = result.steps
    assert (step.server, step.restarts, step.files) == ("node2", False, ())
    assert result.summary == "1 controller manager restarts."
    assert walked(behind, result).servers == signing.servers


def test_an_own_key_needs_the_folder_of_the_clusters_key():
    with pytest.raises(Fault, match="it does not name the cluster's key"):
        own_key_paths(KUBEADM.replace("service-account-key-file", "other").encode(), KID)


def test_what_else_signs_by_the_former_issuer_is_pointed_out():
    assert f"Whatever trusts this cluster's tokens by the issuer '{OLD}'" in planned(cluster()).next[0]
