# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is found before anything is written: each fault by itself, in a cluster that is otherwise right."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options, plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ABSENT, Goal
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_clusters import (
    CONFIGURATION,
    SIGNING_KID,
    cluster,
    command_of,
    with_server,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import KID, KUBEADM, NEW, OLD

GOAL = Goal(issuer=NEW, published_kids=frozenset({SIGNING_KID}))
OWN = Goal(issuer=NEW, published_kids=frozenset({KID}), own_kid=KID)
_PORT = "    - --secure-port=6443\n"


def with_flags(*flags: str) -> bytes:
    """A manifest with further flags."""
    return KUBEADM.replace(_PORT, _PORT + "".join(f"    - {flag}\n" for flag in flags)).encode()


def findings(before, goal=GOAL, **options):
    return plan(before, goal, Options(**options)).findings


def with_second(**known):
    return with_server(cluster(), "node2", **known)


def with_second_manifest(manifest, **known):
    return with_second(manifest=manifest, running=command_of(manifest), **known)


def patch_of(issuer):
    """A user's JSON patch that adds an issuer."""
    value = f"--service-account-issuer={issuer}"
    return f"- {{op: add, path: /spec/containers/0/command/1, value: '{value}'}}\n".encode()


AUTHENTICATION = f"""\
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer: {{url: "https://users.example.com"}}
- issuer:
    url: {NEW}
    audiences: [x]
"""

ACCEPTING = dataclasses.replace(GOAL, accepted_key_files=("/etc/kubernetes/pki/other.pub",))
FAULTS = {"/etc/kubernetes/pki/other.pub": "/etc/kubernetes/pki/other.pub does not exist."}

PROBLEMS = {
    "no control-plane node": (
        with_second(manifest=None),
        (
            "node2: it has no /etc/kubernetes/manifests/kube-apiserver.yaml, so it is not a control-plane node that "
            "kubeadm made. Take it out of the hosts of this play."
        ),
    ),
    "not YAML": (
        with_second(manifest=b"a: ["),
        "node2: /etc/kubernetes/manifests/kube-apiserver.yaml cannot be used: it",
    ),
    "unreadable": (with_second(unknown=("It cannot be read.",)), "node2: It cannot be read."),
    "no mirror pod": (with_second(running=None), "node2: it is not known what runs there"),
    "not ready": (
        with_second(ready=False),
        "node2: its API server is not ready (/readyz). See its log, and /etc/kubernetes/irsa-backup for",
    ),
    "another manifest than what runs": (
        with_second(manifest=with_flags("--v=4")),
        "node2: its manifest is not what runs: '--v=4'. The kubelet has not taken it over.",
    ),
    "another order than what runs": (
        with_second(running=(*cluster(1).servers[0].running[:1], *reversed(cluster(1).servers[0].running[1:]))),
        "node2: its manifest is not what runs: 'their order'.",
    ),
    "another issuer than what runs": (
        with_second(issuer="https://other.example.com"),
        f"node2: its discovery document names the issuer 'https://other.example.com', its arguments name '{OLD}' first",
    ),
    "an issuer twice": (
        cluster(manifest=with_flags(f"--service-account-issuer={OLD}")),
        f"node1, node2, node3: --service-account-issuer='{OLD}' is given twice, and with that no API server starts.",
    ),
    "no issuer": (
        cluster(manifest=KUBEADM.replace("service-account-issuer", "other").encode()),
        "node1, node2, node3: its API server has no --service-account-issuer.",
    ),
    "a value of the kubelet": (
        cluster(manifest=with_flags("--service-account-issuer=https://$(HOST)")),
        "node1, node2, node3: the kubelet replaces a part of '--service-account-issuer=https://$(HOST)'.",
    ),
    "an external signer": (
        cluster(manifest=with_flags("--service-account-signing-endpoint=/run/signer.sock")),
        "node1, node2, node3: an external signer signs its tokens",
    ),
    "an issuer of users": (
        cluster(manifest=with_flags(f"--oidc-issuer-url={NEW}")),
        f"node1, node2, node3: '{NEW}' is also its --oidc-issuer-url.",
    ),
    "an authenticator for users of another issuer that is accepted": (
        cluster(manifest=with_flags("--oidc-issuer-url=https://former.example.com")),
        "node1, node2, node3: 'https://former.example.com' is also its --oidc-issuer-url.",
        dataclasses.replace(GOAL, accepted_issuers=("https://former.example.com",)),
    ),
    "an authenticator": (
        with_second(authentication_config=AUTHENTICATION),
        f"node2: '{NEW}' is also an authenticator in its --authentication-config",
    ),
    "an authenticator in a file that is not understood": (
        with_second(authentication_config=f'jwt: [ "{NEW}",'),
        f"node2: '{NEW}' is also an authenticator in its --authentication-config",
    ),
    "a key that is not published": (
        cluster(signing_kid="other", kids=frozenset({"other"})),
        (
            "node1, node2, node3: its API server signs with the key 'other', which is not among the published ones "
            f"('{SIGNING_KID}')."
        ),
    ),
    "different keys": (
        with_second(kids=frozenset({"other"})),
        f"node1, node2, node3: tokens are signed with the key '{SIGNING_KID}', which node2 does not have in its JWKS.",
    ),
    "a refused token": (with_second(refusals=("It is refused.",)), "node2: It is refused."),
    "different flags": (
        with_second_manifest(with_flags("--api-audiences=a")),
        "node1 and node2 differ in --api-audiences: none and 'a'. Make them the same, or set irsa_apiserver_force",
    ),
    "a copy of the manifest": (
        with_second(folder=("kube-apiserver.yaml", "kube-apiserver.yaml.123.2026-01-01~")),
        "node2: /etc/kubernetes/manifests also holds 'kube-apiserver.yaml.123.2026-01-01~'.",
    ),
    "an odd version": (with_second(tool_version="latest"), "node2: what kubeadm says of its version cannot be used"),
    "a patch that names the issuer": (
        with_second(patches={"kube-apiserver0+json.yaml": patch_of(NEW)}),
        f"node2: the kubeadm patch 'kube-apiserver0+json.yaml' names '{NEW}'.",
    ),
    "a patch that names an issuer that stays accepted": (
        with_second(patches={"kube-apiserver0+json.yaml": patch_of(OLD)}),
        f"node2: the kubeadm patch 'kube-apiserver0+json.yaml' names '{OLD}'.",
    ),
    "a patch that names an issuer to be accepted": (
        with_second(patches={"kube-apiserver0+json.yaml": patch_of("https://x.example.com")}),
        "node2: the kubeadm patch 'kube-apiserver0+json.yaml' names 'https://x.example.com'.",
        dataclasses.replace(GOAL, accepted_issuers=("https://x.example.com",)),
    ),
    "a patch that names the issuer as an argument of its own": (
        with_second(patches={"kube-apiserver.json": f'{{"x": ["--service-account-issuer", "{NEW}"]}}'.encode()}),
        f"node2: the kubeadm patch 'kube-apiserver.json' names '{NEW}'.",
    ),
    "a patch that is not understood": (
        with_second(patches={"kube-apiserver0+json.yaml": f'[ "--service-account-issuer={NEW}"'.encode()}),
        f"node2: the kubeadm patch 'kube-apiserver0+json.yaml' names '{NEW}'.",
    ),
    "a public key that is not on a node": (
        with_second(
            public_key_faults={"/etc/kubernetes/pki/other.pub": "/etc/kubernetes/pki/other.pub does not exist."}
        ),
        (
            "node2: irsa_apiserver_accepted_public_keys cannot be used, and no API server would start with it: "
            "/etc/kubernetes/pki/other.pub does not exist."
        ),
        ACCEPTING,
    ),
    "a public key that the pod does not see": (
        cluster(),
        (
            "node1, node2, node3: its API server does not see '/root/other.pub' of "
            "irsa_apiserver_accepted_public_keys: the pod does not mount that folder. Put the file beside the "
            "cluster's key, in '/etc/kubernetes/pki'."
        ),
        dataclasses.replace(GOAL, accepted_key_files=("/root/other.pub",)),
    ),
    "a configuration of another version": (
        dataclasses.replace(cluster(), configuration=CONFIGURATION.replace("v1beta4", "v1beta2")),
        (
            "ClusterConfiguration in ConfigMap kube-system/kubeadm-config cannot be used: it is "
            "'ClusterConfiguration' of version 'kubeadm.k8s.io/v1beta2'"
        ),
    ),
    "a configuration that is something else": (
        dataclasses.replace(cluster(), configuration="kind: Pod"),
        "ClusterConfiguration in ConfigMap kube-system/kubeadm-config cannot be used: it is 'Pod' of version null",
    ),
    "an issuer that only an upgrade would bring": (
        dataclasses.replace(
            cluster(),
            configuration=CONFIGURATION.replace(
                "apiServer: {}", "apiServer:\n  extraArgs: [{name: service-account-issuer, value: 'https://x'}]"
            ),
        ),
        (
            "ClusterConfiguration in ConfigMap kube-system/kubeadm-config sets --service-account-issuer to "
            "'https://x', but 'https://x' does not run."
        ),
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_stops_everything(name):
    before, text, *goal = PROBLEMS[name]
    result = plan(before, *goal or [GOAL], Options())
    assert result.steps == ()
    (problem,) = result.findings.problems
    assert problem.startswith(text)


def test_public_keys_do_not_matter_on_the_way_back():
    absent = dataclasses.replace(ACCEPTING, state=ABSENT)
    assert findings(cluster(public_key_faults=FAULTS), absent).problems == ()


def test_a_cluster_without_servers_is_a_problem():
    assert findings(dataclasses.replace(cluster(), servers=())).problems == ("No API server was found.",)


def test_all_problems_are_found_at_once():
    before = with_server(with_second(ready=False), "node3", manifest=b"[")
    assert [problem[:6] for problem in findings(before).problems] == ["node2:", "node3:"]


@pytest.mark.parametrize(
    ("goal", "text"),
    [
        (dataclasses.replace(GOAL, issuer="https://a b"), "The issuer 'https://a b' cannot be an argument"),
        (dataclasses.replace(GOAL, issuer="https://a,b"), "The issuer 'https://a,b' cannot be an argument"),
        (dataclasses.replace(GOAL, accepted_issuers=("$(X)",)), "The issuer '$(X)' cannot be an argument"),
        (dataclasses.replace(GOAL, accepted_issuers=("",)), "The issuer '' cannot be an argument"),
        *(
            (dataclasses.replace(GOAL, accepted_issuers=(text,)), f"The issuer '{text}' cannot be an argument")
            for text in ("https://a:b", "https://a[b", "https://a/%zz", ":a", "1a:b")
        ),
        (dataclasses.replace(OWN, published_kids=frozenset({"x"})), f"The key '{KID}' is not among the published ones"),
    ],
)
def test_a_goal_that_no_server_can_have_is_refused(goal, text):
    (problem,) = findings(cluster(), goal).problems
    assert problem.startswith(text)


@pytest.mark.parametrize(
    "issuer", ["kubernetes/serviceaccount", "api", "http://a:8080/b?c", "urn:a:b", "https://a/%20"]
)
def test_an_issuer_that_is_only_accepted_may_be_what_an_api_server_starts_with(issuer):
    result = plan(cluster(1), dataclasses.replace(GOAL, accepted_issuers=(issuer,)), Options())
    assert result.findings.problems == ()
    assert issuer in result.steps[0].issuers


OWN_PROBLEMS = {
    "a user without rights": (
        KUBEADM.replace("  securityContext:\n", "  securityContext:\n    runAsUser: 1001\n"),
        "its kube-apiserver runs as user 1001, who cannot read a key file of root with mode 0600",
    ),
    "no mount": (
        KUBEADM.replace("mountPath: /etc/kubernetes/pki", "mountPath: /pki"),
        "its kube-apiserver does not see '/etc/kubernetes/pki'",
    ),
    "no key file": (
        KUBEADM.replace("    - --service-account-key-file=/etc/kubernetes/pki/sa.pub\n", ""),
        "its API server has no --service-account-key-file, so it verifies with the key of --tls-private-key-file",
    ),
}


@pytest.mark.parametrize("name", OWN_PROBLEMS)
def test_an_own_key_that_could_not_be_used_is_refused(name):
    manifest, text = OWN_PROBLEMS[name]
    assert any(text in problem for problem in findings(cluster(manifest=manifest.encode()), OWN).problems)
    assert findings(cluster(manifest=manifest.encode())).problems == ()


def test_an_own_key_needs_the_controller_manager():
    before = cluster(controller_manager=None)
    assert "kube-controller-manager signs tokens, too" in findings(before, OWN).problems[0]
    broken = cluster(controller_manager=b"[")
    assert "kube-controller-manager.yaml cannot be used" in findings(broken, OWN).problems[0]
    assert findings(before).problems == findings(broken).problems == ()


def test_force_leaves_differences_as_they_are():
    forced = dataclasses.replace(GOAL, force=True)
    for name in ("different flags", "an issuer that only an upgrade would bring"):
        result = plan(PROBLEMS[name][0], forced, Options())
        assert (result.findings.problems, len(result.steps)) == ((), 6)


@pytest.mark.parametrize("name", ["different keys", "an issuer twice", "an external signer", "not ready"])
def test_force_does_not_overrule_what_would_break_a_cluster(name):
    assert findings(PROBLEMS[name][0], dataclasses.replace(GOAL, force=True)).problems


def test_a_patch_of_the_user_stays_if_nothing_else_is_written_for_upgrades():
    for issuer in (NEW, "https://other.example.com"):
        result = findings(with_second(patches={"kube-apiserver0+json.yaml": patch_of(issuer)}), persist="none")
        assert (result.problems, result.warnings) == ((), ())


def test_persist_none_does_without_cluster_configuration():
    before = PROBLEMS["a configuration of another version"][0]
    assert findings(before, persist="none").problems == ()


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (cluster(tool_version="v1.34.0"), "kubeadm 'v1.34.0' sorts repeated flags"),
        (cluster(tool_version=None), "the version of kubeadm is not known"),
        (dataclasses.replace(cluster(), configuration=None), "there is no ConfigMap kube-system/kubeadm-config"),
        (
            dataclasses.replace(cluster(), configuration=CONFIGURATION.replace("v1beta4", "v1beta3")),
            "ClusterConfiguration is of version v1beta3",
        ),
    ],
)
def test_cluster_configuration_that_would_not_do_is_refused_and_avoided(before, reason):
    (problem,) = findings(before, persist="cluster_configuration").problems
    assert problem.startswith(f"irsa_apiserver_persist cannot be cluster_configuration here: {reason}")
    assert plan(before, GOAL, Options()).method == "patches"


WARNINGS = {
    "the AWS audience": (
        cluster(manifest=with_flags("--api-audiences=a,sts.amazonaws.com")),
        (
            "node1, node2, node3: sts.amazonaws.com is among its --api-audiences. Then each token for AWS is also "
            "valid for the Kubernetes API"
        ),
    ),
    "short tokens": (
        cluster(manifest=with_flags("--service-account-max-token-expiration=1h30m")),
        "node1, node2, node3: --service-account-max-token-expiration='1h30m' shortens tokens for AWS",
    ),
    "an odd file": (
        with_second(folder=("kube-apiserver.yaml", "etcd.yaml.bak")),
        "node2: /etc/kubernetes/manifests holds 'etcd.yaml.bak', and the kubelet reads every file there.",
    ),
    "a patch for the issuer": (
        with_second(patches={"kube-apiserver.yaml": b"x: --service-account-issuer=https://x"}),
        "node2: the kubeadm patch 'kube-apiserver.yaml' changes --service-account-issuer, too.",
    ),
    "a patch for an issuer that begins alike": (
        with_second(patches={"kube-apiserver0+json.yaml": patch_of(f"{NEW}/other")}),
        "node2: the kubeadm patch 'kube-apiserver0+json.yaml' changes --service-account-issuer, too.",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_a_warning_stops_nothing(name):
    before, text = WARNINGS[name]
    result = plan(before, GOAL, Options())
    assert len(result.steps) == 6
    (warning,) = result.findings.warnings
    assert warning.startswith(text)


def test_long_tokens_and_odd_durations_are_no_reason_to_warn():
    for value in ("24h", "168h0m0s", "1440m", "86400s", "x"):
        before = cluster(1, manifest=with_flags(f"--service-account-max-token-expiration={value}"))
        assert findings(before).warnings == ()


def test_legacy_tokens_matter_when_a_key_changes():
    before = dataclasses.replace(cluster(), legacy_tokens=7)
    assert findings(before).warnings == ()
    for goal in (OWN, Goal(issuer=NEW, state=ABSENT)):
        assert "7 Secrets of type kubernetes.io/service-account-token" in " ".join(findings(before, goal).warnings)


def test_going_back_does_not_ask_what_is_published():
    before = cluster(1, signing_kid="other", kids=frozenset({"other"}), authentication_config=AUTHENTICATION)
    away = Goal(issuer=NEW, state=ABSENT, published_kids=frozenset({"x"}))
    assert findings(before, away).problems == ()
    users = dataclasses.replace(away, accepted_issuers=("https://users.example.com",))
    assert "'https://users.example.com' is also an authenticator" in findings(before, users).problems[0]
