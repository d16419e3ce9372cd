# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether API servers send a webhook reviews of a version that it answers.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request
"""

from __future__ import annotations

import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import named
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_calls import VERSION
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_subject import Judgement, Subject

# API servers take the first version in the list that they know.
_KNOWN = ("v1", "v1beta1")
# It reads a review of any version, and answers as v1beta1 (pkg/handler/handler.go in
# github.com/aws/amazon-eks-pod-identity-webhook at v0.6.17).
_LAST_WITHOUT_V1 = (0, 6, 17)
_RELEASE = re.compile(r"pod-identity-webhook:v?(\d+)\.(\d+)\.(\d+)(?:@.*)?$")


def judge(subject: Subject) -> Judgement:
    """Judge the order of the versions against the release of the webhook."""
    webhook, versions = subject.webhook, subject.webhook.review_versions
    first = next((version for version in versions if version in _KNOWN), None)
    sent = f"{webhook} is sent reviews of version {first} (admissionReviewVersions: {listed(versions)})"
    failure = subject.calls.failure
    if first is None:
        return Judgement(SKIPPED, f"{webhook} names no version of reviews that is known here: {listed(versions)}.")
    if failure is not None and failure.kind == VERSION:
        return subject.fault(f"{sent}, but {named(failure.servers)} cannot use its answer: {failure.said}")
    if first == "v1beta1":
        return Judgement(OK, f"{sent}, which all releases of the webhook answer.")
    if subject.is_proven:
        return Judgement(OK, f"{sent}, and a dry-run pod shows that it answers them.")
    return _judge_release(subject, sent)


def _judge_release(subject: Subject, sent: str) -> Judgement:
    """Judge a webhook that is sent reviews of v1 and was not seen to answer them."""
    image = "" if subject.backend is None else text_at(subject.backend.container, "image")
    release = release_of(image)
    if release is None:
        blocks = subject.is_missed
        unanswered = "which releases of the webhook up to v0.6.17 do not answer"
        which = f"The release of its image {quoted(image)} is unknown." if image else _unknown_image(subject)
        return Judgement(WARNING, f"{sent}, {unanswered}. {which}", blocks=blocks)
    if release <= _LAST_WITHOUT_V1:
        return subject.fault(f"{sent}, which its image {quoted(image)} does not answer.")
    return Judgement(OK, f"{sent}, which its image {quoted(image)} answers.")


def release_of(image: str) -> tuple[int, ...] | None:
    """Return the release of the webhook that an image is by its name; None if the name does not tell."""
    found = _RELEASE.search(image)
    return tuple(map(int, found.groups())) if found else None


def _unknown_image(subject: Subject) -> str:
    if subject.backend is None:
        return f"What runs at {quoted(subject.webhook.url)} cannot be read from the cluster."
    return f"Its image is unknown: {subject.backend.deployment.reason or 'no Deployment makes its pods.'}"
