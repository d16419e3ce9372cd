# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TCP connections to a host, if its addresses may be connected to."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._web import public_addresses, sockets
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import (
    AddressRefused,
    FetchFailed,
    reason_of,
)

# Called after each step that succeeded with the id of its check and what was seen, once for each connection.
Note = t.Callable[[str, str], None]


def ignore_note(check: str, seen: str) -> None:
    """A Note that keeps nothing."""


def open_connection(
    host: str,
    port: int,
    *,
    deadline: sockets.Deadline,
    note: Note = ignore_note,
    must_be_public: bool = False,
) -> sockets.PlainSocket:
    """Resolve a host and connect to the first of its addresses that accepts; raises FetchFailed.

    With ``must_be_public`` all its addresses must be public. The connection goes to one of those that were checked: a
    second look-up might give others.
    """
    try:
        addresses = sockets.resolve(host, port, deadline)
    except OSError as error:
        raise FetchFailed(f"The name {host} cannot be resolved: {reason_of(error)}.", "dns-resolve") from None
    ips = [address.ip for address in addresses]
    if must_be_public:
        refuse_private(host, ips)
    note("dns-resolve", f"{host} resolves to {', '.join(ips)}.")
    try:
        connection, ip = sockets.connect(addresses, deadline)
    except OSError as error:
        raise FetchFailed(f"{host} cannot be reached on port {port}: {reason_of(error)}.", "tcp-connect") from None
    note("tcp-connect", f"{ip} accepts connections on port {port}.")
    return connection


def refuse_private(host: str, ips: t.Sequence[str]) -> None:
    """Raise AddressRefused unless all IP addresses of a host are public."""
    private = [ip for ip in ips if not public_addresses.is_public(ip)]
    if private:
        subject = f"{quoted(host)} is" if private == [host] else f"{quoted(host)} resolves to {private[0]},"
        raise AddressRefused(f"{subject} an address that is not on the public internet. No connection was made.")
