# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After which failures a write may have taken effect all the same."""

from __future__ import annotations

import pytest
from botocore import exceptions

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import transience

URL = {"endpoint_url": "https://aws.invalid"}


@pytest.mark.parametrize(
    ("error", "in_doubt"),
    [
        (exceptions.ConnectionClosedError(**URL), True),
        (exceptions.ReadTimeoutError(**URL), True),
        # urllib3 also takes a reset behind the proxy for one of the proxy.
        (exceptions.ProxyConnectionError(proxy_url="http://proxy.invalid"), True),
        (exceptions.SSLError(error="EOF occurred in violation of protocol", **URL), True),
        (exceptions.SSLError(error="certificate verify failed", **URL), False),
        (exceptions.EndpointConnectionError(**URL), False),
        (exceptions.ConnectTimeoutError(**URL), False),
        (exceptions.NoCredentialsError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_a_request_that_may_have_been_sent_leaves_doubt(error, in_doubt):
    assert transience.leaves_doubt(error) is in_doubt
