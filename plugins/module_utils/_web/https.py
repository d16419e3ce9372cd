# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anonymous HTTPS: certificate and host name verified, through the proxy that the environment names, in bounded time
and size.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import typing as t
from urllib.parse import SplitResult, urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import redirects, tcp
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.connections import Connector
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed, reason_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import DEFAULT_TIMEOUT, PORT, Route
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.sockets import Deadline, TlsSocket

# A host may have closed the connection that was kept.
_STALE = (ConnectionError, ssl.SSLEOFError)

_HEADERS = {"Accept": "application/json", "User-Agent": "selfhosted.irsa"}


class Answer(t.NamedTuple):
    """An HTTP answer: status, headers (names in lower case), body (bytes)."""

    status: int
    headers: dict[str, str]
    body: bytes


class Fetched(t.NamedTuple):
    """The last answer, and the URLs that led to it: one without a redirect."""

    answer: Answer
    urls: t.Sequence[str]


def connect(host: str, route: Route, *, trusted_host: str) -> http.client.HTTPSConnection:
    """Open a verified TLS connection to port 443 of a host. The caller closes it.

    A host other than ``trusted_host`` is named by fetched content: see Connector. Raises FetchFailed, and IrsaError for
    a route that cannot be used.
    """
    return Connector(route, trusted_host).connect(host, PORT, Deadline(route.timeout))


def get(url: str, route: Route, max_bytes: int) -> Answer:
    """Fetch an https URL without credentials and without following redirects; reads at most ``max_bytes`` of the body.

    Raises FetchFailed, also when the whole takes longer than the route's timeout, and IrsaError for a route that cannot
    be used.
    """
    with Client(route) as client:
        return client.get(url, max_bytes)


class Client:
    """Fetches with one TLS context, and on one connection if the host keeps it open.

    With a ``trusted_host``, hosts other than that one are named by fetched content: see Connector.
    """

    def __init__(self, route: Route, trusted_host: str | None = None, note: tcp.Note = tcp.ignore_note) -> None:
        """Raises IrsaError for a route that cannot be used."""
        self._connector = Connector(route, trusted_host, note)
        self._kept: dict[tuple[str, int], http.client.HTTPSConnection] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *ignored: object) -> None:
        for connection in self._kept.values():
            connection.close()

    @property
    def chain(self) -> t.Sequence[bytes]:
        """What the host of the last connection presented, DER, the leaf first."""
        return self._connector.chain

    def refused_chain(self, host: str, port: int = PORT) -> list[bytes]:
        """Return the chain of a host whose certificate was not accepted, DER, the leaf first; empty if it is not
        available.
        """
        return self._connector.refused_chain(host, port)

    def fetch(self, url: str, max_bytes: int) -> Fetched:
        """Fetch an https URL and follow redirects, all within the route's timeout. Raises FetchFailed."""
        deadline = Deadline(self._connector.timeout)
        urls = [url]
        while True:
            try:
                answer = self.get(urls[-1], max_bytes, deadline)
            except FetchFailed as failure:
                if len(urls) == 1:
                    raise
                raise FetchFailed(f"{url} redirects to {quoted(urls[-1])}: {failure}", "http-redirect") from None
            location = answer.headers.get("location")
            if answer.status not in redirects.STATUSES or location is None:
                return Fetched(answer, urls)
            urls.append(redirects.next_url(urls, location))

    def get(self, url: str, max_bytes: int, deadline: Deadline | None = None) -> Answer:
        """Fetch an https URL without following redirects; reads at most ``max_bytes`` of the body. Raises
        FetchFailed.
        """
        deadline = deadline or Deadline(self._connector.timeout)
        parts = urlsplit(url)
        kept = self._kept.pop(_server(parts), None)
        try:
            if kept is not None:
                with contextlib.suppress(*_STALE):
                    return self._request(kept, parts, max_bytes=max_bytes, deadline=deadline)
            connection = self._connector.connect(*_server(parts), deadline)
            return self._request(connection, parts, max_bytes=max_bytes, deadline=deadline)
        except TimeoutError:
            timeout = self._connector.timeout
            limit = ", AWS's limit" if timeout == DEFAULT_TIMEOUT else ""
            raise FetchFailed(
                f"{url} gave no answer within {timeout:g} s{limit}.", "http-response", is_slow=True
            ) from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise FetchFailed(f"{url} gave no answer: {reason_of(error)}.", "http-response") from None

    def _request(
        self, connection: http.client.HTTPSConnection, parts: SplitResult, *, max_bytes: int, deadline: Deadline
    ) -> Answer:
        """Make a request, and keep the connection if it can take another one."""
        can_be_kept = False
        t.cast(TlsSocket, connection.sock).deadline = deadline
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers=_HEADERS)
            response = connection.getresponse()
            answer = Answer(response.status, _headers(response), _read(response, max_bytes))
            is_whole = response.isclosed() or response.length == 0
            can_be_kept = is_whole and not response.will_close and connection.sock is not None
            response.close()
            return answer
        finally:
            if can_be_kept:
                self._kept[_server(parts)] = connection
            else:
                connection.close()


def _server(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or PORT


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for any_case, value in response.getheaders():
        name = any_case.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    length = response.length
    body = b""
    while len(body) < max_bytes:
        chunk = response.read1(min(65536, max_bytes - len(body)))
        if not chunk:
            break
        body += chunk
    if length is not None and len(body) < min(length, max_bytes):
        raise http.client.IncompleteRead(body, length - len(body))
    return body
