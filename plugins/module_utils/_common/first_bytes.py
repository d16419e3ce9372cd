# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What something is that should have been JSON, as far as its first bytes show. Imported only where it is not JSON."""

from __future__ import annotations

import base64
import json
import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# Names and tags stand at the beginning; more is not looked at.
_LOOKED_AT = 4096

_UTF_16 = "in UTF-16, and JSON must be in UTF-8"

# https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1, rfc8878#section-3.1.1 and rfc1950#section-2.2; the others as in
# https://github.com/file/file/tree/master/magic/Magdir
_MARKS = (
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    *((bytes((0x78, level)), "compressed with deflate (zlib)") for level in (0x01, 0x5E, 0x9C, 0xDA)),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF-", "a PDF file"),
    # UTF-32 comes first, since its mark begins with that of UTF-16.
    (b"\xff\xfe\x00\x00", "in UTF-32, and JSON must be in UTF-8"),
    (b"\x00\x00\xfe\xff", "in UTF-32, and JSON must be in UTF-8"),
    (b"\xff\xfe", _UTF_16),
    (b"\xfe\xff", _UTF_16),
    (b"\xef\xbb\xbf", "text that begins with a byte order mark, which JSON must not have"),
    (b"$ANSIBLE_VAULT;", "encrypted with ansible-vault"),
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file"),
)

# The first characters of JSON without such a mark.
_JSON_IN_UTF_16 = (b"{\x00", b"\x00{", b"[\x00", b"\x00[")

_DER = (b"\x30\x81", b"\x30\x82")

_TO_BASE64 = str.maketrans("-_", "+/")

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_HTML = re.compile(r"<!doctype html|<(html|head|body|title|meta|script|div)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>\s*([^<]{1,100})", re.IGNORECASE)
_XML_CODE = re.compile(r"<Error>.{0,200}?<Code>([A-Za-z]{1,60})</Code>", re.DOTALL)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_YAML = re.compile(r"(---|%YAML|(- )?['\"]?[A-Za-z_][\w-]*['\"]?:(\s|$))")
_SSH = re.compile(r"(ssh-(rsa|ed25519)|ecdsa-sha2-nistp\d+) AAAA")


def not_json(content: bytes) -> str:
    """Say that bytes are not JSON and, as far as that shows, what they are instead: a clause without its subject."""
    kind = _kind_of(content)
    if kind is not None:
        return f"is not JSON; it is {kind}"
    text = content.decode("utf-8", "replace")
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
            return "is not JSON; it ends in the middle"
        return f"is not JSON from line {error.lineno}, column {error.colno} on"
    except (ValueError, RecursionError):
        pass
    return "is not JSON"  # it is what Python reads and others do not


def _kind_of(content: bytes) -> str | None:
    """Return what bytes that are not JSON are, None if that does not show."""
    if not content.strip():
        return "empty"
    marked = next((words for mark, words in _MARKS if content.startswith(mark)), None)
    if marked is not None:
        return marked
    if content[:2] in _JSON_IN_UTF_16:
        return _UTF_16
    try:
        text = content.decode("utf-8")[:_LOOKED_AT]
    except UnicodeDecodeError:
        return _kind_of_binary(content)
    return _kind_of_binary(content) if "\x00" in text else _kind_of_text(text.lstrip())


def _kind_of_binary(content: bytes) -> str:
    if content[:2] in _DER:
        return "binary data that begins as DER, the form of keys and certificates"
    if content[:1] in b"{[" and not any(byte < 32 and byte not in b"\t\n\r\f" for byte in content[:_LOOKED_AT]):
        return "in another charset than UTF-8"
    # Brotli has no mark of its own: https://www.rfc-editor.org/rfc/rfc7932
    return "binary data; it may be compressed, for example with brotli"


def _kind_of_text(text: str) -> str | None:
    pem = _PEM.match(text)
    if pem is not None:
        return _kind_of_pem(pem[1])
    if text.startswith("<"):
        return _kind_of_markup(text)
    if text[:1] in "{[":
        return _kind_of_near_json(text)
    if _SSH.match(text):
        return "a public key in the format of OpenSSH"
    if _JWT.match(text):
        return "a token (JWT)"
    if _BASE64.fullmatch(text.split()[0]):
        return _kind_of_base64(text)
    if _YAML.match(text):
        return "YAML"
    return None if text.startswith('"') else "plain text"


def _kind_of_pem(label: str) -> str:
    if "PRIVATE" in label:
        return f"a private key in PEM ({label}). Anyone who has read it can sign tokens, so replace that key at once"
    return f"PEM ({label})"


def _kind_of_markup(text: str) -> str:
    code = _XML_CODE.search(text)
    if code is not None:
        return f"an error of S3 in XML: {code[1]}"
    if not _HTML.search(text[:1000]):
        return "XML"
    title = _TITLE.search(text)
    return f"an HTML page with the title {quoted(title[1].strip())}" if title else "an HTML page"


def _kind_of_near_json(text: str) -> str | None:
    """Return what text is that begins as JSON does."""
    if text.startswith(("{{", "{%", "{#")):
        return "a template that was not rendered"
    inner = text[1:].lstrip()
    if inner.startswith("'"):
        return "written with single quotes, as by Python, and JSON has double quotes"
    return "written with comments, which JSON does not have" if inner.startswith(("//", "/*", "#")) else None


def _kind_of_base64(text: str) -> str:
    encoded = "".join(text.split()).translate(_TO_BASE64)
    # What follows other characters is left out.
    start = re.split("[^A-Za-z0-9+/]", encoded, maxsplit=1)[0]
    decoded = base64.b64decode(start[: len(start) // 4 * 4])
    if decoded[:1] in (b"{", b"["):
        return "base64 of JSON"
    return "base64 of DER, the form of keys and certificates" if decoded[:2] in _DER else "one long word"
