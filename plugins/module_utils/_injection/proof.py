# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that policies or a webhook work: what the API servers make of a service account with a role and of its pod.

An API server accepts a policy with an expression that fails for every pod, and follows a new policy only after a
moment. It admits a pod without a word if it cannot reach a webhook. So nothing but a pod shows that it works. The pods
are dry runs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import proof_accounts
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.patience import Patience
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.pod_identity import pod_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.replicas import Replicas
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import dry_runs, names, paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# What a pod lacks that gets nothing at all.
NOTHING = "it gets no credentials"


class Injector(t.NamedTuple):
    """What injects, as messages name it, what is waited for, and what else to try if it does not."""

    name: str
    waiting: str
    remedy: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proof:
    """Asks ``servers``, of which the first is also written to. Accounts and pods are made in ``namespace``.

    ``injector`` is what messages name. ``warn`` takes what a proof could not tidy up. The ``replicas`` of a webhook are
    asked one by one, too.
    """

    servers: t.Sequence[ApiServer]
    settings: Settings
    namespace: str
    patience: Patience
    warn: t.Callable[[t.Iterable[str]], None]
    injector: Injector
    replicas: Replicas | None = None

    def wait_for_label(self) -> None:
        """Wait until every API server labels accounts with a role. Raises IrsaError if one does not.

        An account that is written earlier would not be labelled, and nothing would notice.
        """
        for server in self.servers:
            lacking = self.patience.until_none(lambda server=server: self._label_lacks(server))  # type: ignore[misc]
            if lacking is not None:
                raise IrsaError(self._failure(server, f"policy {names.LABEL_POLICY}", f"a service account: {lacking}"))

    def _label_lacks(self, server: ApiServer) -> str | None:
        try:
            account = dry_runs.created(
                server, paths.accounts_in(self.namespace), proof_accounts.document(self.settings)
            )
        except RequestFailed as failure:
            return failure.cause
        labels = account["metadata"].get("labels") or {}
        is_labelled = labels.get(names.INJECT_LABEL) == names.INJECT_VALUE
        return None if is_labelled else f"it does not get the label {names.INJECT_LABEL}"

    def prove(self, only: str = "") -> dict[str, t.Any]:
        """Create a service account with a role, make its pod at each API server, and remove the account.

        ``only`` is the way to inject that the pod is for, so that another one does not stand in for it. Returns what
        the pod got. Raises IrsaError if one of the pods got something else.
        """
        with self._account() as account:
            self._prove_replicas(account)
            for server in self.servers:
                lacking = self.patience.until_none(
                    lambda server=server: self._pod_lacks(server, account, only),  # type: ignore[misc]
                    self.injector.waiting,
                )
                if lacking is not None:
                    raise IrsaError(self._failure(server, self.injector.name, f"a pod: {lacking}"))
        return {
            "injected": True,
            "reason": None,
            "servers": [server.address for server in self.servers],
            **pod_identity(names.PROOF_ROLE, self.settings),
        }

    def _prove_replicas(self, account: str) -> None:
        replicas = self.replicas
        if replicas is None:
            return
        lacking = self.patience.until_none(
            lambda: replicas.lack(self.namespace, account), "until every pod of the webhook gives credentials"
        )
        if lacking is not None:
            raise IrsaError(lacking)

    def wait_until_left_alone(self, only: str) -> str | None:
        """Wait until pods that are ``only`` for a way to inject that does not exist yet get nothing from another one.

        Returns the address of an API server at which they still get credentials; None if there is none.
        """
        with self._account() as account:
            for server in self.servers:
                left = self.patience.until_none(
                    lambda server=server: self._pod_gets(server, account, only)  # type: ignore[misc]
                )
                if left is not None:
                    return server.address
        return None

    @contextlib.contextmanager
    def _account(self) -> t.Iterator[str]:
        """The name of a service account with a role, which is there for as long as this."""
        account = proof_accounts.create(self.servers[0], self.namespace, self.settings)
        try:
            yield account.name
        finally:
            self.warn(proof_accounts.remove(self.servers[0], account))

    def _pod_lacks(self, server: ApiServer, account: str, only: str) -> str | None:
        try:
            pod = self._pod(server, account, only)
        except RequestFailed as failure:
            return failure.cause
        return difference(pod, pod_identity(names.PROOF_ROLE, self.settings))

    def _pod_gets(self, server: ApiServer, account: str, only: str) -> str | None:
        try:
            pod = self._pod(server, account, only)
        except RequestFailed:
            return None  # a guard refuses it, since it gets nothing
        return None if difference(pod, pod_identity(names.PROOF_ROLE, self.settings)) == NOTHING else "credentials"

    def _pod(self, server: ApiServer, account: str, only: str) -> t.Any:
        return dry_runs.created_pod(server, self.namespace, account, labels={names.ONLY_LABEL: only} if only else {})

    def _failure(self, server: ApiServer, name: str, seen: str) -> str:
        return (
            f"The API server at {server.address} has not followed {name} within {self.patience.seconds:g} seconds. "
            f"In namespace {self.namespace}, it was asked for {seen}. If another admission policy or webhook causes "
            "this, set irsa_injection_proof_namespace to a namespace that it leaves alone. If the API server is slow, "
            f"increase irsa_injection_timeout.{self.injector.remedy}"
        )


def difference(pod: t.Mapping[str, t.Any], expected: t.Mapping[str, t.Any]) -> str | None:
    """Return in what a pod that was asked for differs from ``pod_identity``; None if in nothing.

    Other admission plugins may add what they like.
    """
    container = dry_runs.own_container(pod) or {}
    own = {each["name"] for each in expected["env"]}
    found = {
        "volumes": [
            {"name": each["name"], "projected": {"sources": each.get("projected", {}).get("sources")}}
            for each in pod["spec"].get("volumes") or []
            if each["name"] == names.VOLUME
        ],
        "volumeMounts": [each for each in container.get("volumeMounts") or [] if each["name"] == names.VOLUME],
        "env": [each for each in container.get("env") or [] if each["name"] in own],
    }
    if not any(found.values()):
        return NOTHING
    different = [name for name, value in found.items() if value != expected[name]]
    return f"its {' and '.join(different)} are not as set" if different else None
