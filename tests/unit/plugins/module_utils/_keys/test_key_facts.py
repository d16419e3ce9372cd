# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about public keys, compared with openssl and ssh-keygen. Also runs under Python 3.9 and cryptography 3.4."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

RSA, P256 = samples.RSA, samples.P256

each_kind = pytest.mark.parametrize("sample", samples.EACH_KIND.values(), ids=list(samples.EACH_KIND))


class TestPublicForms:
    @each_kind
    def test_public_forms_are_those_of_openssl_and_ssh_keygen(self, sample):
        public_key = signing_key.load_private(sample.pkcs8).key.public_key()
        assert samples.openssl("pkey -pubin -pubout", key_facts.public_pem(public_key).encode()) == samples.public_pem(
            sample.pkcs8
        )
        assert key_facts.openssh_line(public_key) == samples.openssh_line(sample.traditional)

    @each_kind
    def test_describe_returns_only_public_facts(self, sample):
        facts = key_facts.describe(signing_key.load_private(sample.pkcs8).key.public_key())
        assert facts == {
            "kid": samples.kid(sample.pkcs8),
            "algorithm": sample.algorithm,
            "fingerprint": samples.openssl(
                "dgst -sha256 -r", samples.openssl("pkey -pubout -outform DER", sample.pkcs8)
            )
            .decode()
            .split()[0],
            "public_key": samples.public_pem(sample.pkcs8).decode(),
            "openssh_public_key": samples.openssh_line(sample.traditional),
            "size": sample.size,
            "curve": sample.curve,
        }
        assert len(facts["kid"]) == 43


class TestMismatch:
    @pytest.mark.parametrize(
        ("sample", "desired", "difference"),
        [
            (RSA, (None, None, None), None),
            (RSA, ("RSA", 2048, None), None),
            (RSA, ("RSA", 4096, None), "its size is 2048 bits, not 4096"),
            (RSA, (None, 3072, None), "its size is 2048 bits, not 3072"),
            (RSA, ("ECDSA", None, "P-256"), "its type is RSA, not ECDSA"),
            (P256, (None, None, None), None),
            (P256, ("ECDSA", None, "P-256"), None),
            (P256, ("ECDSA", None, "P-384"), "its curve is P-256, not P-384"),
            (P256, ("RSA", 2048, None), "its type is ECDSA, not RSA"),
        ],
        ids=[
            "any RSA",
            "same RSA",
            "larger RSA",
            "only size",
            "ECDSA for RSA",
            "any EC",
            "same EC",
            "other curve",
            "RSA for EC",
        ],
    )
    def test_mismatch_names_what_differs(self, sample, desired, difference):
        key_type, size, curve = desired
        public_key = signing_key.load_private(sample.pkcs8).key.public_key()
        assert key_facts.mismatch(public_key, key_type=key_type, size=size, curve=curve) == difference
