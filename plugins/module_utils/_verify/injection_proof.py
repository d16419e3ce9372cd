# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether pods get credentials, by a dry run, whatever injects them."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.constants import GUARD_POLICY
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import dry_runs, names
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import items_at, names_at, text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import RoleAccount

# How many service accounts are tried until an API server admits a pod: quotas and policies of others refuse some.
_MAX_TRIED = 3

INJECTED, MISSED, REFUSED, UNKNOWN = "injected", "missed", "refused", "unknown"


class Proof(t.NamedTuple):
    """What an API server did with the pod, and what it said if it did not admit it."""

    result: str
    said: str = ""


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

    @property
    def said(self) -> str:
        """What the first server said that did not admit the pod."""
        return next((proof.said for proof in self.by_server.values() if proof.said), "")


def prove_on(servers: t.Sequence[ApiServer], accounts: t.Iterable[RoleAccount]) -> Proofs | None:
    """Try a pod on each API server, of the first account for which all of them decide; None without an account."""
    proofs = None
    for account in itertools.islice(accounts, _MAX_TRIED):
        proofs = Proofs(account, {server.address: prove(server, account) for server in servers})
        if not proofs.servers(UNKNOWN):
            break
    return proofs


def prove(server: ApiServer, account: RoleAccount) -> Proof:
    """Have an API server admit a pod of a service account in a dry run."""
    try:
        pod = dry_runs.created_pod(server, account.namespace, account.name)
    except RequestFailed as failure:
        ours = failure.status in (403, 422, 500) and _blames_injection(str(failure))
        return Proof(REFUSED if ours else UNKNOWN, str(failure))
    return Proof(INJECTED if is_injected(pod, account.role_arn) else MISSED)


def is_injected(pod: t.Any, role_arn: str) -> bool:
    """Whether the container of a pod that was asked for has a role, a token file, and the volume with the token."""
    container = dry_runs.own_container(pod)
    variables = {text_at(each, "name"): text_at(each, "value") for each in items_at(container, "env")}
    return (
        variables.get(names.ROLE_VARIABLE) == role_arn
        and names.TOKEN_FILE_VARIABLE in variables
        and names.VOLUME in names_at(pod, "spec", "volumes")
    )


def _blames_injection(message: str) -> bool:
    """Whether a refusal comes from our policies, or from the webhook."""
    return any(each in message for each in (names.INJECT_POLICY, GUARD_POLICY, "pod-identity", "iam-for-pods"))
