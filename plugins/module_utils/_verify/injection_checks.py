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
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_proof import Proof
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
        return len(self.servers(injection_proof.INJECTED)) == len(self.by_server)

    @property
    def said(self) -> str:
        """What the first server said that did not admit the pod."""
        return next((proof.said for proof in self.by_server.values() if proof.said), "")


def check_injection(context: Context, cluster: LiveCluster) -> None:
    """Report what injects credentials, and whether a pod gets them."""
    report = context.report
    if cluster.injectors or cluster.injection_unknown:
        proofs = _proofs(cluster)
        broken = [] if proofs is None else proofs.servers(injection_proof.MISSED, injection_proof.REFUSED)
        faults, doubts = _faults(cluster), _doubts(cluster, proven=proofs is not None and proofs.all_injected)
        if proofs is not None and broken:
            said = f": {proofs.said}" if proofs.said else "."
            seen = f"A dry-run pod of {quoted(str(proofs.account))} got no credentials from {named(broken)}{said}"
            report.error(ID, seen, " ".join([*faults, *doubts]) or None)
        elif faults:
            report.error(ID, " ".join(faults))
        elif doubts:
            report.warning(ID, " ".join(doubts))
        elif not cluster.injectors and (proofs is None or not proofs.all_injected):
            report.skipped(ID, f"What injects credentials is unknown: {cluster.injection_unknown}")
        else:
            report.ok(ID, f"{_by_whom(cluster)} {_proof_sentence(cluster, proofs)}")
    else:
        _check_without(context, cluster)


def _check_without(context: Context, cluster: LiveCluster) -> None:
    """Report that nothing injects. Pods may have volume and variables in their own specs, so this may be intended."""
    report, accounts = context.report, cluster.role_accounts.value
    nothing = f"There is neither the policy {names.INJECT_POLICY} nor the EKS pod identity webhook"
    if accounts is None:
        report.skipped(ID, f"{nothing}. Whether a pod needs them is unknown: {cluster.role_accounts.reason}")
    elif not accounts:
        report.ok(ID, f"{nothing}, and no service account has a role.")
    elif cluster.pods_of_roles.value and not cluster.lacking:
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
    by_policy_alone = not cluster.webhooks.value and cluster.policies.value is not None
    suitable = [account for account in accounts if account.labelled or not by_policy_alone]
    proofs = None
    for account in suitable[:_MAX_TRIED]:
        proofs = Proofs(
            account, {server.address: injection_proof.prove(server, account) for server in cluster.answering}
        )
        if not proofs.servers(injection_proof.UNKNOWN):
            break
    return proofs
