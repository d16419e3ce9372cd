# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cert-manager itself issues the webhook's certificate and tells kube-apiserver its CA, after one of our own."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from admission import Client
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import tls_state
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import CA_CERTIFICATE, Tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import configuration
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_tls import (
    serves_cert_manager,
    tls_for,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import applied
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, path_of
from control_plane import LOOPBACK, NewApiServer, free_ports, running, signing_flags
from endpoint import eventually, setting

OWN, THEIRS = (WebhookSettings(certificates=kind) for kind in ("own", "cert_manager"))
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def flags(program: str, kubeconfig: Path) -> list[str]:
    [metrics, health] = free_ports(2)
    common = [f"--kubeconfig={kubeconfig}", "--leader-elect=false", f"--metrics-listen-address={LOOPBACK}:{metrics}"]
    return common if program == "cainjector" else [*common, f"--internal-healthz-listen-address={LOOPBACK}:{health}"]


@pytest.fixture(scope="module")
def api(new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    programs = Path(setting("IRSA_E2E_CERT_MANAGER", "a folder with cert-manager's programs controller and cainjector"))
    definitions = Path(setting("IRSA_E2E_CERT_MANAGER_CRDS", "the folder deploy/crds of cert-manager"))
    folder = tmp_path_factory.mktemp("cert-manager")
    with new_api_server(*signing_flags(folder)) as server, ExitStack() as stack:
        kubeconfig = folder / "kubeconfig"
        server.write_kubeconfig(kubeconfig)
        client, made = Client(server), ApiServer(str(kubeconfig), 30)
        for path in sorted(definitions.glob("*cert-manager.io_*.yaml")):
            client.must("POST", _DEFINITIONS, yaml.safe_load(path.read_text(encoding="utf-8")))

        def is_served() -> None:
            assert serves_cert_manager(made)

        eventually(is_served, AssertionError)
        client.add_namespace(OWN.namespace)
        for program in ("controller", "cainjector"):
            # cainjector looks for it in the environment alone.
            command = ["env", f"KUBECONFIG={kubeconfig}", str(programs / program), *flags(program, kubeconfig)]
            stack.enter_context(running(command, folder / f"{program}.log"))
        yield made


def apply(api: ApiServer, *documents: Document) -> None:
    for document in documents:
        applied(api, path_of(document), document)


def configured(tls: Tls) -> Document:
    return configuration(Settings(), OWN, tls.ca_bundle, injected=tls.injected)


def trusted(api: ApiServer) -> str:
    """What the API server trusts."""
    return tls_state.find(api, OWN).ca_bundle


def verify(folder: Path, api: ApiServer, secret: str) -> None:
    """Have OpenSSL verify the certificate in a Secret as the API server would now."""
    for name, text in (("leaf", tls_state.find(api, OWN).text(secret, "tls.crt")), ("ca", trusted(api))):
        (folder / name).write_text(text, encoding="utf-8")
    host = f"irsa-pod-identity-webhook.{OWN.namespace}.svc"
    options = ["-x509_strict", "-purpose", "sslserver", "-verify_hostname", host, "-CAfile", str(folder / "ca")]
    subprocess.run(["openssl", "verify", *options, str(folder / "leaf")], check=True, capture_output=True)


def test_a_change_to_cert_manager_is_trusted_and_then_left_to_it(api: ApiServer, tmp_path: Path) -> None:
    own = tls_for(api, OWN, api.time())
    apply(api, *own.authority, *own.leaf, configured(own))

    first = tls_for(api, THEIRS, api.time())
    assert first.pending
    apply(api, *first.authority)

    def made() -> Tls:
        tls = tls_for(api, THEIRS, api.time())
        assert not tls.pending
        return tls

    eventually(made, AssertionError)
    # As it is while pods of the Deployment still have the own certificate.
    both = f"{own.ca_bundle}{tls_state.find(api, OWN).text(CA_CERTIFICATE, 'ca.crt')}"
    apply(api, configuration(Settings(), OWN, both), *first.leaf)

    def issued() -> Tls:
        tls = tls_for(api, THEIRS, api.time())
        assert tls.dates["certificate_ends"]
        return tls

    last = eventually(issued, AssertionError)
    verify(tmp_path, api, own.secret)
    verify(tmp_path, api, last.secret)

    # Its injector adds to what it finds, or replaces it. What the run writes is what it would write.
    apply(api, configuration(Settings(), OWN, own.ca_bundle, injected=True))

    def injected() -> None:
        assert str(last.ca_bundle) in trusted(api)

    eventually(injected, AssertionError)
    assert last.injected
    apply(api, configured(last))
    verify(tmp_path, api, last.secret)
    again = tls_for(api, THEIRS, api.time())
    assert Documents(api, desired=[*again.authority, *again.leaf, configured(again)]).plan() == []
    assert [each["metadata"]["name"] for each in again.superfluous] == [own.secret, f"{own.secret[:-4]}-ca"]


def test_a_ca_that_cert_manager_renews_still_accepts_the_certificate(api: ApiServer, tmp_path: Path) -> None:
    before = tls_for(api, THEIRS, api.time())
    assert trusted(api) == before.ca_bundle
    path = path_of(before.authority[1])
    # As the command cmctl renew asks for it: https://cert-manager.io/docs/reference/cmctl/#renew
    conditions = [
        *[each for each in api.get(path)["status"]["conditions"] if each["type"] != "Issuing"],
        {
            "type": "Issuing",
            "status": "True",
            "reason": "ManuallyTriggered",
            "message": "Certificate re-issuance manually triggered",
            "lastTransitionTime": api.time().strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    ]
    api.patch(f"{path}/status", {"status": {"conditions": conditions}})

    def renewed() -> None:
        found = tls_state.find(api, OWN)
        assert before.ca_bundle != found.text(CA_CERTIFICATE, "ca.crt")
        assert found.text(CA_CERTIFICATE, "ca.crt") in found.ca_bundle

    eventually(renewed, AssertionError)
    # Whether or not the injector has kept the old CA.
    apply(api, configured(tls_for(api, THEIRS, api.time())))
    verify(tmp_path, api, before.secret)
    assert tls_for(api, THEIRS, api.time()).warnings == []


def test_back_to_an_own_ca_both_are_trusted(api: ApiServer, tmp_path: Path) -> None:
    theirs = tls_for(api, THEIRS, api.time())
    own = tls_for(api, OWN, api.time())
    assert own.ca_bundle
    apply(api, *own.authority, configured(own), *own.leaf)
    for secret in (theirs.secret, own.secret):
        verify(tmp_path, api, secret)
    documents = Documents(api, superfluous=own.superfluous)
    assert {change.target.split("/")[0] for change in documents.plan()} == {"Certificate", "Issuer", "Secret"}
    configuration_there = api.get("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations")["items"][0]
    assert "annotations" not in configuration_there["metadata"]
    assert base64.b64decode(configuration_there["webhooks"][0]["clientConfig"]["caBundle"]) == own.ca_bundle.encode()
