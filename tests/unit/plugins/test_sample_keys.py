# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The search for traces of a private key finds them, and finds nothing in public forms."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

each_kind = pytest.mark.parametrize("sample", samples.EACH_KIND.values(), ids=list(samples.EACH_KIND))


@each_kind
@pytest.mark.parametrize(
    "leak",
    [
        lambda sample: sample.traditional.decode(),
        lambda sample: sample.pkcs8.decode(),
        lambda sample: json.dumps({"msg": sample.traditional.decode()}),
        lambda sample: base64.b64encode(der(sample)).decode(),
        lambda sample: base64.b64encode(b"." + der(sample)).decode(),
        lambda sample: base64.urlsafe_b64encode(b".." + der(sample)).decode(),
        lambda sample: der(sample).hex().upper(),
        lambda sample: samples.openssl("pkey -noout -text", sample.pkcs8).decode(),
        lambda sample: str(samples.secret_numbers(sample.pkcs8)[0]),
    ],
    ids=[
        "traditional",
        "PKCS#8",
        "JSON",
        "base64",
        "base64 from 1",
        "base64url from 2",
        "hexadecimal",
        "openssl's text",
        "decimal",
    ],
)
def test_traces_of_finds_a_private_key_in_any_form(sample, leak):
    assert samples.traces_of(sample.pkcs8, f"some words before {leak(sample)} and after")


@each_kind
def test_traces_of_finds_a_part_of_a_private_key(sample):
    assert samples.traces_of(sample.pkcs8, "\n".join(sample.traditional.decode().splitlines()[1:-1][:12]))


@each_kind
def test_traces_of_finds_nothing_in_public_forms_and_in_other_keys(sample):
    public = (
        samples.public_pem(sample.pkcs8).decode() + samples.openssh_line(sample.traditional) + samples.kid(sample.pkcs8)
    )
    other = samples.OTHER_RSA if sample is samples.P256 else samples.OTHER_P256
    assert samples.traces_of(sample.pkcs8, public + other.pkcs8.decode()) == []


def der(sample: samples.Sample) -> bytes:
    return base64.b64decode("".join(sample.traditional.decode().splitlines()[1:-1]))
