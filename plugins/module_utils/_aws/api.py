# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS API calls: one place where each is made, retried, recorded and, when it fails, explained."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import typing as t

try:
    from botocore import exceptions, xform_name
except ImportError:
    pass  # the module that needs it says so

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import explained

Answer = t.Optional[dict[str, t.Any]]

# botocore retries throttling and broken connections on its own; these are left to its caller. IAM asks to repeat a
# ConcurrentModification, and what was published a moment ago may not be readable from everywhere yet.
_REPEATED = (
    "ConcurrentModification",
    "ConcurrentModificationException",
    "OpenIdIdpCommunicationError",
    "OpenIdIdpCommunicationErrorException",
)


# As many as one issuer has to read at once; botocore keeps ten connections.
_MOST_READS_AT_ONCE = 8


class ClientSource(t.Protocol):
    """Where boto3 clients come from. Each method raises botocore's exceptions, as for a profile that does not exist."""

    def __getitem__(self, service: str) -> t.Any:
        """The client of a service."""

    def has_credentials(self) -> bool:
        """Whether there are credentials to call with."""

    def anonymous_client(self, service: str, default_region: str) -> t.Any:
        """A client that signs nothing, in ``default_region`` where no region is set."""


class ReadyClients(dict[str, t.Any]):
    """Clients that exist already, by service; they have credentials, or do without."""

    def has_credentials(self) -> bool:
        return True

    def anonymous_client(self, service: str, default_region: str) -> t.Any:
        return self[service]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Call:
    """What is called, on what (``target``, for messages), and which errors mean something to the caller."""

    service: str
    operation: str
    target: str
    params: t.Mapping[str, t.Any]
    absent_codes: t.Container[str] = ()
    iam_actions: tuple[str, ...] = ()
    retry_codes: t.Sequence[str] = ()


class Aws:
    """Makes API calls with the clients of a source, and keeps the IAM actions that they need in ``permissions``.

    The services are ``s3``, ``s3control``, ``iam`` and ``sts``. It is the writer of the reconcile loop, for ApiCall.
    """

    def __init__(self, clients: ClientSource) -> None:
        self.clients = clients
        self.permissions: set[str] = set()
        self.caller_account: t.Optional[str] = None  # once it was looked up
        self._pool: t.Optional[concurrent.futures.ThreadPoolExecutor] = None
        self._writes = 0

    # --- clients

    def client(self, service: str) -> t.Any:
        """The boto3 client of a service; raises CallFailed where it cannot be made (no region, no such profile)."""
        return self._from_source(service, lambda: self.clients[service])

    def has_credentials(self) -> bool:
        """Whether there are credentials to call with; raises CallFailed where looking for them fails (no such profile)."""
        return self._from_source("credentials", self.clients.has_credentials)

    def anonymous(self, service: str, default_region: str) -> Aws:
        """The same API for calls of one service that need no credentials: nothing is signed or looked up.

        Raises CallFailed.
        """
        client = self._from_source(service, lambda: self.clients.anonymous_client(service, default_region))
        return Aws(ReadyClients({service: client}))

    @staticmethod
    def _from_source(what: str, get: t.Callable[[], t.Any]) -> t.Any:
        try:
            return get()
        except (exceptions.BotoCoreError, ValueError) as error:
            raise explained(error, what) from None

    # --- reads

    def call(
        self,
        service: str,
        operation: str,
        target: str,
        *,
        absent_codes: t.Container[str] = (),
        iam_actions: t.Optional[t.Sequence[str]] = None,
        retry_codes: t.Sequence[str] = (),
        **params: t.Any,
    ) -> Answer:
        """Make one API call and return its answer, or None where it fails with one of ``absent_codes``.

        ``target`` says on what, for messages. ``iam_actions`` are needed where they are not those of the call's name.
        After an error of ``retry_codes`` the call is made again. Raises CallFailed.
        """
        call = _Call(
            service=service,
            operation=operation,
            target=target,
            params=params,
            absent_codes=absent_codes,
            iam_actions=permissions.needed(service, operation) if iam_actions is None else tuple(iam_actions),
            retry_codes=retry_codes,
        )
        return self._answer(call, lambda: self._patient_method(call)(**params))

    def read(
        self, service: str, operation: str, target: str, *, absent_codes: t.Container[str] = (), **params: t.Any
    ) -> Read:
        """A read that can be started before its answer is needed; otherwise like ``call``."""
        call = _Call(
            service=service,
            operation=operation,
            target=target,
            params=params,
            absent_codes=absent_codes,
            iam_actions=permissions.needed(service, operation),
        )
        return Read(self, call)

    def pages(self, service: str, operation: str, target: str, **params: t.Any) -> t.Iterator[dict[str, t.Any]]:
        """The answers of a list call that comes in pages, retried by botocore alone. Raises CallFailed."""
        actions = permissions.needed(service, operation)
        self.permissions.update(actions)
        try:
            yield from self.client(service).get_paginator(xform_name(operation)).paginate(**params)
        except exceptions.ClientError as error:
            raise explained(_with_error(error), f"{service}:{operation}", target, actions) from None
        except (exceptions.BotoCoreError, exceptions.HTTPClientError) as error:
            raise explained(error, f"{service}:{operation}", target, actions) from None

    # --- writes: what the reconcile loop asks for

    def preview(self, change: ApiCall) -> None:
        """Note the permissions of a write that is not made."""
        self.permissions.update(change.permissions)

    def before_writes(self) -> None:
        """From now on, an answer of a read that was started before is out of date."""
        self._writes += 1

    def write(self, change: ApiCall) -> Answer:
        """Make a planned call; returns None where another process has done it already. Raises CallFailed."""
        return self.call(
            change.service,
            change.operation,
            change.target,
            absent_codes=change.done_codes,
            iam_actions=change.iam_actions,
            retry_codes=change.retry_codes,
            **change.params,
        )

    # --- the one place where a call is made

    def _patient_method(self, call: _Call) -> t.Callable[..., t.Any]:
        method = getattr(self.client(call.service), xform_name(call.operation))
        codes = (*_REPEATED, *call.retry_codes)
        patient = AWSRetry.jittered_backoff(retries=5, delay=1, max_delay=8, catch_extra_error_codes=codes)
        return patient(_in_aws_form(method))

    def _submit(self, call: _Call) -> concurrent.futures.Future[t.Any]:
        """Start a call beside others. Raises CallFailed where there is no client."""
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(_MOST_READS_AT_ONCE)
        return self._pool.submit(self._patient_method(call), **call.params)

    def _answer(self, call: _Call, make: t.Callable[[], t.Any]) -> Answer:
        self.permissions.update(call.iam_actions)
        try:
            return make()
        except exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in call.absent_codes:
                return None
            raise explained(error, f"{call.service}:{call.operation}", call.target, call.iam_actions) from None
        except (exceptions.BotoCoreError, exceptions.HTTPClientError, ValueError) as error:
            raise explained(error, f"{call.service}:{call.operation}", call.target, call.iam_actions) from None


class Read:
    """A read that may be started before its answer is needed, beside others that do not depend on it.

    Each answer is handed out once. Asked again, or after a write has made the answer out of date, it reads again.
    """

    def __init__(self, aws: Aws, call: _Call) -> None:
        self._aws = aws
        self._call = call
        self._started: t.Optional[concurrent.futures.Future[t.Any]] = None
        self._writes_before = 0

    def start(self) -> Read:
        """Start the call, unless it is under way.

        Raises CallFailed where there is no client; what else goes wrong is raised by ``result``.
        """
        if self._under_way() is None:
            self._started, self._writes_before = self._aws._submit(self._call), self._aws._writes
        return self

    def result(self) -> Answer:
        """The answer, None where nothing is there. Raises CallFailed."""
        under_way, self._started = self._under_way(), None
        if under_way is not None:
            return self._aws._answer(self._call, under_way.result)
        return self._aws._answer(self._call, lambda: self._aws._patient_method(self._call)(**self._call.params))

    def _under_way(self) -> t.Optional[concurrent.futures.Future[t.Any]]:
        if self._started is not None and self._writes_before != self._aws._writes:
            self._started.cancel()
            self._started = None
        return self._started


def _in_aws_form(method: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
    """A client's method whose ClientErrors all have an ``Error`` in their response, which AWSRetry relies on."""

    def called(**params: t.Any) -> t.Any:
        try:
            return method(**params)
        except exceptions.ClientError as error:
            raise _with_error(error) from None

    return called


def _with_error(error: exceptions.ClientError) -> exceptions.ClientError:
    """The exception, where need be with the ``Error`` that botocore did not find.

    Ceph answers IAM and STS calls that it does not know in S3's form of XML, which botocore's parser for those services
    leaves as it is.
    """
    response = error.response
    if not response.get("Error", {}).get("Code"):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        response["Error"] = {"Code": response.get("Code") or str(status), "Message": response.get("Message")}
    return error
