# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS connections to hosts: by ``connect_to``, through a proxy or directly, each verified and within its deadline."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import proxy, public_addresses, sockets, tcp, tls
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import PORT, Route
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.sockets import Deadline, PlainSocket


class Connector:
    """Opens connections by a route, all with one TLS context.

    With a ``trusted_host``, other hosts are named by fetched content, which an attacker may have written: they must
    have public addresses, and ``connect_to`` does not apply to them. Without one, every host is trusted.
    """

    def __init__(self, route: Route, trusted_host: str | None = None, note: tcp.Note = tcp.ignore_note) -> None:
        """Raises IrsaError for a route that cannot be used."""
        route.check_timeout()
        self.timeout = route.timeout
        self.chain: t.Sequence[bytes] = ()  # what the host of the last connection presented, DER, the leaf first
        self._trusted_host = trusted_host
        self._note = note
        self._context = tls.verifying_context(route.ca_path)
        self._target = route.target()

    def connect(self, host: str, port: int, deadline: Deadline) -> http.client.HTTPSConnection:
        """Open a verified TLS connection, which the caller closes. Raises FetchFailed."""
        connection = self._connect(host, port, deadline=deadline, context=self._context)
        sock = t.cast(ssl.SSLSocket, connection.sock)
        with contextlib.suppress(IrsaError):
            self.chain = tls.served_chain(sock)
        self._note("tls-version", f"The host speaks {sock.version()}.")
        self._note("tls-trust", "The host's certificate is issued by a CA that is trusted here.")
        self._note("tls-expiry", "The host's certificate is valid now.")
        self._note("tls-host", f"The host's certificate is for {host}.")
        return connection

    def refused_chain(self, host: str, port: int) -> list[bytes]:
        """Return the chain of a host whose certificate was not accepted, DER, the leaf first; empty if it is not
        available.
        """
        try:
            connection = self._connect(host, port, deadline=Deadline(self.timeout), context=tls.accepting_context())
        except IrsaError:
            return []
        try:
            return tls.served_chain(t.cast(ssl.SSLSocket, connection.sock))
        except (IrsaError, OSError):
            return []
        finally:
            connection.close()

    def _connect(
        self, host: str, port: int, *, deadline: Deadline, context: ssl.SSLContext
    ) -> http.client.HTTPSConnection:
        try:
            connection = http.client.HTTPSConnection(host, port, context=context)
        except http.client.InvalidURL:
            raise FetchFailed(f"{quoted(host)} is not a valid host name.", "dns-resolve") from None
        plain = self._open(host, port, deadline)
        try:
            plain.settimeout(deadline.left())
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        except (OSError, ValueError) as error:  # SSLErrors are OSErrors; a name with a leading dot is a ValueError
            plain.close()
            raise tls.handshake_failure(host, error) from None
        return connection

    def _open(self, host: str, port: int, deadline: Deadline) -> PlainSocket:
        """Open a TCP connection to a host, through the proxy if there is one."""
        is_trusted = self._trusted_host is None or host.lower() == self._trusted_host.lower()
        if self._target is not None and is_trusted and port == PORT:
            return tcp.open_connection(*self._target, deadline=deadline)
        proxy_url = proxy.for_host(host)
        if proxy_url is None:
            return tcp.open_connection(host, port, deadline=deadline, note=self._note, must_be_public=not is_trusted)
        if not is_trusted:
            _refuse_known_private(host, port, deadline)
        return proxy.open_tunnel(proxy_url, host, port, deadline=deadline)


def _refuse_known_private(host: str, port: int, deadline: Deadline) -> None:
    """Refuse a host behind a proxy that would be refused without it. Names that only the proxy can resolve pass."""
    try:
        addresses = sockets.resolve(host, port, deadline)
    except OSError:
        if public_addresses.is_numeric(host):
            # The proxy may read it as an address that this host cannot read.
            tcp.refuse_private(host, [host])
        return
    tcp.refuse_private(host, [address.ip for address in addresses])
