# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service accounts with a role, and the pods that run as them: whether the annotations fit the provider, and whether
the pods have got credentials.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import account_in
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, printable
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import commands, names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.pod_credentials import PodWithoutCredentials
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import RoleAccount
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.provider_checks import FoundProvider

ANNOTATION, PODS = "account-annotation", "pods-without-credentials"

_MAX_COMMANDS = 10


class Finding(t.NamedTuple):
    """What is wrong with some annotations, why, and what to do."""

    seen: str
    cause: str
    remedy: str


def check_annotations(context: Context, cluster: LiveCluster, provider: FoundProvider) -> None:
    """Check the annotations of all service accounts with a role."""
    report, accounts = context.report, cluster.role_accounts.value
    if accounts is None:
        report.skipped(ANNOTATION, cluster.role_accounts.reason)
        return
    found = list(findings(accounts, provider, needs_label=cluster.needs_label))
    for finding in found:
        report.warning(ANNOTATION, finding.seen, finding.cause, remedy=finding.remedy)
    if not found and not accounts:
        report.ok(ANNOTATION, f"No service account has a role (annotation {names.ROLE_ARN}).")
    elif not found:
        compared = (
            "" if provider.client_ids is not None else " They were not compared with the provider, which is unknown."
        )
        report.ok(ANNOTATION, f"The annotations of {_service_accounts(accounts)} are in order.{compared}")


def findings(accounts: t.Sequence[RoleAccount], provider: FoundProvider, *, needs_label: bool) -> t.Iterator[Finding]:
    """Yield what is wrong with annotations. ``needs_label``: only our policy injects, and it looks at labels."""
    owner = account_in(provider.arn or "") or None
    malformed = [each for each in accounts if not _is_arn(each, owner)]
    elsewhere = [each for each in accounts if owner and each not in malformed and each.account_id != owner]
    client_ids = provider.client_ids
    refused = [
        each for each in accounts if client_ids is not None and each.audience and each.audience not in client_ids
    ]
    unlabelled = [each for each in accounts if needs_label and not each.labelled]
    if malformed:
        yield Finding(
            f"The annotation of {_service_accounts(malformed)} is not the ARN of a role: "
            f"{listed(each.role_arn for each in malformed)}.",
            "It is misspelled or contains a placeholder. It is injected as it is, and STS refuses it.",
            f"Correct the annotation {names.ROLE_ARN}: arn:aws:iam::<account ID>:role/<name>. Then restart the pods.",
        )
    if elsewhere:
        others = sorted({str(each.account_id) for each in elsewhere})
        yield Finding(
            f"The role of {_service_accounts(elsewhere)} is in account {listed(others)}, the provider in {owner}.",
            "STS looks for the provider in the account of the role, so each account with roles needs one.",
            f"Create the provider in account {listed(others)}, too (irsa_oidc_provider), or correct the annotation.",
        )
    if refused:
        yield Finding(
            f"The annotated audience of {_service_accounts(refused)} is "
            f"{listed(sorted({each.audience for each in refused}))}, but the provider accepts "
            f"{listed(client_ids or ())}.",
            f"The annotation {names.AUDIENCE} was set for another provider, or its audience was never added to this "
            "one.",
            "Add the audience to irsa_issuer_audiences, or remove the annotation and restart the pods.",
        )
    if unlabelled:
        yield _unlabelled(unlabelled)


def _unlabelled(accounts: t.Sequence[RoleAccount]) -> Finding:
    label = f"{names.INJECT_LABEL}={names.INJECT_VALUE}"
    label_them = [commands.kubectl(each.namespace, "label", "serviceaccount", each.name, label) for each in accounts]
    return Finding(
        f"The label {names.INJECT_LABEL} is missing on {_service_accounts(accounts)}, so the policy "
        f"{names.INJECT_POLICY} does nothing for them.",
        f"They got their role before the policy {names.LABEL_POLICY} was active, or the label was removed.",
        f"Run the role irsa_injection again, or: {_together(label_them)}. Then restart their pods.",
    )


def _is_arn(account: RoleAccount, owner: str | None) -> bool:
    """Whether an annotation is the ARN of a role, or in the provider's account at a store with IDs of another form."""
    return account.is_well_formed or (owner is not None and account.account_id == owner)


def check_pods(context: Context, cluster: LiveCluster, *, broken: str | None = None) -> None:
    """List the running pods that lack the credentials of their service account. ``broken`` is the id of the check that
    has found why a webhook does not inject: until that is mended, new pods would lack them as well.
    """
    report, pods = context.report, cluster.pods_of_roles
    if pods.value is None:
        report.skipped(PODS, pods.reason)
        return
    lacking = cluster.lacking
    if not lacking:
        many = f"All {len(pods.value)} running pods" if pods.value else "No running pod"
        have = "have credentials" if pods.value else "needs any"
        report.ok(PODS, f"{many} of service accounts with a role {have}.")
        return
    report.warning(
        PODS,
        f"{len(lacking)} of {len(pods.value)} running pods of service accounts with a role have no credentials: "
        f"{listed(map(str, lacking))}.",
        " ".join(_causes(lacking)),
        remedy=_remedy(lacking, injected=bool(cluster.injectors or cluster.injection_unknown), broken=broken),
        data={"pods": [pod.as_data() for pod in lacking]},
    )


def _causes(lacking: t.Sequence[PodWithoutCredentials]) -> t.Iterator[str]:
    """Yield why pods lack credentials, by their age."""
    older, younger = ([pod for pod in lacking if pod.is_older is age] for age in (True, False))
    if older:
        yield f"{len(older)} are older than the annotation of their service account; credentials come at creation only."
    if younger:
        yield (
            f"{len(younger)} are younger: nothing injected credentials at that time, or the API server had not seen "
            "the annotation yet."
        )
    if len(older) + len(younger) < len(lacking):
        yield "Whether the others are older than the annotation is unknown."


def _remedy(lacking: t.Sequence[PodWithoutCredentials], *, injected: bool, broken: str | None) -> str:
    first = "Restart them: " if injected else "Set up injection first (role irsa_injection), then restart them: "
    if broken is not None:
        first = f"Follow the remedy of {broken} first, then restart them: "
    return f"{first}{_together(list(dict.fromkeys(pod.restart for pod in lacking)))}."


def _together(commands: t.Sequence[str]) -> str:
    """Return commands in one line, the first ten and the number of the others."""
    rest = len(commands) - _MAX_COMMANDS
    shown = "; ".join(map(printable, commands[:_MAX_COMMANDS]))
    return f"{shown}; and {rest} more" if rest > 0 else shown


def _service_accounts(accounts: t.Sequence[RoleAccount]) -> str:
    noun = "service account" if len(accounts) == 1 else f"{len(accounts)} service accounts"
    return f"{noun} {listed(map(str, accounts))}"
