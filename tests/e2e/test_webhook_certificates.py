# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The webhook's certificates, as kube-apiserver sees them: it asks a server that has them, before and after a renewal.

What cert-manager is told is compared with the definitions of its resources.
"""

from __future__ import annotations

import base64
import datetime
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from admission import Client
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import Tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import NAME, configuration
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_tls import (
    serves_cert_manager,
    tls_for,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import applied
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, path_of
from control_plane import LOOPBACK, NewApiServer, signing_flags
from endpoint import eventually, setting
from pod_shapes import pod

DAY = datetime.timedelta(days=1)
WEBHOOK = WebhookSettings(certificates="own")
MARK = "asked"
# API servers ask about pods in all namespaces but the webhook's own.
PODS = "pods"


class _Reviewer(BaseHTTPRequestHandler):
    """Marks each pod. Each request has a connection of its own, and so a handshake."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        patch = [{"op": "add", "path": "/metadata/labels", "value": {MARK: "yes"}}]
        review["response"] = {
            "uid": review.pop("request")["uid"],
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
        }
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(review).encode())

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Server:
    """A webhook on loopback that shows what is in the Secret of the certificate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _Reviewer)
        self.port = self._server.server_port

    def show(self, leaf: Document) -> None:
        for name in ("tls.crt", "tls.key"):
            (self._folder / name).write_bytes(base64.b64decode(leaf["data"][name]))
        self._context.load_cert_chain(self._folder / "tls.crt", self._folder / "tls.key")

    def start(self) -> None:
        self._server.socket = self._context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Cluster:
    """A kube-apiserver that asks the server by its Service, whose name the certificate has."""

    def __init__(self, api: ApiServer, client: Client, server: Server) -> None:
        self.api = api
        self.client = client
        self.server = server

    def apply(self, document: Document) -> Any:
        return applied(self.api, path_of(document), document)

    def configure(self, bundle: str) -> None:
        desired = configuration(Settings(), WEBHOOK, bundle)
        desired["webhooks"][0]["clientConfig"]["service"]["port"] = self.server.port
        self.apply(desired)

    def is_asked(self) -> bool:
        status, made = self.client.try_pod(PODS, pod())
        assert status == 201, made
        return MARK in (made["metadata"].get("labels") or {})

    def becomes_asked(self, expected: bool) -> None:
        def follows() -> None:
            assert self.is_asked() is expected

        eventually(follows, AssertionError)


@pytest.fixture(scope="module")
def cluster(new_api_server: NewApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("certificates")
    server = Server(folder)
    with new_api_server(*signing_flags(folder)) as started:
        started.write_kubeconfig(folder / "kubeconfig")
        client = Client(started)
        client.add_namespace(WEBHOOK.namespace)
        client.add_namespace(PODS)
        client.add_account(PODS, "app")
        # The API server connects to this name, and expects the certificate of the Service's.
        service = {"type": "ExternalName", "externalName": LOOPBACK}
        body = {"metadata": {"name": NAME}, "spec": service}
        client.must("POST", f"/api/v1/namespaces/{WEBHOOK.namespace}/services", body)
        yield Cluster(ApiServer(str(folder / "kubeconfig"), 30), client, server)
        server.stop()


def test_the_webhook_is_asked_at_each_step_of_a_renewal_of_its_ca(cluster: Cluster) -> None:
    now = cluster.api.time()

    def run(days_ago: int) -> Tls:
        tls = tls_for(cluster.api, WEBHOOK, now - days_ago * DAY)
        for document in tls.authority:
            cluster.apply(document)
        return tls

    for days_ago in (3000, 1500):
        old = run(days_ago)
        cluster.apply(old.leaf[0])
    assert old.ca_bundle
    cluster.server.show(old.leaf[0])
    cluster.server.start()
    cluster.configure(old.ca_bundle)
    cluster.becomes_asked(True)

    # The certificate is due, and the CA would not outlive another one.
    new = run(0)
    assert new.ca_bundle
    assert new.ca_bundle.endswith(old.ca_bundle)
    cluster.configure(new.ca_bundle)
    assert cluster.is_asked()
    cluster.becomes_asked(True)
    cluster.server.show(new.leaf[0])
    cluster.becomes_asked(True)
    cluster.apply(new.leaf[0])

    later = tls_for(cluster.api, WEBHOOK, now + DAY / 24)
    assert later.ca_bundle
    assert new.ca_bundle == later.ca_bundle + old.ca_bundle
    cluster.configure(later.ca_bundle)
    cluster.becomes_asked(True)
    # So the API server does verify.
    cluster.server.show(old.leaf[0])
    cluster.becomes_asked(False)
    cluster.server.show(new.leaf[0])
    cluster.becomes_asked(True)


def test_a_second_run_plans_nothing_and_no_plan_shows_a_key(cluster: Cluster) -> None:
    webhook = WebhookSettings(certificates="own", namespace="other")
    cluster.client.add_namespace("other")
    tls = tls_for(cluster.api, webhook, cluster.api.time())
    documents = [*tls.authority, *tls.leaf]
    plan = Documents(cluster.api, desired=documents).plan()
    assert [change.target.split("/")[0] for change in plan] == ["Secret", "Secret"]
    for document in documents:
        assert document["data"]["tls.key"] not in json.dumps([[change.before, change.after] for change in plan])
        cluster.apply(document)
    again = tls_for(cluster.api, webhook, cluster.api.time())
    assert Documents(cluster.api, desired=[*again.authority, *again.leaf]).plan() == []


def test_the_time_is_the_api_servers(cluster: Cluster) -> None:
    difference = cluster.api.time() - datetime.datetime.now(datetime.UTC)
    assert abs(difference) < datetime.timedelta(minutes=1)


def test_cert_manager_resources_pass_their_definitions(cluster: Cluster) -> None:
    folder = Path(setting("IRSA_E2E_CERT_MANAGER_CRDS", "the folder deploy/crds of cert-manager"))
    assert not serves_cert_manager(cluster.api)
    for path in sorted(folder.glob("cert-manager.io_*.yaml")):
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
        cluster.client.must("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)

    def is_served() -> None:
        assert serves_cert_manager(cluster.api)

    eventually(is_served, AssertionError)
    for kind in ("auto", "cert_manager"):
        webhook = WebhookSettings(certificates=kind, namespace="other")
        tls = tls_for(cluster.api, webhook, cluster.api.time())
        assert (tls.kind, tls.warnings) == ("cert_manager", [])
    for document in [*tls.authority, *tls.leaf]:
        made = cluster.apply(document)
        # Nothing was pruned as unknown.
        assert made["spec"] == document["spec"]
    assert Documents(cluster.api, desired=[*tls.authority, *tls.leaf]).plan() == []
