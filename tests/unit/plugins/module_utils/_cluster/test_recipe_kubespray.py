# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user of kubespray gets: files for the inventory, what to run, and for which versions."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options, plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    FORGET,
    SIGN,
    SIGN_BACK,
    Goal,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe_kubespray import cook
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import cluster, issuers, walked

ISSUER = "https://example-irsa.s3.eu-west-1.amazonaws.com"
REQUEST = Request(issuer=ISSUER, present_issuers=("https://kubernetes.default.svc.cluster.local",))
RUNNING = (ACCEPT, SIGN, SIGN_BACK, FORGET)

PATCH = """\
# {title}
kubeadm_patches:
  - target: kube-apiserver
    type: json
    patch:
      - op: add
        path: /spec/containers/0/command/{place}
        value: "--service-account-issuer=https://example-irsa.s3.eu-west-1.amazonaws.com"
"""

INVENTORY = "inventory/mycluster/inventory.ini"
CHANGE = (
    f"ansible-playbook -b -i {INVENTORY} playbooks/facts.yml",
    f'ansible-playbook -b -i {INVENTORY} upgrade-cluster.yml --limit "kube_control_plane:etcd"',
)
GROUP_VARS = "inventory/mycluster/group_vars/k8s_cluster"
PATCHES = f"{GROUP_VARS}/zz-irsa-patches.yml"


def part_of(phase, request=REQUEST):
    (part,) = cook(request, [phase]).parts
    return part


def test_a_new_cluster_gets_one_argument():
    part = part_of(NEW)
    (file,) = part.files
    assert file.text == (
        "# A new cluster signs for the issuer.\n"
        "kube_kubeadm_apiserver_extra_args:\n"
        '  service-account-issuer: "https://example-irsa.s3.eu-west-1.amazonaws.com"\n'
    )
    assert (file.name, file.is_secret) == ("irsa-new.yaml", False)
    assert part.commands == (
        f"cp {file.name} {GROUP_VARS}/zz-irsa-arguments.yml",
        f"ansible-playbook -b -i {INVENTORY} cluster.yml",
    )
    assert part.restarts == ""


@pytest.mark.parametrize(
    ("phase", "name", "place", "title"),
    [
        (ACCEPT, "accept", "-", "The API servers accept the issuer, and sign for the present one."),
        (SIGN, "sign", "1", "The API servers sign for the issuer, and accept the present one."),
        (
            SIGN_BACK,
            "sign-back",
            "-",
            "The API servers sign for the former issuer again, and still accept this one.",
        ),
    ],
)
def test_a_running_cluster_gets_a_patch(phase, name, place, title):
    part = part_of(phase)
    (file,) = part.files
    assert file.text == PATCH.format(title=title, place=place)
    assert file.name == f"irsa-{name}.yaml"
    assert part.commands == (f"cp {file.name} {PATCHES}", *CHANGE)
    assert part.restarts.startswith("kubespray drains one control-plane node after the other")


def test_the_patch_goes_when_the_issuer_is_forgotten():
    part = part_of(FORGET)
    assert part.files == ()
    assert part.commands == (f"rm {PATCHES}", *CHANGE)


def test_the_phases_come_in_the_order_given():
    assert [part.phase for part in cook(REQUEST, RUNNING).parts] == list(RUNNING)
    names = [file.name for part in cook(REQUEST, (NEW, *RUNNING)).parts for file in part.files]
    assert len(set(names)) == len(names)


def test_an_issuer_keeps_its_characters():
    odd = Request(issuer="https://s3.example.com/a: #b'{}\\\\")
    (entry,) = yaml.safe_load(part_of(SIGN, odd).files[0].text)["kubeadm_patches"]
    assert entry["patch"][0]["value"] == f"--service-account-issuer={odd.issuer}"
    arguments = yaml.safe_load(part_of(NEW, odd).files[0].text)["kube_kubeadm_apiserver_extra_args"]
    assert arguments == {"service-account-issuer": odd.issuer}


@pytest.mark.parametrize("version", ["2.26.1", "v2.26.0", "v2.3.0"])
def test_a_kubespray_without_a_list_of_patches_is_refused(version):
    with pytest.raises(IrsaError) as caught:
        cook(Request(issuer=ISSUER, version=version), [ACCEPT])
    assert str(caught.value) == (
        f"kubespray {version} cannot patch the issuer of a running cluster from its inventory: kubeadm_patches has "
        "been a list since 2.27. Upgrade kubespray, or run role irsa_apiserver for the hosts of kube_control_plane "
        "with irsa_apiserver_distribution kubeadm."
    )
    assert cook(Request(issuer=ISSUER, version=version), [NEW]).parts


def test_what_is_no_version_is_refused():
    with pytest.raises(
        IrsaError, match=r"^irsa_apiserver_distribution_version is 'master'\. Expected a version such as 2\.31\.0\.$"
    ):
        cook(Request(issuer=ISSUER, version="master"), [NEW])


@pytest.mark.parametrize(
    ("version", "warns"), [(None, True), ("v2.27.0", True), ("2.30.0", True), ("v2.31.0", False), ("v2.31.0-5", False)]
)
def test_files_that_kubespray_leaves_behind_are_a_note(version, warns):
    notes = cook(Request(issuer=ISSUER, version=version), [FORGET]).notes
    assert warns == any(note.startswith("Before 2.31, kubespray does not remove the file") for note in notes)


def test_the_notes_say_which_way_is_better_and_what_the_role_needs():
    notes = " ".join(cook(REQUEST, RUNNING).notes)
    for needed in (
        "irsa_apiserver_distribution kubeadm and irsa_apiserver_persist none",
        "kube-apiserver-irsa+json.yaml, stays when kubespray removes patches",
        "irsa_apiserver_patches_dir to the value of kubeadm_patches_dir (by default /etc/kubernetes/patches)",
        "If you have kubeadm_patches of your own, or one for another issuer, add the entry to your list",
        "ansible-core 2.18",
    ):
        assert needed in notes
    assert "irsa_apiserver_persist" not in " ".join(cook(REQUEST, [NEW]).notes)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"private_key": "PEM"}, "irsa_apiserver_key is own, which is not possible with kubespray. No recipe brings"),
        ({"public_keys": ("PEM",)}, "irsa_apiserver_accepted_public_keys cannot be used with kubespray: there is no"),
    ],
)
def test_keys_are_refused(given, fault):
    with pytest.raises(IrsaError) as caught:
        cook(Request(issuer=ISSUER, **given), [SIGN])
    message = str(caught.value)
    assert message.startswith(fault)
    assert message.endswith(
        " to its servers. Run role irsa_apiserver for the hosts of kube_control_plane with irsa_apiserver_distribution "
        "kubeadm."
    )


def test_the_live_role_works_beside_the_patch_where_it_persists_nothing():
    """As the notes say. The patch has no effect on a node before kubespray runs kubeadm."""
    (entry,) = yaml.safe_load(part_of(SIGN).files[0].text)["kubeadm_patches"]
    before = cluster(patches={"kube-apiserver0+json.yaml": yaml.safe_dump(entry["patch"]).encode()})
    after = walked(before, plan(before, Goal(issuer=ISSUER), Options(persist="none")))
    assert {first for first, *_others in issuers(after)} == {ISSUER}
    assert after.configuration == before.configuration
    assert [server.patches for server in after.servers] == [server.patches for server in before.servers]
    stopped = plan(before, Goal(issuer=ISSUER), Options())
    assert "kube-apiserver0+json.yaml" in stopped.findings.problems[0]
