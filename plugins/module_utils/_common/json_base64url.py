# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON and base64url as their RFCs define them; Python's own readers also accept what other readers refuse."""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
import typing as t

# Far more than any document has. Python writes fewer levels than it reads, and how many depends on its version.
_MAX_DEPTH = 100
# A string that is not ended takes the rest, so that the time stays proportional to the length.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|$)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_BASE64URL = re.compile("[A-Za-z0-9_-]+")


def parse_json(text: str) -> t.Any:
    """Return the value of a JSON text, RFC 8259, which Python can write again.

    Raises ValueError, also for NaN, Infinity, numbers that become Infinity, and too deep nesting.
    """
    if _depth(text) > _MAX_DEPTH:
        raise ValueError("the JSON text is nested too deeply")
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def not_json(content: bytes) -> str:
    """Say that content, which ``parse_json`` does not read, is not JSON and, as far as that shows, what it is: a clause
    without its subject.
    """
    # Most runs read nothing but JSON.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._common import first_bytes  # noqa: PLC0415

    return first_bytes.not_json(content)


def _depth(text: str) -> int:
    """Return how deeply the arrays and objects of a JSON text are nested."""
    opened = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(_STRING.sub("", text)))
    return max(itertools.accumulate(opened), default=0)


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise ValueError(f"{literal[:20]} is beyond the range of numbers that Python reads")
    return number


def _refuse_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is not JSON, although Python reads and writes it")


def encode_base64url(octets: bytes) -> str:
    """Return octets in unpadded base64url, RFC 7515."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def decode_base64url(text: str) -> bytes:
    """Return the octets of unpadded base64url as RFC 7515 uses it. Raises ValueError for any other text."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("the text is not unpadded base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
