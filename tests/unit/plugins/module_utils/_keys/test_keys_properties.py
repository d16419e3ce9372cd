# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any content of a key file is read or refused with a message, and the message repeats nothing of it."""

from __future__ import annotations

import base64
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, pem, signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

PRIVATE = [text for sample in samples.EACH_KIND.values() for text in (sample.traditional, sample.pkcs8)]
PUBLIC = [samples.public_pem(sample.pkcs8) for sample in samples.EACH_KIND.values()]
PUBLIC += [samples.openssh_line(sample.traditional).encode() for sample in samples.EACH_KIND.values()]
PUBLIC += [samples.certificate(samples.RSA.pkcs8), samples.openssl("rsa -RSAPublicKey_out", samples.RSA.pkcs8)]

LABELS = (
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "CERTIFICATE",
)


def in_pem(label: str, der: bytes) -> bytes:
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), base64.encodebytes(der), label.encode())


def der_of(text: bytes) -> bytes:
    return base64.b64decode(b"".join(text.strip().splitlines()[1:-1]))


def mutated(content: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    for kind, position, piece in edits:
        at = position % (len(content) + 1)
        if kind == "insert":
            content = content[:at] + piece + content[at:]
        elif kind == "overwrite":
            content = content[:at] + piece + content[at + len(piece) :]
        else:
            content = content[:at] + content[at + len(piece) :]
    return content


edits = st.lists(
    st.tuples(
        st.sampled_from(("insert", "overwrite", "delete")), st.integers(0, 10_000), st.binary(min_size=1, max_size=8)
    ),
    min_size=1,
    max_size=4,
)
any_bytes = st.binary(max_size=300) | st.text().map(str.encode)
framed_bytes = st.builds(in_pem, st.sampled_from(LABELS), st.binary(max_size=200))
mutated_text = st.builds(mutated, st.sampled_from(PRIVATE + PUBLIC), edits)
mutated_der = st.builds(
    lambda label, text, changes: in_pem(label, mutated(der_of(text), changes)),
    st.sampled_from(LABELS),
    st.sampled_from(PRIVATE),
    edits,
)
joined = st.lists(st.sampled_from(PRIVATE + PUBLIC) | st.binary(max_size=20), max_size=4).map(b"".join)
anything = any_bytes | framed_bytes | mutated_text | mutated_der | joined


@pytest.mark.parametrize(
    "read", [pem.pem_blocks, signing_key.load_private, signing_key.load_public, pem.holds_private_key]
)
@hypothesis.given(text=anything)
def test_any_bytes_are_read_or_refused(read: t.Callable[[bytes], t.Any], text: bytes) -> None:
    try:
        read(text)
    except Fault as fault:
        message = str(fault)
        assert message.isprintable() and len(message) < 300
        for line in text.split(b"\n"):
            if b"-----" not in line and len(line) > 24:
                assert line.decode("latin-1") not in message


@hypothesis.given(text=anything)
def test_accepted_private_keys_are_accepted_by_openssl(text: bytes) -> None:
    try:
        loaded = signing_key.load_private(text)
    except Fault:
        return
    written = signing_key.private_pem(loaded.key, "pkcs8")
    assert samples.kid(written) == key_facts.kid(loaded.key.public_key())


@hypothesis.given(text=anything)
def test_private_key_is_never_read_as_a_public_key(text: bytes) -> None:
    if b"PRIVATE KEY-----" in text:
        with pytest.raises(Fault):
            signing_key.load_public(text)


@hypothesis.given(
    st.sampled_from(PRIVATE), st.binary(max_size=30), st.sampled_from([b"\n", b"\r\n", b"\n    ", b"\\n", b"\t"])
)
def test_a_private_key_is_recognized_with_any_line_breaks(text: bytes, before: bytes, newline: bytes) -> None:
    assert pem.holds_private_key(before + newline + newline.join(text.splitlines()))
