# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of one request: understood, checked by the extensions, executed by moto, completed, logged."""

from __future__ import annotations

import threading
import traceback
from typing import Any
from urllib.parse import quote

from moto.iam.responses import IamResponse
from moto.s3.responses import S3Response
from moto.s3control.responses import S3ControlResponse
from moto.sts.responses import TokenResponse
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from .answers import Answer, Refusal, new_request_id
from .call import Arrival, Call, understand
from .extensions import AFTER, BEFORE, Site
from .faults import Faults
from .hosts import parse_host
from .journal import Journal
from .state import Cloud

DISPATCH = {
    "iam": IamResponse.dispatch,
    "sts": TokenResponse.dispatch,
    "s3control": S3ControlResponse.dispatch,
}


class Endpoint(Site):
    """Answers requests, one at a time: moto is not made for threads.

    :param journal: where calls are logged
    :param faults: what is to go wrong
    """

    def __init__(self, cloud: Cloud, journal: Journal, faults: Faults) -> None:
        self.cloud = cloud
        self.journal = journal
        self.faults = faults
        # Reentrant: IAM and STS fetch an issuer's documents in the middle of a call.
        self._lock = threading.RLock()

    def answer(self, arrival: Arrival) -> Answer | None:
        """:return: the answer, or None when the connection is to be dropped without one"""
        with self._lock:
            call = understand(arrival)
            if call is None:
                return self._answer_page(arrival)
            if self.faults.drops():
                self.journal.write(describe(call, None))
                return None
            answer = self._execute(call)
            answer.headers.setdefault("x-amz-request-id", new_request_id())
            self.faults.count(call, answer.status)
            self.journal.write(describe(call, answer))
            return answer

    def serves(self, host: str) -> bool:
        """:return: whether there is anything at that host, AWS's or a page's"""
        return parse_host(host) is not None or self.cloud.pages.has_host(host)

    def fetch(self, host: str, path: str, origin: str) -> Answer | None:
        """Fetches a document over HTTPS anonymously.

        :param origin: the service that wants it
        :return: the answer; None when nothing answers there
        """
        if host in self.cloud.unreachable or not self.serves(host):
            return None
        return self.answer(Arrival("GET", host, quote(path, safe="/%"), Headers(), origin=origin))

    def reset(self) -> None:
        """Empties every account and forgets every fault."""
        with self._lock:
            self.cloud.reset()
            self.faults.clear()

    def _execute(self, call: Call) -> Answer:
        try:
            if call.arrival.origin == "client":
                self.faults.check(call)
            for before in BEFORE:
                if early := before(self, call):
                    return early
            answer = _execute_in_moto(call)
            for after in AFTER:
                answer = after(self, call, answer)
            return answer
        except Refusal as refusal:
            return refusal.render(call.service, call.arrival.method)
        except Exception:  # noqa: BLE001
            # A fault of the sandbox must be seen as one, and not as a dropped connection.
            traceback.print_exc()
            message = "The sandbox itself failed: see its standard error."
            return Refusal(500, "InternalError", message).render(call.service, call.arrival.method)

    def _answer_page(self, arrival: Arrival) -> Answer:
        if not self.serves(arrival.host):
            return Answer(502, {"Content-Type": "text/plain"}, b"The embedded AWS does not serve this host.\n")
        answer = self.cloud.pages.answer(arrival)
        self.journal.write(describe_page(arrival, answer))
        return answer


def _execute_in_moto(call: Call) -> Answer:
    dispatch = DISPATCH.get(call.service) or (S3Response.key_dispatch if call.key else S3Response.bucket_dispatch)
    try:
        status, headers, body = dispatch(call.request, call.request.raw_url, call.request.headers)
    except NotImplementedError as error:
        raise Refusal(501, "NotImplemented", f"moto does not know this call: {error}") from error
    except HTTPException as error:
        status, headers, body = error.code or 500, dict(error.get_headers()), error.get_body()
    payload = body.encode() if isinstance(body, str) else bytes(body or b"")
    return Answer(int(status), {name: str(value) for name, value in dict(headers).items()}, payload)


def describe(call: Call, answer: Answer | None) -> dict[str, Any]:
    """:return: the log entry of a call; `answer` is None when the connection was dropped"""
    return {
        "service": call.service,
        "operation": call.operation,
        "write": call.is_write,
        "anonymous": not call.is_signed,
        "origin": call.arrival.origin,
        "host": call.arrival.host,
        "method": call.arrival.method,
        "path": call.arrival.target.partition("?")[0],
        "bucket": call.bucket,
        "key": call.key,
        "status": answer.status if answer else None,
        "error": _error_code(answer) if answer else "ConnectionDropped",
    }


def describe_page(arrival: Arrival, answer: Answer) -> dict[str, Any]:
    """:return: the log entry of a request to a host that is not AWS's"""
    return {
        "service": "web",
        "operation": arrival.method,
        "write": False,
        "anonymous": True,
        "origin": arrival.origin,
        "host": arrival.host,
        "method": arrival.method,
        "path": arrival.target.partition("?")[0],
        "bucket": None,
        "key": None,
        "status": answer.status,
        "error": None,
    }


def _error_code(answer: Answer) -> str | None:
    if answer.status < 300 or answer.code:
        return answer.code
    rest = answer.body.partition(b"<Code>")[2]
    return rest.partition(b"</Code>")[0].decode() or None
