# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Redirects that are followed, and those that are not."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web.fetch_failure import FetchFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.https import Client
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fetching import URL
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import HOST


class TestRedirects:
    def fetch(self, route, url=URL):
        with Client(route, HOST) as client:
            return client.fetch(url, 1000)

    def refused(self, server, route, location, path="/keys.json"):
        server.serve(path, b"", status=302, Location=location)
        with pytest.raises(FetchFailed) as caught:
            self.fetch(route)
        assert caught.value.check == "http-redirect"
        return str(caught.value)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("location", ["/other", f"https://{HOST}/other", f"https://{HOST}:443/other#part", "other"])
    def test_redirects_within_the_host_are_followed(self, server, route, status, location):
        server.serve("/keys.json", b"", status=status, Location=location)
        server.serve("/other", b"{}")
        answer, urls = self.fetch(route)
        assert (answer.status, answer.body) == (200, b"{}")
        assert len(urls) == 2 and urls[0] == URL and urls[1].endswith("/other")

    def test_a_redirect_without_location_is_an_answer(self, server, route):
        server.serve("/keys.json", b"<Code>PermanentRedirect</Code>", status=301)
        answer, urls = self.fetch(route)
        assert (answer.status, urls) == (301, [URL])

    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            (f"http://{HOST}/other", "unencrypted"),
            (f"HTTP://{HOST}/other", "unencrypted"),
            ("http://169.254.169.254/latest/meta-data/", "unencrypted"),
            ("/keys.json", "loop"),
            ("file:///etc/passwd", "not a valid https URL"),
            ("ftp://irsa.example.test/", "not a valid https URL"),
            ("javascript:alert(1)", "not a valid https URL"),
            ("https://", "loop"),
            ("https://[::1", "not a valid https URL"),
            ("https://host:port/", "not a valid https URL"),
            ("https://host:0/", "not a valid https URL"),
            ("https://user:secret@irsa.example.test/", "not a valid https URL"),
            ("https://irsa.example.test/\x1b[31m", "not a valid https URL"),
            ("https://irsa.example.test/a b", "not a valid https URL"),
            ("https://127.0.0.1/", "not on the public internet"),
            ("https://[::1]/", "not on the public internet"),
            ("https://[::ffff:127.0.0.1]/", "not on the public internet"),
            ("https://169.254.169.254/", "not on the public internet"),
            ("https://10.0.0.1:6443/", "not on the public internet"),
            ("https://2130706433/", "not on the public internet"),
            ("https://0x7f.1/", "not on the public internet"),
            ("https://localhost/", "not on the public internet"),
            ("//192.168.1.1/", "not on the public internet"),
        ],
    )
    def test_unsafe_locations_are_refused(self, server, route, location, reason):
        message = self.refused(server, route, location)
        assert reason in message and URL in message
        assert [path for path, headers in server.requests] == ["/keys.json"]
        assert "\x1b" not in message

    def test_a_loop_over_two_urls_is_refused(self, server, route):
        server.serve("/other", b"", status=302, Location="/keys.json")
        assert "loop" in self.refused(server, route, "/other")
        assert len(server.requests) == 2

    def test_redirects_are_limited_in_number(self, server, route):
        for number in range(100):
            server.serve(f"/{number}", b"", status=302, Location=f"/{number + 1}")
        assert "after 5 redirects" in self.refused(server, route, "/0")
        assert len(server.requests) == 6

    def test_a_failure_after_a_redirect_names_the_redirect(self, server, route, names):
        assert "other.example" in self.refused(server, route, "https://other.example/keys.json")
