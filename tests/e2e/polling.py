# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients of every API server of a cluster, which log in with tokens again and again while the servers are changed."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import kubernetes
import urllib3

from tokens import claims_of

_REFUSED = 401
_EVERY_SECONDS = 1.0


class Server:
    """One API server, asked as the administrator or with a token."""

    def __init__(self, address: str, kubeconfig: str) -> None:
        client = kubernetes.config.new_client_from_config(kubeconfig)
        client.configuration.host = self.url = f"https://{address}"
        self._core = kubernetes.client.CoreV1Api(client)
        self._reviews = kubernetes.client.AuthenticationV1Api(client)
        self._pool = urllib3.PoolManager(ca_certs=client.configuration.ssl_ca_cert, timeout=10, retries=False)

    def mint(
        self,
        account: tuple[str, str] = ("default", "default"),
        *,
        audience: str | None = None,
        seconds: int | None = None,
    ) -> str:
        """A token for an account, by default one that every cluster has.

        :param account: namespace and name
        :param audience: None: the API servers' own
        """
        namespace, name = account
        asked = {"audiences": [audience] if audience else None, "expirationSeconds": seconds}
        spec = {option: given for option, given in asked.items() if given}
        answer = self._core.create_namespaced_service_account_token(
            name, namespace, {"spec": spec}, _request_timeout=10
        )
        return str(answer.status.token)

    def review(self, token: str, audience: str | None = None) -> str | None:
        """Why a TokenReview refuses a token, or "" if it does not; None while the server does not answer."""
        spec = {"token": token, "audiences": [audience] if audience else None}
        try:
            answer = self._reviews.create_token_review(kubernetes.client.V1TokenReview(spec=spec), _request_timeout=10)
        except (kubernetes.client.ApiException, urllib3.exceptions.HTTPError):
            return None
        return "" if answer.status.authenticated else str(answer.status.error or "not authenticated")

    def status(self, token: str) -> int | None:
        """The status of a request with a token; None while the server does not answer."""
        try:
            return int(
                self._pool.request("GET", f"{self.url}/apis", headers={"Authorization": f"Bearer {token}"}).status
            )
        except urllib3.exceptions.HTTPError:
            return None


@dataclass
class Polls:
    """What came of them: how often which server was asked with a token of which server and issuer, and the refusals."""

    answered: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    unanswered: int = 0
    refused: list[tuple[str, str, str]] = field(default_factory=list)

    def note(self, poll: tuple[str, str, str], status: int | None) -> None:
        if status is None:
            self.unanswered += 1
            return
        self.answered[poll] += 1
        if status == _REFUSED:
            self.refused.append(poll)


@contextlib.contextmanager
def polling(addresses: Sequence[str], kubeconfig: str) -> Iterator[Polls]:
    """Poll every server with the tokens that all servers had minted before, and with those that they mint meanwhile."""
    servers = [Server(address, kubeconfig) for address in addresses]
    polls, over, tokens = Polls(), threading.Event(), {server.url: [server.mint()] for server in servers}

    def mint() -> None:
        while not over.wait(_EVERY_SECONDS):
            for server in servers:
                with contextlib.suppress(kubernetes.client.ApiException, urllib3.exceptions.HTTPError):
                    tokens[server.url] = [*tokens[server.url][:1], server.mint()]

    def poll(server: Server) -> None:
        while not over.wait(_EVERY_SECONDS):
            for minted_by, those in list(tokens.items()):
                for token in those:
                    polls.note((server.url, minted_by, claims_of(token)["iss"]), server.status(token))

    threads = [threading.Thread(target=mint), *(threading.Thread(target=poll, args=(server,)) for server in servers)]
    for thread in threads:
        thread.start()
    try:
        yield polls
    finally:
        over.set()
        for thread in threads:
            thread.join()
