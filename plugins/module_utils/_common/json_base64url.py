# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON and base64url as their RFCs define them; Python's own readers also accept what other readers refuse."""

from __future__ import annotations

import base64
import json
import re
import typing as t

_BASE64URL = re.compile("[A-Za-z0-9_-]+")


def parse_json(text: str) -> t.Any:
    """Return the value of a JSON text, RFC 8259. Raises ValueError, also for NaN and Infinity and too deep nesting."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None


def _refuse_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is not JSON, although Python reads and writes it")


def decode_base64url(text: str) -> bytes:
    """Return the octets of unpadded base64url as RFC 7515 uses it. Raises ValueError for any other text."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("the text is not unpadded base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
