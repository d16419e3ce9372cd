# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people give in place of a token: a token with something around it, or something else.

All of it may be secret, so it is named and never shown, not even in part.
"""

from __future__ import annotations

import base64
import re
import typing as t
from urllib.parse import unquote

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_json import of_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_lookalikes import (
    JWT,
    Misfit,
    object_in,
    of_lookalike,
    of_yaml,
)

_PADDED = re.compile(r"(?:[A-Za-z0-9_+/-]+=*\.){2}[A-Za-z0-9_+/-]+=*")
_PARTS = re.compile(r"[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*")

_ALONE = "Give the token alone."

# What is copied from web pages and chats without being seen.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"

# What stands before or after a token, and what that is.
_BEFORE = (
    (f"[{_INVISIBLE}]+", "an invisible character"),
    (r"(?i).*\bbearer\s*[\"']?", "the word Bearer, which belongs to an HTTP header,"),
    (r".*\d\d:\d\d:\d\d.*", "what looks like a part of a log line"),
    (r"\s*#.*", "a comment"),
    (r"(?:.*\s)?--?\w[\w-]*[= ]?[\"']?", "an option of a command"),
    (r"(?:export\s+)?\w+\s*=\s*[\"']?", "the name of a variable"),
    (r"(?:.*\s)?\S+:\s*[\"']?", "a name and a colon"),
    (r"[\W_]+", "punctuation"),
)
_AFTER = (
    (f"[{_INVISIBLE}]+", "an invisible character"),
    (r".*\d\d:\d\d:\d\d.*", "what looks like a part of a log line"),
    (r"%", "the % with which some shells mark a missing line end"),
    (r"\s*#.*", "a comment"),
    (r"[\W_]+", "punctuation"),
)
_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


def explain(text: str) -> Misfit:
    """Say what a text is that does not have the form of a token, and what to give instead."""
    recognizers = (
        *(_of_encoding, of_json, of_yaml, _of_encoded_parts, _of_token_within),
        *(_of_encrypted, _of_base64, of_lookalike),
    )
    found = (recognize(text) for recognize in recognizers)
    return next((misfit for misfit in found if misfit is not None), None) or _of_parts(text)


def _of_encoding(text: str) -> Misfit | None:
    if not text:
        return Misfit("is empty")
    if "\0" in text or "\ufffd" in text:
        return Misfit(
            "is not text in UTF-8: it is UTF-16, as PowerShell writes it, or binary data",
            "Save the token as plain text in UTF-8.",
        )
    if text.startswith("\ufeff"):
        return Misfit("begins with a byte order mark (BOM)", "Save the token as plain text in UTF-8 without BOM.")
    return None


def _of_token_within(text: str) -> Misfit | None:
    """Recognize a token that has something around it or in it, and several tokens."""
    joined = "".join(text.replace("\\n", " ").translate(dict.fromkeys(map(ord, _INVISIBLE))).split())
    found = list(JWT.finditer(text))
    if JWT.fullmatch(joined) and not any(_is_whole(each[0]) for each in found):
        return Misfit(
            "has a line end, a space or an invisible character within the token",
            "Remove it: a token is one line without spaces.",
        )
    if len(found) > 1:
        return Misfit(f"holds {len(found)} tokens", "Give one of them alone.")
    return _of_surroundings(text[: found[0].start()], text[found[0].end() :]) if found else _of_bearer(text)


def _is_whole(token: str) -> bool:
    """Whether a signature has a length that the algorithms of STS make: 64, 96, 132, or that of an RSA key."""
    size = len(token.rpartition(".")[2]) * 3 // 4
    return size in (64, 96, 132) or size % 128 == 0


def _of_bearer(text: str) -> Misfit | None:
    if re.match(r"(?i)(?:authorization:\s*)?bearer\s", text):
        return Misfit("starts with the word Bearer, which belongs to an HTTP header, not to the token", _ALONE)
    return None


def _of_surroundings(before: str, after: str) -> Misfit | None:
    if before and before[-1] in _QUOTES and before.strip(_QUOTES + " ") == after.strip(_QUOTES + " ") == "":
        return Misfit("has quotes around it", "Give the token without quotes.")
    sides = [f"{_named(_BEFORE, before)} in front of it"] if before.strip() else []
    sides += [f"{_named(_AFTER, after)} after it"] if after.strip() else []
    return Misfit(f"holds a token with {' and '.join(sides)}", _ALONE) if sides else None


def _named(kinds: t.Iterable[tuple[str, str]], text: str) -> str:
    number = f"{len(text.strip())} other characters"
    return next((name for pattern, name in kinds if re.fullmatch(pattern, text.strip(), re.DOTALL)), number)


def _of_encoded_parts(text: str) -> Misfit | None:
    """Recognize a token that is encoded otherwise: in base64 instead of base64url, or for a URL."""
    if JWT.fullmatch(unquote(text)) and "%" in text:
        return Misfit("is encoded for a URL", "Write its dots as dots: %2E stands for one.")
    if not text.startswith("ey") or not _PADDED.fullmatch(text) or _PARTS.fullmatch(text):
        return None
    part = "signature" if _PARTS.fullmatch(text.rpartition(".")[0]) else "header or claims"
    return Misfit(f"is not a JWT: its {part} is not base64url, which has - and _ for + and /, and no padding (=)")


def _of_encrypted(text: str) -> Misfit | None:
    header = object_in(text.partition(".")[0]) if text.count(".") == 4 else None
    if header is None or "enc" not in header:
        return None
    return Misfit("has 5 parts: it is encrypted (JWE). STS reads signed tokens, which have 3 parts")


def _of_base64(text: str) -> Misfit | None:
    """Recognize base64 of a token, as Secrets hold it, and of anything else that is known."""
    letters = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        decoded = base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True).decode("utf-8").strip()
    except ValueError:
        return None
    if JWT.fullmatch(decoded):
        return Misfit(
            "is a token in base64, as data.token of a Secret holds it",
            "Decode it with base64 --decode. But STS does not take the token of a Secret: use a projected token.",
        )
    members = object_in(text) or {}
    if not {"alg", "iss", "sub"}.isdisjoint(members):
        part = "header" if "alg" in members else "claims"
        return Misfit(f"is only the {part} of a token; the other parts are missing")
    other = of_json(decoded) or of_lookalike(decoded)
    return None if other is None else Misfit(f"is base64; what it encodes {other.what}", other.remedy)


def _of_parts(text: str) -> Misfit:
    if not _PARTS.fullmatch(text):
        return Misfit("is not a JWT, which is base64url (letters, digits, - and _) with two dots, without spaces")
    number = text.count(".") + 1
    parts = "1 part" if number == 1 else f"{number} parts"
    return Misfit(f"is not a JWT: it has {parts} instead of 3 (header, claims, signature)")
