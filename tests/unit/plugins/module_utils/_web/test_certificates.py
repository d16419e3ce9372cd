# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that cannot be read, or only in part, show no cause and end no run."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web import certificates
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST, LEAF
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_keys import with_unknown_version

_AUTHORITY_KEY_IDENTIFIER, _SUBJECT_ALTERNATIVE_NAME = b"\x06\x03\x55\x1d\x23", b"\x06\x03\x55\x1d\x11"
_TYPE_OF_DNS_NAME, _TYPE_OF_EDI_PARTY_NAME = b"\x82", b"\xa5"


def replaced(der: bytes, old: bytes, new: bytes) -> bytes:
    assert old in der
    return der.replace(old, new, 1)


LENGTH_AND_HOST = bytes([len(HOST)]) + HOST.encode()


@pytest.mark.parametrize("check", ["tls-trust", "tls-expiry", "tls-host"])
@pytest.mark.parametrize("odd", [with_unknown_version(LEAF.der), b"", b"no DER"], ids=["version", "empty", "text"])
def test_a_certificate_that_cannot_be_read_shows_no_cause(check, odd):
    assert certificates.cause_of(check, [odd]) is None


@pytest.mark.parametrize(
    "odd",
    [
        replaced(LEAF.der, _AUTHORITY_KEY_IDENTIFIER, _SUBJECT_ALTERNATIVE_NAME),
        replaced(LEAF.der, _TYPE_OF_DNS_NAME + LENGTH_AND_HOST, _TYPE_OF_EDI_PARTY_NAME + LENGTH_AND_HOST),
    ],
    ids=["two extensions of one type", "unknown type of name"],
)
def test_host_names_that_cannot_be_read_show_no_cause(odd):
    assert certificates.cause_of("tls-host", [odd]) is None


def test_an_empty_chain_shows_no_cause():
    assert certificates.cause_of("tls-trust", []) is None
