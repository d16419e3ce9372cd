# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PEM as text: its blocks, and whether it contains a private key. ``signing_key`` decodes the blocks."""

from __future__ import annotations

import base64
import contextlib
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

_PRIVATE = re.compile(rb"BEGIN [A-Z0-9 ]*PRIVATE KEY")

_BEGIN = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?$", re.MULTILINE)
_BOUNDARY = re.compile(rb"^-----(BEGIN|END) ([A-Z0-9 ]+)-----[ \t]*\r?$", re.MULTILINE)


class Damaged(Fault):
    """What is left of a key that nothing can read any more."""


class PemBlock(t.NamedTuple):
    """One PEM block: its label, for example ``RSA PRIVATE KEY``, and its whole text with both boundary lines."""

    label: str
    text: bytes


def pem_blocks(text: bytes) -> list[PemBlock]:
    """Split PEM text into its blocks. Text between blocks is ignored, as RFC 7468 allows.

    Raises Damaged for a block that begins and does not end.
    """
    return list(_blocks(text))


def whole_blocks(text: bytes) -> list[PemBlock]:
    """Return the blocks of PEM text, without one that does not end."""
    blocks: list[PemBlock] = []
    with contextlib.suppress(Damaged):
        blocks.extend(_blocks(text))
    return blocks


def without_blocks(text: bytes, blocks: t.Iterable[PemBlock]) -> bytes:
    """Return what is in the text beside these blocks of it."""
    for block in blocks:
        text = text.replace(block.text.rstrip(b"\n"), b"")
    return text


def _blocks(text: bytes) -> t.Iterator[PemBlock]:
    position = 0
    while True:
        begin = _BEGIN.search(text, position)
        if begin is None:
            return
        end = _BOUNDARY.search(text, begin.end())
        if end is None or (end.group(1), end.group(2)) != (b"END", begin.group(1)):
            raise Damaged(f"it is truncated: '-----BEGIN {begin.group(1).decode()}-----' has no matching END line")
        position = end.end()
        yield PemBlock(begin.group(1).decode(), text[begin.start() : position].rstrip() + b"\n")


def der_of(block: PemBlock) -> bytes:
    """Decode the body of a block as kube-apiserver does: headers, and blanks within lines, are left out.

    Raises Damaged. Source: https://pkg.go.dev/encoding/pem#Decode
    """
    lines = block.text.splitlines()[1:-1]
    while lines and b":" in lines[0]:
        del lines[0]
    try:
        return base64.b64decode(b"".join(lines).translate(None, b" \t"), validate=True)
    except ValueError:
        raise Damaged("it is damaged: what is between the BEGIN and the END line is not base64") from None


def armored(label: str, der: bytes) -> bytes:
    """Return a block with nothing but a label and a body."""
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), base64.encodebytes(der), label.encode())


def decoded(body: bytes) -> bytes:
    """Return what a piece of base64 stands for, as far as it goes: spaces are ignored, and padding may be missing."""
    letters = b"".join(body.split()).rstrip(b"=")
    usable = letters[: len(letters) - (len(letters) % 4 == 1)]
    return base64.b64decode(usable + b"=" * (-len(usable) % 4))


def holds_private_key(text: bytes) -> bool:
    """Whether text contains a private key in PEM: usable or not, whole or not, however its lines are broken."""
    return _PRIVATE.search(text) is not None
