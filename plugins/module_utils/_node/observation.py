# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's API server says of itself and of the cluster.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import csv
import ipaddress
import json
import re
import socket
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed as listed_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import tokens
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl, Missing

_READY_TRIES = 10
_PAUSE_SECONDS = 3.0

READY = "/readyz"
DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/openid/v1/jwks"
API_SERVER = "kube-apiserver"
_PODS = "/api/v1/namespaces/kube-system/pods"
_SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
_ENDPOINTS = f"{_SLICES}?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes"
# One of each API server: https://kubernetes.io/docs/concepts/architecture/leases/#api-server-identity
_LEASES = (
    "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
    "?labelSelector=apiserver.kubernetes.io%2Fidentity%3Dkube-apiserver"
)
_FLAGZ = "/flagz"
# The first of them is always set.
FLAGS = ("service-account-issuer", "service-account-key-file", "service-account-signing-key-file", "api-audiences")
CONFIGURATION = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
# Each API server draws one of four separators when it starts, so that nobody relies on this text:
# https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/component-base/zpages/flagz/flagz.go
_FLAG = re.compile(r"(?P<name>[a-z][a-z0-9-]*)(?:: ?|=| )(?P<value>.*)")
# A port; which one does not matter.
_DISCARD = 9
# Only counted; their content stays in this process.
_LEGACY = "/api/v1/secrets?limit=500&fieldSelector=type%3Dkubernetes.io%2Fservice-account-token"

# The kubelet's mark on the pod object that mirrors a static pod:
# https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-config-mirror
_MIRROR = "kubernetes.io/config.mirror"
_HASH = "kubernetes.io/config.hash"
_ENDPOINT = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
# Annotations of this collection in a manifest: they restart its pod though no argument changes.
_OWN = "irsa.selfhosted.example/"


def own_server(kubectl: Kubectl) -> str:
    """Return the URL of the API server on this node: that of its cluster's whose address is one of this node's. Raises
    IrsaError.
    """
    try:
        listed = _endpoints(kubectl.get(_ENDPOINTS))
    except Fault as fault:
        raise IrsaError(f"The API server of this host {fault}. Repair it, and run this again.") from None
    own = [address for address in listed if _is_own(address.rpartition(":")[0].strip("[]"))]
    if not own:
        raise IrsaError(
            f"None of the cluster's API servers ({listed_text(listed)}) has an address of this host. Set "
            "irsa_apiserver_address of this host to address and port of its API server, such as 192.0.2.11:6443."
        )
    return f"https://{own[0]}"


def _is_own(address: str) -> bool:
    """Whether an address is one of this node: it would send from that address to itself. No packet is sent.

    To bind a socket proves nothing where net.ipv4.ip_nonlocal_bind is set, as on hosts with a virtual address:
    https://docs.kernel.org/networking/ip-sysctl.html
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _DISCARD))
            return ipaddress.ip_address(probe.getsockname()[0]) == ipaddress.ip_address(address)
    except (OSError, ValueError):
        return False


def observe(kubectl: Kubectl, server: str, pause: t.Callable[[float], None] = time.sleep) -> dict[str, t.Any]:
    """Return what an API server says. What it does not say is None, and ``faults`` says why."""
    found: dict[str, t.Any] = {"server": server}
    faults: list[str] = []
    ready = _asked(lambda: _wait_until_ready(kubectl, server, pause), faults) is not None
    # The cluster can also be seen by way of another API server, which admin.conf may name.
    seen_by = server if ready else None
    parts: dict[str, t.Callable[[], t.Any]] = {
        "pods": lambda: pods(kubectl, seen_by),
        "endpoints": lambda: _endpoints(kubectl.get(_ENDPOINTS, seen_by)),
        "configuration": lambda: _configuration(kubectl, seen_by),
        "legacy_tokens": lambda: len(kubectl.get(_LEGACY, seen_by)["items"]),
    }
    found.update({name: _asked(part, faults) for name, part in parts.items()})
    found.update(
        identity(kubectl, server, reviewers=servers_in(found), faults=faults) if ready else dict.fromkeys(_OF_SERVER)
    )
    # The address of a load balancer does not say how many API servers are behind it.
    is_listed = server.partition("://")[2] in (found["endpoints"] or [])
    return {
        **found,
        "count": None if is_listed else _asked(lambda: len(kubectl.get(_LEASES, seen_by)["items"]), []),
        # Static pods are mirrored with their arguments.
        "flags": flags_of(kubectl, server) if ready and not found["pods"] else None,
        "ready": ready,
        "faults": faults,
    }


def flags_of(kubectl: Kubectl, server: str) -> dict[str, list[str]] | None:
    """Return the values of the flags about service accounts with which an API server runs; None: it does not tell.

    Kubernetes 1.36 and newer tell by default:
    https://kubernetes.io/docs/reference/instrumentation/zpages/
    """
    try:
        text = kubectl.get_text(_FLAGZ, server)
    except Fault:
        return None
    told = {name: _values(value) for name, value in _told(text).items() if name in FLAGS}
    return told if FLAGS[0] in told else None


def _told(text: str) -> dict[str, str]:
    """Return the flags in an answer by name: lines, or the JSON document that kubectl may be answered with."""
    try:
        flags = json.loads(text)["flags"]
        return {str(name): str(value) for name, value in flags.items()}
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {found["name"]: found["value"] for found in map(_FLAG.fullmatch, text.splitlines()) if found}


def running_flags(kubectl: Kubectl, server: str, pod: str) -> list[str] | None:
    """Return the flags about service accounts with which an API server runs, as arguments: those of its static pod if
    there is one of this name, otherwise what it tells. None: neither says so. Raises Fault if it does not answer.
    """
    for each in pods(kubectl, server):
        if each["name"] == pod:
            return list(each["command"])
    told = flags_of(kubectl, server)
    return None if told is None else [f"--{name}={value}" for name, values in told.items() for value in values]


def _values(text: str) -> list[str]:
    """Return the values of a flag as pflag prints them: a list in brackets, as a line of CSV."""
    is_list = text.startswith("[") and text.endswith("]")
    return next(csv.reader([text[1:-1]]), []) if is_list else [text]


def _wait_until_ready(kubectl: Kubectl, server: str, pause: t.Callable[[float], None]) -> str:
    """Ask whether an API server is ready, for half a minute: a slow disk of etcd interrupts that. Raises Fault."""
    for dummy in range(_READY_TRIES - 1):
        try:
            return kubectl.get_text(READY, server)
        except Fault:
            pause(_PAUSE_SECONDS)
    return kubectl.get_text(READY, server)


_OF_SERVER = ("issuer", "jwks", "token")


def identity(kubectl: Kubectl, server: str, *, reviewers: t.Iterable[str], faults: list[str]) -> dict[str, t.Any]:
    """Return the issuer that an API server announces, its public keys, and what came of a token that it minted."""
    return {
        "issuer": _asked(lambda: kubectl.get(DISCOVERY, server)["issuer"], faults),
        "jwks": _asked(lambda: _key_set(kubectl.get(JWKS, server)), faults),
        "token": _asked(lambda: tokens.prove(kubectl, server, reviewers), faults),
    }


def _key_set(answer: t.Any) -> dict[str, t.Any]:
    return {**answer, "keys": [{**key} for key in answer["keys"]]}


def servers_in(found: t.Mapping[str, t.Any]) -> list[str]:
    """Return the URLs of all API servers: this one first, and those that the cluster lists."""
    urls = [found["server"], *(f"https://{address}" for address in found["endpoints"] or [])]
    return list(dict.fromkeys(urls))


def pods(kubectl: Kubectl, server: str | None, component: str = API_SERVER) -> list[dict[str, t.Any]]:
    """Return the static pods of a component of all control planes, as the cluster mirrors them. Raises Fault."""
    try:
        items = kubectl.get(f"{_PODS}?labelSelector=component%3D{component}", server)["items"]
        return [_pod(item, component) for item in items if _MIRROR in (item["metadata"].get("annotations") or {})]
    except (KeyError, TypeError, AttributeError):
        raise Fault("lists pods in an unknown form") from None


def _pod(item: t.Mapping[str, t.Any], component: str) -> dict[str, t.Any]:
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    container = next((each for each in spec["containers"] if each["name"] == component), spec["containers"][0])
    states = status.get("containerStatuses") or []
    state: t.Mapping[str, t.Any] = next((each for each in states if each["name"] == container["name"]), {})
    running = (state.get("state") or {}).get("running") or {}
    return {
        "name": metadata["name"],
        "node": spec.get("nodeName"),
        "hash": metadata["annotations"].get(_HASH),
        "endpoint": metadata["annotations"].get(_ENDPOINT),
        "annotations": {name: text for name, text in metadata["annotations"].items() if name.startswith(_OWN)},
        "addresses": [each["ip"] for each in status.get("hostIPs") or status.get("podIPs") or []],
        "command": [*(container.get("command") or []), *(container.get("args") or [])],
        "started_at": running.get("startedAt"),
        "ready": bool(state.get("ready") and running),
    }


def _endpoints(slices: t.Any) -> list[str]:
    """Return address and port of each API server. Raises Fault."""
    try:
        return [
            f"[{address}]:{port['port']}" if each["addressType"] == "IPv6" else f"{address}:{port['port']}"
            for each in slices["items"]
            for endpoint in each.get("endpoints") or []
            for address in endpoint["addresses"]
            for port in each["ports"]
            if port.get("name") == "https"
        ]
    except (KeyError, TypeError):
        raise Fault("lists the addresses of API servers in an unknown form") from None


def _configuration(kubectl: Kubectl, server: str | None) -> dict[str, t.Any] | None:
    """Return kubeadm's configuration of the cluster, and the version of the object; None if it has none. Raises Fault.

    Who makes nodes with ``kubeadm init phase`` may leave phase upload-config out.
    """
    try:
        answer = kubectl.get(CONFIGURATION, server)
    except Missing:
        return None
    try:
        return {"data": dict(answer["data"]), "resource_version": answer["metadata"]["resourceVersion"]}
    except (KeyError, TypeError):
        raise Fault("answers with a ConfigMap kubeadm-config in an unknown form") from None


def _asked(question: t.Callable[[], t.Any], faults: list[str]) -> t.Any:
    try:
        return question()
    except Fault as fault:
        faults.append(str(fault))
    except (KeyError, TypeError, AttributeError):
        faults.append("answers in an unknown form")
    return None
