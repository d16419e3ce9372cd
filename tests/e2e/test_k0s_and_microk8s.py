# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What k0s and MicroK8s make of their files in each phase starts an API server that signs and accepts as it should."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution, Programs, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.k0s import K0s
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.microk8s import MicroK8s
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from control_plane import NewApiServer
from runs import NAMESPACE, SERVICE_ACCOUNT, Ansible
from tokens import claims_of, header_of

NEW = "https://example-irsa.s3.eu-west-1.amazonaws.com"
FORMER = "https://kubernetes.default.svc"
KID = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"

K0S_CONFIG = "/etc/k0s/k0s.yaml"
MICROK8S = "/var/snap/microk8s/current"

Files = dict[str, bytes]


def k0s_flags(files: Files, folder: Path) -> list[str]:
    """https://github.com/k0sproject/k0s/blob/v1.34.1+k0s.0/pkg/component/controller/apiserver.go"""
    api = yaml.safe_load(files.get(K0S_CONFIG, b"{}")).get("spec", {}).get("api", {})
    defaults = {
        "service-account-key-file": f"{folder}/pki/sa.pub",
        "service-account-signing-key-file": f"{folder}/pki/sa.key",
        "service-account-issuer": FORMER,
        "service-account-jwks-uri": f"{FORMER}/openid/v1/jwks",
        "api-audiences": f"{FORMER},system:konnectivity-server",
    }
    given = {**defaults, **api.get("extraArgs", {})}
    # k0s itself takes them as they come. The other way round is the one that could show a mistake.
    return [f"--{name}={given[name]}" for name in sorted(given, reverse=True)] + list(api.get("rawArgs", []))


def microk8s_flags(files: Files, folder: Path) -> list[str]:
    """https://github.com/canonical/microk8s, ReadArgsFromFile in its patches of Kubernetes"""
    text = files[f"{MICROK8S}/args/kube-apiserver"].decode()
    lines = [line.strip() for line in text.split("\n")]
    words = [word for line in lines if line and line[0] != "#" for word in line.replace("'", "").split(" ")]
    return [word.replace("${SNAP_DATA}", MICROK8S).replace(MICROK8S, str(folder)) for word in words]


# Those of microk8s-resources/default-args/kube-apiserver that name nothing of a MicroK8s server.
MICROK8S_FILES = {
    f"{MICROK8S}/args/kube-apiserver": b"""\
--service-account-key-file=${SNAP_DATA}/pki/sa.pub
--allow-privileged=true
--service-account-issuer='https://kubernetes.default.svc'
--service-account-signing-key-file=${SNAP_DATA}/pki/sa.key
--event-ttl=5m

# Enable the aggregation layer
--requestheader-allowed-names=front-proxy-client""",
    f"{MICROK8S}/args/kube-controller-manager": b"--service-account-private-key-file=${SNAP_DATA}/pki/sa.key\n",
}


def after(phase: str, files: Files, target: phases.Target, *, of: Distribution, unit: Unit) -> Files:
    before = of.programs(files, unit)
    server = phases.after(phase, before.api_server, target)
    manager = phases.controller_manager_after(phase, before.controller_manager, target, api_server=server)
    changes = of.files_after(files, unit, Programs(api_server=server, controller_manager=manager))
    return {path: content for path, content in {**files, **changes}.items() if content is not None}


@pytest.mark.parametrize(
    ("distribution", "original", "data", "flags_of"),
    [(K0s(), {}, None, k0s_flags), (MicroK8s(), MICROK8S_FILES, MICROK8S, microk8s_flags)],
    ids=["k0s", "microk8s"],
)
def test_tokens_of_both_issuers_are_valid_from_accept_to_forget(
    new_api_server: NewApiServer,
    ansible: Ansible,
    distribution: Distribution,
    original: Files,
    data: str | None,
    flags_of: Callable[[Files, Path], list[str]],
) -> None:
    folder = ansible.folder
    (folder / "pki" / "irsa").mkdir(parents=True)
    own = phases.own_key_files(f"{folder}/pki", KID)
    for private, public in ((f"{folder}/pki/sa.key", f"{folder}/pki/sa.pub"), (own.private, own.public)):
        ansible.module("selfhosted.irsa.irsa_keypair", path=private, public_key_path=public)
    unit = Unit(command=("k0s", "controller", f"--data-dir={folder}") if data is None else ("snap",))
    target = phases.Target(issuer=NEW, key=phases.own_key_files(f"{data or folder}/pki", KID))
    files, tokens, kids = original, {}, {}
    for phase, signs, valid in (
        (None, FORMER, {FORMER}),
        (ACCEPT, FORMER, {FORMER}),
        (SIGN, NEW, {FORMER, NEW}),
        (SIGN_BACK, FORMER, {FORMER, NEW}),
        (FORGET, FORMER, {FORMER}),
    ):
        files = after(phase, files, target, of=distribution, unit=unit) if phase else files
        with new_api_server(*flags_of(files, folder)) as api:
            token = api.token(NAMESPACE, SERVICE_ACCOUNT, FORMER)
            assert claims_of(token)["iss"] == signs
            tokens[signs], kids[signs] = token, header_of(token)["kid"]
            # Known is not allowed: 403.
            answers = {issuer: api.ask("/api/v1/nodes", bearer=each)[0] for issuer, each in tokens.items()}
            assert answers == {issuer: 403 if issuer in valid else 401 for issuer in tokens}
    assert files == original
    assert kids[NEW] != kids[FORMER]
