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
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import RoleAccount
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import injection_proof
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_proof import (
    INJECTED,
    MISSED,
    REFUSED,
    UNKNOWN,
    Proof,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster, asked, named

ID = "injection-present"

# How many service accounts are tried until an API server admits a pod: quotas and policies of others refuse some.
_MAX_TRIED = 3


class Proofs(t.NamedTuple):
    """The account that the dry-run pod had, and what each API server did with it, by address."""

    account: RoleAccount
    by_server: t.Mapping[str, Proof]

    def servers(self, *results: str) -> list[str]:
        """The servers with one of these results."""
        return [address for address, proof in self.by_server.items() if proof.result in results]

    @property
    def all_injected(self) -> bool:
        return len(self.servers(INJECTED)) == len(self.by_server)

    @property
    def all_missed(self) -> bool:
        """Whether no server injected anything, and none was kept from it by what injects."""
        return bool(self.servers(MISSED)) and not self.servers(INJECTED, REFUSED)

    def failure(self, broken: t.Sequence[str]) -> str:
        """A sentence about the servers that did not inject."""
        said = f": {self.said}" if self.said else "."
        return f"A dry-run pod of {quoted(str(self.account))} got no credentials from {named(broken)}{said}"

    @property
    def said(self) -> str:
        """What the first server said that did not admit the pod."""
        return next((proof.said for proof in self.by_server.values() if proof.said), "")


def check_injection(context: Context, cluster: LiveCluster) -> None:
    """Report what injects credentials, and whether a pod gets them."""
    if not cluster.injectors and not cluster.injection_unknown:
        _check_without(context, cluster)
        return
    proofs = _proofs(cluster)
    if not cluster.injectors and proofs is not None and proofs.all_missed:
        _check_missed(context, cluster, proofs)
    else:
        _check_with(context, cluster, proofs)


def _check_with(context: Context, cluster: LiveCluster, proofs: Proofs | None) -> None:
    """Report on what injects, or seems to."""
    report = context.report
    broken = [] if proofs is None else proofs.servers(MISSED, REFUSED)
    faults, doubts = _faults(cluster), _doubts(cluster, proven=proofs is not None and proofs.all_injected)
    if proofs is not None and broken:
        report.error(ID, proofs.failure(broken), " ".join([*faults, *doubts]) or None)
    elif faults:
        report.error(ID, " ".join(faults))
    elif doubts:
        report.warning(ID, " ".join(doubts))
    elif not cluster.injectors and (proofs is None or not proofs.all_injected):
        report.skipped(ID, f"What injects credentials is unknown: {cluster.injection_unknown}")
    else:
        report.ok(ID, f"{_by_whom(cluster)} {_proof_sentence(cluster, proofs)}")


def _check_missed(context: Context, cluster: LiveCluster, proofs: Proofs) -> None:
    """Report that a pod got nothing, where nothing that injects is known but not everything could be read.

    As without anything that injects, this may be intended.
    """
    seen = proofs.failure(proofs.servers(MISSED))
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


def _doubts(cluster: LiveCluster, *, proven: bool) -> list[str]:
    policies, webhooks = cluster.policies.value, cluster.webhooks.value or []
    found = policies.doubts() if policies is not None and not webhooks else []
    return found if proven else [*found, *(doubt for webhook in webhooks for doubt in webhook.doubts())]


def _proofs(cluster: LiveCluster) -> Proofs | None:
    """Try a pod on each API server; None without a service account that should get credentials."""
    accounts = cluster.role_accounts.value or []
    policies = cluster.policies.value
    by_policy_alone = policies is not None and policies.inject is not None and not cluster.webhooks.value
    suitable = [account for account in accounts if account.labelled or not by_policy_alone]
    proofs = None
    for account in suitable[:_MAX_TRIED]:
        proofs = Proofs(
            account, {server.address: injection_proof.prove(server, account) for server in cluster.answering}
        )
        if not proofs.servers(UNKNOWN):
            break
    return proofs
