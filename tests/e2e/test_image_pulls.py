# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role irsa_image_pulls on the first node of a real cluster of kubeadm, whose kubelet judges what the role writes.

The provider is a script that keeps what the kubelet asks. The node may have no systemd: two scripts then do what the
unit of the kubeadm packages does with /etc/default/kubelet, and tell that it is read.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from kubeadm_nodes import Nodes
from runs import Run
from tokens import claims_of

_FOLDER = "/opt/irsa-e2e-pulls"
_PROVIDER = f"{_FOLDER}/ecr-credential-provider"
_REQUEST = f"{_FOLDER}/request.json"
_ENVIRONMENT = "/etc/default/kubelet"
_CONFIG = "/etc/kubernetes/irsa-credential-providers.json"
_OTHERS = f"{_FOLDER}/others.yaml"

_NAMESPACE, _ACCOUNT = "irsa-e2e-pulls", "app"
_ROLE = "arn:aws:iam::123456789012:role/pulls"
_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1"

_KUBELET = "/usr/local/bin/kubelet"
_SYSTEMCTL = "/usr/local/sbin/systemctl"
_SET_UP = rf"""
mkdir -p {_FOLDER}
cat > {_PROVIDER} <<'END'
#!/bin/sh
cat > {_REQUEST}.new && mv {_REQUEST}.new {_REQUEST}
printf '{{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1"'
printf ',"cacheKeyType":"Image","cacheDuration":"0s","auth":{{}}}}'
END
chmod 755 {_PROVIDER}
if ! [ -d /run/systemd/private ] && ! systemctl show --property=EnvironmentFiles kubelet | grep -q default/kubelet; then
  real=$(command -v systemctl)
  cat > {_KUBELET} <<'END'
#!/bin/bash
if [ -f {_ENVIRONMENT} ]; then . {_ENVIRONMENT}; fi
exec /usr/bin/kubelet "$@" $KUBELET_EXTRA_ARGS
END
  cat > {_SYSTEMCTL} <<END
#!/bin/bash
case "\$*" in
  *EnvironmentFiles\ kubelet) echo 'EnvironmentFiles={_ENVIRONMENT} (ignore_errors=yes)';;
  *) exec $real "\$@";;
esac
END
  chmod 755 {_KUBELET} {_SYSTEMCTL}
fi
"""
_STATE = f"sha256sum {_ENVIRONMENT} {_CONFIG} {_OTHERS} /var/lib/kubelet/kubeadm-flags.env 2>&1; true"


class Pulls:
    """The role on the first node of the cluster."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.host = nodes.hosts[0]

    def run(self, *options: str, fails: bool = False, **variables: Any) -> Run:
        given = {
            "irsa_kubeconfig": self.nodes.cluster.kubeconfig,
            "irsa_image_pulls_provider_path": _PROVIDER,
            "irsa_image_pulls_accounts": [f"{_NAMESPACE}/{_ACCOUNT}"],
            "irsa_image_pulls_provider_arn": f"arn:aws:iam::123456789012:oidc-provider/{self.issuer}",
            **{f"irsa_image_pulls_{name}": value for name, value in variables.items()},
        }
        return self.nodes.ansible.node_role("irsa_image_pulls", self.host, given, *options, fails=fails)

    @property
    def issuer(self) -> str:
        return str(self.nodes.issuers()[self.host][0]).removeprefix("https://")

    def shell(self, command: str) -> str:
        return self.nodes.shell(self.host, command)

    @property
    def state(self) -> str:
        return self.shell(_STATE)

    @property
    def flags(self) -> list[str]:
        """The flags about credential providers of the process that runs."""
        command = self.shell("for p in $(pgrep -x kubelet); do tr '\\0' '\\n' < /proc/$p/cmdline; done")
        return [line for line in command.splitlines() if "credential-provider" in line]


@pytest.fixture(scope="module")
def pulls(nodes: Nodes) -> Iterator[Pulls]:
    found = Pulls(nodes)
    found.shell(_SET_UP)
    before = found.state
    try:
        yield found
        found.run(state="absent")
        assert found.state == before
        assert found.flags == []
    finally:
        found.shell(f"rm -rf {_FOLDER} {_KUBELET} {_SYSTEMCTL} {_ENVIRONMENT} {_CONFIG}; systemctl restart kubelet")


@pytest.fixture
def namespace(pulls: Pulls) -> Iterator[str]:
    core = pulls.nodes.cluster.core
    core.create_namespace({"metadata": {"name": _NAMESPACE}})
    annotations = {"eks.amazonaws.com/ecr-role-arn": _ROLE}
    core.create_namespaced_service_account(_NAMESPACE, {"metadata": {"name": _ACCOUNT, "annotations": annotations}})
    try:
        yield _NAMESPACE
    finally:
        core.delete_namespace(_NAMESPACE, grace_period_seconds=0)


def test_check_mode_writes_nothing_and_the_second_run_changes_nothing(pulls: Pulls) -> None:
    before = pulls.state
    check = pulls.run("--check")
    assert check.changed == 2  # the rights and the kubelet
    assert pulls.state == before
    assert pulls.run().changed == 2
    assert pulls.flags == [
        f"--image-credential-provider-config={_CONFIG}",
        f"--image-credential-provider-bin-dir={_FOLDER}",
    ]
    assert pulls.run().changed == 0


def test_the_kubelet_gives_the_provider_a_token_that_the_trust_policy_accepts(pulls: Pulls, namespace: str) -> None:
    policy = pulls.run().result["trust_policy"]
    pod = {
        "metadata": {"name": "app"},
        "spec": {
            "serviceAccountName": _ACCOUNT,
            "nodeName": pulls.host,
            "containers": [{"name": "app", "image": _IMAGE, "imagePullPolicy": "Always"}],
        },
    }
    pulls.nodes.cluster.core.create_namespaced_pod(namespace, pod)
    asked = (
        f"for i in $(seq 120); do [ -e {_REQUEST} ] && exec cat {_REQUEST}; sleep 1; done; tail /var/log/kubelet.log"
    )
    request = json.loads(pulls.shell(asked))
    assert request["image"].startswith(_IMAGE.removesuffix(":1"))
    assert request["serviceAccountAnnotations"] == {"eks.amazonaws.com/ecr-role-arn": _ROLE}
    token = request["serviceAccountToken"]
    claims = claims_of(token)
    assert pulls.nodes.cluster.core.read_namespaced_service_account(_ACCOUNT, namespace).metadata.uid in str(claims)
    # What the policy demands, compared by hand and by the code that verifies roles.
    (statement,) = policy["Statement"]
    host = claims["iss"].removeprefix("https://")
    assert statement["Principal"]["Federated"].endswith(f"oidc-provider/{host}")
    assert statement["Condition"]["StringEquals"] == {f"{host}:aud": claims["aud"][0], f"{host}:sub": claims["sub"]}
    judged = {subject: _judged(policy, subject, claims["aud"][0]) for subject in (claims["sub"], claims["sub"] + "x")}
    assert list(judged.values()) == [True, False]


def _judged(policy: dict[str, Any], subject: str, audience: str) -> bool | None:
    """Whether the collection's own checks let a policy accept a token."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_conditions import (  # noqa: PLC0415
        TokenRequest,
    )
    from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.trust_evaluation import (  # noqa: PLC0415
        judge,
    )

    arn = policy["Statement"][0]["Principal"]["Federated"]
    return judge(policy, TokenRequest(provider_arn=arn, subject=subject, audience=audience)).allowed


def test_providers_of_others_are_kept_and_flags_of_others_are_used(pulls: Pulls) -> None:
    pulls.run(state="absent")
    others = textwrap.dedent(
        """\
        # Written by hand.
        apiVersion: kubelet.config.k8s.io/v1
        kind: CredentialProviderConfig
        providers:
          - name: other # of another registry
            matchImages: ["registry.example.com"]
            defaultCacheDuration: 1h
            apiVersion: credentialprovider.kubelet.k8s.io/v1
        """
    )
    flags = f"--image-credential-provider-config={_OTHERS} --image-credential-provider-bin-dir={_FOLDER}"
    pulls.shell(
        f"cp {_PROVIDER} {_FOLDER}/other; cat > {_OTHERS} <<'END'\n{others}END\n"
        f"echo 'KUBELET_EXTRA_ARGS=\"{flags}\"' > {_ENVIRONMENT}\n"
        "systemctl restart kubelet"
    )
    before = pulls.state
    try:
        assert pulls.run().result["config"] == _OTHERS
        assert pulls.flags == flags.split()
        lines = pulls.shell(f"cat {_OTHERS}").splitlines()
        assert lines[:-1] == others.splitlines()
        assert json.loads(lines[-1].strip().removeprefix("- "))["name"] == "ecr-credential-provider"
        pulls.run(state="absent")
        assert pulls.state == before
    finally:
        pulls.shell(f"rm -f {_ENVIRONMENT} {_OTHERS}; systemctl restart kubelet")


def test_a_kubelet_that_does_not_start_gets_its_former_files_back(pulls: Pulls) -> None:
    """The kubelet refuses a cache duration that its decoder does not read, and ours lets through."""
    pulls.run()
    before, flags = pulls.state, pulls.flags
    failed = pulls.run(fails=True, cache_duration="99999999999h", timeout=20)
    assert "Its files were put back, and it runs as before." in failed.output
    assert pulls.state == before
    assert pulls.flags == flags
    assert pulls.run().changed == 0


def test_a_missing_program_stops_the_run_before_it_changes_anything(pulls: Pulls) -> None:
    before = pulls.state
    failed = pulls.run(fails=True, provider_path=f"{_FOLDER}/nothing")
    assert "does not exist on this node" in failed.output
    assert pulls.state == before
