# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps pods from running, in the words of Kubernetes."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at, text_at

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


def problems_of(api: ApiServer, namespace: str, labels: t.Mapping[str, str]) -> list[str]:
    """Return why the pods with these labels are not ready, those of them that are not. Raises RequestFailed."""
    query = {"labelSelector": ",".join(f"{name}={value}" for name, value in labels.items())}
    return [each for each in map(problem_of, api.list_items(f"/api/v1/namespaces/{namespace}/pods", query)) if each]


def made_no_pod(deployment: t.Any) -> str:
    """Return why a Deployment cannot make pods, such as a quota; empty if nothing is known to keep it from that."""
    conditions = items_at(deployment, "status", "conditions")
    found = next((each for each in conditions if text_at(each, "type") == "ReplicaFailure"), None)
    return text_at(found, "message") if text_at(found, "status") == "True" else ""


def problem_of(pod: t.Any) -> str:
    """Return why a pod is not ready, as a phrase with its name; empty if it is ready or on its way out."""
    if at(pod, "metadata", "deletionTimestamp") is not None or _condition(pod, "Ready") == ("True", ""):
        return ""
    reason = next(_container_problems(pod), "") or _unscheduled(pod) or f"is {text_at(pod, 'status', 'phase') or 'new'}"
    return f"pod {text_at(pod, 'metadata', 'name')} {reason}"


def _container_problems(pod: t.Any) -> t.Iterator[str]:
    """Yield what containers wait for, such as ImagePullBackOff or CrashLoopBackOff, and how they ended.

    https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states
    """
    statuses = [*items_at(pod, "status", "initContainerStatuses"), *items_at(pod, "status", "containerStatuses")]
    for status in statuses:
        waiting = text_at(status, "state", "waiting", "reason")
        ended = at(status, "state", "terminated") or (at(status, "lastState", "terminated") if waiting else None)
        if waiting:
            yield f"waits: {_with_message(waiting, text_at(status, 'state', 'waiting', 'message'))}{_end(ended)}"
        elif ended is not None:
            yield f"does not run{_end(ended)}"
    if any(at(status, "ready") is False for status in statuses):
        yield "runs, but its probe does not find it ready"


def _end(ended: t.Any) -> str:
    code = at(ended, "exitCode")
    return f"; it ended with exit code {code}" if isinstance(code, int) and not isinstance(code, bool) else ""


def _unscheduled(pod: t.Any) -> str:
    status, message = _condition(pod, "PodScheduled")
    return f"has no node: {quoted(message)}" if status == "False" else ""


def _condition(pod: t.Any, kind: str) -> tuple[str, str]:
    """Return status and message of a condition; a fulfilled one has no message worth repeating."""
    found = next((each for each in items_at(pod, "status", "conditions") if text_at(each, "type") == kind), None)
    status = text_at(found, "status")
    return status, "" if status == "True" else text_at(found, "message")


def _with_message(reason: str, message: str) -> str:
    return f"{reason} ({quoted(message)})" if message else reason
