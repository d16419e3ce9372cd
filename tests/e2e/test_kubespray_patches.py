# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipe for kubespray: what its inventory becomes on a node, and what kubeadm renders of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER, Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_persistence import PATCH_FILES
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Part, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_kubespray import cook
from kubeadm_program import Kubeadm, kubeadm
from kubespray_inventory import Kubespray

DEFAULT = "https://kubernetes.default.svc.cluster.local"
# A kubeadm that sorts puts the one before its default, the other behind it.
ISSUERS = ("https://example-irsa.s3.eu-west-1.amazonaws.com", "https://s3.example.com/b")
PHASES = (ACCEPT, SIGN, SIGN_BACK, FORGET)
# A patch that a user has for another purpose.
OWN_PATCH = "{target: kube-apiserver, patch: {metadata: {annotations: {example.com/own: 'true'}}}}"

OLDER = ("IRSA_E2E_SORTING_KUBEADM", "a kubeadm up to 1.34.3, which sorts repeated flags and reads v1beta3")
NEWER = ("IRSA_E2E_KUBEADM", "a kubeadm of 1.36 or newer, which keeps the order of flags")
KUBEADMS = {
    "sorts, v1beta3": (*OLDER, "v1beta3"),
    "sorts, v1beta4": (*OLDER, "v1beta4"),
    "keeps the order": (*NEWER, "v1beta4"),
}


@dataclass(frozen=True)
class Node:
    """A node whose kubeadm reads one version of its configuration."""

    kubeadm: Kubeadm
    version: str

    def manifest(self, kubespray: Kubespray, patches: dict[str, bytes]) -> Any:
        """The pod of its API server after a run of kubespray."""
        configuration = kubespray.configuration(self.version, self.kubeadm.version)
        return yaml.safe_load(self.kubeadm.render(configuration, patches))

    def command(self, kubespray: Kubespray, patches: dict[str, bytes]) -> Arguments:
        """The command of that pod."""
        return Arguments.of(self.manifest(kubespray, patches)["spec"]["containers"][0]["command"])


@pytest.fixture(scope="module", params=KUBEADMS)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Node:
    variable, purpose, version = KUBEADMS[request.param]
    return Node(kubeadm(variable, purpose, tmp_path_factory.mktemp("kubeadm")), version)


@pytest.fixture(scope="module")
def kubespray(tmp_path_factory: pytest.TempPathFactory) -> Kubespray:
    return Kubespray(tmp_path_factory.mktemp("kubespray"))


@pytest.fixture(scope="module")
def patches(kubespray: Kubespray) -> dict[tuple[str, str], dict[str, bytes]]:
    """The files on a node after each phase for each issuer, one after the other on the same node."""
    return {(issuer, phase): applied(kubespray, issuer, phase) for issuer in ISSUERS for phase in PHASES}


def part_of(issuer: str, phase: str) -> Part:
    (part,) = cook(Request(issuer=issuer, present_issuers=(DEFAULT,)), [phase]).parts
    return part


def applied(kubespray: Kubespray, issuer: str, phase: str) -> dict[str, bytes]:
    """The files on a node after the commands of a part: the first changes the inventory, the others run kubespray."""
    part = part_of(issuer, phase)
    for file in part.files:
        (kubespray.content.folder / file.name).write_text(file.text, encoding="utf-8")
    kubespray.obey(part.commands[0])
    return kubespray.run()


def entry_of(issuer: str, phase: str) -> str:
    """The entry for a list of one's own."""
    return part_of(issuer, phase).files[0].text.partition("kubeadm_patches:\n")[2]


@pytest.mark.parametrize("issuer", ISSUERS)
@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_leads_to_its_issuers(
    node: Node, kubespray: Kubespray, patches: dict[tuple[str, str], dict[str, bytes]], issuer: str, phase: str
) -> None:
    expected = {ACCEPT: (DEFAULT, issuer), SIGN: (issuer, DEFAULT), SIGN_BACK: (DEFAULT, issuer), FORGET: (DEFAULT,)}
    command = node.command(kubespray, patches[issuer, phase])
    assert command.values(ISSUER) == expected[phase]
    assert command.values("service-account-key-file") == ("/etc/kubernetes/ssl/sa.pub",)
    others = [text for text in command.texts if ISSUER not in text]
    plain = [text for text in node.command(kubespray, {}).texts if ISSUER not in text]
    assert others == plain


def test_a_patch_keeps_its_file_from_phase_to_phase(patches: dict[tuple[str, str], dict[str, bytes]]) -> None:
    names = [set(patches[ISSUERS[0], phase]) for phase in PHASES]
    assert names == [{"kube-apiserver0+json.yaml"}] * 3 + [set()]


# --- inventories of their own


def set_entry_in_own_list(kubespray: Kubespray) -> dict[str, bytes]:
    kubespray.set("zz-own.yml", f"kubeadm_patches:\n  - {OWN_PATCH}\n{entry_of(ISSUERS[1], SIGN)}")
    return kubespray.run()


def leave_patch_of_live_role(kubespray: Kubespray) -> dict[str, bytes]:
    kubespray.set("k8s-cluster.yml", f"kubeadm_patches: [{OWN_PATCH}]\n")
    operation = f'- {{op: add, path: /spec/containers/0/command/1, value: "--{ISSUER}={ISSUERS[1]}"}}\n'
    (kubespray.patches_dir / PATCH_FILES[0]).write_text(operation, encoding="utf-8")
    return kubespray.run()


def make_cluster(kubespray: Kubespray) -> dict[str, bytes]:
    return applied(kubespray, ISSUERS[1], NEW)


def make_cluster_and_change_its_issuer(kubespray: Kubespray) -> dict[str, bytes]:
    applied(kubespray, ISSUERS[0], NEW)
    return applied(kubespray, ISSUERS[1], SIGN)


Steps = Callable[[Kubespray], dict[str, bytes]]
Done = Callable[[Steps], tuple[Kubespray, dict[str, bytes]]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Takes steps with a new inventory, once for all kubeadms, and returns it with the patches on the node."""

    @cache
    def take(steps: Steps) -> tuple[Kubespray, dict[str, bytes]]:
        kubespray = Kubespray(tmp_path_factory.mktemp("own") / "kubespray")
        return kubespray, steps(kubespray)

    return take


def test_an_entry_in_a_list_of_ones_own_does_not_change_the_others(node: Node, done: Done) -> None:
    kubespray, patches = done(set_entry_in_own_list)
    assert sorted(patches) == ["kube-apiserver0+strategic.yaml", "kube-apiserver1+json.yaml"]
    manifest = node.manifest(kubespray, patches)
    assert manifest["metadata"]["annotations"]["example.com/own"] == "true"
    assert node.command(kubespray, patches).values(ISSUER) == (ISSUERS[1], DEFAULT)


def test_the_patch_of_the_live_role_works_beside_one_of_kubespray(node: Node, done: Done) -> None:
    kubespray, patches = done(leave_patch_of_live_role)
    assert sorted(patches) == [PATCH_FILES[0], "kube-apiserver0+strategic.yaml"]
    assert node.command(kubespray, patches).values(ISSUER) == (ISSUERS[1], DEFAULT)


def test_a_new_cluster_signs_for_the_issuer_alone(node: Node, done: Done) -> None:
    kubespray, patches = done(make_cluster)
    assert patches == {}
    assert node.command(kubespray, patches).values(ISSUER) == (ISSUERS[1],)


def test_a_cluster_that_was_made_for_an_issuer_keeps_it_beside_another_one(node: Node, done: Done) -> None:
    kubespray, patches = done(make_cluster_and_change_its_issuer)
    assert node.command(kubespray, patches).values(ISSUER) == (ISSUERS[1], ISSUERS[0])


def test_the_sample_overrules_a_file_that_sorts_before_it(tmp_path: Path) -> None:
    """Therefore the names of the files in the commands of the recipe begin with zz."""
    kubespray = Kubespray(tmp_path / "kubespray")
    kubespray.set("irsa.yml", f"kubeadm_patches:\n{entry_of(ISSUERS[0], SIGN)}")
    assert kubespray.run() == {}


def test_kubespray_removes_its_own_files_and_not_those_of_the_live_role(tmp_path: Path) -> None:
    kubespray = Kubespray(tmp_path / "kubespray")
    left_behind = ("kube-apiserver0+json.yaml", "kube-apiserver12+strategic.yaml", "kube-controller-manager1+json.yaml")
    for name in (*PATCH_FILES, *left_behind):
        (kubespray.patches_dir / name).write_text("[]\n", encoding="utf-8")
    assert sorted(kubespray.run()) == sorted(PATCH_FILES)
