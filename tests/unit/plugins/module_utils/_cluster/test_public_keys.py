# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of public keys: their IDs in order, and the same bytes with a key more, in front, or away."""

from __future__ import annotations

import base64
import hashlib

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.public_keys import PublicKeyFile, kid_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_keys import openssl, public_pem

PRIVATE = [openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256") for dummy in range(3)]
A, B, C = (public_pem(key) for key in PRIVATE)


def kid(pem: bytes) -> str:
    """The ID by openssl's own DER."""
    der = openssl("pkey -pubin -outform DER", pem)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def test_ids_are_those_of_the_keys_in_their_order():
    file = PublicKeyFile(A + B)
    assert file.kids == (kid(A), kid(B))
    assert file.is_known
    assert kid_of(A.decode()) == kid(A)


def test_a_key_is_added_behind_the_others_once():
    file = PublicKeyFile(b"# ours\n" + A.rstrip()).with_key(kid(B), B.decode())
    assert file.content == b"# ours\n" + A + B
    assert file.with_key(kid(B), B.decode()).content == file.content


def test_a_key_comes_to_the_front_with_what_is_written_above_it():
    file = PublicKeyFile(A + b"# new\n" + B.rstrip())
    assert file.with_first(kid(B)).content == b"# new\n" + B + A
    assert file.with_first(kid(A)).content == file.content


def test_a_key_is_taken_away_with_what_is_written_above_it():
    file = PublicKeyFile(b"# old\n" + A + b"# new\n" + B + b"# the end\n")
    assert file.without({kid(A)}).content == b"# new\n" + B + b"# the end\n"
    assert file.without({kid(C)}).content == file.content
    assert file.without({kid(A), kid(B)}) is None


def test_the_digest_tells_order_and_keys_but_not_layout():
    windows = A.replace(b"\n", b"\r\n")
    assert PublicKeyFile(windows + B).digest == PublicKeyFile(A + b"# why\n" + B).digest
    assert len({PublicKeyFile(each).digest for each in (A, B, A + B, B + A)}) == 4


def test_a_key_in_another_form_stays_where_it_is():
    other = b"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n"
    file = PublicKeyFile(other + A)
    assert not file.is_known
    assert file.kids == (kid(A),)
    assert file.without({kid(A)}).content == other


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\n", PRIVATE[0], A + PRIVATE[1]])
def test_what_is_no_file_of_public_keys_is_refused(content):
    with pytest.raises(Fault):
        PublicKeyFile(content)
