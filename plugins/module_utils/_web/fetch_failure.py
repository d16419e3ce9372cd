# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a fetch failed, and at which check."""

from __future__ import annotations

import http.client

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

_PASSING = ("dns-resolve", "tcp-connect", "tls-version", "http-response", "http-redirect")


class FetchFailed(IrsaError):
    """A fetch that got no answer. ``check`` is the id of the check that failed: ``dns-resolve``, ``tcp-connect``,
    ``tls-version``, ``tls-trust``, ``tls-expiry``, ``tls-host``, ``http-response`` or ``http-redirect``. ``is_slow``
    is whether the host was connected to, and did not answer in time.
    """

    def __init__(self, message: str, check: str, is_slow: bool = False) -> None:
        super().__init__(message, check=check)
        self.check = check
        self.is_slow = is_slow

    @property
    def may_pass(self) -> bool:
        """Whether a moment later the same fetch may succeed. A certificate that is not accepted stays."""
        return self.check in _PASSING


class AddressRefused(FetchFailed):
    """A host named by fetched content has an address that is not public, so no connection was made."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "tcp-connect")

    @property
    def may_pass(self) -> bool:
        return False


def reason_of(error: Exception) -> str:
    """Return the reason in an exception of the standard library, without a full stop."""
    if isinstance(error, http.client.HTTPException):
        return quoted(str(error) or type(error).__name__)  # contains what the host sent
    return str(getattr(error, "strerror", None) or error or type(error).__name__).rstrip(".")
