# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tokens of a cluster are in use that a change of its signing key would touch. A token never leaves this process.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import base64
import re
import typing as t
import urllib.parse

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import observation, tokens
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl, Missing

LEGACY_TYPE = "kubernetes.io/service-account-token"
_LEGACY = f"/api/v1/secrets?limit=500&fieldSelector=type%3D{LEGACY_TYPE}"
_ACCOUNT = "kubernetes.io/service-account.name"
# All whose tokens may be in use: those that run, and those that start.
_PODS = "/api/v1/pods?limit=200&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed"
# What kubeadm init phase upload-certs leaves for two hours:
# https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-init/#uploading-control-plane-certificates-to-the-cluster
_CERTIFICATES = "/api/v1/namespaces/kube-system/secrets/kubeadm-certs"
_METRICS = "/metrics"
# https://kubernetes.io/docs/reference/instrumentation/metrics/
_STALE = re.compile(r"^serviceaccount_stale_tokens_total(?:\{[^}]*\})? ([0-9.e+]+)", re.MULTILINE)
# What a projected token asks for that says nothing: https://kubernetes.io/docs/concepts/storage/projected-volumes/
_DEFAULT_SECONDS = 3600
# What the admission plugin ServiceAccount asks for in the token that each pod gets for the API server, and what tells
# that the API server may extend it to a year: WarnOnlyBoundTokenExpirationPeriod in
# https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/serviceaccount/claims.go
_EXTENDED_SECONDS = 3607
# The classes of what a cluster cannot do without:
# https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/
_CRITICAL = ("system-node-critical", "system-cluster-critical")

# What tells the Deployment of a pod:
# https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pod-template-hash-label
_TEMPLATE = "pod-template-hash"
_OF_OWNER = ("apiVersion", "kind", "name", "controller")

Json = dict[str, t.Any]
Answer = t.TypeVar("Answer")


def token_use(kubectl: Kubectl, server: str, *, faults: list[str]) -> Json:
    """Return ``legacy_tokens``, ``stale_tokens`` (of this API server alone), ``token_seconds`` and
    ``has_kubeadm_certs``. What cannot be read is None, and ``faults`` says why.
    """
    is_ready = _asked(lambda: kubectl.get_text(observation.READY, server), server, faults) is not None
    # The cluster can also be seen by way of another API server, which admin.conf may name.
    seen_by = server if is_ready else None

    def asked(question: t.Callable[[], Answer]) -> Answer | None:
        return _asked(question, seen_by, faults)

    return {
        "legacy_tokens": asked(lambda: legacy_tokens(kubectl, seen_by)),
        "stale_tokens": asked(lambda: _stale_tokens(kubectl, server)) if is_ready else None,
        "token_seconds": asked(lambda: _token_seconds(kubectl, seen_by)),
        "has_kubeadm_certs": asked(lambda: _has_kubeadm_certs(kubectl, seen_by)),
    }


def legacy_tokens(kubectl: Kubectl, server: str | None) -> list[Json]:
    """Return the Secrets with tokens that never expire, each with ``namespace``, ``name``, ``account`` and the ``kid``
    of the key that signed it, None for one without a token. Raises Fault.
    """
    return [
        {
            "namespace": secret["metadata"]["namespace"],
            "name": secret["metadata"]["name"],
            "account": (secret["metadata"].get("annotations") or {}).get(_ACCOUNT, ""),
            "kid": kid_of(secret),
        }
        for secret in _items(kubectl, _LEGACY, server)
    ]


def kid_of(secret: t.Mapping[str, t.Any]) -> str | None:
    """Return the kid of the token in a Secret, None if it has none."""
    try:
        token = base64.b64decode((secret.get("data") or {}).get("token") or "").decode("ascii")
        kid = tokens.decoded(token)[0].get("kid")
    except (ValueError, Fault):
        return None
    return kid if isinstance(kid, str) else None


def _items(kubectl: Kubectl, path: str, server: str | None) -> t.Iterator[t.Any]:
    """Yield the items of a list, page by page. Raises Fault."""
    following = ""
    while True:
        page = kubectl.get(path + following, server)
        yield from page["items"]
        rest = (page.get("metadata") or {}).get("continue")
        if not rest:
            return
        following = f"&continue={urllib.parse.quote(rest, safe='')}"


def _stale_tokens(kubectl: Kubectl, server: str) -> int:
    """Return how many tokens an API server has seen, since it started, that should have been renewed. Raises Fault.

    It tells 0 from its start on, so one that tells nothing hides the metric (--disabled-metrics).
    """
    counted = _STALE.findall(kubectl.get_text(_METRICS, server))
    if not counted:
        raise Fault(f"does not tell serviceaccount_stale_tokens_total at {_METRICS}")
    return sum(int(float(each)) for each in counted)


def _token_seconds(kubectl: Kubectl, server: str | None) -> int:
    """Return the longest life that a projected token asks for, for any reader, 0 without such tokens. Raises Fault.

    The token that each pod gets by itself does not count: of those, servers count the uses when they are stale.
    """
    projected = (token for pod in _items(kubectl, _PODS, server) for token in _tokens_of(pod))
    lives = (int(each.get("expirationSeconds") or _DEFAULT_SECONDS) for each in projected if not _is_extended(each))
    return max(lives, default=0)


def _is_extended(token: t.Mapping[str, t.Any]) -> bool:
    return not token.get("audience") and token.get("expirationSeconds") == _EXTENDED_SECONDS


def _tokens_for(audiences: t.Sequence[str], pod: t.Mapping[str, t.Any]) -> list[Json]:
    """Return what a pod asks for as projected tokens for one of these audiences."""
    return [token for token in _tokens_of(pod) if token.get("audience") in audiences]


def _tokens_of(pod: t.Mapping[str, t.Any]) -> list[Json]:
    """Return what a pod asks for as projected tokens, for whomever they are."""
    return [
        source["serviceAccountToken"] or {}
        for volume in pod["spec"].get("volumes") or []
        for source in (volume.get("projected") or {}).get("sources") or []
        if "serviceAccountToken" in source
    ]


def token_pods(kubectl: Kubectl, server: str, audiences: t.Sequence[str]) -> Json:
    """Return ``pods``: those that run with projected tokens, each with ``started``, whether it ``uses_aws`` (a token is
    for one of these audiences), whether it ``is_critical`` to the cluster, and of its ``metadata`` what names it and
    what makes it. None if they cannot be listed; ``faults`` says why.
    """
    faults: list[str] = []
    is_ready = _asked(lambda: kubectl.get_text(observation.READY, server), server, faults) is not None
    seen_by = server if is_ready else None
    pods = _asked(
        lambda: [_described(pod, audiences) for pod in _items(kubectl, _PODS, seen_by) if _tokens_of(pod)],
        seen_by,
        faults,
    )
    return {"pods": pods, "faults": faults}


def _described(pod: t.Mapping[str, t.Any], audiences: t.Sequence[str]) -> Json:
    metadata = pod["metadata"]
    labels = metadata.get("labels") or {}
    owners = [each for each in metadata.get("ownerReferences") or [] if each.get("controller") is True]
    return {
        "started": (pod.get("status") or {}).get("startTime"),
        "uses_aws": bool(_tokens_for(audiences, pod)),
        "is_critical": pod["spec"].get("priorityClassName") in _CRITICAL,
        "metadata": {
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "labels": {name: labels[name] for name in (_TEMPLATE,) if name in labels},
            "ownerReferences": [{name: each.get(name) for name in _OF_OWNER} for each in owners],
        },
    }


def _has_kubeadm_certs(kubectl: Kubectl, server: str | None) -> bool:
    """Whether kubeadm's certificates are in the cluster, for servers that join. Raises Fault."""
    try:
        kubectl.get(_CERTIFICATES, server)
    except Missing:
        return False
    return True


def _asked(question: t.Callable[[], Answer], server: str | None, faults: list[str]) -> Answer | None:
    subject = f"The API server {server}" if server else "The cluster"
    try:
        return question()
    except Fault as fault:
        faults.append(f"{subject} {fault}.")
    except (KeyError, TypeError, AttributeError, ValueError):
        faults.append(f"{subject} answers in an unknown form.")
    return None
