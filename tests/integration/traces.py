# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds a private key's numbers in whatever was written somewhere, in every spelling that they may have there."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

# So many characters cannot be there by chance, and every 64 characters, a line of PEM, have two whole chunks in them.
_CHUNK = 20

_ZIP_IN_BASE64 = re.compile(rb"UEsDB[A-Za-z0-9+/=\\\n]{100,}")


class Secret:
    """A private key that must not be found.

    :param path: its PEM file
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        pem = path.read_bytes()
        self._needles = {
            spelling: {chunk for text in texts for chunk in _chunks(text)}
            for spelling, texts in _spellings(_numbers(pem), pem).items()
        }

    def traces_in(self, text: bytes) -> list[str]:
        """:return: the spellings in which a part of one of the numbers is in the text"""
        # Hexadecimal digits come in both cases; base64 does not, so that is looked for as it is.
        lower = text.lower()
        return [
            spelling
            for spelling, needles in self._needles.items()
            if any(needle in (lower if "hexadecimal" in spelling else text) for needle in needles)
        ]

    def traces_under(self, folder: Path) -> dict[str, list[str]]:
        """:return: the files under a folder that have traces, but for the key itself, with their spellings

        Modules are shipped as a zip in base64 within a script, which is looked into.
        """
        found = {}
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.samefile(self.path):
                continue
            content = path.read_bytes()
            traces = [trace for text in (content, *_unpacked(content)) for trace in self.traces_in(text)]
            if traces:
                found[str(path)] = traces
        return found


def _numbers(pem: bytes) -> list[int]:
    key = serialization.load_pem_private_key(pem, None)
    if isinstance(key, rsa.RSAPrivateKey):
        private = key.private_numbers()
        return [private.d, private.p, private.q, private.dmp1, private.dmq1, private.iqmp]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return [key.private_numbers().private_value]


def _spellings(numbers: list[int], pem: bytes) -> dict[str, list[bytes]]:
    raw = [number.to_bytes((number.bit_length() + 7) // 8, "big") for number in numbers]
    inner_lines = pem.splitlines()[len(pem.splitlines()) // 2 : -2]
    return {
        "bytes": raw,
        "hexadecimal": [number.hex().encode() for number in raw],
        "hexadecimal with colons": [number.hex(":").encode() for number in raw],
        "decimal": [str(number).encode() for number in numbers],
        "base64": [text for number in raw for text in _base64(number)],
        "base64 for URLs": [text.translate(_FOR_URLS) for number in raw for text in _base64(number)],
        # The second half of an RSA key's PEM, and all of an EC key's, has nothing public in it.
        "base64 of the PEM": [text for line in inner_lines for text in _base64(line)],
    }


_FOR_URLS = bytes.maketrans(b"+/", b"-_")


def _base64(content: bytes) -> Iterator[bytes]:
    """What base64 makes of the content wherever it stands in a longer one: each alignment, without what the neighbours
    have a part in.
    """
    for skipped in range(3):
        whole = content[skipped:]
        yield base64.b64encode(whole[: len(whole) // 3 * 3])


def _chunks(text: bytes) -> Iterator[bytes]:
    for start in range(0, len(text) - _CHUNK + 1, _CHUNK):
        yield text[start : start + _CHUNK]


def _unpacked(content: bytes) -> Iterator[bytes]:
    for blob in _ZIP_IN_BASE64.findall(content):
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(re.sub(rb"\\n|\s", b"", blob)))) as archive:
            for name in archive.namelist():
                yield archive.read(name)
