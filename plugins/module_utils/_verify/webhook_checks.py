# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of the EKS pod identity webhooks of a cluster. Nothing more is asked for where there is none."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import (
    webhook_answers,
    webhook_certificate,
    webhook_versions,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.webhook_subject import Judgement, Subject

ANSWERS, CERTIFICATE, VERSIONS = IDS = ("injection-answers", "injection-certificate", "injection-review-versions")


def check_webhooks(context: Context, cluster: LiveCluster) -> str | None:
    """Report under ``IDS``. Return the id of the check that explains why pods get no credentials; None if none does."""
    report, webhooks = context.report, cluster.webhooks.value
    if webhooks is None:
        report.skip(IDS, cluster.webhooks.reason)
    elif not webhooks:
        _report_none(report, cluster)
    subjects = [Subject(cluster, webhook) for webhook in webhooks or []]
    for subject in subjects:
        subject.calls.count()
    return next(filter(None, [_check(report, subject) for subject in subjects]), None)


def _check(report: Report, subject: Subject) -> str | None:
    """Report on one webhook. Return the id of what keeps it from injecting; None if nothing does."""
    certificate, versions = webhook_certificate.judge(subject), webhook_versions.judge(subject)
    judged = {CERTIFICATE: certificate, VERSIONS: versions}
    explained = next((check_id for check_id, each in judged.items() if each.blocks), None)
    answers = webhook_answers.judge(subject, explained=explained is not None)
    _report(report, ANSWERS, answers, because=None if answers.blocks else explained)
    for check_id, judgement in judged.items():
        _report(report, check_id, judgement)
    return ANSWERS if answers.blocks else explained


def _report(report: Report, check_id: str, judged: Judgement, *, because: str | None = None) -> None:
    if judged.status == OK:
        report.ok(check_id, judged.seen)
    elif judged.status == ERROR:
        report.error(check_id, judged.seen, judged.cause, remedy=judged.remedy, because=because)
    elif judged.status == WARNING:
        report.warning(check_id, judged.seen, judged.cause, remedy=judged.remedy)
    else:
        report.skipped(check_id, judged.seen)


def _report_none(report: Report, cluster: LiveCluster) -> None:
    policies = cluster.policies.value
    inside = (
        f"The policy {names.INJECT_POLICY} answers inside the API servers. "
        if policies is not None and policies.inject is not None
        else ""
    )
    report.ok(ANSWERS, f"{inside}There is no webhook that has to answer.")
    report.ok(CERTIFICATE, "There is no webhook, so no certificate of one.")
    report.ok(VERSIONS, "There is no webhook that gets reviews.")
