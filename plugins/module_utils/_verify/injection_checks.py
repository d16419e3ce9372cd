# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether something injects credentials into new pods, on every API server, by what is set up and by a dry-run pod."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.method import serves_policies
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_proof import (
    MISSED,
    REFUSED,
    Proofs,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster, asked, named

ID = "injection-present"


def check_injection(context: Context, cluster: LiveCluster, *, because: str | None = None) -> None:
    """Report what injects credentials, and whether a pod gets them. ``because`` is the id of the check that has found
    why a webhook does not inject.
    """
    if not cluster.injectors and not cluster.injection_unknown:
        _check_without(context, cluster)
        return
    proofs = cluster.proofs
    if not cluster.injectors and proofs is not None and proofs.all_missed:
        _check_missed(context, cluster, proofs)
    else:
        _check_with(context, cluster, proofs, because=because)


def _check_with(context: Context, cluster: LiveCluster, proofs: Proofs | None, *, because: str | None) -> None:
    """Report on what injects, or seems to."""
    report = context.report
    broken = [] if proofs is None else proofs.servers(MISSED, REFUSED)
    faults, doubts = _faults(cluster), _doubts(cluster)
    if proofs is not None and broken:
        seen = _failure(proofs, broken, said=because is None)
        report.error(ID, seen, " ".join([*faults, *doubts]) or None, because=because)
    elif faults:
        report.error(ID, " ".join(faults))
    elif doubts:
        report.warning(ID, " ".join(doubts))
    elif because is not None:
        report.skipped(ID, f"{_proof_sentence(cluster, proofs)} What {because} has found keeps pods from credentials.")
    elif not cluster.injectors and (proofs is None or not proofs.all_injected):
        report.skipped(ID, f"What injects credentials is unknown: {cluster.injection_unknown}")
    else:
        report.ok(ID, f"{_by_whom(cluster)} {_proof_sentence(cluster, proofs)}")


def _failure(proofs: Proofs, broken: t.Sequence[str], *, said: bool = True) -> str:
    """Return a sentence about the servers that did not inject, with what the first one said if it is to be ``said``."""
    text = f": {proofs.said}" if said and proofs.said else "."
    return f"A dry-run pod of {quoted(str(proofs.account))} got no credentials from {named(broken)}{text}"


def _check_missed(context: Context, cluster: LiveCluster, proofs: Proofs) -> None:
    """Report that a pod got nothing, where nothing that injects is known but not everything could be read.

    As without anything that injects, this may be intended.
    """
    seen = _failure(proofs, proofs.servers(MISSED))
    unknown = f"Whether anything should inject them is unknown: {cluster.injection_unknown}"
    if _all_have_credentials(cluster):
        context.report.skipped(ID, f"{seen} Every running pod of an account with a role has them. {unknown}")
    else:
        context.report.warning(ID, f"{seen} {unknown}")


def _all_have_credentials(cluster: LiveCluster) -> bool:
    """Whether pods run as accounts with a role, all of them with credentials."""
    return bool(cluster.pods_of_roles.value) and not cluster.lacking


def _check_without(context: Context, cluster: LiveCluster) -> None:
    """Report that nothing injects. Pods may have volume and variables in their own specs, so this may be intended."""
    report, accounts = context.report, cluster.role_accounts.value
    nothing = f"There is neither the policy {names.INJECT_POLICY} nor the EKS pod identity webhook"
    if accounts is None:
        report.skipped(ID, f"{nothing}. Whether a pod needs them is unknown: {cluster.role_accounts.reason}")
    elif not accounts:
        report.ok(ID, f"{nothing}, and no service account has a role.")
    elif _all_have_credentials(cluster):
        report.ok(ID, f"{nothing}, but every running pod of an account with a role brings its own credentials.")
    else:
        who = listed(map(str, accounts))
        report.warning(ID, f"{nothing}, so new pods of these service accounts get no credentials: {who}.")


def _by_whom(cluster: LiveCluster) -> str:
    injectors = cluster.injectors
    return (
        f"{' and '.join(injectors)} {'gives' if len(injectors) == 1 else 'give'} pods their credentials."
        if injectors
        else "Pods get their credentials."
    )


def _proof_sentence(cluster: LiveCluster, proofs: Proofs | None) -> str:
    if proofs is None:
        return f"No dry-run pod was tried: {cluster.role_accounts.reason or 'no service account has a role.'}"
    if proofs.all_injected:
        count = len(proofs.by_server)
        where = "the API server" if count == 1 else f"each of the {count} API servers"
        if cluster.unreachable:
            where += " that answers from here" if count == 1 else " that answer from here"
        return f"A dry-run pod of {quoted(str(proofs.account))} got them from {where}."
    return f"A dry-run pod could not be tried: {proofs.said}"


def _faults(cluster: LiveCluster) -> list[str]:
    """Return what keeps pods from credentials by the policy, unless a webhook gives them, too."""
    policies, webhooks = cluster.policies.value, cluster.webhooks.value
    if policies is None or policies.inject is None or webhooks:
        return []
    serving = {server.address: asked(functools.partial(serves_policies, server)).value for server in cluster.answering}
    without = [address for address, serves in serving.items() if serves is False]
    unserved = f"MutatingAdmissionPolicy v1 (Kubernetes 1.36 and newer) is not served by {named(without)}."
    return [*policies.faults(), *([unserved] if without else [])]


def _doubts(cluster: LiveCluster) -> list[str]:
    """Return what keeps some pods from credentials by the policy, unless a webhook gives them, too."""
    policies = cluster.policies.value
    return policies.doubts() if policies is not None and not cluster.webhooks.value else []
