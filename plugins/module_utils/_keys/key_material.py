# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell texts that may be key material or credentials from those that are not.

Runs on control-plane nodes: Python 3.9 and cryptography 3.4 must be enough.
"""

from __future__ import annotations

import base64
import contextlib
import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import letters_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import pem, signing_key

with contextlib.suppress(ImportError):  # signing_key tells a module when cryptography is missing
    from cryptography import x509
    from cryptography.hazmat.backends import default_backend

_PRIVATE_LABEL = re.compile(r"BEGIN[A-Z0-9]*PRIVATEKEY", re.IGNORECASE)
# A token: header and claims begin with {" in base64url (RFC 7519).
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]*\.eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")

# Letters that are escaped though they need not be.
_ESCAPED_LETTERS = re.compile(r"(?:\\+(?:u00|x)[2-7][0-9a-fA-F]){16,}")

# No option takes longer texts than these, other than documents and public keys. Linux has paths of
# up to 4096 characters, but those of keys are short.
_MAX_CHARACTERS = 2048
_MAX_OF_SEVERAL_LINES = 200
# The label of a private key alone has more, and most values of options have less.
_MIN_CHARACTERS = 15
_SEVERAL_LINES = 3

# A run of letters and digits is in disorder if so many of its neighbors are of different kinds: upper case, lower case,
# digits. In base64 about 25 of 39 are, in names made of words up to 12. Few such names have so many different letters.
_RUN = re.compile(r"[A-Za-z0-9+/=_-]{40,}")
_RUN_LETTERS = 40
_MIN_CHANGES = 15
_MIN_CHANGES_OF_MANY = 10
_MANY_LETTERS = 26
_DIGITS = re.compile(r"[0-9]{40,}|[0-9a-fA-F]{48,}")
_BETWEEN = re.compile(r"\\+(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrt0])|%[0-9a-fA-F]{2}|[\s\x00\ufeff\"'\\]+")
_OCTETS = re.compile(r"(?:[0-9a-fA-F]{2}[:,;\s]+){23,}[0-9a-fA-F]{2}")
_LINE_END = re.compile(r"[\n\r]+|\\+[nr]")
# -----BEGIN in base64.
_PEM_IN_BASE64 = re.compile(r"LS0tLS1CRUdJT[A-Za-z0-9+/\s]*")
_PART = re.compile(r"\s*[A-Za-z0-9+/]{12,}=*\s*")
# Names in disorder that disclose nothing: UUIDs, SHA-1.
_HARMLESS = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{40}|(?:[0-9a-f]{2}:){19}[0-9a-f]{2})"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)

_NAME_OF_KEY = r"[A-Za-z0-9_-]{43}|[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}"
# What is public of a key is in disorder, too. A modulus has its highest bit set, or a zero octet before it, so it does
# not begin as DER does (RFC 7518, section 6).
_PUBLIC_FORMS = {
    **{name: re.compile(_NAME_OF_KEY) for name in ("kid", "kids", "expected_kids", "x5t", "x5t#S256")},
    "fingerprint": re.compile(r"SHA256:[A-Za-z0-9+/]{43}"),
    "n": re.compile(r"[Ag-z0-9_-][A-Za-z0-9_-]{170,1370}=*"),
    "x": re.compile(r"[A-Za-z0-9_-]{43,88}=*"),
    "y": re.compile(r"[A-Za-z0-9_-]{43,88}=*"),
}


def has_public_form(text: str, name: str) -> bool:
    """Whether a text is what the option or member of this name usually has, or a public key anywhere."""
    form = _PUBLIC_FORMS.get(name)
    if form is not None and form.fullmatch(text):
        return True
    return is_public(text) or (name == "x5c" and _is_certificate(text))


def is_public(text: str) -> bool:
    """Whether a text is public keys and nothing else: PEM, certificates, or an OpenSSH line."""
    # Without the library a public key cannot be recognized, and the module is about to end with a message.
    if signing_key.CRYPTOGRAPHY_IMPORT_ERROR is not None:
        return False
    octets = text.encode("utf-8", "replace")
    try:
        if octets.lstrip().startswith((b"ssh-", b"ecdsa-")):
            signing_key.load_public_keys(octets)
            return True
        blocks = pem.pem_blocks(octets)
        for block in blocks:
            signing_key.load_public(block.text)
    except Fault:
        return False
    return bool(blocks) and not in_text(pem.without_blocks(octets, blocks).decode("utf-8", "replace"))


def _is_certificate(text: str) -> bool:
    if signing_key.CRYPTOGRAPHY_IMPORT_ERROR is not None:
        return False
    try:
        x509.load_der_x509_certificate(base64.b64decode(text, validate=True), default_backend())
    except ValueError:
        return False
    return True


def discloses_private_key(value: object) -> bool:
    """Whether a value contains a private key in PEM at any depth, whole or not, also indented, escaped or in base64."""
    text = str(value)
    if _PRIVATE_LABEL.search(letters_of(text)):
        return True
    return any(b"PRIVATE KEY" in pem.decoded(encoded.encode()) for encoded in _PEM_IN_BASE64.findall(text))


def in_text(text: str) -> set[str]:
    """Return the parts of a text that may be key material or credentials."""
    if len(text) < _MIN_CHARACTERS:
        return set()
    if (
        len(text) > _MAX_CHARACTERS
        or (len(text) > _MAX_OF_SEVERAL_LINES and len(_LINE_END.split(text)) >= _SEVERAL_LINES)
        or _PRIVATE_LABEL.search(letters_of(text))
        or _ESCAPED_LETTERS.search(text)
    ):
        return pieces(text)
    found = {*_TOKEN.findall(text), *_OCTETS.findall(text)}
    plain = _BETWEEN.sub("", _HARMLESS.sub(" . ", text))
    found.update(run for run in _RUN.findall(plain) if is_disorderly(run))
    return found


def pieces(text: str) -> set[str]:
    """Return a text whole and line by line."""
    return {text, text.strip()} | {line.strip() for line in text.splitlines() if "-----" not in line}


def may_be_part(text: str) -> bool:
    """Whether a text beside a key may be a further line of it."""
    return _PART.fullmatch(text) is not None


def is_disorderly(text: str) -> bool:
    """Whether a text looks like base64, or like a number of many digits."""
    if _DIGITS.search(text):
        return True
    letters = "".join(filter(str.isalnum, text))
    parts = [letters[start : start + _RUN_LETTERS] for start in range(0, len(letters), _RUN_LETTERS // 4)]
    return any(map(_is_mixed, parts))


def _is_mixed(letters: str) -> bool:
    """Whether letters of all kinds alternate in a part of a text."""
    if len(letters) < _RUN_LETTERS * 3 // 4:
        return False
    kinds = list(map(_kind, letters))
    changes = sum(one != other for one, other in zip(kinds, kinds[1:]))
    if changes >= _MIN_CHANGES:
        return True
    return changes >= _MIN_CHANGES_OF_MANY and len(set(letters)) >= _MANY_LETTERS


def _kind(character: str) -> str:
    return "digit" if character.isdigit() else "upper" if character.isupper() else "lower"
