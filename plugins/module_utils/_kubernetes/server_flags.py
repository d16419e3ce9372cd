# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments that API servers run with, as far as the cluster shows them.

Two sources show them: /flagz of each server (on since Kubernetes 1.36), and the mirror pods by which kubelets report
the static pods that they run. Only these show which issuers are accepted besides the first one, and who signs.

https://kubernetes.io/docs/reference/instrumentation/zpages/
https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/
"""

from __future__ import annotations

import csv
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at

_FLAGZ = "/flagz"
_FLAGZ_TYPES = ",".join(f"application/json;as=Flagz;g=config.k8s.io;v={version}" for version in ("v1beta1", "v1alpha1"))
# kubeadm and RKE2 label their static pods so.
_PODS = "/api/v1/namespaces/kube-system/pods"
_SELECTOR = {"labelSelector": "component=kube-apiserver"}
_MIRROR = "kubernetes.io/config.mirror"

_NAME = "kube-apiserver"
_FLAGS = (arguments.ISSUER, arguments.API_AUDIENCES, arguments.SIGNING_ENDPOINT)

Values = t.Mapping[str, t.Sequence[str]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerFlags:
    """What one API server runs with. ``server`` is the name of its node, or its address.

    The first of the ``issuers`` signs. Without ``audiences``, all issuers are audiences. ``signing_endpoint`` is the
    socket of an external signer, empty without one.
    """

    server: str
    issuers: tuple[str, ...]
    audiences: tuple[str, ...]
    signing_endpoint: str


class RunningFlags(t.NamedTuple):
    """The flags of the API servers for which they are known, and the reasons by server for the others."""

    servers: t.Sequence[ServerFlags]
    unknown: t.Mapping[str, str]

    @property
    def reason(self) -> str:
        """Why flags are unknown, in one text; empty if all are known."""
        return " ".join(self.unknown.values())


def running_flags(api: ApiServer, servers: t.Iterable[ApiServer]) -> RunningFlags:
    """Ask each API server, and the cluster for mirror pods."""
    found, unknown = {}, {}
    try:
        pods = {text_at(pod, "status", "hostIP"): pod for pod in api.list_items(_PODS, _SELECTOR) if _is_mirror(pod)}
        pods_reason = "" if pods else f"There is no mirror pod of {_NAME} in namespace kube-system."
    except RequestFailed as failure:
        pods, pods_reason = {}, str(failure)
    for host, pod in pods.items():
        values = _command_values(pod)
        if values is not None:
            found[host] = _flags(text_at(pod, "spec", "nodeName") or host, values)
    for server in servers:
        host = _host_of(server)
        try:
            values = _flagz_values(server.get(_FLAGZ, accept=_FLAGZ_TYPES))
            found[host] = _flags(found[host].server if host in found else server.address, values)
        except RequestFailed as failure:
            # The address of a load balancer is not that of a node, and mirror pods show all servers behind it.
            if not found:
                unknown[server.address] = f"{failure} {pods_reason}".rstrip()
    return RunningFlags(sorted(found.values(), key=lambda flags: flags.server), unknown)


def _is_mirror(pod: t.Any) -> bool:
    """Whether a kubelet reports this pod, and goes on to run it."""
    metadata = at(pod, "metadata")
    return bool(text_at(metadata, "annotations", _MIRROR)) and at(metadata, "deletionTimestamp") is None


def _host_of(server: ApiServer) -> str:
    return server.address.rpartition(":")[0].strip("[]")


def _flags(server: str, values: Values) -> ServerFlags:
    """Return flags by their values. A flag that is given once counts with its last value, as pflag has it."""
    return ServerFlags(
        server=server,
        issuers=tuple(values.get(arguments.ISSUER, ())),
        audiences=tuple(part for value in values.get(arguments.API_AUDIENCES, ()) for part in value.split(",") if part),
        signing_endpoint=["", *values.get(arguments.SIGNING_ENDPOINT, ())][-1],
    )


def _command_values(pod: t.Any) -> Values | None:
    """Return the values of the arguments in a pod of an API server; None without such a container."""
    for container in items_at(pod, "spec", "containers"):
        if text_at(container, "name") == _NAME:
            texts = [*items_at(container, "command"), *items_at(container, "args")]
            read = arguments.Arguments.of((each for each in texts if isinstance(each, str)), _NAME)
            return {name: read.values(name) for name in _FLAGS}
    return None


def _flagz_values(document: t.Any) -> Values:
    """Return the values in an answer of /flagz, where a list is written as one line of CSV in brackets."""
    values = {}
    for name in _FLAGS:
        text = text_at(document, "flags", name)
        is_list = text.startswith("[") and text.endswith("]")
        values[name] = next(csv.reader([text[1:-1]]), []) if is_list else [text]
    return values
