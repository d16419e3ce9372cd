# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the embedded AWS answers, and how it says no in each service's own XML."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

QUERY_NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


@dataclass
class Answer:
    """An HTTP answer. `code` is the AWS error code, which a HEAD answer has no body to carry."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    code: str | None = None


class Refusal(Exception):
    """Raised by an extension to answer with an AWS error.

    :param status: HTTP status
    :param code: AWS error code, such as ``AccessDenied``
    :param message: the text a user sees
    :param headers: further HTTP headers
    :param details: further elements of the S3 error document
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        details: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.details = details or {}

    def render(self, service: str, method: str) -> Answer:
        """:return: the error as `service` words it; without a body for HEAD."""
        body = b"" if method == "HEAD" else self._document(service).encode()
        headers = {"Content-Type": "application/xml", **self.headers}
        return Answer(self.status, headers, body, self.code)

    def _document(self, service: str) -> str:
        error = f"<Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message>"
        error += "".join(f"<{name}>{escape(value)}</{name}>" for name, value in self.details.items())
        request_id = f"<RequestId>{new_request_id()}</RequestId>"
        declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
        if service == "s3":
            return f"{declaration}<Error>{error}{request_id}</Error>"
        namespace = QUERY_NAMESPACES.get(service)
        attribute = f' xmlns="{namespace}"' if namespace else ""
        kind = "<Type>Sender</Type>" if self.status < 500 else "<Type>Receiver</Type>"
        return f"{declaration}<ErrorResponse{attribute}><Error>{kind}{error}</Error>{request_id}</ErrorResponse>"


def query_result(service: str, operation: str, result: str = "") -> Answer:
    """:return: a successful answer of the query protocol (IAM, STS) around `result`, which is XML."""
    inner = f"<{operation}Result>{result}</{operation}Result>" if result else ""
    body = (
        f'<{operation}Response xmlns="{QUERY_NAMESPACES[service]}">{inner}'
        f"<ResponseMetadata><RequestId>{new_request_id()}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Answer(200, {"Content-Type": "text/xml"}, body.encode())


def new_request_id() -> str:
    """:return: an identifier in the look of those AWS gives."""
    return secrets.token_hex(8).upper()
