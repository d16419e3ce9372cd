# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long HTTP headers let an answer be cached. https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1"""

from __future__ import annotations

import email.utils
import re
import typing as t

_AGE = re.compile(r'(?:^|[,\s])(?P<name>s-maxage|max-age)\s*=\s*"?(?P<seconds>[0-9]{1,12})')
_NEVER = re.compile(r"(?:^|[,\s])(?:no-cache|no-store)(?=$|[,\s;])")


def seconds_cached(headers: t.Mapping[str, str]) -> int:
    """Return the longest time, in seconds, that headers (names in lower case) allow any cache; 0 if they set none."""
    control = headers.get("cache-control", "").lower()
    if _NEVER.search(control):
        return 0
    ages = [int(match["seconds"]) for match in _AGE.finditer(control)]
    if ages:
        return max(ages)
    try:
        expires = email.utils.parsedate_to_datetime(headers["expires"])
        sent = email.utils.parsedate_to_datetime(headers["date"])
        return max(0, int((expires - sent).total_seconds()))
    except (KeyError, ValueError, TypeError, OverflowError, IndexError):
        return 0
