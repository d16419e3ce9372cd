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
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_servers import listed_addresses
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at

_FLAGZ = "/flagz"
_FLAGZ_TYPES = ",".join(f"application/json;as=Flagz;g=config.k8s.io;v={version}" for version in ("v1beta1", "v1alpha1"))
# kubeadm and RKE2 label their static pods so.
_PODS = "/api/v1/namespaces/kube-system/pods"
_SELECTOR = {"labelSelector": "component=kube-apiserver"}
_MIRROR = "kubernetes.io/config.mirror"
# Of kubeadm: the address under which its API server is listed.
_ENDPOINT = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"

_NAME = "kube-apiserver"
_FLAGS = (arguments.ISSUER, arguments.API_AUDIENCES, arguments.SIGNING_ENDPOINT)
_MAX_REASONS = 10

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
    """The flags of the API servers for which they are known, and the reasons by address for all others.

    ``fronts`` are addresses that the cluster does not list as those of its servers, such as that of a load balancer:
    what answers there is one of them. ``others`` says why there may be further servers, if the cluster does not tell
    which ones there are.
    """

    servers: t.Sequence[ServerFlags]
    unknown: t.Mapping[str, str]
    fronts: frozenset[str]
    others: str
    pods_reason: str

    @property
    def reason(self) -> str:
        """Why flags are unknown, in one text; empty if those of all servers are known."""
        reasons = [*list(self.unknown.values())[:_MAX_REASONS], *filter(None, [self.others])]
        return " ".join([*reasons, self.pods_reason]).rstrip() if reasons else ""


def running_flags(api: ApiServer, servers: t.Iterable[ApiServer], unreachable: t.Mapping[str, str]) -> RunningFlags:
    """Ask API servers, and the cluster for mirror pods. ``unreachable`` are the servers that cannot be asked, by
    address, with the reason.
    """
    listed, others = _listed(api)
    pods, pods_reason = _mirror_pods(api)
    asked = {server.address: server for server in servers}
    found: list[ServerFlags] = []
    told: list[_MirrorPod] = []
    unknown = {}
    for address in dict.fromkeys([*asked, *unreachable]):
        here = [pod for pod in pods if pod.is_at(address)]
        # What answers for several servers is one of those that have mirror pods.
        if len(here) > 1 or (pods and not here and address not in listed):
            continue
        values, reason = _flagz_of(asked[address]) if address in asked else (None, _unasked(address, unreachable))
        if values is not None:
            found.append(_flags(here[0].node if here else address, values))
            told += here
        elif not here:
            unknown[address] = reason
    found += [_flags(pod.node, pod.values) for pod in pods if pod not in told]
    fronts = frozenset({*asked, *unreachable} - set(listed))
    found.sort(key=lambda flags: flags.server)
    return RunningFlags(found, unknown, fronts, "" if pods else others, pods_reason)


def _listed(api: ApiServer) -> tuple[list[str], str]:
    """Return the addresses of the API servers as the cluster lists them, or why they are unknown."""
    try:
        return listed_addresses(api), ""
    except IrsaError as failure:
        return [], str(failure)


def _flagz_of(server: ApiServer) -> tuple[Values | None, str]:
    """Return the flags of a server by its own account, or None and the reason."""
    try:
        return _flagz_values(server.get(_FLAGZ, accept=_FLAGZ_TYPES)), ""
    except RequestFailed as failure:
        return None, str(failure)


def _unasked(address: str, unreachable: t.Mapping[str, str]) -> str:
    return f"The flags of the API server at {address} are unknown: {unreachable[address]}."


# --- mirror pods


@dataclasses.dataclass(frozen=True)
class _MirrorPod:
    """A mirror pod of an API server: its node, the address that the server announces, and the values of its flags.

    ``hosts`` are the addresses of the node, which may be others.
    """

    node: str
    announced: str
    hosts: frozenset[str]
    values: Values

    def is_at(self, address: str) -> bool:
        """Whether this is the server at an address (host and port)."""
        if self.announced:
            return self.announced == address
        return address.rpartition(":")[0].strip("[]") in self.hosts


def _mirror_pods(api: ApiServer) -> tuple[list[_MirrorPod], str]:
    """Return the mirror pods of API servers, or why there are none."""
    try:
        items = [_mirror_pod(pod) for pod in api.list_items(_PODS, _SELECTOR) if _is_mirror(pod)]
    except RequestFailed as failure:
        return [], str(failure)
    pods = [pod for pod in items if pod is not None]
    return pods, "" if pods else f"There is no mirror pod of {_NAME} in namespace kube-system."


def _is_mirror(pod: t.Any) -> bool:
    """Whether a kubelet reports this pod, and goes on to run it."""
    metadata = at(pod, "metadata")
    return bool(text_at(metadata, "annotations", _MIRROR)) and at(metadata, "deletionTimestamp") is None


def _mirror_pod(pod: t.Any) -> _MirrorPod | None:
    """Return a mirror pod; None if it has no container of an API server."""
    running = _arguments_in(pod)
    if running is None:
        return None
    host = text_at(pod, "status", "hostIP")
    others = [text_at(each, "ip") for each in items_at(pod, "status", "hostIPs")]
    return _MirrorPod(
        node=text_at(pod, "spec", "nodeName") or host,
        announced=text_at(pod, "metadata", "annotations", _ENDPOINT) or arguments.advertised_address(running) or "",
        hosts=frozenset({host, *others}),
        values={name: running.values(name) for name in _FLAGS},
    )


def _arguments_in(pod: t.Any) -> arguments.Arguments | None:
    for container in items_at(pod, "spec", "containers"):
        if text_at(container, "name") == _NAME:
            texts = [*items_at(container, "command"), *items_at(container, "args")]
            return arguments.Arguments.of((each for each in texts if isinstance(each, str)), _NAME)
    return None


# --- values


def _flags(server: str, values: Values) -> ServerFlags:
    """Return flags by their values. A flag that is given once counts with its last value, as pflag has it."""
    return ServerFlags(
        server=server,
        issuers=tuple(issuer for issuer in values.get(arguments.ISSUER, ()) if issuer),
        audiences=tuple(part for value in values.get(arguments.API_AUDIENCES, ()) for part in value.split(",") if part),
        signing_endpoint=["", *values.get(arguments.SIGNING_ENDPOINT, ())][-1],
    )


def _flagz_values(document: t.Any) -> Values:
    """Return the values in an answer of /flagz, where a list is written as one line of CSV in brackets."""
    values = {}
    for name in _FLAGS:
        text = text_at(document, "flags", name)
        is_list = text.startswith("[") and text.endswith("]")
        values[name] = next(csv.reader([text[1:-1]]), []) if is_list else [text]
    return values
