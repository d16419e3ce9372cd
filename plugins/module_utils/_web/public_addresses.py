# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which IP addresses are on the public internet. The tables are here, since ipaddress.is_global leaves out some ranges,
and which ones depends on the version of Python.
"""

from __future__ import annotations

import ipaddress
import re

# What is not globally reachable, and what is deprecated: https://www.iana.org/assignments/iana-ipv4-special-registry
_SPECIAL_IPV4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Azure's own host beneath a virtual machine:
        # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
    )
)

# The only range from which public addresses are assigned: https://www.iana.org/assignments/ipv6-address-space
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")

# https://www.iana.org/assignments/iana-ipv6-special-registry: what is special within that range. 2001::/23 includes
# Teredo, and 2002::/16 is 6to4; both stand for IPv4 addresses, and no issuer has such an address.
_SPECIAL_IPV6 = tuple(
    ipaddress.IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)

# IPv6 addresses that a gateway translates to the IPv4 address at their end: https://www.rfc-editor.org/rfc/rfc6052
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")

# The start of the interface identifier of addresses that end in an IPv4 address, to which a host may send the packets
# itself: https://www.rfc-editor.org/rfc/rfc5214#section-6.1
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")

# A host whose last label is a number is an IPv4 address in some form, or nothing: https://url.spec.whatwg.org/#host-parsing
_NUMERIC = re.compile(r"(.*\.)?([0-9]+|0[xX][0-9A-Fa-f]*)\.?")


def is_public(ip: str) -> bool:
    """Whether an IP address (as text) can be reached from the internet: it has no special purpose, such as loopback,
    private networks, multicast or documentation, and does not stand for an IPv4 address that has one.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    if address.scope_id is not None:  # it is for one link of this host
        return False
    ipv4 = _ipv4_within(address)
    if ipv4 is not None:
        return is_public(str(ipv4))
    if address not in _GLOBAL_IPV6 or any(address in network for network in _SPECIAL_IPV6):
        return False
    return address.packed[8:12] not in _ISATAP or is_public(str(ipaddress.IPv4Address(address.packed[-4:])))


def is_numeric(host: str) -> bool:
    """Whether a host is an IP address in any form, such as 0x7f.1 or 2130706433, and not a name."""
    return ":" in host or _NUMERIC.fullmatch(host) is not None


def _ipv4_within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped
