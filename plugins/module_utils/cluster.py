# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server itself says of its issuer and its keys, against what is published.

https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
"""

from __future__ import annotations

import json
import time
import typing as t

try:
    import kubernetes.client
    import kubernetes.config
    import urllib3
    import yaml

    KUBERNETES_IMPORT_ERROR: t.Optional[ImportError] = None
except ImportError as import_error:
    KUBERNETES_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils.checks import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils.issuer_likeness import difference
from ansible_collections.selfhosted.irsa.plugins.module_utils.wording import listed, quoted

IDS = ("cluster-issuer", "cluster-keys")

JWKS_PATH = "/openid/v1/jwks"
DISCOVERY_PATH = "/.well-known/openid-configuration"

_MOST_BYTES = 1 << 20

# The role that lets anybody read both: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles
_READER = "system:service-account-issuer-discovery"


class Cluster(t.NamedTuple):
    """An API server's issuer and keys. What is None was not given, or is ``unknown`` for the reason under its check."""

    issuer: t.Optional[str]
    keys: t.Optional[t.Sequence[jwk.Jwk]]
    unknown: t.Mapping[str, str] = {}


class Unreadable(IrsaError):
    """The API server did not say it."""


def given(issuer: t.Optional[str], jwks: t.Any) -> Cluster:
    """What somebody else read of the cluster: an issuer, a JWKS as an object. Raises IrsaError for one that is none."""
    if jwks is None:
        return Cluster(issuer, None)
    try:
        return Cluster(issuer, jwk.keys_of(jwks))
    except IrsaError as fault:
        raise IrsaError(f"cluster_jwks cannot be used: {fault}.") from None


class ApiServer:
    """The API server that a kubeconfig names."""

    def __init__(self, kubeconfig: str, timeout: float, context: t.Optional[str] = None) -> None:
        """Raises IrsaError for a kubeconfig that cannot be used. No request is made yet."""
        self._timeout = timeout
        configuration = kubernetes.client.Configuration()
        try:
            kubernetes.config.load_kube_config(
                kubeconfig, context=context, client_configuration=configuration, persist_config=False
            )
        except (kubernetes.config.ConfigException, OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
            # What a parser says of a file may quote it, and this one holds credentials.
            said = str(error) if isinstance(error, kubernetes.config.ConfigException) else type(error).__name__
            raise IrsaError(f"The kubeconfig {kubeconfig} cannot be used: {said.rstrip('.')}.") from None
        self._configuration = configuration
        self._pool = kubernetes.client.ApiClient(configuration).rest_client.pool_manager

    def get(self, path: str) -> t.Any:
        """A JSON document. Raises Unreadable with the reason."""
        # A JWKS is application/jwk-set+json there, and who accepts application/json alone is answered 406.
        headers = {"Accept": "*/*", **self._credentials()}
        try:
            answer = self._pool.request(
                "GET",
                self._configuration.host.rstrip("/") + path,
                headers=headers,
                timeout=urllib3.Timeout(self._timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = _body(answer, time.monotonic() + self._timeout)
            answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # Their text may repeat a header, and there are credentials in one.
            raise Unreadable(f"The API server cannot be asked for {path}: {type(error).__name__}.") from None
        if answer.status != 200:
            raise Unreadable(f"The API server answers {path} with {answer.status}. {_remedy(answer.status)}".rstrip())
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Unreadable(f"What the API server sends for {path} is not JSON.") from None

    def _credentials(self) -> dict[str, str]:
        """What the API server is told of who asks, where that is not in a certificate."""
        settings = self._configuration.auth_settings().values()
        return {each["key"]: each["value"] for each in settings if each.get("in") == "header" and each.get("value")}


def _body(answer: t.Any, deadline: float) -> bytes:
    body = b""
    for piece in answer.stream(1 << 16, decode_content=True):
        body += piece
        if len(body) > _MOST_BYTES:
            raise Unreadable(f"The API server sends more than {_MOST_BYTES} bytes.")
        if time.monotonic() > deadline:
            raise Unreadable("The API server takes too long to send its answer.")
    return body


def _remedy(status: int) -> str:
    if status == 401:
        return "It does not accept the kubeconfig's credentials."
    if status == 403:
        return f"The kubeconfig's user needs the ClusterRole {_READER}."
    if status == 404:
        return "It does not serve it, as API servers before Kubernetes 1.20 do not."
    return ""


def fetch(server: ApiServer) -> Cluster:
    """The API server's issuer and keys, as far as it says them."""
    issuer, keys = None, None
    unknown = {}
    try:
        document = server.get(DISCOVERY_PATH)
        issuer = document.get("issuer") if isinstance(document, dict) else None
        if not isinstance(issuer, str):
            issuer = None
            raise Unreadable(f"What the API server sends for {DISCOVERY_PATH} names no issuer.")
    except Unreadable as failure:
        unknown["cluster-issuer"] = f"The cluster's issuer is unknown: {failure}"
    try:
        keys = jwk.keys_of(server.get(JWKS_PATH))
    except IrsaError as failure:
        unknown["cluster-keys"] = f"The cluster's keys are unknown: {failure}"
    return Cluster(issuer, keys, unknown)


def check_cluster(report: Report, cluster: Cluster, issuer: str, published: t.Optional[t.Sequence[jwk.Jwk]]) -> None:
    """Compare what is known of the cluster with the issuer and its published keys (None where there are none)."""
    for check in IDS:
        if check in cluster.unknown:
            report.skipped(check, cluster.unknown[check])
        elif check == "cluster-issuer" and cluster.issuer is not None:
            _check_issuer(report, cluster.issuer, issuer)
        elif check == "cluster-keys" and cluster.keys is not None and published is None:
            report.skipped(check, "It takes the published keys.")
        elif check == "cluster-keys" and cluster.keys is not None:
            _check_keys(report, cluster.keys, published or [])


def _check_issuer(report: Report, found: str, issuer: str) -> None:
    if found == issuer:
        report.ok("cluster-issuer", f"The API server's issuer is {issuer}.")
    else:
        report.error(
            "cluster-issuer", f"The API server's issuer is {quoted(found)}, not {issuer!r}.", difference(issuer, found)
        )


def _check_keys(report: Report, own: t.Sequence[jwk.Jwk], published: t.Sequence[jwk.Jwk]) -> None:
    """Keys that are published beside the cluster's own are right: a rotation has them, and a shared issuer, too."""
    kids = [key.get("kid") for key in own]
    missing = [key.get("kid") for key in own if not any(other.get("kid") == key.get("kid") for other in published)]
    others = [
        key.get("kid")
        for key in own
        for other in published
        if other.get("kid") == key.get("kid") and not jwk.same_numbers(key, other)
    ]
    if missing:
        names = listed(key.get("kid") for key in published)
        report.error("cluster-keys", f"The API server has the key {listed(missing)}; published are {names}.")
    elif others:
        report.error("cluster-keys", f"What is published under the kid {listed(others)} is another key.")
    elif not own:
        report.error("cluster-keys", "The API server has no keys.")
    else:
        report.ok("cluster-keys", f"The keys of the API server are published: {listed(kids)}.")
