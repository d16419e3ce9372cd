# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether API servers can trust the certificate of a webhook, today and soon."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import asked, named
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_calls import CERTIFICATE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_pem import (
    Certificate,
    certificates_in,
    certificates_in_base64,
    leads_to,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_subject import Judgement, Subject

_INJECTOR_CAUSE = (
    "cert-manager's cainjector is to write the caBundle and has not done so: it does not run, or the Certificate has "
    "not been issued yet."
)
_INJECTOR_REMEDY = (
    "See what keeps them: kubectl get certificate,certificaterequest --all-namespaces, and the log of the Deployment "
    "cert-manager-cainjector."
)
_LATE_REMEDY = (
    "Run the role irsa_injection again: it renews certificates of its own. If cert-manager is to renew them, find out "
    "why it does not: kubectl describe certificate."
)


def judge(subject: Subject) -> Judgement:
    """Judge the caBundle, and the certificate that the webhook serves as far as it can be read."""
    # API servers judge by their own clocks.
    now = asked(subject.cluster.api.time).value or datetime.datetime.now(datetime.timezone.utc)
    failure = subject.calls.failure
    said = f" {failure.said}" if failure is not None and failure.kind == CERTIFICATE else ""
    if not subject.webhook.ca_bundle:
        return _judge_no_bundle(subject, said)
    bundle = f"The caBundle of the webhook {subject.webhook.name}"
    try:
        authorities = certificates_in(subject.webhook.ca_bundle)
    except Fault as fault:
        return subject.fault(f"{bundle} cannot be used: {fault}.{said}")
    valid = [each for each in authorities if each.is_valid(now)]
    if not valid:
        return subject.fault(f"{bundle} is not valid now: {_spans(authorities)}.{said}")
    return _judge_served(subject, authorities, now, said=said)


def _judge_no_bundle(subject: Subject, said: str) -> Judgement:
    webhook, seen = subject.webhook, f"{subject.webhook} has no caBundle"
    if webhook.ca_source:
        seen += f", although cert-manager is to take it from {quoted(webhook.ca_source)}"
        return subject.fault(f"{seen}.{said}", _INJECTOR_CAUSE, _INJECTOR_REMEDY)
    if said:
        return subject.fault(f"{seen}.{said}")
    if subject.is_proven:
        return Judgement(OK, f"{seen}, but API servers trust its certificate, as a dry-run pod shows.")
    if webhook.service is None:
        return Judgement(SKIPPED, f"{seen}. Whether API servers trust its certificate without one is not known here.")
    # https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#service-reference
    return subject.fault(f"{seen}, and no public CA issues certificates for {webhook.service.host}.")


def _judge_served(
    subject: Subject, authorities: t.Sequence[Certificate], now: datetime.datetime, *, said: str
) -> Judgement:
    """Judge the certificate that is served, against the authorities of the caBundle."""
    webhook, certificate = subject.webhook, "" if subject.backend is None else subject.backend.certificate.value
    until = f"The caBundle of the webhook {webhook.name} is valid until {_day(max(each.end for each in authorities))}"
    if subject.backend is None or webhook.service is None or certificate is None:
        reason = (
            f"What is served at {quoted(webhook.url)} is known to API servers only."
            if subject.backend is None
            else subject.backend.certificate.reason
        )
        if said:
            return subject.fault(f"{until}, but {_servers(subject)} does not trust what the webhook serves.{said}")
        trust = " API servers trust it, as a dry-run pod shows." if subject.is_proven else ""
        late = _late([], authorities, now)
        status, remedy = (WARNING, _LATE_REMEDY) if late else (SKIPPED, None)
        return Judgement(status, f"{until}. The certificate that it serves is unknown.{trust} {reason}", remedy=remedy)
    try:
        chain = certificates_in_base64(certificate)
    except Fault as fault:
        return subject.fault(f"The certificate in the Secret of {webhook.service} cannot be used: {fault}.{said}")
    fault_seen = _fault_of(chain, authorities, now, host=webhook.service.host)
    if fault_seen or said:
        return subject.fault(f"{fault_seen or f'{_servers(subject)} does not trust it.'}{said}")
    if _late(chain, authorities, now):
        seen = f"{until}, and its certificate until {_day(chain[0].end)}: it should have been renewed by now."
        return Judgement(WARNING, seen, "Nothing has renewed it in time.", _LATE_REMEDY)
    return Judgement(OK, f"{until}, and its certificate, which it covers, until {_day(chain[0].end)}.")


def _fault_of(
    chain: t.Sequence[Certificate], authorities: t.Sequence[Certificate], now: datetime.datetime, *, host: str
) -> str:
    """Return why an API server refuses a chain; empty if it does not."""
    leaf = chain[0]
    if not leaf.is_valid(now):
        return f"The certificate for {host} is not valid now: {_spans([leaf])}."
    if not leaf.covers(host):
        return f"The certificate is for {listed(leaf.hosts)}, not for {host}, by which API servers call it."
    if not leads_to(chain, authorities, now):
        subjects = listed(each.subject for each in authorities)
        return f"The certificate for {host} is not signed by the caBundle, which has {subjects}."
    return ""


def _late(chain: t.Sequence[Certificate], authorities: t.Sequence[Certificate], now: datetime.datetime) -> bool:
    """Whether the certificate, or the last authority to end, should have been renewed by now."""
    return any(each.is_late(now) for each in chain[:1]) or all(
        each.is_late(now) for each in authorities if each.is_valid(now)
    )


def _servers(subject: Subject) -> str:
    failure = subject.calls.failure
    return named(failure.servers) if failure is not None else "no API server"


def _spans(certificates: t.Sequence[Certificate]) -> str:
    return ", ".join(
        f"{each.subject or 'a certificate'} from {_day(each.begin)} to {_day(each.end)}" for each in certificates
    )


def _day(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
