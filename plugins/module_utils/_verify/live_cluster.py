# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster that answers: its API servers, service accounts and pods. Each is asked for once, when it is needed."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import key_sets, names, paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_servers import servers_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.pod_credentials import (
    PodWithoutCredentials,
    pods_of,
    pods_without_credentials,
    running_pods,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.role_accounts import (
    RoleAccount,
    role_accounts,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.server_flags import (
    RunningFlags,
    running_flags,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.tokens import (
    MintedToken,
    ServiceAccount,
    mint,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_proof import Proofs, prove_on
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.injection_reading import (
    Policies,
    Webhook,
    read_policies,
    read_webhooks,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_parsing import parse_token

Value = t.TypeVar("Value")

# Every namespace has it, as long as a kube-controller-manager runs.
_USUAL_ACCOUNT = ServiceAccount("default", "default")


@dataclasses.dataclass(frozen=True)
class Answer(t.Generic[Value]):
    """What was asked for; None if it is unknown, for the reason given."""

    value: Value | None
    reason: str = ""


def named(servers: t.Iterable[str]) -> str:
    """Return API servers as a sentence names them, without the article."""
    names = list(servers)
    return f"API server{'s' if len(names) > 1 else ''} {listed(names)}"


def asked(question: t.Callable[[], Value]) -> Answer[Value]:
    """Return the answer to a question, or why there is none."""
    try:
        return Answer(question())
    except IrsaError as failure:
        return Answer(None, str(failure))


class LiveCluster:
    """The cluster of a kubeconfig, whose API server is ``api``."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api

    @functools.cached_property
    def servers(self) -> Answer[list[ApiServer]]:
        """Its API servers, each by its own address."""
        return asked(lambda: servers_of(self.api))

    @functools.cached_property
    def _reached(self) -> key_sets.Reached:
        return key_sets.reach(self.api, self.servers.value or [self.api])

    @property
    def served(self) -> list[key_sets.ServedKeys]:
        """The issuer and keys of each API server that answers from here; those of ``api`` if none does."""
        return self._reached.served

    @property
    def unreachable(self) -> dict[str, str]:
        """Why API servers do not answer, by address."""
        return self._reached.unreachable

    @property
    def answering(self) -> list[ApiServer]:
        """The API servers that answer from here; ``api`` alone if none does by its own address."""
        return self._reached.answering

    @functools.cached_property
    def flags(self) -> RunningFlags:
        """The arguments that the API servers run with."""
        return running_flags(self.api, self.answering, self.unreachable)

    @functools.cached_property
    def service_accounts(self) -> Answer[list[t.Any]]:
        """All service accounts, as objects."""
        return asked(lambda: self.api.list_items(paths.ALL_ACCOUNTS))

    @functools.cached_property
    def role_accounts(self) -> Answer[list[RoleAccount]]:
        """The service accounts with a role."""
        found = self.service_accounts
        return Answer(None if found.value is None else role_accounts(found.value), found.reason)

    @functools.cached_property
    def pods_of_roles(self) -> Answer[list[t.Any]]:
        """The running pods of service accounts with a role, as objects."""
        accounts, reason = self.role_accounts.value, self.role_accounts.reason
        if accounts is None:
            return Answer(None, reason)
        return asked(lambda: [pod for pod, _account in pods_of(running_pods(self.api, accounts), accounts)])

    @property
    def lacking(self) -> list[PodWithoutCredentials]:
        """Those of them that have not got their credentials, as far as they are known."""
        return pods_without_credentials(self.pods_of_roles.value or [], self.role_accounts.value or [])

    @functools.cached_property
    def policies(self) -> Answer[Policies]:
        """Our admission policies."""
        return asked(lambda: read_policies([self.api, *(each for each in self.answering if each is not self.api)]))

    @functools.cached_property
    def webhooks(self) -> Answer[list[Webhook]]:
        """The EKS pod identity webhooks."""
        return asked(lambda: read_webhooks(self.api))

    @property
    def injectors(self) -> list[str]:
        """What injects credentials into pods, by name, as far as it is known."""
        policies = self.policies.value
        found = [f"The policy {names.INJECT_POLICY}"] if policies is not None and policies.inject is not None else []
        return found + [f"The webhook {webhook.name}" for webhook in self.webhooks.value or []]

    @property
    def injection_unknown(self) -> str:
        """Why it is unknown whether something else injects; empty if it is known."""
        return " ".join(reason for reason in (self.policies.reason, self.webhooks.reason) if reason)

    @property
    def needs_label(self) -> bool:
        """Whether only our policy injects, which looks at labelled service accounts."""
        policies = self.policies.value
        return policies is not None and policies.inject is not None and self.webhooks.value == []

    @functools.cached_property
    def proofs(self) -> Proofs | None:
        """What each API server makes of a dry-run pod; None without an account that should get credentials."""
        policies = self.policies.value
        by_policy_alone = policies is not None and policies.inject is not None and not self.webhooks.value
        accounts = self.role_accounts.value or []
        return prove_on(self.answering, [each for each in accounts if each.labelled or not by_policy_alone])

    def token(self, server: ApiServer, audience: str | None) -> MintedToken:
        """Return a token of some service account from an API server, by default for its own audience.

        Raises IrsaError.
        """
        return mint(server, self._account, audience)

    @functools.cached_property
    def own_tokens(self) -> list[tuple[ApiServer, MintedToken]]:
        """Each API server that answers, with a token that it made for itself. Raises IrsaError."""
        return [(server, self.token(server, None)) for server in self.answering]

    @functools.cached_property
    def signing_kids(self) -> Answer[set[str]]:
        """The IDs of the keys that the API servers sign with, by a token of each."""
        return asked(lambda: {_signing_kid(token) for _server, token in self.own_tokens})

    @functools.cached_property
    def _account(self) -> ServiceAccount:
        """A service account that exists."""
        found = self.service_accounts.value or []
        accounts = [
            ServiceAccount(text_at(each, "metadata", "namespace"), text_at(each, "metadata", "name")) for each in found
        ]
        return _USUAL_ACCOUNT if _USUAL_ACCOUNT in accounts or not accounts else accounts[0]


def _signing_kid(token: MintedToken) -> str:
    """Return the ID of the key that a token is signed with. Raises IrsaError if it names none."""
    kid = parse_token(token.text).header.get("kid")
    if not isinstance(kid, str):
        raise IrsaError("The token that the API server made names no key.")
    return kid
