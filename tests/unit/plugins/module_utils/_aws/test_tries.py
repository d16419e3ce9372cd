# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who waits for AWS is told so."""

from __future__ import annotations

import itertools

import pytest
from botocore.exceptions import ConnectTimeoutError

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import tries
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import announced_by


@pytest.mark.parametrize(("seconds", "number"), [(0.1, 0), (4.0, 1)], ids=["a moment", "longer"])
def test_a_call_that_takes_long_is_announced_once(monkeypatch, pauses, seconds, number):
    def unreachable():
        raise ConnectTimeoutError(endpoint_url="https://s3.example.com/secret")

    times = itertools.count(0, seconds)
    monkeypatch.setattr(tries.time, "monotonic", lambda: next(times))
    told: list[str] = []
    with announced_by(told.append):
        tries.made(Request(service="s3", operation="HeadBucket", params={}), unreachable)
    assert told == ["Waiting for AWS: s3:HeadBucket has failed so far. It is tried for up to a minute."] * number
