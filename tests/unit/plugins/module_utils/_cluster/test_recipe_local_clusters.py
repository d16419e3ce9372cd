# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kind, k3d and minikube: what makes a new cluster sign for an issuer, and why a running one is refused."""

from __future__ import annotations

import shlex

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    recipe_k3d,
    recipe_kind,
    recipe_minikube,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

ISSUER = "https://example-irsa.s3.eu-west-1.amazonaws.com"
COOKS = {"kind": recipe_kind.cook, "k3d": recipe_k3d.cook, "minikube": recipe_minikube.cook}

KIND = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
kubeadmConfigPatches:
  - |
    kind: ClusterConfiguration
    apiServer:
      extraArgs:
        service-account-issuer: "https://example-irsa.s3.eu-west-1.amazonaws.com"
"""

K3D = """\
apiVersion: k3d.io/v1alpha5
kind: Simple
options:
  k3s:
    extraArgs:
      - arg: "--kube-apiserver-arg=service-account-issuer-=https://example-irsa.s3.eu-west-1.amazonaws.com"
        nodeFilters: ["server:*"]
"""

AGAIN = "Set irsa_apiserver_phase to new, and create the cluster again with what the role then prints."
REASONS = {
    "kind": f"kind configures kubeadm only when it creates a cluster. {AGAIN}",
    "k3d": f"k3d gives arguments to k3s only when it creates a node. {AGAIN}",
    "minikube": (
        "minikube has one value for the issuer, so that the API server would refuse all tokens that pods have. Set "
        "irsa_apiserver_phase to new, delete the cluster, and create it again with what the role then prints."
    ),
}


def new(name, **given):
    (part,) = COOKS[name](Request(issuer=ISSUER, **given), [NEW]).parts
    return part


def test_kind_patches_the_configuration_of_kubeadm():
    part = new("kind")
    assert [(file.name, file.text, file.is_secret) for file in part.files] == [("irsa-new.yaml", KIND, False)]
    assert part.commands == ("kind create cluster --config irsa-new.yaml",)


def test_k3d_puts_the_issuer_in_front_on_all_servers():
    part = new("k3d")
    assert [(file.name, file.text, file.is_secret) for file in part.files] == [("irsa-new.yaml", K3D, False)]
    assert part.commands == ("k3d cluster create --config irsa-new.yaml",)


@pytest.mark.parametrize(("name", "words"), [(None, []), ("my-cluster", ["my-cluster"])])
def test_k3d_can_do_the_same_without_a_file(name, words):
    note = recipe_k3d.cook(Request(issuer=ISSUER, cluster_name=name), [NEW]).notes[0]
    assert shlex.split(note.rpartition(": ")[2]) == [
        *("k3d", "cluster", "create", *words),
        *("--k3s-arg", f"--kube-apiserver-arg=service-account-issuer-={ISSUER}@server:*"),
    ]


def test_minikube_takes_the_issuer_as_an_option():
    assert new("minikube").files == ()
    assert new("minikube").commands == (
        "minikube start --extra-config=apiserver.service-account-issuer=https://example-irsa.s3.eu-west-1.amazonaws.com",
    )


def test_the_name_of_the_cluster_is_passed_on():
    assert yaml.safe_load(new("kind", cluster_name="prod").files[0].text)["name"] == "prod"
    assert yaml.safe_load(new("k3d", cluster_name="prod").files[0].text)["metadata"] == {"name": "prod"}
    assert shlex.split(new("minikube", cluster_name="prod").commands[0])[2] == "--profile=prod"


@pytest.mark.parametrize("phase", [ACCEPT, SIGN, SIGN_BACK, FORGET])
@pytest.mark.parametrize("name", COOKS)
def test_a_running_cluster_is_refused(name, phase):
    with pytest.raises(IrsaError) as caught:
        COOKS[name](Request(issuer=ISSUER), [NEW, phase])
    assert str(caught.value) == f"The issuer of a running cluster of {name} cannot be changed: {REASONS[name]}"


@pytest.mark.parametrize("name", COOKS)
def test_keys_are_refused(name):
    with pytest.raises(IrsaError) as caught:
        COOKS[name](Request(issuer=ISSUER, private_key="PEM"), [NEW])
    assert str(caught.value) == (
        f"irsa_apiserver_key is own, which is not possible with {name}. No recipe brings the key to its servers. Set "
        "irsa_apiserver_key to adopt, and publish the key that the cluster signs with; "
        "docs/move-a-running-cluster.md says how."
    )
    with pytest.raises(IrsaError, match=f"^irsa_apiserver_accepted_public_keys cannot be used with {name}: "):
        COOKS[name](Request(issuer=ISSUER, public_keys=("PEM",)), [NEW])


@pytest.mark.parametrize("name", COOKS)
def test_no_phase_gives_an_empty_recipe(name):
    assert COOKS[name](Request(issuer=ISSUER), []).parts == ()
