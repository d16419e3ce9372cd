# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web.cache_headers import seconds_cached


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("max-age=60", 60),
        ("public, max-age=86400", 86400),
        ("Public,Max-Age=86400", 86400),
        ('max-age="5"', 5),
        ("max-age=60, s-maxage=7200", 7200),
        ("s-maxage=10,max-age=20", 20),
        ("max-age=0", 0),
        ("no-cache", 0),
        ("no-cache, max-age=86400", 0),
        ("max-age=86400, no-store", 0),
        ("must-revalidate", 0),
        ("x-max-age=86400", 0),
        ("max-age=", 0),
        ("max-age=-5", 0),
        ("", 0),
    ],
)
def test_cache_control_sets_the_seconds(control, seconds):
    assert seconds_cached({"cache-control": control}) == seconds


DATE = {"date": "Tue, 24 Nov 2026 10:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({**DATE, "expires": "Wed, 25 Nov 2026 10:00:00 GMT"}, 86400),
        ({**DATE, "expires": "Mon, 23 Nov 2026 10:00:00 GMT"}, 0),
        ({**DATE, "expires": "0"}, 0),
        ({"expires": "Wed, 25 Nov 2026 10:00:00 GMT"}, 0),
        ({**DATE, "expires": "Wed, 25 Nov 2026 10:00:00 GMT", "cache-control": "max-age=1"}, 1),
        ({**DATE, "expires": "Wed, 25 Nov 2026 10:00:00 -0000"}, 0),
        ({}, 0),
    ],
)
def test_expires_sets_the_seconds(headers, seconds):
    assert seconds_cached(headers) == seconds


@hypothesis.given(
    st.dictionaries(st.sampled_from(["cache-control", "expires", "date"]), st.text() | st.just("max-age=1"))
)
def test_any_headers_give_seconds(headers):
    assert seconds_cached(headers) >= 0
