# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong with one API call: how it is answered instead, and whether it takes effect before."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable

from tests.sandbox.answers import Answer, Refusal

HTML_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in & <br>go on</body></html>\n"
HTML = {"Content-Type": "text/html"}
XML = {"Content-Type": "application/xml"}

# Of an XML answer: declaration and root, and below that the element that IAM and STS wrap a result in.
_ROOT = re.compile(rb"\A(<\?xml.*?\?>\s*)?<(?P<root>[A-Za-z]+)(?P<attributes>[^>]*)>", re.DOTALL)
_WRAPPED = re.compile(rb"<(?P<result>[A-Za-z]+Result)[ />]")


class Delivery(enum.Enum):
    """How an answer reaches the client."""

    WHOLE = "whole"
    BROKEN_OFF = "broken off"
    RESET = "reset"
    NEVER = "never"


@dataclasses.dataclass(frozen=True)
class Reply:
    """What the client gets; no answer where none is sent."""

    answer: Answer | None
    delivery: Delivery = Delivery.WHOLE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """An API call, or an anonymous fetch of a document.

    :ivar label: tells it from the other calls of a run: service, operation, key of the object
    :ivar has_body: whether its answer has one
    """

    label: str
    service: str
    method: str
    is_write: bool
    is_anonymous: bool
    is_document: bool
    has_body: bool = False

    @property
    def is_query(self) -> bool:
        """:return: whether it is one of IAM or STS, whose answers are XML in a form of their own"""
        return self.service in ("iam", "sts")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fault.

    :ivar reply: what the client gets; the answer is the true one, None if the call was not executed
    :ivar happens_to: whether the kind exists for a call
    :ivar executes: whether the call takes effect
    :ivar passes: whether a client that tries again soon is right to; such a fault, if it happens once, must be survived
    :ivar is_final: whether it never happens only once
    :ivar is_slow: whether it takes the client's patience to notice it
    """

    name: str
    reply: Callable[[Call, Answer | None], Reply]
    happens_to: Callable[[Call], bool] = lambda call: True
    executes: bool = False
    passes: bool = True
    is_final: bool = False
    is_slow: bool = False


def _error(status: int, code: str, message: str) -> Callable[[Call, Answer | None], Reply]:
    def reply(call: Call, _answer: Answer | None) -> Reply:
        return Reply(Refusal(status, code, message).render(call.service, call.method))

    return reply


def _page(status: int) -> Callable[[Call, Answer | None], Reply]:
    """A page of something in between, which no AWS service has sent."""

    def reply(call: Call, _answer: Answer | None) -> Reply:
        return Reply(Answer(status, dict(HTML), b"" if call.method == "HEAD" else HTML_PAGE))

    return reply


def _undelivered(delivery: Delivery) -> Callable[[Call, Answer | None], Reply]:
    return lambda call, answer: Reply(None, delivery)


def _with_body(change: Callable[[bytes], bytes], **headers: str) -> Callable[[Call, Answer | None], Reply]:
    def reply(_call: Call, answer: Answer | None) -> Reply:
        assert answer is not None
        changed = dataclasses.replace(answer, body=change(answer.body))
        changed.headers = {**answer.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return Reply(changed)

    return reply


def _cut(body: bytes) -> bytes:
    return body[: len(body) * 6 // 10]


def _without_members(body: bytes) -> bytes:
    """:return: XML whose root is there, and nothing in it"""
    root = _ROOT.match(body)
    if root is None:
        return b"{}"
    wrapped = _WRAPPED.search(body)
    inner = b"<%b></%b>" % (wrapped["result"], wrapped["result"]) if wrapped else b""
    return b"<%b%b>%b</%b>" % (root["root"], root["attributes"], inner, root["root"])


def _broken_off(_call: Call, answer: Answer | None) -> Reply:
    return Reply(answer, Delivery.BROKEN_OFF)


def _with_header(name: str, value: str) -> Callable[[Call, Answer | None], Reply]:
    def reply(_call: Call, answer: Answer | None) -> Reply:
        assert answer is not None
        kept = {each: old for each, old in answer.headers.items() if each.lower() != name.lower()}
        return Reply(dataclasses.replace(answer, headers={**kept, name: value}))

    return reply


def _is_api_call(call: Call) -> bool:
    return not call.is_anonymous


def _is_s3(call: Call) -> bool:
    return call.service in ("s3", "s3control") and not call.is_anonymous


def _has_body(call: Call) -> bool:
    return call.has_body


def _has_xml(call: Call) -> bool:
    return call.has_body and not call.is_document and _is_api_call(call)


# Error codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
# https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
KINDS: tuple[Kind, ...] = (
    Kind(name="500 InternalError", reply=_error(500, "InternalError", "We encountered an internal error.")),
    Kind(name="503 ServiceUnavailable", reply=_error(503, "ServiceUnavailable", "Try again later.")),
    Kind(
        name="503 SlowDown",
        reply=_error(503, "SlowDown", "Please reduce your request rate."),
        happens_to=lambda call: call.service in ("s3", "s3control"),
    ),
    Kind(
        name="400 Throttling",
        reply=_error(400, "Throttling", "Rate exceeded"),
        happens_to=lambda call: call.is_query,
    ),
    Kind(
        name="400 on HEAD",
        reply=_error(400, "RequestTimeout", "A HEAD request has no body."),
        happens_to=lambda call: call.method == "HEAD",
    ),
    Kind(
        name="400 RequestTimeout",
        reply=_error(400, "RequestTimeout", "Your socket connection was not read from in time."),
        happens_to=lambda call: _is_s3(call) and call.method != "HEAD",
    ),
    Kind(
        name="409 OperationAborted",
        reply=_error(409, "OperationAborted", "A conflicting operation is in progress against this resource."),
        happens_to=lambda call: _is_s3(call) and call.is_write,
    ),
    Kind(
        name="409 ConcurrentModification",
        reply=_error(409, "ConcurrentModification", "Multiple requests to change this object were submitted."),
        happens_to=lambda call: call.service == "iam" and call.is_write,
    ),
    Kind(name="reset before it took effect", reply=_undelivered(Delivery.RESET)),
    Kind(
        name="reset after it took effect",
        reply=_undelivered(Delivery.RESET),
        happens_to=lambda call: call.is_write,
        executes=True,
    ),
    Kind(name="timeout before it took effect", reply=_undelivered(Delivery.NEVER), is_slow=True),
    Kind(
        name="timeout after it took effect",
        reply=_undelivered(Delivery.NEVER),
        happens_to=lambda call: call.is_write,
        executes=True,
        is_slow=True,
    ),
    Kind(name="body broken off", reply=_broken_off, happens_to=_has_body, executes=True),
    Kind(name="body cut and announced as cut", reply=_with_body(_cut), happens_to=_has_body, executes=True),
    Kind(name="empty 200", reply=_with_body(lambda body: b""), happens_to=_has_body, executes=True),
    Kind(name="malformed XML", reply=_with_body(lambda body: b"<a><b>&</a>"), happens_to=_has_xml, executes=True),
    Kind(
        name="JSON in place of XML",
        reply=_with_body(lambda body: b'{"message": "ok"}', Content_Type="application/json"),
        happens_to=_has_xml,
        executes=True,
    ),
    Kind(name="members missing", reply=_with_body(_without_members), happens_to=_has_xml, executes=True),
    Kind(name="sign-in page with 200", reply=_page(200)),
    Kind(name="proxy's 403 page", reply=_page(403), passes=False),
    Kind(name="proxy's 502 page", reply=_page(502)),
    Kind(
        name="wrong checksum",
        reply=_with_header("x-amz-checksum-crc32", "AAAAAA=="),
        happens_to=lambda call: call.is_document and call.method == "GET" and _is_api_call(call),
        executes=True,
    ),
    Kind(
        name="wrong ETag",
        reply=_with_header("ETag", '"00000000000000000000000000000000"'),
        happens_to=lambda call: call.is_document and call.method in ("GET", "PUT") and _is_api_call(call),
        executes=True,
    ),
    Kind(
        name="403 AccessDenied",
        reply=_error(403, "AccessDenied", "Access Denied"),
        passes=False,
        is_final=True,
    ),
    Kind(
        name="ExpiredToken",
        reply=_error(400, "ExpiredToken", "The provided token has expired."),
        happens_to=_is_api_call,
        passes=False,
        is_final=True,
    ),
)
