# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of fetches share."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import get
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST

URL = f"https://{HOST}/keys.json"


def patient(address: str | None, ca_path: str | None = None) -> Route:
    """The route to a server of a test (by name without an address), with time enough for a busy machine."""
    return Route(address, ca_path, timeout=60)


def failed(url: str, route: Route, max_bytes: int = 1000) -> FetchFailed:
    """The failure of a fetch that must fail."""
    with pytest.raises(FetchFailed) as caught:
        get(url, route, max_bytes)
    assert caught.value.details == {"check": caught.value.check}
    return caught.value
