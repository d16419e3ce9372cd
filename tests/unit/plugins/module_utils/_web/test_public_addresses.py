# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web.public_addresses import (
    is_numeric,
    is_public,
)


@pytest.mark.parametrize("ip", ["8.8.8.8", "52.218.1.1", "2600:1f18::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_internet_addresses_are_public(ip):
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.2.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        # IPv4 addresses of other special purposes
        "0.1.2.3",
        "100.127.255.254",
        "192.0.0.8",
        "192.0.0.192",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.254",
        "198.51.100.7",
        "203.0.113.7",
        "168.63.129.16",
        # IPv6 forms that stand for an IPv4 address, and those of gateways of one's own
        "::127.0.0.1",
        "::169.254.169.254",
        "::8.8.8.8",
        "::ffff:0:127.0.0.1",
        "::ffff:192.88.99.1",
        "64:ff9b::192.88.99.1",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1::8.8.8.8",
        "2001::7f00:1",
        "2001:0:808:808::1",
        "2002:808:808::1",
        "2600:1f18::5efe:10.0.0.1",
        "2600:1f18::200:5efe:169.254.169.254",
        "fe80::5efe:8.8.8.8",
        # IPv6 addresses of other special purposes
        "100::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fec0::1",
        "fc00::1",
        "ff0e::1",
        "2600:1f18::1%eth0",
        "::ffff:8.8.8.8%1",
        # what is no address
        "127.1",
        "0x7f.0.0.1",
        "017700000001",
        "2130706433",
        "127.0.0.01",
        "8.8.8.8 ",
        "[2600:1f18::1]",
        "localhost",
        "",
    ],
)
def test_other_addresses_are_not_public(ip):
    assert not is_public(ip)


@hypothesis.given(st.ip_addresses(v=4))
def test_ipv6_forms_of_an_ipv4_address_are_judged_alike(ip):
    assert is_public(f"::ffff:{ip}") == is_public(f"64:ff9b::{ip}") == is_public(str(ip))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1.", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0x", "a.1", "::1"]
)
def test_a_host_that_ends_with_a_number_is_an_address(host):
    assert is_numeric(host)


@pytest.mark.parametrize("host", ["issuer.example", "1.example", "0x7f.example", "localhost", "a1", "1a", "x.0y", ""])
def test_other_hosts_are_names(host):
    assert not is_numeric(host)
