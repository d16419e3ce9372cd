# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file at a configured path holds: only what is this collection's own may be overwritten or removed.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import contextlib
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, pem, signing_key

# An OpenSSH key in a line of its own, or behind options as in authorized_keys, sshd(8).
_OPENSSH_KEY = re.compile(
    rb"^(?![ \t]*#)(?:.*[ \t])?((?:ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+=*)", re.MULTILINE
)

# The two public forms that are written, whole or cut off.
_PEM_FORM = re.compile(rb"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=\n]*)(?:-[-A-Z ]*)?\n?")
_OPENSSH_FORM = re.compile(rb"(?:ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ?([A-Za-z0-9+/=]*)\n?")

_PRIVATE_FORM = re.compile(rb"\s*-----BEGIN (?:RSA |EC )?PRIVATE KEY-----[\sA-Za-z0-9+/=]*(?:-[-A-Z\s]*)?")


def public_keys_in(content: bytes) -> list[key_facts.PublicKey]:
    """Return each usable public key in a file once: in PEM, in certificates and in OpenSSH lines."""
    texts = [block.text for block in pem.whole_blocks(content)]
    texts += [match.group(1) for match in _OPENSSH_KEY.finditer(content)]
    found = {}
    for text in texts:
        with contextlib.suppress(Fault):
            key = signing_key.load_public(text)
            found[key_facts.kid(key)] = key
    return list(found.values())


def own_forms(public_keys: t.Sequence[key_facts.PublicKey]) -> tuple[bytes, bytes]:
    """Return the two public forms that this collection writes: PKIX PEM of all keys, and the first as an OpenSSH
    line.
    """
    blocks = "".join(map(key_facts.public_pem, public_keys))
    return blocks.encode(), key_facts.openssh_line(public_keys[0]).encode() + b"\n"


def keys_in_own_form(content: bytes) -> list[key_facts.PublicKey]:
    """Return the public keys that are all of the content, in a form that this collection writes; else none."""
    keys = public_keys_in(content)
    text = content.replace(b"\r\n", b"\n").strip() + b"\n"
    return keys if keys and text in own_forms(keys) else []


def is_empty(content: bytes) -> bool:
    """Whether nothing is in the file; a crash of the system can leave null bytes."""
    return not content.strip(b"\0 \t\r\n")


def is_damaged_public_form(content: bytes) -> bool:
    """Whether the content is what is left of one public form, in which nothing can read a key any more."""
    text = content.replace(b"\r\n", b"\n")
    match = _PEM_FORM.fullmatch(text)
    if match:
        return not _is_whole_der(pem.decoded(match.group(1)))
    match = _OPENSSH_FORM.fullmatch(text)
    return match is not None and not _is_whole_openssh(pem.decoded(match.group(1)))


def described(content: bytes) -> str:
    """Say what the file holds, for a message that refuses to touch it."""
    keys = public_keys_in(content)
    if len(keys) > 1:
        return f"{len(keys)} public keys"
    if any(block.label == "CERTIFICATE" for block in pem.whole_blocks(content)):
        return "a certificate"
    return f"the public key {key_facts.kid(keys[0])}" if keys else "something other than a public key"


def check_private(content: bytes) -> None:
    """Raise Fault unless the content is one private key and nothing else, or what is left of one.

    A key that cannot be used, such as an encrypted one, belongs to another user.
    """
    if is_empty(content) or (_PRIVATE_FORM.fullmatch(content) and not pem.whole_blocks(content)):
        return
    with contextlib.suppress(pem.Damaged):
        signing_key.load_private(content)
    blocks = pem.whole_blocks(content)
    count = sum(block.label != "EC PARAMETERS" for block in blocks)
    if count > 1:
        raise Fault(f"it contains {count} PEM blocks; a file is replaced or removed only if it is one private key")
    if pem.without_blocks(content, blocks).strip():
        raise Fault("it contains something else beside the private key")


def _is_whole_der(data: bytes) -> bool:
    """Whether the length of the outermost value fits: X.690, sections 8.1.2 and 8.1.3."""
    if len(data) < 2 or data[0] != 0x30:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    end = 2 + (data[1] & 0x7F)
    return len(data) == end + int.from_bytes(data[2:end], "big")


def _is_whole_openssh(data: bytes) -> bool:
    """Whether it is a sequence of strings, each behind its length, and has a number: RFC 4253, section 6.6."""
    count = 0
    while len(data) >= 4:
        end = 4 + int.from_bytes(data[:4], "big")
        if len(data) < end:
            return False
        data, count = data[end:], count + 1
    return not data and count > 1


def has_private_key_of(contents: t.Iterable[bytes], public_key: key_facts.PublicKey) -> bool:
    """Whether one of the contents is the private key of a public one."""
    for content in contents:
        with contextlib.suppress(Fault):
            if key_facts.kid(public_key) in map(key_facts.kid, signing_key.load_private(content).public_keys):
                return True
    return False
