# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS API calls: one place where each is made, retried, recorded and, if it fails, explained."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import typing as t

with contextlib.suppress(ImportError):  # the module reports that it is missing
    from botocore import exceptions, xform_name

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import answers, response_body, tries
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import (
    CallFailed,
    credentials_failed,
    explained,
    without_answer,
)

Answer: t.TypeAlias = "dict[str, t.Any] | None"

_Result = t.TypeVar("_Result")

# No issuer has more to read at once, and botocore keeps ten connections.
_MAX_READS_AT_ONCE = 8


class ClientSource(t.Protocol):
    """Where boto3 clients come from. Each method raises botocore's exceptions, such as ProfileNotFound."""

    @property
    def max_tries(self) -> int:
        """How often a call is made while its fault may pass."""

    def __getitem__(self, service: str) -> t.Any:
        """Return the client of a service."""

    def has_credentials(self) -> bool:
        """Return whether there are credentials to call with."""

    def anonymous_client(self, service: str, default_region: str) -> t.Any:
        """Return a client that signs nothing, in ``default_region`` if no region is set."""


class ReadyClients(dict[str, t.Any]):
    """Clients that exist already, by service. They have credentials or need none."""

    max_tries = tries.MAX_TRIES

    def has_credentials(self) -> bool:
        return True

    def anonymous_client(self, service: str, default_region: str) -> t.Any:
        return self[service]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Call(Request):
    """A call that is about to be made: what it is made on, for messages, and the errors that its caller expects.

    ``max_body`` is for calls whose answers have an unread body, and how much of it is read.
    """

    target: str
    absent_codes: t.Container[str] = ()
    max_body: int | None = None


class Aws:
    """Makes API calls with the clients of a source, and keeps the IAM actions that they need in ``permissions``.

    The services are ``s3``, ``s3control``, ``iam`` and ``sts``. For the reconcile loop it is the writer of ApiCalls.
    """

    def __init__(self, clients: ClientSource) -> None:
        self.clients = clients
        self.permissions: set[str] = set()
        self.caller_account: str | None = None  # set by the first look-up
        self._is_responsive = True  # false once a call was given up for want of time
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None
        self._started: dict[Read, concurrent.futures.Future[t.Any]] = {}

    # --- clients

    def client(self, service: str) -> t.Any:
        """Return the boto3 client of a service. Raises CallFailed, for example if there is no region."""
        return _from_source(_client_failed(service), lambda: self.clients[service])

    def has_credentials(self) -> bool:
        """Return whether there are credentials to call with. Raises CallFailed if looking for them fails."""
        return _from_source("The AWS credentials could not be read", self.clients.has_credentials)

    def anonymous(self, service: str, default_region: str) -> Aws:
        """Return the same API for calls of one service that need no credentials: it signs nothing and looks up nothing.

        Raises CallFailed.
        """
        client = _from_source(_client_failed(service), lambda: self.clients.anonymous_client(service, default_region))
        clients = ReadyClients({service: client})
        clients.max_tries = self.clients.max_tries
        return Aws(clients)

    # --- reads

    def call(
        self,
        service: str,
        operation: str,
        target: str,
        *,
        absent_codes: t.Container[str] = (),
        iam_actions: t.Sequence[str] | None = None,
        retry_codes: t.Sequence[str] = (),
        **params: t.Any,
    ) -> Answer:
        """Make one API call and return its answer, or None if it fails with one of ``absent_codes``.

        ``target`` is what the call is made on, for messages. ``iam_actions`` are needed if they are not those of the
        call's name. After an error of ``retry_codes`` the call is made again. Raises CallFailed.
        """
        call = _Call(
            service=service,
            operation=operation,
            target=target,
            params=params,
            absent_codes=absent_codes,
            iam_actions=iam_actions,
            retry_codes=retry_codes,
        )
        answer: Answer = self._result_of(call, self._method(call)())
        return answer

    def read(
        self,
        service: str,
        operation: str,
        target: str,
        *,
        absent_codes: t.Container[str] = (),
        max_body: int | None = None,
        **params: t.Any,
    ) -> Read:
        """Describe a read that can be started before its answer is needed; otherwise like ``call``.

        With ``max_body`` the answer's ``Body`` is bytes: the whole body, or its first ``max_body + 1`` bytes if it is
        longer. If it breaks off, the call is made again.
        """
        call = _Call(service=service, operation=operation, target=target, params=params, absent_codes=absent_codes)
        return Read(self, dataclasses.replace(call, max_body=max_body))

    def pages(self, service: str, operation: str, target: str, **params: t.Any) -> list[dict[str, t.Any]]:
        """Make a list call and return the answers of all its pages. Raises CallFailed.

        After an error that is worth a retry, the list is read again from its first page: botocore offers no way back
        to the page that failed.
        """
        call = _Call(service=service, operation=operation, target=target, params=params)

        def read_all() -> list[dict[str, t.Any]]:
            pages = []
            for page in paginator.paginate(**params):
                answers.check(call.action, page)
                pages.append(page)
            return pages

        paginator = self.client(service).get_paginator(xform_name(operation))
        return self._result_of(call, self._tries(call, read_all)()) or []

    # --- writes: what the reconcile loop asks for

    def preview(self, change: ApiCall) -> None:
        """Note the IAM actions of a write that is not made."""
        self.permissions.update(change.permissions)

    def before_writes(self) -> None:
        """Forget the reads that were started, as their answers would be out of date."""
        for started in self._started.values():
            started.cancel()
        self._started.clear()

    def write(self, change: ApiCall) -> Answer:
        """Make a planned call; returns None if another process has done it already. Raises CallFailed."""
        call = _Call(
            service=change.service,
            operation=change.operation,
            target=change.target,
            params=change.params,
            absent_codes=change.done_codes,
            iam_actions=change.iam_actions,
            retry_codes=change.retry_codes,
        )
        ended = self._method(call)()
        answer = self._result_of(call, ended)
        # A try without an answer was ours: what it did is not another process's.
        return {} if answer is None and ended.in_doubt else answer

    # --- how every call is made: repeated, recorded, explained

    def _method(self, call: _Call) -> t.Callable[[], tries.Ended]:
        """Return the call, ready to be made. Raises CallFailed if there is no client."""
        method = getattr(self.client(call.service), xform_name(call.operation))

        def make() -> dict[str, t.Any]:
            answer: dict[str, t.Any] = method(**call.params)
            answers.check(call.action, answer)
            if call.max_body is None:
                return answer
            return {**answer, "Body": response_body.whole_body(answer, call.max_body)}

        return self._tries(call, make)

    def _tries(self, call: _Call, make: t.Callable[[], t.Any]) -> t.Callable[[], tries.Ended]:
        # An endpoint that has not answered for a minute is not given another minute by each call that follows.
        max_tries = self.clients.max_tries if self._is_responsive else 1
        return functools.partial(tries.made, call, make, max_tries)

    def _result_of(self, call: _Call, ended: tries.Ended) -> t.Any:
        """Return the answer, or None if the call's target is absent. Raises CallFailed."""
        self.permissions.update(call.permissions)
        self._is_responsive = not ended.took_long and (self._is_responsive or ended.was_answered)
        error = ended.error
        if error is None:
            return ended.answer
        if isinstance(error, exceptions.ClientError):
            if error.operation_name != call.operation:
                raise credentials_failed(error, call.action, target=call.target)
            if error.response.get("Error", {}).get("Code") in call.absent_codes:
                return None
        failure: CallFailed = explained(error, call.action, target=call.target, iam_actions=call.permissions)
        failure.in_doubt = ended.in_doubt
        raise failure

    # --- reads that were started: at Read

    def _start(self, read: Read) -> None:
        if read not in self._started:
            if self._pool is None:
                self._pool = concurrent.futures.ThreadPoolExecutor(_MAX_READS_AT_ONCE)
            self._started[read] = self._pool.submit(self._method(read.call))

    def _finish(self, read: Read) -> Answer:
        started = self._started.pop(read, None)
        ended = started.result() if started else self._method(read.call)()
        answer: Answer = self._result_of(read.call, ended)
        return answer


class Read:
    """A read that may be started before its answer is needed, in parallel with other reads that do not depend on it.

    It hands out each answer once. When asked again, or after a write has made its answer out of date, it reads again.
    """

    def __init__(self, aws: Aws, call: _Call) -> None:
        self.call = call
        self._aws = aws

    def start(self) -> Read:
        """Start the call, unless it is under way.

        Raises CallFailed if there is no client; ``result`` raises what else goes wrong.
        """
        self._aws._start(self)
        return self

    def result(self) -> Answer:
        """Return the answer, or None if the target is absent. Raises CallFailed."""
        return self._aws._finish(self)


def _client_failed(service: str) -> str:
    return f"The client for {service} could not be created"


def _from_source(tried: str, get: t.Callable[[], _Result]) -> _Result:
    try:
        return get()
    except _client_errors() as error:
        raise without_answer(error, tried) from None


def _client_errors() -> tuple[type[Exception], ...]:
    """Return what botocore raises if a client cannot be created or its credentials cannot be read.

    Besides its own exceptions these are OSError for a credential_process that cannot be started, ValueError for an
    invalid endpoint, and AttributeError or TypeError for settings whose type it does not check.
    """
    return exceptions.BotoCoreError, AttributeError, OSError, TypeError, ValueError
