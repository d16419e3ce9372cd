# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of service accounts, by the TokenRequest API, as the kubelet asks for them.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import is_namespace, is_subdomain

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# The least that kube-apiserver grants.
SECONDS = 600


class ServiceAccount(t.NamedTuple):
    """A service account of a cluster."""

    namespace: str
    name: str

    @property
    def path(self) -> str:
        """Where the API server has it."""
        return paths.account(self.namespace, self.name)


def parse_service_account(text: str) -> ServiceAccount:
    """Return the service account that ``namespace/name`` names. Raises IrsaError for any other text."""
    namespace, dummy, name = text.partition("/")
    if not is_namespace(namespace) or not is_subdomain(name):
        raise IrsaError(
            f"{called('service_account')} is {quoted(text)}; expected NAMESPACE/NAME, for example default/app."
        )
    return ServiceAccount(namespace, name)


class MintedToken:
    """A token. It is a credential, so it is kept out of ``repr()``; every output must mask ``text``."""

    def __init__(self, text: str) -> None:
        self.text = text


def mint(server: ApiServer, account: ServiceAccount, audience: str | None, *, seconds: int = SECONDS) -> MintedToken:
    """Return a token of a service account for an audience, which an API server makes. Raises IrsaError.

    Without an audience, it is for the API server itself.
    """
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [] if audience is None else [audience], "expirationSeconds": seconds},
    }
    try:
        answer = server.post(f"{account.path}/token", body)
    except RequestFailed as failure:
        if failure.status == 404:
            raise IrsaError(
                f"There is no service account {account.name} in namespace {account.namespace} to make a token for. "
                "Create it, or name another one."
            ) from None
        raise
    status = answer.get("status") if isinstance(answer, dict) else None
    text = status.get("token") if isinstance(status, dict) else None
    if not isinstance(text, str) or not text:
        raise IrsaError(
            f"The API server at {server.address} made no token for the service account {account.namespace}/"
            f"{account.name}."
        )
    return MintedToken(text)
