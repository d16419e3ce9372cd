# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests of static pods: what is read from them, and edits that keep every other byte."""

from __future__ import annotations

import difflib

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import (
    KUBE_CONTROLLER_MANAGER,
    StaticPod,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import (
    CONTROLLER_MANAGER,
    HAND_WRITTEN,
    KID,
    KUBEADM,
    NEW,
    OLD,
)

ADOPTED = phases.Target(issuer=NEW)
OWN = phases.Target(issuer=NEW, key=phases.own_key_files("/etc/kubernetes/pki", KID))
THERE_AND_BACK = (ACCEPT, SIGN, SIGN_BACK, FORGET)


def after(manifest: bytes, phase: str, target: phases.Target = ADOPTED) -> bytes:
    pod = StaticPod(manifest)
    return pod.with_arguments(phases.after(phase, pod.arguments, target)).content


def command_of(manifest: bytes) -> list[str]:
    """The arguments as PyYAML by itself and Kubernetes' rule give them: command, then args."""
    containers = yaml.safe_load(manifest)["spec"]["containers"]
    container = next(each for each in containers if each["name"] in ("kube-apiserver", "api"))
    return [*container.get("command", []), *container.get("args", [])]


def rest_of(manifest: bytes) -> object:
    document = yaml.safe_load(manifest)
    for container in document["spec"]["containers"]:
        if container["name"] in ("kube-apiserver", "api"):
            container.pop("command", None)
            container.pop("args", None)
    return document


def issuers_in(command: list[str]) -> list[str]:
    """By a rule of the test's own: a flag's value behind = or in the next argument."""
    found = []
    for index, text in enumerate(command):
        name, has_value, value = text.partition("=")
        if name.replace("_", "-") == "--service-account-issuer":
            found.append(value if has_value else command[index + 1])
    return found


def kept_bytes(before: bytes, later: bytes) -> int:
    """How many bytes of the one are found in the other, in order."""
    matcher = difflib.SequenceMatcher(None, before, later, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_there_and_back_gives_the_original_bytes(name):
    original = HAND_WRITTEN[name]
    for target in (ADOPTED, OWN):
        manifest = original
        for phase in THERE_AND_BACK:
            manifest = after(manifest, phase, target)
        assert manifest == original


@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_each_phase_leads_to_the_issuers_that_are_meant(name):
    manifest = HAND_WRITTEN[name]
    others = issuers_in(command_of(manifest))
    rest = rest_of(manifest)
    for phase, issuers in (
        (ACCEPT, [*others, NEW]),
        (SIGN, [NEW, *others]),
        (SIGN_BACK, [*others, NEW]),
        (FORGET, others),
    ):
        manifest = after(manifest, phase)
        assert issuers_in(command_of(manifest)) == issuers
        assert list(StaticPod(manifest).arguments.texts) == command_of(manifest)
        assert rest_of(manifest) == rest


@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_no_byte_is_lost_on_the_way_to_the_issuer(name):
    original = HAND_WRITTEN[name]
    manifest = original
    for phase in (ACCEPT, SIGN):
        manifest = after(manifest, phase)
        assert kept_bytes(original, manifest) == len(original)


@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_a_phase_that_is_reached_changes_nothing(name):
    for target in (ADOPTED, OWN):
        accepted = after(HAND_WRITTEN[name], ACCEPT, target)
        assert after(accepted, ACCEPT, target) == accepted
        signing = after(accepted, SIGN, target)
        assert after(signing, SIGN, target) == after(signing, ACCEPT, target) == signing


@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_both_phases_in_one_step_have_the_same_result(name):
    for target in (ADOPTED, OWN):
        assert after(HAND_WRITTEN[name], SIGN, target) == after(after(HAND_WRITTEN[name], ACCEPT, target), SIGN, target)


def test_the_new_flag_takes_a_line_of_its_own_and_no_comment():
    before = HAND_WRITTEN["comments"].decode().split("\n")
    accepted = after(HAND_WRITTEN["comments"], ACCEPT).decode().split("\n")
    signing = after(HAND_WRITTEN["comments"], SIGN).decode().split("\n")
    line = f"    - --service-account-issuer={NEW}"
    old = before.index(f"    - --service-account-issuer={OLD}   # since 2021")
    comment = before.index("    # who signs")
    assert accepted == [*before[: old + 1], line, *before[old + 1 :]]
    assert signing == [*before[:comment], line, *before[comment:]]


def test_the_new_flag_is_quoted_like_its_neighbors():
    accepted = after(HAND_WRITTEN["quotes"], ACCEPT).decode()
    assert f"\n    - '--service-account-issuer={NEW}'\n" in accepted
    accepted = after(HAND_WRITTEN["JSON"], ACCEPT).decode()
    assert f'"--service-account-issuer={OLD}","--service-account-issuer={NEW}","--service' in accepted


def test_a_users_comment_on_our_flag_stays():
    accepted = after(KUBEADM.encode(), ACCEPT)
    commented = accepted.replace(NEW.encode(), NEW.encode() + b"  # ours")
    assert b"\n    # ours\n    - --service-account-key-file" in after(commented, SIGN)


def test_an_own_key_comes_after_the_clusters_and_takes_its_place():
    command = command_of(after(KUBEADM.encode(), SIGN, OWN))
    keys = [text for text in command if "-key-file=" in text and "service-account" in text]
    assert keys == [
        "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
        f"--service-account-key-file=/etc/kubernetes/pki/irsa/{KID}.pub",
        "--service-account-signing-key-file=/etc/kubernetes/pki/sa.key",
        f"--service-account-signing-key-file=/etc/kubernetes/pki/irsa/{KID}.key",
    ]


def test_the_controller_manager_signs_with_the_own_key_and_back():
    pod = StaticPod(CONTROLLER_MANAGER.encode(), KUBE_CONTROLLER_MANAGER)
    server = StaticPod(after(KUBEADM.encode(), SIGN)).arguments
    accepting = phases.controller_manager_after(ACCEPT, pod.arguments, OWN, api_server=server)
    assert pod.with_arguments(accepting).content == CONTROLLER_MANAGER.encode()
    signing = pod.with_arguments(phases.controller_manager_after(SIGN, pod.arguments, OWN, api_server=server)).content
    key = f"    - --service-account-private-key-file=/etc/kubernetes/pki/irsa/{KID}.key\n"
    assert signing.decode().replace(key, "") == CONTROLLER_MANAGER
    changed = StaticPod(signing, KUBE_CONTROLLER_MANAGER)
    back = phases.controller_manager_after(SIGN_BACK, changed.arguments, ADOPTED, api_server=server)
    assert changed.with_arguments(back).content == CONTROLLER_MANAGER.encode()


def test_audiences_are_extended_where_they_are_set_and_left_unset_otherwise():
    extended = command_of(after(HAND_WRITTEN["more issuers and audiences"], ACCEPT))
    assert f"--api-audiences=https://a.example.com,https://b.example.com,{NEW}" in extended
    extended = command_of(after(HAND_WRITTEN["flags of two words"], ACCEPT))
    assert extended[extended.index("--api-audiences") + 1] == f"{OLD},other,{NEW}"
    assert not [text for text in command_of(after(KUBEADM.encode(), SIGN)) if "audiences" in text]


def edited(manifest: str, old: str, new: str) -> bytes:
    assert old in manifest
    return manifest.replace(old, new).encode()


_ISSUER = f"    - --service-account-issuer={OLD}\n"

UNUSABLE = {
    "not YAML": (b"a: [", "it is not one YAML document (line 1, column 5)"),
    "not text": (b"\xff\xfe\x00", "it is not text in UTF-8"),
    "empty": (b"", "it is not the manifest of a pod"),
    "a list": (b"- a\n- b\n", "it is not the manifest of a pod"),
    "two documents": (KUBEADM.encode() + b"---\n" + KUBEADM.encode(), "it is not one YAML document"),
    "another kind": (edited(KUBEADM, "kind: Pod", "kind: Deployment"), "it is not the manifest of a pod"),
    "another program": (CONTROLLER_MANAGER.encode(), "it has no container of kube-apiserver"),
    "no containers": (b"kind: Pod\nspec: {containers: []}\n", "it has no container of kube-apiserver"),
    "nothing to run": (b"kind: Pod\nspec: {containers: [{name: kube-apiserver}]}", "gives kube-apiserver no arguments"),
    "a shell": (
        b'kind: Pod\nspec: {containers: [{name: kube-apiserver, command: [sh, -c, "exec /bin/kube-apiserver"]}]}',
        "'kube-apiserver' does not run kube-apiserver itself, but 'sh'",
    ),
    "a number": (edited(KUBEADM, "--secure-port=6443", "6443"), "one of its arguments is not a string: line 19"),
    "a key twice": (edited(KUBEADM, "kind: Pod", "kind: Pod\nkind: Pod"), "it has the key 'kind' twice in one mapping"),
    "a merge key": (edited(KUBEADM, "  hostNetwork: true", "  <<: {hostNetwork: true}"), "it has a merge key (<<)"),
    "aliases of aliases": (
        b"a: &a [x]\n" + b"".join(b"b%d: &b%d [*a, *a, *a]\n" % (i, i) for i in range(9)),
        "it is not one YAML document",
    ),
    "itself": (b"&a [*a]", "it is not one YAML document"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_is_no_manifest_of_kube_apiserver_is_refused(name):
    manifest, reason = UNUSABLE[name]
    with pytest.raises(Fault) as fault:
        StaticPod(manifest)
    assert reason in str(fault.value)


_ARGUMENTS_FROM_ELSEWHERE = b"""
x: &list [kube-apiserver, --service-account-issuer=https://a.example.com]
kind: Pod
spec: {containers: [{name: kube-apiserver, command: *list}]}
"""

UNSAFE = {
    "a list that is used twice": (
        edited(KUBEADM, "  - command:", "  - command: &shared").replace(b"status:", b"copy: *shared\nstatus:"),
        "a part that is used in several places",
    ),
    "a list from elsewhere": (
        _ARGUMENTS_FROM_ELSEWHERE,
        "a part that is used in several places",
    ),
    "a block next to it": (
        edited(KUBEADM, _ISSUER, f"    - |-\n      --service-account-issuer={OLD}\n"),
        "it has a block (| or >) next to the place that changes",
    ),
    "an item below its dash": (
        edited(KUBEADM, _ISSUER, f"    -\n      --service-account-issuer={OLD}\n"),
        "does not begin on a line of its own",
    ),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_a_layout_that_cannot_be_edited_safely_is_refused(name):
    manifest, reason = UNSAFE[name]
    with pytest.raises(Fault) as fault:
        after(manifest, ACCEPT)
    assert reason in str(fault.value)


def test_an_edit_that_would_reach_another_place_is_refused():
    """An anchor on our own flag, used elsewhere: to move the flag would take the anchor away."""
    accepted = after(KUBEADM.encode(), ACCEPT).decode()
    flag = f"--service-account-issuer={NEW}"
    shared = accepted.replace(f"- {flag}", f"- &ours {flag}").replace("status: {}", "status: {x: *ours}")
    with pytest.raises(Fault):
        after(shared.encode(), SIGN)


def test_a_manifest_says_as_whom_its_program_runs_and_what_it_sees():
    pod = StaticPod(KUBEADM.encode())
    assert pod.user_id is None
    assert pod.sees("/etc/kubernetes/pki") and pod.sees("/etc/kubernetes/pki/irsa/")
    assert not pod.sees("/etc/kubernetes") and not pod.sees("/etc/kubernetes/pki2")
    rootless = edited(KUBEADM, "  securityContext:\n", "  securityContext:\n    runAsUser: 65532\n")
    assert StaticPod(rootless).user_id == "65532"
    elsewhere = edited(KUBEADM, "mountPath: /etc/kubernetes/pki", "mountPath: /pki")
    assert not StaticPod(elsewhere).sees("/etc/kubernetes/pki")
    a_part = edited(KUBEADM, "mountPath: /etc/kubernetes/pki", "subPath: x\n      mountPath: /etc/kubernetes/pki")
    assert not StaticPod(a_part).sees("/etc/kubernetes/pki")


ANNOTATION = "irsa.selfhosted.example/keys"
# The annotations of this one are used in a second place, which would change with them.
ANNOTATED = {name: manifest for name, manifest in HAND_WRITTEN.items() if name != "anchors"}


@pytest.mark.parametrize("name", ANNOTATED)
@pytest.mark.parametrize("value", ["a" * 64, "1" * 64, "1e5"])
def test_an_annotation_is_a_string_and_nothing_else_changes(name, value):
    original = ANNOTATED[name]
    annotated = StaticPod(original).with_annotation(ANNOTATION, value)
    document = yaml.safe_load(annotated.content)
    assert document["metadata"]["annotations"].pop(ANNOTATION) == annotated.annotation(ANNOTATION) == value
    for section, parent in (("annotations", document["metadata"]), ("metadata", document)):
        parent.pop(section) if not parent[section] else None
    assert document == yaml.safe_load(original)
    assert kept_bytes(original, annotated.content) == len(original)


@pytest.mark.parametrize("name", ANNOTATED)
def test_another_value_of_an_annotation_leaves_the_other_bytes(name):
    first = StaticPod(ANNOTATED[name]).with_annotation(ANNOTATION, "a" * 64)
    second = first.with_annotation(ANNOTATION, "b" * 64)
    assert second.content == first.content.replace(b"a" * 64, b"b" * 64)
    assert second.with_annotation(ANNOTATION, "a" * 64).content == first.content
    assert first.with_annotation(ANNOTATION, "a" * 64) is first


@pytest.mark.parametrize("name", ANNOTATED)
def test_arguments_can_change_after_an_annotation(name):
    annotated = StaticPod(ANNOTATED[name]).with_annotation(ANNOTATION, "a" * 64).content
    assert StaticPod(after(annotated, ACCEPT)).annotation(ANNOTATION) == "a" * 64
    assert StaticPod(after(ANNOTATED[name], ACCEPT)).with_annotation(ANNOTATION, "a" * 64).content == after(
        annotated, ACCEPT
    )


def test_an_annotation_that_is_also_used_elsewhere_is_refused():
    with pytest.raises(Fault, match="is used in several places"):
        StaticPod(HAND_WRITTEN["anchors"]).with_annotation(ANNOTATION, "a")
