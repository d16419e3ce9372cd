# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a webhook answers: its Service, endpoints and pods, and whether API servers reach it."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import at, items_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_reading import ServicePort
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import named
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_backend import Backend
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_calls import UNREACHED, Counts
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_scope import held_back
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_subject import Judgement, Subject

_OPEN = "Meanwhile pods start without credentials (failurePolicy Ignore)."
_CLOSED = "Meanwhile no pod that it is asked about can be created (failurePolicy Fail)."
_SELECTOR_CAUSE = "Its failurePolicy is Fail, and its selectors leave these namespaces in."
_SELECTOR_REMEDY = (
    "Leave them out in its namespaceSelector (kubernetes.io/metadata.name NotIn), or set its failurePolicy to Ignore."
)


def judge(subject: Subject, *, explained: bool) -> Judgement:
    """Judge whether a webhook answers. ``explained``: another check has found why its calls fail."""
    failure = subject.calls.failure
    admitted, uncounted = _admitted(subject)
    down = _what_is_down(subject)
    policy = _OPEN if subject.webhook.failure_policy == "Ignore" else _CLOSED
    if down:
        return subject.fault(" ".join(filter(None, [f"{subject.webhook} does not answer: {down}", policy, admitted])))
    if failure is not None and (failure.kind == UNREACHED or not failure.kind):
        said = failure.said or (
            f"It fails on {named(failure.servers)}: the count of pods that were admitted without it rose with a "
            "dry-run pod."
        )
        seen = f"Calls to the webhook {subject.webhook.name} fail."
        # The check that explains it says the rest.
        return (
            Judgement(ERROR, seen)
            if explained
            else Judgement(ERROR, f"{seen} {said} {policy} {admitted}".rstrip(), blocks=True)
        )
    return _judge_standing(subject, " ".join(filter(None, [admitted, uncounted])))


def _judge_standing(subject: Subject, counted: str) -> Judgement:
    """Judge a webhook of which nothing shows that it does not answer."""
    webhook, backend = subject.webhook, subject.backend
    waiting = held_back(webhook, None if backend is None else backend.pod_labels)
    if waiting:
        seen = (
            f"While the webhook {webhook.name} does not answer, no pod can be created in {listed(waiting)}, not even "
            "those that the webhook or the cluster itself needs."
        )
        return Judgement(WARNING, seen, _SELECTOR_CAUSE, _SELECTOR_REMEDY)
    if backend is not None and (lacking := _lacking_replicas(backend)):
        return Judgement(WARNING, f"{webhook} answers with fewer pods than it should: {lacking}")
    if subject.is_proven:
        return Judgement(OK, f"{webhook} answers: pods got their credentials from it. {counted}".rstrip())
    if subject.calls.failure is not None:
        # Of these failures the API server says what came back.
        return Judgement(OK, f"{webhook} answers the API servers, which cannot use its answer. {counted}".rstrip())
    unknown = _unknown(subject)
    if unknown:
        return Judgement(SKIPPED, f"Whether the webhook {webhook.name} answers is unknown: {unknown}")
    return Judgement(OK, f"{webhook} answers the API servers. {counted}".rstrip())


def _what_is_down(subject: Subject) -> str:
    """Return what keeps the webhook from answering, as a sentence; empty if nothing is known to."""
    backend, reference = subject.backend, subject.webhook.service
    if backend is None or reference is None:
        return ""
    service, ready = backend.service.value, backend.ready_endpoints.value
    if service is not None and not service:
        return f"the Service {reference} does not exist."
    if service is not None and _lacks_port(service, reference):
        return f"the Service {reference} has no port {reference.port}, which it is called on."
    if ready == 0:
        return f"the Service {reference} has no endpoint that is ready: {_why_no_pod(backend)}"
    if subject.is_proven:
        return ""
    failed = {
        server.address: answer.reason
        for server in subject.cluster.answering
        if (answer := backend.healthz(server)).value is False
    }
    return f"{named(failed)} cannot reach it: {next(iter(failed.values()))}" if failed else ""


def _lacks_port(service: t.Any, reference: ServicePort) -> bool:
    ports = [at(each, "port") for each in items_at(service, "spec", "ports")]
    return bool(ports) and reference.port not in ports


def _why_no_pod(backend: Backend) -> str:
    """Return why no pod is ready, as the end of a sentence."""
    replicas = backend.replicas
    if replicas is not None and replicas[1] == 0:
        return "its Deployment has 0 replicas."
    if backend.made_no_pod:
        return f"its Deployment cannot create pods: {quoted(backend.made_no_pod)}."
    problems = backend.pod_problems
    if problems.value is None:
        return f"what keeps its pods from running is unknown. {problems.reason}"
    return f"{'; '.join(problems.value[:3])}." if problems.value else "it has no pods."


def _lacking_replicas(backend: Backend) -> str:
    replicas = backend.replicas
    if replicas is None or replicas[0] >= replicas[1]:
        return ""
    return f"{replicas[0]} of {replicas[1]} are ready: {_why_no_pod(backend)}"


def _unknown(subject: Subject) -> str:
    """Return what keeps this from being known, with the rights that are missing; empty if it is known."""
    backend = subject.backend
    if backend is None:
        return (
            f"it is called at {quoted(subject.webhook.url)}, which is not asked from here, and no dry-run pod shows it."
        )
    if all(backend.healthz(server).value for server in subject.cluster.answering):
        return ""
    answers = [backend.healthz(server) for server in subject.cluster.answering]
    reasons = [each.reason for each in (backend.service, backend.ready_endpoints, *answers) if each.value is None]
    return " ".join(dict.fromkeys(reasons))


def _admitted(subject: Subject) -> tuple[str, str]:
    """Return what API servers count of pods that were admitted without the webhook, and why it is unknown of others."""
    counts = subject.calls.counts
    found = {address: answer.value for address, answer in counts.items() if answer.value is not None}
    told = ", ".join(
        f"{named([address])} has {' and '.join(_outcomes(each))}"
        for address, each in found.items()
        if each.admitted or each.refused
    )
    said = (
        f"Because calls to it failed, {told} since the server started, dry runs among them. Those that still lack "
        "credentials are named by pods-without-credentials."
    )
    unknown = next((answer.reason for answer in counts.values() if answer.value is None), "")
    return said if told else "", f"How many pods were admitted without it is unknown: {unknown}" if unknown else ""


def _outcomes(counts: Counts) -> t.Iterator[str]:
    if counts.admitted:
        yield f"admitted {counts.admitted} pods without it"
    if counts.refused:
        yield f"refused {counts.refused}"
