# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recipes for distributions that others change: the text of each file, and what is refused.

tests/e2e/test_recipes.py has the programs that read them.
"""

from __future__ import annotations

import base64

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipes import RECIPES
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

NEW_ISSUER = "https://example-irsa.s3.eu-west-1.amazonaws.com"
OLD = "https://192.0.2.10:6443"
OLDER = "https://older.example.com"
PRIVATE = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
PUBLIC = "-----BEGIN PUBLIC KEY-----\nBBBB\n-----END PUBLIC KEY-----\n"
FORMER = "-----BEGIN PUBLIC KEY-----\nCCCC\n-----END PUBLIC KEY-----\n"
PHASES = (NEW, ACCEPT, SIGN, SIGN_BACK, FORGET)
OWN = {"private_key": PRIVATE, "public_key": PUBLIC}
VERSIONS = {"talos": "1.14.1"}
NAMES = ("talos", "cluster_api", "openshift", "kops", "gardener", "generic")


def request(**given):
    given.setdefault("present_issuers", (OLD,))
    return Request(issuer=NEW_ISSUER, cluster_name="prod", **given)


def cook(name, *phases, **given):
    given.setdefault("version", VERSIONS.get(name))
    return RECIPES[name](request(**given), phases)


def file_of(name, phase, index=0, **given):
    (part,) = cook(name, phase, **given).parts
    return part.files[index]


def data_of(name, phase, index=0, **given):
    return list(yaml.safe_load_all(file_of(name, phase, index, **given).text))


def refusal(name, *phases, **given):
    with pytest.raises(IrsaError) as caught:
        cook(name, *phases, **given)
    return str(caught.value)


# --- what holds for all


@pytest.mark.parametrize("name", NAMES)
def test_parts_come_in_the_order_of_their_phases(name):
    parts = [part.phase for part in cook(name, ACCEPT, SIGN).parts]
    assert parts == ([SIGN] if name == "openshift" else [ACCEPT, SIGN])


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", NAMES)
def test_what_to_do_with_a_file_is_said(name, phase):
    for part in cook(name, *([SIGN] if (name, phase) == ("openshift", ACCEPT) else [phase])).parts:
        words = " ".join([part.use, *part.commands])
        assert part.restarts or words
        assert all(file.name in words for file in part.files[:1])


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", NAMES[:-1])
def test_every_file_is_yaml(name, phase):
    for part in cook(name, *([SIGN] if (name, phase) == ("openshift", ACCEPT) else [phase])).parts:
        for file in part.files:
            assert all(isinstance(each, dict) for each in yaml.safe_load_all(file.text))


@pytest.mark.parametrize("name", ["talos", "kops", "generic"])
@pytest.mark.parametrize("phase", [ACCEPT, SIGN, SIGN_BACK, FORGET])
def test_a_running_cluster_needs_the_issuers_of_today(name, phase):
    message = refusal(name, phase, present_issuers=(NEW_ISSUER,))
    assert "kubectl get --raw /.well-known/openid-configuration" in message
    assert "irsa_issuer_former_issuers" in message


@pytest.mark.parametrize("name", NAMES)
def test_a_new_cluster_needs_no_former_issuer(name):
    assert NEW_ISSUER in file_of(name, NEW, present_issuers=()).text


@pytest.mark.parametrize("name", NAMES[1:])
def test_an_own_key_of_a_running_cluster_is_refused_with_the_reason(name):
    message = refusal(name, SIGN, **OWN)
    assert message.startswith("irsa_apiserver_key is own, which is not possible with ")
    assert "Set irsa_apiserver_key to adopt" in message


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_quote_in_an_issuer_stays_within_its_string(name):
    for phase in (SIGN, FORGET):
        for part in cook(name, phase, present_issuers=('https://a.example.com/"b: [',)).parts:
            for file in part.files:
                list(yaml.safe_load_all(file.text))


# --- Talos


@pytest.mark.parametrize(
    ("phase", "value"),
    [
        (NEW, f'["{NEW_ISSUER}", "{OLD}", "{OLDER}"]'),
        (ACCEPT, f'["{OLD}", "{OLDER}", "{NEW_ISSUER}"]'),
        (SIGN, f'["{NEW_ISSUER}", "{OLD}", "{OLDER}"]'),
        (SIGN_BACK, f'["{OLD}", "{OLDER}", "{NEW_ISSUER}"]'),
        (FORGET, f'["{OLD}", "{OLDER}"]'),
    ],
)
def test_talos_1_13_gets_a_list_of_issuers(phase, value):
    expected = f"cluster:\n  apiServer:\n    extraArgs:\n      service-account-issuer: {value}\n"
    for index, version in ((0, "v1.13.9"), *([] if phase == NEW else [(1, "1.14.1")])):
        assert file_of("talos", phase, index, version=version, present_issuers=(OLD, OLDER)).text == expected


def test_talos_patches_are_applied_node_by_node_without_a_reboot():
    (part,) = cook("talos", ACCEPT, version="1.13.0").parts
    assert part.commands[0] == ("talosctl patch machineconfig --nodes NODE --mode no-reboot --patch @irsa-accept.yaml")
    assert "next control-plane node" in part.restarts


@pytest.mark.parametrize("version", ["1.12.11", "v1.9.0", "1.12.0-beta.1"])
@pytest.mark.parametrize("phases", [(ACCEPT, SIGN), (SIGN_BACK, FORGET)])
def test_talos_up_to_1_12_is_refused_while_it_runs(version, phases):
    message = refusal("talos", *phases, version=version)
    assert f"Talos {version} gives kube-apiserver one --service-account-issuer" in message
    assert "Upgrade to Talos 1.13 or newer" in message
    assert "irsa_apiserver_force" in message


def test_talos_up_to_1_12_can_be_forced_to_one_issuer_with_a_warning():
    recipe = cook("talos", ACCEPT, SIGN, version="1.12.0", force=True)
    (part,) = recipe.parts
    assert part.phase == SIGN
    assert yaml.safe_load(part.files[0].text) == {
        "cluster": {"apiServer": {"extraArgs": {"service-account-issuer": NEW_ISSUER}}}
    }
    assert "all tokens refused" in recipe.warnings[0]


def test_talos_up_to_1_12_cannot_only_accept():
    assert "no phase 'accept'" in refusal("talos", ACCEPT, version="1.12.0", force=True)


def test_a_new_cluster_of_talos_up_to_1_12_has_one_issuer():
    (found,) = data_of("talos", NEW, version="1.12.0", present_issuers=())
    assert found == {"cluster": {"apiServer": {"extraArgs": {"service-account-issuer": NEW_ISSUER}}}}


@pytest.mark.parametrize("version", [None, "", "latest", "1", "1.x", "1.13 "])
def test_the_version_of_talos_must_be_one(version):
    message = refusal("talos", SIGN, version=version)
    assert "irsa_apiserver_distribution_version" in message
    assert "1.13.2" in message


@pytest.mark.parametrize("version", ["1.12.0", "1.13.9"])
def test_an_own_key_is_refused_for_a_running_talos_up_to_1_13(version):
    message = refusal("talos", SIGN, version=version, force=True, **OWN)
    assert "refuses the flags of kube-apiserver for key files" in message


@pytest.mark.parametrize("version", ["1.12.0", "1.13.9"])
def test_a_new_cluster_of_talos_can_have_any_key(version):
    file = file_of("talos", NEW, version=version, present_issuers=(), **OWN)
    key = yaml.safe_load(file.text)["cluster"]["serviceAccount"]["key"]
    assert base64.b64decode(key).decode() == PRIVATE
    assert file.is_secret


EMPTIED = {"apiVersion": "v1alpha1", "kind": "KubeServiceAccountConfig"}


@pytest.mark.parametrize(
    ("phase", "signing", "accepted"),
    [
        (ACCEPT, OLD, {"issuers": [OLDER, NEW_ISSUER], "audiences": [OLD, OLDER]}),
        (SIGN, NEW_ISSUER, {"issuers": [OLD, OLDER]}),
        (SIGN_BACK, OLD, {"issuers": [OLDER, NEW_ISSUER]}),
        (FORGET, OLD, {"issuers": [OLDER]}),
    ],
)
def test_talos_1_14_gets_a_document_that_replaces_the_list_of_accepted_issuers(phase, signing, accepted):
    emptied, document = data_of("talos", phase, present_issuers=(OLD, OLDER))
    assert emptied == {**EMPTIED, "accepted": {"issuers": {"$patch": "delete"}}}
    assert document == {**EMPTIED, "issuer": {"issuerURL": signing}, "accepted": accepted}


def test_the_document_of_talos_1_14_has_no_list_that_is_empty():
    assert "accepted" not in data_of("talos", FORGET)[1]


def test_an_own_key_of_talos_1_14_is_accepted_before_it_signs():
    accept, sign = cook("talos", ACCEPT, SIGN, public_keys=(FORMER,), **OWN).parts
    emptied = {"issuers": {"$patch": "delete"}, "publicKeys": {"$patch": "delete"}}
    first, second = (list(yaml.safe_load_all(part.files[0].text)) for part in (accept, sign))
    assert [first[0]["accepted"], second[0]["accepted"]] == [emptied, emptied]
    assert first[1]["accepted"]["publicKeys"] == [FORMER, PUBLIC]
    assert first[1]["issuer"] == {"issuerURL": OLD}
    assert second[1]["accepted"]["publicKeys"] == [FORMER]
    assert second[1]["issuer"] == {"issuerURL": NEW_ISSUER, "privateKey": PRIVATE}
    assert [[file.is_secret for file in part.files] for part in (accept, sign)] == [[False], [True]]


def test_an_own_key_of_talos_1_14_needs_the_former_public_key():
    message = refusal("talos", ACCEPT, SIGN, **OWN)
    assert "irsa_apiserver_accepted_public_keys" in message
    assert "talosctl read /system/secrets/kubernetes/kube-apiserver/service-account.pub" in message


def test_a_new_cluster_of_talos_1_14_gets_a_document_that_is_merged():
    (document,) = data_of("talos", NEW, present_issuers=())
    assert document == {**EMPTIED, "issuer": {"issuerURL": NEW_ISSUER}}


# What the documentation lists, re-typed from
# https://docs.siderolabs.com/talos/v1.14/reference/configuration/kubernetes/kubeserviceaccountconfig
DOCUMENTED = {
    "apiVersion": str,
    "kind": str,
    "issuer": {"privateKey": str, "issuerURL": str},
    "accepted": {"publicKeys": [str], "issuers": [str], "audiences": [str]},
}


def matches(value, documented):
    if isinstance(documented, dict):
        return all(name in documented and matches(each, documented[name]) for name, each in value.items())
    if isinstance(documented, list):
        return isinstance(value, list) and all(isinstance(each, documented[0]) for each in value)
    return isinstance(value, documented)


@pytest.mark.parametrize("given", [{}, {**OWN, "public_keys": (FORMER,)}], ids=["adopted", "own"])
@pytest.mark.parametrize("phase", PHASES)
def test_the_document_of_talos_1_14_has_documented_fields_only(phase, given):
    document = data_of("talos", phase, **given)[-1]
    assert matches(document, DOCUMENTED), document


# --- Cluster API


CONTROL_PLANE = """\
spec:
  kubeadmConfigSpec:
    files:
      - path: /etc/kubernetes/patches/kube-apiserver-irsa+json.yaml
        owner: root:root
        permissions: "0644"
        content: |
          {0}
    initConfiguration:
      patches:
        directory: /etc/kubernetes/patches
    joinConfiguration:
      patches:
        directory: /etc/kubernetes/patches
"""


@pytest.mark.parametrize(("phase", "place"), [(NEW, "1"), (ACCEPT, "-"), (SIGN, "1"), (SIGN_BACK, "-"), (FORGET, None)])
def test_cluster_api_gets_a_patch_for_kubeadm(phase, place):
    flag = f'- {{op: add, path: /spec/containers/0/command/{place}, value: "--service-account-issuer={NEW_ISSUER}"}}'
    text = file_of("cluster_api", phase, present_issuers=()).text
    assert text == CONTROL_PLANE.format(flag if place else "[]")


def test_cluster_api_has_its_key_in_a_secret_before_the_cluster_exists():
    (part,) = cook("cluster_api", NEW, **OWN).parts
    secret = part.files[0]
    assert secret.name == "irsa-prod-sa.yaml"
    assert secret.is_secret
    found = yaml.safe_load(secret.text)
    assert found["metadata"] == {"name": "prod-sa", "labels": {"cluster.x-k8s.io/cluster-name": "prod"}}
    decoded = {name: base64.b64decode(value).decode() for name, value in found["data"].items()}
    assert decoded == {"tls.crt": PUBLIC, "tls.key": PRIVATE}
    assert "before the Cluster is made" in part.use


def test_cluster_api_needs_the_name_of_the_cluster():
    with pytest.raises(IrsaError, match=r"^Set irsa_apiserver_cluster_name"):
        RECIPES["cluster_api"](Request(issuer=NEW_ISSUER), [SIGN])


# --- OpenShift


@pytest.mark.parametrize(("phase", "issuer"), [(SIGN, NEW_ISSUER), (SIGN_BACK, OLD)])
def test_openshift_is_told_one_issuer(phase, issuer):
    assert file_of("openshift", phase).text == f'spec:\n  serviceAccountIssuer: "{issuer}"\n'


def test_openshift_goes_back_to_its_own_issuer_without_a_former_one():
    assert file_of("openshift", SIGN_BACK, present_issuers=()).text == 'spec:\n  serviceAccountIssuer: ""\n'


def test_openshift_cannot_only_accept():
    assert "no phase accept" in refusal("openshift", ACCEPT)


def test_openshift_that_may_not_trust_the_former_issuer_is_refused_while_it_runs():
    assert "Upgrade to OpenShift 4.12 or newer" in refusal("openshift", SIGN, version="4.9.1")
    assert cook("openshift", SIGN, version="4.11", force=True).parts
    assert cook("openshift", SIGN, version="4.12.0").parts
    assert cook("openshift", NEW, version="4.11").parts


def test_openshift_forgets_by_itself():
    (part,) = cook("openshift", FORGET).parts
    assert (part.files, part.commands) == ((), ())
    assert "24 hours" in part.restarts


def test_the_key_of_a_new_openshift_is_not_copied_into_a_file_of_ours():
    (part,) = cook("openshift", NEW, **OWN).parts
    assert part.commands[-2:] == (
        "openssl pkey -traditional -in KEY -out INSTALLATION/tls/bound-service-account-signing-key.key",
        "openshift-install create cluster --dir INSTALLATION",
    )
    assert "KEY is the issuer's private key" in part.use
    assert [file.is_secret for file in part.files] == [False]


# --- kOps, re-typed from https://kops.sigs.k8s.io/operations/service_account_issuer_migration/


@pytest.mark.parametrize(
    ("phase", "signing", "others"),
    [
        (NEW, NEW_ISSUER, [OLD]),
        (ACCEPT, OLD, [NEW_ISSUER]),
        (SIGN, NEW_ISSUER, [OLD]),
        (SIGN_BACK, OLD, [NEW_ISSUER]),
        (FORGET, OLD, None),
    ],
)
def test_kops_gets_its_issuers_in_the_order_of_its_guide(phase, signing, others):
    expected = {"serviceAccountIssuer": signing, **({"additionalServiceAccountIssuers": others} if others else {})}
    assert data_of("kops", phase) == [{"spec": {"kubeAPIServer": expected}}]


def test_kops_rolls_the_control_plane_of_the_cluster_that_is_named():
    (part,) = cook("kops", SIGN).parts
    assert part.commands[-1] == (
        "kops rolling-update cluster --name prod --instance-group-roles control-plane,apiserver --yes"
    )


@pytest.mark.parametrize("version", ["1.27.3", "v1.28.4", "1.28.4-beta.1", "1.9"])
def test_kops_before_additional_issuers_is_refused_while_it_runs(version):
    assert "Upgrade to kOps 1.28.5 or newer" in refusal("kops", SIGN, version=version)
    assert cook("kops", NEW, version=version).parts


@pytest.mark.parametrize("version", [None, "1.28", "1.28.5", "v1.33.0", "2.0"])
def test_kops_with_additional_issuers_is_not(version):
    assert cook("kops", SIGN, version=version).parts


# --- Gardener, re-typed from https://gardener.cloud/docs/gardener/security/shoot_serviceaccounts/


@pytest.mark.parametrize(
    ("phase", "present", "signing", "accepted"),
    [
        (NEW, (), NEW_ISSUER, None),
        (ACCEPT, (), None, [NEW_ISSUER]),
        (SIGN, (), NEW_ISSUER, None),
        (SIGN_BACK, (), None, [NEW_ISSUER]),
        (FORGET, (), None, None),
        (ACCEPT, (OLD,), OLD, [NEW_ISSUER]),
        (SIGN, (OLD, OLDER), NEW_ISSUER, [OLD, OLDER]),
        (SIGN_BACK, (OLD, OLDER), OLD, [OLDER, NEW_ISSUER]),
        (FORGET, (OLD, OLDER), OLD, [OLDER]),
        (FORGET, (OLD,), OLD, None),
    ],
)
def test_gardener_signs_for_its_own_issuer_unless_another_one_is_named(phase, present, signing, accepted):
    expected = {"issuer": signing, "acceptedIssuers": accepted}
    found = data_of("gardener", phase, present_issuers=present)
    assert found == [{"spec": {"kubernetes": {"kubeAPIServer": {"serviceAccountConfig": expected}}}}]


# --- any other


@pytest.mark.parametrize(
    ("phase", "issuers"),
    [
        (NEW, [NEW_ISSUER, OLD]),
        (ACCEPT, [OLD, NEW_ISSUER]),
        (SIGN, [NEW_ISSUER, OLD]),
        (SIGN_BACK, [OLD, NEW_ISSUER]),
        (FORGET, [OLD]),
    ],
)
def test_any_other_api_server_gets_its_flags_in_order(phase, issuers):
    file = file_of("generic", phase, present_issuers=(OLD, OLD))
    assert file.text == "".join(f"--service-account-issuer={issuer}\n" for issuer in issuers)
    assert file.name == f"irsa-{phase.replace('_', '-')}.txt"


def test_a_private_key_is_in_no_repr():
    assert PRIVATE not in repr(request(**OWN)) + repr(cook("cluster_api", NEW, **OWN))
