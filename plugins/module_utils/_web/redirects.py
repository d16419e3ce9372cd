# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which redirects are followed."""

from __future__ import annotations

import typing as t
from urllib.parse import urljoin, urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import is_plain, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed

STATUSES = (301, 302, 303, 307, 308)

_MAX_REDIRECTS = 5


def next_url(urls: t.Sequence[str], location: str) -> str:
    """Return the URL that a redirect leads to after these URLs; raises FetchFailed if it is not followed."""
    target = _joined(urls[-1], location)
    if target is None:
        reason = "which is not a valid https URL."
    elif urlsplit(target).scheme == "http":
        reason = "which is unencrypted http."
    elif target in urls:
        reason = "which is a redirect loop."
    elif len(urls) > _MAX_REDIRECTS:
        reason = f"after {_MAX_REDIRECTS} redirects; more are not followed."
    else:
        return target
    raise FetchFailed(f"{quoted(urls[-1])} redirects to {quoted(location)}, {reason}", "http-redirect")


def _joined(base: str, location: str) -> str | None:
    """Return the http or https URL that a location means, without its fragment; None if there is none to fetch."""
    try:
        target = urljoin(base, location)
        parts = urlsplit(target)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return target.partition("#")[0] if is_valid and is_plain(target) and "@" not in parts.netloc else None
