# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What API servers are told of an issuer: the same flags in every form, paths that they have, and nothing twice."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import api_servers
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url

ISSUER = "https://example-irsa.s3.eu-west-1.amazonaws.com"
FORMER = "https://kubernetes.default.svc.cluster.local"
KEY = SigningKey(exists=True, path="/secure/sa-signer.key", public_key_path="/secure/sa-signer-pkcs8.pub")
PKI = "/etc/kubernetes/pki"
ISSUER_FLAG, KEY_FLAG, SIGNING_FLAG = (
    "service-account-issuer",
    "service-account-key-file",
    "service-account-signing-key-file",
)


def values(**given):
    spec = {"key": KEY, "apiserver_key_dir": PKI, **given}
    return api_servers.values(IssuerSpec(bucket="example-irsa", **spec), issuer_url.parse(ISSUER))


def merged_by_k3s(defaults, args):
    """What k3s makes of its defaults and of kube-apiserver-arg (pkg/util/args.go, GetArgs)."""
    result = {name: [value] for name, value in defaults.items()}
    replaced = set()
    for arg in args:
        name, _sign, value = arg.partition("=")
        if name.endswith("+"):
            result.setdefault(name[:-1], []).append(value)
        elif name.endswith("-"):
            result.setdefault(name[:-1], []).insert(0, value)
        else:
            result[name] = [*(result.get(name, []) if name in replaced else []), value]
            replaced.add(name)
    return result


def test_flags_name_the_files_as_the_api_server_sees_them():
    assert values()["apiserver_flags"] == [
        f"--{ISSUER_FLAG}={ISSUER}",
        f"--{KEY_FLAG}={PKI}/sa-signer-pkcs8.pub",
        f"--{SIGNING_FLAG}={PKI}/sa-signer.key",
        f"--service-account-jwks-uri={ISSUER}/keys.json",
    ]


def test_key_files_say_what_to_copy_where():
    assert values()["apiserver_key_files"] == [
        {"src": "/secure/sa-signer.key", "dest": f"{PKI}/sa-signer.key", "mode": "0600"},
        {"src": "/secure/sa-signer-pkcs8.pub", "dest": f"{PKI}/sa-signer-pkcs8.pub", "mode": "0644"},
    ]


@pytest.mark.parametrize("folder", [f"{PKI}/irsa", f"{PKI}/irsa/"])
def test_another_folder_is_in_every_form(folder):
    found = values(apiserver_key_dir=folder)
    assert found["apiserver_args"][SIGNING_FLAG] == [f"{PKI}/irsa/sa-signer.key"]
    assert {"name": KEY_FLAG, "value": f"{PKI}/irsa/sa-signer-pkcs8.pub"} in found["kubeadm_extra_args"]
    assert f"{SIGNING_FLAG}={PKI}/irsa/sa-signer.key" in found["k3s_args"]


def test_without_a_folder_the_paths_are_those_of_the_key_host():
    found = values(apiserver_key_dir=None)
    assert found["apiserver_args"][SIGNING_FLAG] == ["/secure/sa-signer.key"]
    assert {file["src"] == file["dest"] for file in found["apiserver_key_files"]} == {True}


def test_without_a_public_key_file_the_private_one_verifies():
    found = values(key=SigningKey(exists=True, path="/secure/sa.key"))
    assert found["apiserver_args"][KEY_FLAG] == found["apiserver_args"][SIGNING_FLAG] == [f"{PKI}/sa.key"]


def test_former_issuers_follow_the_new_one_and_audiences_are_never_set():
    found = values(former_issuers=[FORMER, "kubernetes.default.svc"], former_public_keys=[f"{PKI}/sa.pub"])
    assert found["apiserver_flags"][:3] == [
        f"--{ISSUER_FLAG}={ISSUER}",
        f"--{ISSUER_FLAG}={FORMER}",
        f"--{ISSUER_FLAG}=kubernetes.default.svc",
    ]
    assert found["apiserver_args"][KEY_FLAG] == [f"{PKI}/sa-signer-pkcs8.pub", f"{PKI}/sa.pub"]
    assert "audiences" not in str(found)


def test_a_cluster_that_keeps_its_key_gets_its_former_issuers_as_well():
    found = values(key=SigningKey(), keyless=True, apiserver_key_dir=None, former_issuers=[FORMER])
    assert found["apiserver_flags"] == [f"--{ISSUER_FLAG}={ISSUER}", f"--{ISSUER_FLAG}={FORMER}"]
    assert found["apiserver_key_files"] == []


@pytest.mark.parametrize(
    "given",
    [{"former_issuers": [ISSUER, FORMER, FORMER]}, {"former_public_keys": [f"{PKI}/sa-signer-pkcs8.pub"]}],
)
def test_nothing_is_there_twice(given):
    """An API server does not start with a repeated issuer."""
    flags = values(**given)["apiserver_flags"]
    assert len(set(flags)) == len(flags)
    assert flags[0] == f"--{ISSUER_FLAG}={ISSUER}"


@pytest.mark.parametrize("given", [{}, {"former_issuers": [FORMER], "former_public_keys": [f"{PKI}/sa.pub"]}])
def test_every_form_has_the_same_flags(given):
    found = values(**given)
    of_cli = Arguments.of(["kube-apiserver", *found["apiserver_flags"]])
    assert {name: list(of_cli.values(name)) for name in found["apiserver_args"]} == found["apiserver_args"]
    assert [f"--{each['name']}={each['value']}" for each in found["kubeadm_extra_args"]] == found["apiserver_flags"]
    defaults = {ISSUER_FLAG: FORMER, KEY_FLAG: "/server/tls/service.key", "api-audiences": f"{FORMER},k3s"}
    of_k3s = merged_by_k3s(defaults, found["k3s_args"])
    assert of_k3s == {**found["apiserver_args"], "api-audiences": [f"{FORMER},k3s"]}


@pytest.mark.parametrize(
    ("key_path", "folder"),
    [
        ("/secure/sa.key", PKI),
        ("~/sa.key", PKI),
        ("/etc/kubernetes/pki/irsa/sa.key", None),
        ("/var/lib/rancher/k3s/server/tls/service.key", None),
        ("/etc/kubernetes-backup/sa.key", PKI),
    ],
)
def test_a_key_on_the_controller_is_not_where_api_servers_look(key_path, folder):
    assert IssuerSpec.of({"key_path": key_path}).apiserver_key_dir == folder
    assert IssuerSpec.of({"key_path": key_path, "apiserver_key_dir": "/pki"}).apiserver_key_dir == "/pki"
