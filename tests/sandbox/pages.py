# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents on hosts that are not AWS's: an issuer need not be in S3, and a test has no other web server."""

from __future__ import annotations

from dataclasses import dataclass

from .answers import Answer
from .call import Arrival


@dataclass(frozen=True)
class Page:
    """What a path answers with 200."""

    body: bytes
    content_type: str


class Pages:
    """Pages by host and path."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, Page]] = {}

    def put(self, host: str, path: str, page: Page) -> None:
        """Serves `page` at ``https://<host><path>`` from now on."""
        self._hosts.setdefault(host, {})[path] = page

    def clear(self) -> None:
        """Takes every host away."""
        self._hosts.clear()

    def has_host(self, host: str) -> bool:
        """:return: whether anything is served there"""
        return host.removesuffix(":443") in self._hosts

    def answer(self, arrival: Arrival) -> Answer:
        """:return: the page, or 404 for a path without one"""
        page = self._hosts[arrival.host.removesuffix(":443")].get(arrival.target.partition("?")[0])
        if page is None:
            return Answer(404, {"Content-Type": "text/plain"}, b"Not found\n")
        if arrival.method not in ("GET", "HEAD"):
            return Answer(405, {"Content-Type": "text/plain", "Allow": "GET, HEAD"}, b"Only to be read\n")
        return Answer(200, {"Content-Type": page.content_type}, page.body)
