# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that the policies work: what the API servers make of a service account with a role and of its pod.

An API server accepts a policy with an expression that fails for every pod, and follows a new policy only after a
moment. So nothing but a pod shows that it works. The pods are dry runs.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import announce
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import proof_accounts
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.pod_identity import pod_identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import dry_runs, names, paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

_PAUSE_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long to wait for API servers to follow a policy, in seconds."""

    seconds: float
    pause: t.Callable[[float], None] = time.sleep
    now: t.Callable[[], float] = time.monotonic

    def until_none(self, lacks: t.Callable[[], str | None]) -> str | None:
        """Ask until nothing is lacking; returns what still is in the end."""
        deadline = self.now() + self.seconds
        while (lacking := lacks()) is not None and self.now() < deadline:
            announce("policies", f"Waiting up to {self.seconds:g} s until every API server follows the new policies.")
            self.pause(_PAUSE_SECONDS)
        return lacking


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proof:
    """Asks ``servers``, of which the first is also written to. Accounts and pods are made in ``namespace``.

    ``warn`` takes what a proof could not tidy up.
    """

    servers: t.Sequence[ApiServer]
    settings: Settings
    namespace: str
    patience: Patience
    warn: t.Callable[[t.Iterable[str]], None]

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

    def prove(self) -> dict[str, t.Any]:
        """Create a service account with a role, make its pod at each API server, and remove the account.

        Returns what the pod got. Raises IrsaError if one of the pods got something else.
        """
        account = proof_accounts.create(self.servers[0], self.namespace, self.settings)
        try:
            for server in self.servers:
                self._prove_at(server, account.name)
        finally:
            self.warn(proof_accounts.remove(self.servers[0], account))
        return {
            "injected": True,
            "reason": None,
            "servers": [server.address for server in self.servers],
            **pod_identity(names.PROOF_ROLE, self.settings),
        }

    def _prove_at(self, server: ApiServer, account: str) -> None:
        lacking = self.patience.until_none(lambda: self._pod_lacks(server, account))
        if lacking is not None:
            raise IrsaError(self._failure(server, f"policy {names.INJECT_POLICY}", f"a pod: {lacking}"))

    def _pod_lacks(self, server: ApiServer, account: str) -> str | None:
        try:
            pod = dry_runs.created_pod(server, self.namespace, account)
        except RequestFailed as failure:
            return failure.cause
        return difference(pod, pod_identity(names.PROOF_ROLE, self.settings))

    def _failure(self, server: ApiServer, policy: str, seen: str) -> str:
        return (
            f"The API server at {server.address} has not followed {policy} within {self.patience.seconds:g} seconds. "
            f"In namespace {self.namespace}, it was asked for {seen}. If another admission policy or webhook causes "
            "this, set irsa_injection_proof_namespace to a namespace that it leaves alone. If the API server is slow, "
            "increase irsa_injection_timeout."
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
        return "it gets no credentials"
    different = [name for name, value in found.items() if value != expected[name]]
    return f"its {' and '.join(different)} are not as set" if different else None
