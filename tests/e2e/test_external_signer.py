# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server whose tokens an external signer signs: its keys are published, and nothing else of it is touched."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from control_plane import NewApiServer
from endpoint import Endpoint
from external_signer import ExternalSigner, external_signer
from runs import Ansible, Run
from tokens import header_of

OLD_ISSUER = "https://kubernetes.default.svc.cluster.local"
NAMESPACE = "irsa-e2e-signer"
FLAG = "--service-account-issuer="


@dataclass(frozen=True)
class Signed:
    """Playbook enable before and after the API server was given the flags that the first run printed."""

    signer: ExternalSigner
    published: list[str]
    flags: list[str]
    token: str
    first: Run
    second: Run


@pytest.fixture(scope="module")
def signed(
    endpoint: Endpoint, any_style: str, new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Signed]:
    ansible = Ansible(tmp_path_factory.mktemp("signer"))
    # The path of a socket has 108 characters at most.
    with (
        tempfile.TemporaryDirectory() as folder,
        external_signer(Path(folder)) as signer,
        endpoint.site(any_style) as site,
        endpoint.role_removed(site.bucket),
    ):
        variables = {
            **{name: value for name, value in site.variables.items() if name != "irsa_issuer_key_path"},
            "irsa_kubeconfig": "kubeconfig",
            "irsa_injection_region": endpoint.session.region_name,
            "irsa_service_accounts_create_namespaces": True,
            "irsa_service_accounts_list": [{"namespace": NAMESPACE, "name": "app", "role_name": site.bucket}],
        }
        with new_api_server(f"{FLAG}{OLD_ISSUER}", signer.flag) as api:
            api.write_kubeconfig(ansible.folder / "kubeconfig")
            first = ansible.enable(variables, has_hosts=False)
        published = [key["kid"] for key in json.loads(endpoint.fetch(site.documents[0]).body)["keys"]]
        flags = re.findall(r"--service-account-\S+=\S+", first.output.partition("Next:")[2])
        with new_api_server(*flags, signer.flag) as api:
            api.write_kubeconfig(ansible.folder / "kubeconfig")
            second = ansible.enable(variables, has_hosts=False)
            token = api.token(NAMESPACE, "app", "sts.amazonaws.com")
        yield Signed(signer, published, flags, token=token, first=first, second=second)


def test_the_signers_key_is_published(signed: Signed) -> None:
    assert signed.published == [signed.signer.kid] == [header_of(signed.token)["kid"]]


def test_only_the_issuer_is_to_be_changed(signed: Signed) -> None:
    assert signed.flags == [f"{FLAG}{signed.first.result['issuer']['issuer']}", f"{FLAG}{OLD_ISSUER}"]


def test_sts_accepts_the_signers_tokens(signed: Signed) -> None:
    assert "STS accepts the token" in signed.second.output
    assert signed.second.changed == 0
