# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a host is reached: connect_to and the timeout."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import Client
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import Route, parse_connect_to


class TestConnectTo:
    @pytest.mark.parametrize(
        ("text", "pair"),
        [
            ("192.0.2.10:8443", ("192.0.2.10", 8443)),
            ("192.0.2.10", ("192.0.2.10", 443)),
            ("host.example", ("host.example", 443)),
            ("host.example:1", ("host.example", 1)),
            ("host.example:65535", ("host.example", 65535)),
            ("[2001:db8::1]:8443", ("2001:db8::1", 8443)),
            ("[::1]", ("::1", 443)),
        ],
    )
    def test_host_and_port_are_split(self, text, pair):
        assert parse_connect_to(text) == pair

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ":",
            ":443",
            "host:",
            "host:0",
            "host:65536",
            "host:https",
            "::1",
            "2001:db8::1",
            "[::1",
            "[nonsense]",
            "a:b:c",
            "host:443\n",
            "https://host",
        ],
    )
    def test_a_malformed_value_is_refused(self, text):
        with pytest.raises(IrsaError) as caught:
            parse_connect_to(text)
        assert repr(text) in str(caught.value) and "host:port" in str(caught.value)

    @hypothesis.given(st.text() | st.text(st.sampled_from("a1.:[]-")))
    def test_any_text_is_accepted_or_refused(self, text):
        try:
            host, port = parse_connect_to(text)
        except IrsaError:
            return
        assert host and 1 <= port <= 65535


@pytest.mark.parametrize("timeout", [0, -1, 1e9, float("inf"), float("nan")])
def test_a_timeout_out_of_range_is_refused(timeout):
    with pytest.raises(IrsaError, match="timeout is"):
        Client(Route(timeout=timeout))
