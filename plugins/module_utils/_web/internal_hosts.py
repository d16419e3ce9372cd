# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that are internal by the form of their name or address: nothing on the internet can reach them."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._web import public_addresses

# What names of services end with: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
_CLUSTER_SUFFIXES = ("cluster.local", "svc")
# The API server's own service, whatever the domain of the cluster is.
_CLUSTER_PREFIXES = ("kubernetes.default.svc.",)
_API_SERVER_NAMES = ("kubernetes.default",)

_SELF_SUFFIXES = ("localhost", "localdomain")

# Domains that the public DNS never has: https://www.rfc-editor.org/rfc/rfc6762#appendix-G (private networks), .local by
# the same RFC, home.arpa by https://www.rfc-editor.org/rfc/rfc8375, .internal (2024-07-29) and
# .mail like .corp and .home (2018-02-04) by ICANN's board: https://www.icann.org/en/board-activities-and-meetings/materials,
# and .consul by https://developer.hashicorp.com/consul/docs/services/discovery/dns-overview
_PRIVATE_SUFFIXES = (
    *("local", "internal", "intranet", "private", "corp", "home", "lan", "mail"),
    *("home.arpa", "consul"),
)


def internal_reason(host: str) -> str | None:
    """Return why no one on the internet can reach a host, as a clause; None if its form does not tell that.

    IPv6 addresses may be in brackets.
    """
    name = host.lower().removesuffix(".").strip("[]")
    if public_addresses.is_numeric(name):
        return _reason_of_address(name)
    if name in _API_SERVER_NAMES or name.startswith(_CLUSTER_PREFIXES) or _ends_with(name, _CLUSTER_SUFFIXES):
        return "it is the name of a Kubernetes service, which exists only inside a cluster"
    if _ends_with(name, _SELF_SUFFIXES):
        return "it is a name of the machine itself"
    suffix = _ends_with(name, _PRIVATE_SUFFIXES)
    if suffix:
        return f"names that end with .{suffix} exist only inside a private network"
    if name and "." not in name:
        return "a name without a dot exists only inside a private network"
    return None


def internal_reason_of(url: str) -> str | None:
    """Return what ``internal_reason`` says of the host of a URL, whatever its port is; None if it is not a URL."""
    try:
        return internal_reason(urlsplit(url).hostname or "")
    except ValueError:
        return None


def _ends_with(name: str, suffixes: tuple[str, ...]) -> str | None:
    return next((suffix for suffix in suffixes if f".{name}".endswith(f".{suffix}")), None)


def _reason_of_address(text: str) -> str | None:
    address = _address_of(text)
    if address is None or public_addresses.is_public(str(address)):
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback or address.is_unspecified:
        return "it is an address of the machine itself"
    return "it is not an address on the internet"


def _address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address in any notation, such as 0x7f.1 and 2130706433, which clients take for 127.0.0.1."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None
