# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""New clusters by other people's tools: one variable, or one option, and the API server signs for the issuer.

What a user writes goes through a restatement of what the project makes of it, whose source is named, and through the
program that reads that: kubeadm, and kube-apiserver itself.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import k3s_arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    recipe_k3d,
    recipe_kind,
    recipe_kubespray,
    recipe_minikube,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER, Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Cook, Part, Request
from ansible_content import Content, writes
from control_plane import NewApiServer
from kubeadm_program import Kubeadm, kubeadm
from kubespray_inventory import Kubespray
from runs import NAMESPACE, SERVICE_ACCOUNT, Ansible
from tokens import claims_of

# A kubeadm that sorts repeated flags would put it behind the default.
NEW_ISSUER = "https://s3.example.com/b"
DEFAULT = "https://kubernetes.default.svc.cluster.local"

# What a user writes, by project.
K3S_ANSIBLE = """\
server_config_yaml: |
  kube-apiserver-arg:
    - "service-account-issuer-=https://s3.example.com/b"
"""
LABLABS_RKE2 = """\
rke2_kube_apiserver_args:
  - "service-account-issuer-=https://s3.example.com/b"
"""
GEERLINGGUY = """\
kubernetes_config_cluster_configuration:
  networking:
    podSubnet: "{{ kubernetes_pod_network.cidr }}"
  kubernetesVersion: "{{ kubernetes_version_kubeadm }}"
  apiServer:
    extraArgs:
      - name: service-account-issuer
        value: "https://s3.example.com/b"
"""
# One line more in what the sample inventory has, since servers need the others, too:
# https://github.com/techno-tim/k3s-ansible/blob/master/inventory/sample/group_vars/all.yml
TECHNO_TIM = """\
extra_server_args: >-
  {{ extra_args }}
  --tls-san {{ apiserver_endpoint }}
  --disable servicelb
  --kube-apiserver-arg=service-account-issuer-=https://s3.example.com/b
"""

DEFAULTS: Mapping[str, Any] = {
    "token": "changeme",
    "extra_args": "--node-ip=192.0.2.1",
    "apiserver_endpoint": "192.0.2.2",
    "kubernetes_pod_network": {"cidr": "10.244.0.0/16"},
}

# What the roles write:
# https://github.com/k3s-io/k3s-ansible/blob/main/roles/k3s_server/tasks/main.yml
# https://github.com/lablabs/ansible-role-rke2/blob/main/templates/config.yaml.j2
# https://github.com/techno-tim/k3s-ansible/blob/master/roles/k3s_server/templates/k3s.service.j2
# https://github.com/geerlingguy/ansible-role-kubernetes/blob/master/templates/kubeadm-kubelet-config.j2
TASKS = (
    writes("k3s-ansible.yaml", "{{ {'token': token} | combine(server_config_yaml | from_yaml) | to_nice_yaml }}"),
    writes("lablabs.yaml", "kube-apiserver-arg: {{ rke2_kube_apiserver_args }}\n"),
    writes("techno-tim.service", "ExecStart=/usr/local/bin/k3s server {{ extra_server_args }}\n"),
    writes(
        "geerlingguy.yaml",
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        "{{ kubernetes_config_cluster_configuration | to_nice_yaml }}",
    ),
)

# Those of k3s that matter here; RKE2 has its own name among the audiences:
# https://github.com/k3s-io/k3s/blob/master/pkg/daemons/control/server.go
SERVER = "/var/lib/rancher/server/tls"
K3S_DEFAULTS = {
    "api-audiences": f"{DEFAULT},k3s",
    "service-account-issuer": DEFAULT,
    "service-account-key-file": f"{SERVER}/service.key",
    "service-account-signing-key-file": f"{SERVER}/service.current.key",
}

KUBEADMS = {
    "older": ("IRSA_E2E_SORTING_KUBEADM", "a kubeadm up to 1.34.3, which sorts repeated flags"),
    "newer": ("IRSA_E2E_KUBEADM", "a kubeadm of 1.36 or newer"),
}


@dataclasses.dataclass(frozen=True)
class Written:
    """What the projects wrote, given a version of Kubernetes."""

    content: Content
    kubespray: Kubespray

    def by_kubespray(self, version: str) -> str:
        return self.kubespray.configuration("v1beta4", version)

    def by_geerlingguy(self, version: str) -> str:
        return self.content.text("geerlingguy.yaml").replace("THE_VERSION", version)


def part_of(cook: Cook) -> Part:
    (part,) = cook(Request(issuer=NEW_ISSUER), [NEW]).parts
    return part


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    content = Content(
        tmp_path_factory.mktemp("content") / "content", {**DEFAULTS, "kubernetes_version_kubeadm": "THE_VERSION"}
    )
    user = K3S_ANSIBLE + LABLABS_RKE2 + GEERLINGGUY + TECHNO_TIM
    (content.group_vars / "irsa.yml").write_text(user, encoding="utf-8")
    content.play(TASKS)
    kubespray = Kubespray(tmp_path_factory.mktemp("kubespray") / "kubespray")
    kubespray.set("zz-irsa-arguments.yml", part_of(recipe_kubespray.cook).files[0].text)
    assert kubespray.run() == {}
    return Written(content, kubespray)


@pytest.fixture(params=KUBEADMS)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Kubeadm:
    return kubeadm(*KUBEADMS[request.param], tmp_path)


# --- what kubeadm reads


def by_kind(written: Written, version: str) -> str:
    """kind's configuration for a version, with the patch of its configuration file merged into it.

    A patch without an apiVersion fits both forms; in the newer one, kind merges arguments by their name:
    https://github.com/kubernetes-sigs/kind/blob/v0.32.0/pkg/cluster/internal/kubeadm/config.go
    https://github.com/kubernetes-sigs/kind/blob/v0.32.0/pkg/internal/patch/kubeadm_merge.go
    """
    configuration = yaml.safe_load(part_of(recipe_kind.cook).files[0].text)
    (text,) = configuration["kubeadmConfigPatches"]
    patch = yaml.safe_load(text)
    assert patch.pop("kind") == "ClusterConfiguration"
    assert "apiVersion" not in patch
    is_newer = int(version.split(".")[1]) >= 36
    arguments = {"runtime-config": "", **patch.pop("apiServer").pop("extraArgs")}
    assert patch == {}
    pairs = [{"name": name, "value": value} for name, value in arguments.items()]
    return yaml.safe_dump(
        {
            "apiVersion": f"kubeadm.k8s.io/{'v1beta4' if is_newer else 'v1beta3'}",
            "kind": "ClusterConfiguration",
            "kubernetesVersion": version,
            "apiServer": {"certSANs": ["localhost"], "extraArgs": pairs if is_newer else arguments},
        }
    )


def by_minikube(written: Written, version: str) -> str:
    """minikube's configuration: the component ends at the first dot, the name of the option at the first equals sign.

    https://github.com/kubernetes/minikube/blob/master/pkg/minikube/bootstrapper/bsutil/ktmpl/v1beta4.go
    """
    (command,) = part_of(recipe_minikube.cook).commands
    (option,) = (word for word in shlex.split(command) if word.startswith("--extra-config="))
    component, _dot, setting = option.removeprefix("--extra-config=").partition(".")
    name, _equals, value = setting.partition("=")
    assert component == "apiserver"
    return yaml.safe_dump(
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "kubernetesVersion": version,
            "certificatesDir": "/var/lib/minikube/certs",
            "apiServer": {"extraArgs": [{"name": name, "value": value}]},
        }
    )


BY_KUBEADM: Mapping[str, Callable[[Written, str], str]] = {
    "kubespray": Written.by_kubespray,
    "geerlingguy.kubernetes": Written.by_geerlingguy,
    "kind": by_kind,
    "minikube": by_minikube,
}


def command_of(program: Kubeadm, configuration: str) -> Arguments:
    manifest = yaml.safe_load(program.render(configuration, {}))
    return Arguments.of(manifest["spec"]["containers"][0]["command"])


@pytest.mark.parametrize("name", BY_KUBEADM)
def test_kubeadm_renders_the_issuer_alone(written: Written, program: Kubeadm, name: str) -> None:
    command = command_of(program, BY_KUBEADM[name](written, program.version))
    assert command.values(ISSUER) == (NEW_ISSUER,)
    assert command.values("api-audiences") == ()


# --- what k3s and RKE2 read


def by_k3d(written: Written) -> list[str]:
    configuration = yaml.safe_load(part_of(recipe_k3d.cook).files[0].text)
    (entry,) = configuration["options"]["k3s"]["extraArgs"]
    assert entry["nodeFilters"] == ["server:*"]
    return k3s_arguments.of_words([entry["arg"]])


def by_k3d_without_a_file(written: Written) -> list[str]:
    """k3d splits what --k3s-arg says at the @ in front of the node filter.

    https://github.com/k3d-io/k3d/blob/main/cmd/util/filter.go
    """
    note = recipe_k3d.cook(Request(issuer=NEW_ISSUER), [NEW]).notes[0]
    argument, _at, nodes = shlex.split(note)[-1].partition("@")
    assert nodes == "server:*"
    return k3s_arguments.of_words([argument])


BY_K3S: Mapping[str, Callable[[Written], list[str]]] = {
    "k3s-ansible": lambda written: k3s_arguments.of_file(written.content.text("k3s-ansible.yaml")),
    "lablabs.rke2": lambda written: k3s_arguments.of_file(written.content.text("lablabs.yaml")),
    "techno-tim": lambda written: k3s_arguments.of_words(shlex.split(written.content.text("techno-tim.service"))),
    "k3d": by_k3d,
    "k3d without a file": by_k3d_without_a_file,
}


@pytest.mark.parametrize("name", BY_K3S)
def test_k3s_puts_the_issuer_in_front_and_keeps_the_rest(written: Written, name: str) -> None:
    command = Arguments.of(k3s_arguments.merged(K3S_DEFAULTS, BY_K3S[name](written)))
    assert command.values(ISSUER) == (NEW_ISSUER, DEFAULT)
    others = {flag: value for flag, value in K3S_DEFAULTS.items() if flag != ISSUER}
    assert {flag: command.value(flag) for flag in others} == others


def test_other_arguments_of_techno_tims_servers_stay(written: Written) -> None:
    words = shlex.split(written.content.text("techno-tim.service"))
    assert words[2:7] == ["--node-ip=192.0.2.1", "--tls-san", "192.0.2.2", "--disable", "servicelb"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["ccc=C", "bbb-=DD"], ["aaa=A", "bbb=DD", "bbb=B", "ccc=C"]),
        (["bbb+=DD"], ["aaa=A", "bbb=B", "bbb=DD"]),
        (["bbb=DD", "bbb=AA"], ["aaa=A", "bbb=DD", "bbb=AA"]),
        (["bbb=X", "bbb-=N"], ["aaa=A", "bbb=N", "bbb=X"]),
        (["bbb-=A", "bbb-=B"], ["aaa=A", "bbb=B", "bbb=A", "bbb=B"]),
    ],
)
def test_the_restated_merge_does_what_that_of_k3s_does(arguments: list[str], expected: list[str]) -> None:
    """https://github.com/k3s-io/k3s/blob/master/pkg/util/args_test.go, and what follows from args.go."""
    assert k3s_arguments.merged({"aaa": "A", "bbb": "B"}, arguments) == [f"--{each}" for each in expected]


# --- what the API server does


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key that a cluster makes for itself, with its public part beside it."""
    folder = tmp_path_factory.mktemp("key")
    paths = {"path": f"{folder}/sa.key", "public_key_path": f"{folder}/sa.pub"}
    Ansible(folder).module("selfhosted.irsa.irsa_keypair", **paths)
    return folder / "sa.key"


@pytest.mark.parametrize("name", [*BY_KUBEADM, *BY_K3S])
def test_the_api_server_signs_for_the_issuer(
    written: Written, new_api_server: NewApiServer, key: Path, tmp_path: Path, name: str
) -> None:
    if name in BY_KUBEADM:
        newer = kubeadm(*KUBEADMS["newer"], tmp_path)
        command, audience = command_of(newer, BY_KUBEADM[name](written, newer.version)), NEW_ISSUER
    else:
        command, audience = Arguments.of(k3s_arguments.merged(K3S_DEFAULTS, BY_K3S[name](written))), DEFAULT
    files = {"service-account-key-file": key.with_suffix(".pub"), "service-account-signing-key-file": key}
    flags = [f"--{flag}={file}" for flag, file in files.items()]
    flags += [f"--{flag}={value}" for flag in (ISSUER, "api-audiences") for value in command.values(flag)]
    with new_api_server(*flags) as api:
        assert api.get("/.well-known/openid-configuration")["issuer"] == NEW_ISSUER
        assert claims_of(api.token(NAMESPACE, SERVICE_ACCOUNT, "sts.amazonaws.com"))["iss"] == NEW_ISSUER
        # Known is not allowed: 403.
        own = api.token(NAMESPACE, SERVICE_ACCOUNT, audience)
        assert api.ask("/api/v1/nodes", bearer=own)[0] == 403
