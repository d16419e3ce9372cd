# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is behind a webhook that is called by a Service: endpoints, Deployment, pods and certificate.

Each is asked for once, when it is needed.
"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import pod_problems
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_reading import ServicePort
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import Answer, asked

_CERTIFICATE = "tls.crt"


class Backend:
    """What a Service leads to. Objects that do not exist are empty."""

    def __init__(self, api: ApiServer, service: ServicePort) -> None:
        self._api = api
        self._reference = service
        self._namespace = f"namespaces/{service.namespace}"

    @functools.cached_property
    def service(self) -> Answer[t.Any]:
        return asked(lambda: self._api.find(f"/api/v1/{self._namespace}/services/{self._reference.name}") or {})

    @functools.cached_property
    def ready_endpoints(self) -> Answer[int]:
        """How many endpoints serve. Those that do not say whether they are ready are.

        https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#ready
        """
        path = f"/apis/discovery.k8s.io/v1/{self._namespace}/endpointslices"
        query = {"labelSelector": f"kubernetes.io/service-name={self._reference.name}"}

        def count() -> int:
            slices = self._api.list_items(path, query)
            ends = [each for one in slices for each in items_at(one, "endpoints")]
            return sum(at(each, "conditions", "ready") is not False for each in ends)

        return asked(count)

    @property
    def _selector(self) -> dict[str, t.Any]:
        found = at(self.service.value, "spec", "selector")
        return found if isinstance(found, dict) else {}

    @functools.cached_property
    def deployment(self) -> Answer[t.Any]:
        """The Deployment that makes the pods of the Service."""
        if self.service.value is None:
            return self.service
        if not self._selector:
            return Answer({})
        path = f"/apis/apps/v1/{self._namespace}/deployments"
        return asked(lambda: next(filter(self._makes_pods, self._api.list_items(path)), {}))

    def _makes_pods(self, deployment: t.Any) -> bool:
        labels = at(deployment, "spec", "template", "metadata", "labels")
        return isinstance(labels, dict) and self._selector.items() <= labels.items()

    @functools.cached_property
    def pod_problems(self) -> Answer[list[str]]:
        """What keeps the pods from running, as phrases with their names."""
        if not self._selector:
            return Answer([])
        return asked(lambda: pod_problems.problems_of(self._api, self._reference.namespace, self._selector))

    @property
    def replicas(self) -> tuple[int, int] | None:
        """How many replicas of the Deployment are ready, and how many there should be; None if that is unknown."""
        expected, ready = (
            at(self.deployment.value, "spec", "replicas"),
            at(self.deployment.value, "status", "readyReplicas"),
        )
        known = self.deployment.value and isinstance(expected, int)
        return (ready if isinstance(ready, int) else 0, expected) if known else None

    @property
    def made_no_pod(self) -> str:
        """Why the Deployment cannot make pods, such as a quota; empty if nothing is known to keep it from that."""
        return pod_problems.made_no_pod(self.deployment.value)

    @property
    def container(self) -> t.Any:
        """The container of the webhook: the one that has the port of its certificate's arguments, or the first."""
        containers = items_at(self._pod, "containers")
        return next((each for each in containers if _argument(each, "--tls-cert")), next(iter(containers), None))

    @property
    def pod_labels(self) -> t.Any:
        """The labels of its pods; None if they are unknown."""
        return at(self.deployment.value, "spec", "template", "metadata", "labels")

    @property
    def _pod(self) -> t.Any:
        return at(self.deployment.value, "spec", "template", "spec")

    def healthz(self, server: ApiServer) -> Answer[bool]:
        """Whether an API server reaches it; any answer that comes from behind the API server counts."""
        reference = f"https:{self._reference.name}:{self._reference.port}"
        path = f"/api/v1/{self._namespace}/services/{reference}/proxy/healthz"
        try:
            server.get_text(path)
        except RequestFailed as failure:
            reached = failure.status is not None and failure.status < 500
            # The proxy looks for Endpoints, which not every cluster has beside its EndpointSlices.
            unknown = failure.status in (None, 401, 403) or "no endpoints available" in str(failure)
            return Answer(None if unknown else reached, str(failure))
        return Answer(True)

    @functools.cached_property
    def certificate(self) -> Answer[str]:
        """The PEM text of the certificate that it serves, from the Secret that its container mounts.

        The private key is in the same Secret. It is not kept.
        """
        return asked(self._read_certificate)

    def _read_certificate(self) -> str:
        if self.deployment.value is None:
            raise IrsaError(self.deployment.reason)
        secret, key = self._secret()
        path = f"/api/v1/{self._namespace}/secrets/{secret}"
        try:
            data = at(self._api.find(path), "data", key)
        except RequestFailed as failure:
            hint = " That right shows the private key as well, so it is optional." if failure.status == 403 else ""
            raise IrsaError(f"{failure}{hint}") from None
        if not isinstance(data, str):
            raise IrsaError(f"The Secret {self._reference.namespace}/{secret} does not exist, or has no {key}.")
        return data

    def _secret(self) -> tuple[str, str]:
        """Return the Secret with the certificate, and its key there. Raises IrsaError if none is mounted."""
        volumes = {
            text_at(each, "name"): text_at(each, "secret", "secretName") for each in items_at(self._pod, "volumes")
        }
        path = _argument(self.container, "--tls-cert")
        mounts = sorted(items_at(self.container, "volumeMounts"), key=lambda each: -len(text_at(each, "mountPath")))
        for mount in mounts:
            secret, folder = volumes.get(text_at(mount, "name"), ""), text_at(mount, "mountPath").rstrip("/")
            if secret and (not path or path.startswith(f"{folder}/")):
                return secret, path[len(folder) + 1 :] or _CERTIFICATE
        raise IrsaError(
            f"No Deployment in namespace {quoted(self._reference.namespace)} makes pods of the Service "
            f"{self._reference.name} that mount their certificate from a Secret."
        )


def _argument(container: t.Any, flag: str) -> str:
    """Return the value of a flag among the arguments of a container; empty if there is none."""
    arguments = [str(each) for each in [*items_at(container, "command"), *items_at(container, "args")]]
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == flag:
            return value if equals else "".join(arguments[index + 1 : index + 2])
    return ""
