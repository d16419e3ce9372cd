# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that have tokens made on every API server of a cluster, and use them everywhere until they are renewed.

Each token is used at every API server, by a request and by a TokenReview, and one for AWS also at STS: the newest, the
oldest, and any in between, again and again. So a token that was made before a change is still asked after it.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import kubernetes
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from endpoint import Endpoint
from polling import Server
from tokens import header_of

AWS_AUDIENCE = "sts.amazonaws.com"
_MINT_EVERY = 4.0
_CHECK_EVERY = 1.0
# The kubelet asks for a new token when so much of its life is over:
# https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubelet/token/token_manager.go (requiresRefresh)
RENEWED_AFTER = 0.8
# Why something refused a token, or "" if it did not; None if it did not answer.
Answer = str | None
Exchange = Callable[[str], Answer]


@dataclass(frozen=True)
class Life:
    """How long tokens are valid, and for how long their clients use them."""

    seconds: int
    used: float

    @classmethod
    def as_the_kubelet(cls, seconds: int) -> Life:
        return cls(seconds, seconds * RENEWED_AFTER)


@dataclass(frozen=True)
class Held:
    """A token that a client has."""

    token: str
    minted_by: str
    kid: str
    audience: str | None
    made: float


# Has a party or two judge a token: each with how it was asked, and the answer.
Ask = Callable[[Held], Iterator[tuple[str, Answer]]]


@dataclass(frozen=True)
class Refusal:
    """A token that was refused although it is valid.

    :ivar at: seconds since the clients began
    :ivar asked: who refused it, and how it was asked
    :ivar age: of the token, in seconds
    """

    at: float
    asked: str
    minted_by: str
    kid: str
    age: float
    reason: str


@dataclass
class Checks:
    """What came of them: how often each party was asked with a token of each key, and the refusals."""

    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, asked: str, held: Held, answer: Answer) -> None:
        with self._lock:
            at = time.monotonic()
            if answer is None:
                self.unanswered[asked] += 1
                return
            self.answered[asked, held.kid] += 1
            if answer:
                refusal = Refusal(at - self.began, asked, held.minted_by, held.kid, at - held.made, answer)
                self.refused.append(refusal)

    def now(self) -> float:
        return time.monotonic() - self.began

    def by_party(self) -> dict[str, tuple[int, float, float]]:
        """How many refusals each party gave, and the seconds of the first and of the last."""
        times: dict[str, list[float]] = {}
        for refusal in list(self.refused):
            times.setdefault(refusal.asked, []).append(refusal.at)
        return {party: (len(those), min(those), max(those)) for party, those in sorted(times.items())}

    @property
    def seconds_of_refusals(self) -> float:
        """From the first refusal to the last one."""
        times = [refusal.at for refusal in self.refused]
        return max(times) - min(times) if times else 0.0

    def report(self) -> str:
        total, refusals, silent = self.answered.total(), len(self.refused), self.unanswered.total()
        lines = [f"{total} checks in {self.now():.0f} s, {silent} without an answer"]
        lines += [f"{refusals} refusals over {self.seconds_of_refusals:.0f} s"]
        lines += [
            f"  {party}: {count} refusals from {first:.0f} s to {last:.0f} s"
            for party, (count, first, last) in self.by_party().items()
        ]
        return "\n".join(lines)


def exchange_at_sts(endpoint: Endpoint, role_arn: str) -> Exchange:
    """Ask STS for credentials with a token, once."""
    # More attempts would hide a refusal.
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, read_timeout=20)
    sts = endpoint.session.client("sts", config=config)

    def exchange(token: str) -> Answer:
        try:
            sts.assume_role_with_web_identity(RoleArn=role_arn, RoleSessionName="e2e", WebIdentityToken=token)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                return None
            return str(error.response["Error"])
        except BotoCoreError:
            return None
        return ""

    return exchange


class _Pool:
    """The tokens in use, by the server that made them and their audience."""

    def __init__(self, servers: Sequence[Server], account: tuple[str, str], life: Life) -> None:
        self._servers, self._account, self._life = servers, account, life
        self._held: dict[tuple[str, str | None], list[Held]] = {}

    def mint(self) -> None:
        """Have one more token made on each server for each audience, and drop those that clients have renewed."""
        for server in self._servers:
            for audience in (None, AWS_AUDIENCE):
                with contextlib.suppress(kubernetes.client.ApiException, urllib3.exceptions.HTTPError):
                    token = server.mint(self._account, audience=audience, seconds=self._life.seconds)
                    held = Held(token, server.url, header_of(token)["kid"], audience, time.monotonic())
                    self._held[server.url, audience] = [*self._in_use(server.url, audience), held]

    def _in_use(self, url: str, audience: str | None) -> list[Held]:
        oldest = time.monotonic() - self._life.used
        return [held for held in self._held.get((url, audience), []) if held.made > oldest]

    def some(self) -> Iterator[Held]:
        """Of each kind the oldest, the newest, and any of them."""
        for url, audience in list(self._held):
            held = self._in_use(url, audience)
            if held:
                yield from {held[0], held[-1], random.choice(held)}


@contextlib.contextmanager
def token_users(
    addresses: Sequence[str], kubeconfig: str, *, account: tuple[str, str], life: Life, exchange: Exchange
) -> Iterator[Checks]:
    """Have clients use tokens of an account at all servers and at a relying party until the block is over."""

    # Each thread has connections of its own.
    pool = _Pool([Server(address, kubeconfig) for address in addresses], account, life)
    checks, over = Checks(), threading.Event()
    pool.mint()
    asking = [*(_asks_server(Server(address, kubeconfig)) for address in addresses), _asks_relying_party(exchange)]
    threads = [threading.Thread(target=_mint, args=(pool, over))]
    threads += [
        threading.Thread(target=_check, args=(pool, ask), kwargs={"checks": checks, "over": over}) for ask in asking
    ]
    for thread in threads:
        thread.start()
    try:
        yield checks
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _mint(pool: _Pool, over: threading.Event) -> None:
    while not over.wait(_MINT_EVERY):
        pool.mint()


def _check(pool: _Pool, ask: Ask, *, checks: Checks, over: threading.Event) -> None:
    while not over.wait(_CHECK_EVERY):
        for held in pool.some():
            for asked, answer in ask(held):
                checks.note(asked, held, answer)


def _asks_server(server: Server) -> Ask:
    def ask(held: Held) -> Iterator[tuple[str, Answer]]:
        yield f"review at {server.url}", server.review(held.token, held.audience)
        if held.audience is None:
            status = server.status(held.token)
            yield f"request to {server.url}", None if status is None else "401" if status == 401 else ""

    return ask


def _asks_relying_party(exchange: Exchange) -> Ask:
    def ask(held: Held) -> Iterator[tuple[str, Answer]]:
        if held.audience == AWS_AUDIENCE:
            yield "relying party", exchange(held.token)

    return ask
