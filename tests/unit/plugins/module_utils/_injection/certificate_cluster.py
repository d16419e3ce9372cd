# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster in memory as far as the webhook's certificates go: what its pods serve, and whom its API servers trust."""

from __future__ import annotations

import base64
import copy
import datetime
import functools
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import (
    certificates,
    new_certificates,
    webhook_documents,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.tls_state import Tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_tls import tls_for
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import Document, document, path_of

HOST = "irsa-pod-identity-webhook.irsa-system.svc"
START = datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
SECOND = datetime.timedelta(seconds=1)
# Longer than a kubelet needs to bring a new Secret to a pod.
_KUBELET = 90 * SECOND
_GROUP = "/apis/cert-manager.io/v1"


class Killed(Exception):
    """The run ends here."""


@functools.cache
def is_trusted(leaf: str, bundle: str, now: datetime.datetime) -> bool:
    """Whether OpenSSL accepts a certificate at a time for the webhook's host name, with these CAs."""
    with tempfile.TemporaryDirectory() as folder:
        leaf_path, bundle_path = Path(folder, "leaf.pem"), Path(folder, "bundle.pem")
        leaf_path.write_text(leaf)
        bundle_path.write_text(bundle)
        options = ["-no-CApath", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", HOST]
        at = ["-attime", str(int(now.timestamp()))]
        command = ["openssl", "verify", *options, *at, "-CAfile", str(bundle_path), str(leaf_path)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


class CertificateCluster:
    """The objects by their paths, at a time; with ``cert_manager``, it makes and injects certificates.

    ``followed`` are the bundles that an API server may trust, ``served`` the certificates that a pod may show, each
    with the time from which on it does so no longer. After each write, all of these must fit.
    """

    def __init__(self, *, cert_manager: bool = False) -> None:
        self.objects: dict[str, t.Any] = {}
        self.now = START
        self.cert_manager = cert_manager
        self.cert_manager_answers = True
        self.followed: list[str] = []
        self.served: dict[str, datetime.datetime | None] = {}
        self.writes: list[str] = []
        self.writes_left: int | None = None

    # --- what tls_for asks

    def find(self, path: str) -> t.Any:
        if path == _GROUP:
            return {"resources": [{"name": "certificates"}, {"name": "issuers"}]} if self.cert_manager else None
        return copy.deepcopy(self.objects.get(path))

    def patch(self, path: str, body: t.Any, query: t.Any, *, media_type: str) -> t.Any:
        assert query["dryRun"] == "All"
        assert path.startswith(_GROUP)
        if not self.cert_manager_answers:
            raise RequestFailed("It failed.", cause='failed calling webhook "webhook.cert-manager.io"', status=500)
        return body

    # --- what a run writes

    def apply(self, desired: Document) -> None:
        path = path_of(desired)
        if self.objects.get(path) == desired:
            return
        self._count(f"apply {desired['metadata']['name']}")
        self.objects[path] = copy.deepcopy(desired)
        if desired["kind"] == "Deployment":
            self.objects[path]["metadata"]["generation"] = 2
            self.objects[path]["status"] = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2}
        self._settle()

    def delete(self, superfluous: Document) -> None:
        if path_of(superfluous) in self.objects:
            self._count(f"delete {superfluous['metadata']['name']}")
            del self.objects[path_of(superfluous)]
            self._settle()

    def roll_out(self) -> None:
        """Replace the pods by those of the Deployment, one after the other."""
        self._serve(self._mounted())
        self.require_trust()
        self.objects[self._deployment]["status"] = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2}
        # The old pods have ended.
        self.served = dict.fromkeys(self._mounted())
        self.require_trust()

    def pause(self) -> None:
        """Let all API servers follow the configuration."""
        self.followed = self.followed[-1:]

    def pass_time(self, duration: datetime.timedelta) -> None:
        self.now += duration
        self.served = {leaf: until for leaf, until in self.served.items() if until is None or self.now < until}
        if duration > 10 * SECOND:
            self.pause()

    # --- what the cluster makes of it

    def require_trust(self) -> None:
        for bundle in self.followed:
            for leaf in self.served:
                assert is_trusted(leaf, bundle, self.now), f"not trusted after {self.writes}"

    def texts(self, name: str) -> dict[str, str]:
        data = self.objects.get(self._secret(name), {}).get("data", {})
        return {each: base64.b64decode(text).decode() for each, text in data.items()}

    def set_texts(self, name: str, **texts: str) -> None:
        data = self.objects[self._secret(name)]["data"]
        data.update((each.replace("_", "."), base64.b64encode(text.encode()).decode()) for each, text in texts.items())

    @property
    def configuration(self) -> t.Any:
        path = path_of(document("MutatingWebhookConfiguration", webhook_documents.NAME))
        return self.objects.get(path)

    @property
    def bundle(self) -> str:
        return base64.b64decode(self.configuration["webhooks"][0]["clientConfig"].get("caBundle", "")).decode()

    _deployment = path_of(document("Deployment", webhook_documents.NAME, namespace="irsa-system"))

    def _secret(self, name: str) -> str:
        return path_of(document("Secret", name, namespace="irsa-system"))

    def _mounted(self) -> list[str]:
        deployment = self.objects.get(self._deployment)
        if not deployment:
            return []
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        (name,) = (each["secret"]["secretName"] for each in volumes if "secret" in each)
        leaf = self.texts(name).get("tls.crt")
        return [leaf] if leaf else []

    def _settle(self) -> None:
        if self.cert_manager:
            self.issue()
        status = self.objects.get(self._deployment, {}).get("status")
        if status and status["observedGeneration"] == 2:
            self._serve(self._mounted())
        if self.configuration and self.bundle not in self.followed[-1:]:
            self.followed.append(self.bundle)
        self.require_trust()

    def _serve(self, leaves: list[str]) -> None:
        """Serve these from now on; what was served is, for a while, too."""
        ending = {leaf: until or self.now + _KUBELET for leaf, until in self.served.items() if leaf not in leaves}
        self.served = {**ending, **dict.fromkeys(leaves)}

    def issue(self) -> None:
        """Do what cert-manager does: make what Certificates ask for, and inject."""
        for each in [each for each in self.objects.values() if each.get("kind") == "Certificate"]:
            name, spec = each["metadata"]["name"], each["spec"]
            if self._secret(name) in self.objects:
                continue
            if spec.get("isCA"):
                pair = new_certificates.new_authority("cert-manager", 1825, self.now)
                ca = pair.certificate
            else:
                issuer = self.texts(webhook_documents.CA_CERTIFICATE)
                ca = issuer["tls.crt"]
                authority = certificates.Pair(ca, issuer["tls.key"])
                pair = new_certificates.new_leaf(authority, "leaf", hosts=spec["dnsNames"], days=1825, now=self.now)
            texts = {"tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": ca}
            data = {each: base64.b64encode(text.encode()).decode() for each, text in texts.items()}
            made = document("Secret", name, namespace="irsa-system", data=data)
            made["metadata"]["labels"] = dict(spec["secretTemplate"]["labels"])
            self.objects[self._secret(name)] = made
        if self.configuration and self.configuration["metadata"].get("annotations"):
            ca = self.texts(webhook_documents.CA_CERTIFICATE)["ca.crt"]
            self.configuration["webhooks"][0]["clientConfig"]["caBundle"] = base64.b64encode(ca.encode()).decode()

    def _count(self, write: str) -> None:
        if self.writes_left == 0:
            raise Killed
        self.writes_left = None if self.writes_left is None else self.writes_left - 1
        self.writes.append(write)


def run(cluster: CertificateCluster, certificates_are: str = "auto", *, writes: int | None = None) -> Tls:
    """Write what ``Tls`` says, in its order, and end after so many writes. Return what a next run finds."""
    webhook, settings = WebhookSettings(certificates=certificates_are), Settings()

    def asked() -> Tls:
        return tls_for(t.cast(t.Any, cluster), webhook, cluster.now)

    def configured(tls: Tls) -> Document:
        return webhook_documents.configuration(settings, webhook, tls.ca_bundle, injected=tls.injected)

    cluster.writes_left = writes
    tls = asked()
    for each in tls.authority:
        cluster.apply(each)
    if tls.pending:
        tls = asked()
        assert not tls.pending
    if cluster.configuration:
        cluster.apply(configured(tls))
        cluster.pause()
    for each in [*tls.leaf, *webhook_documents.workload(settings, webhook, tls_secret=tls.secret)]:
        if each["kind"] in ("Secret", "Certificate") or (
            each["kind"] == "Deployment" and not _is_same(cluster.find(path_of(each)), each)
        ):
            cluster.apply(each)
    cluster.roll_out()
    tls = asked()
    cluster.apply(configured(tls))
    for each in tls.superfluous if tls.serves_alone else []:
        cluster.delete(each)
    cluster.writes_left = None
    return asked()


def _is_same(present: t.Any, desired: Document) -> bool:
    return bool(present) and present["spec"] == desired["spec"]
