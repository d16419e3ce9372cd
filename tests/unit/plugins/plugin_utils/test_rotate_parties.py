# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other parties that hold a copy of the keys are told of a change, or say what they have."""

from __future__ import annotations

import http.server
import json
import sys
import threading

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_parties

MESSAGE = _rotate_parties.message(
    "https://example.com",
    "prepare",
    {
        "published": [{"kid": "old", "algorithm": "RS256"}, {"kid": "new", "algorithm": "RS256"}],
        "jwks_json": '{"keys": []}',
    },
)


def test_a_command_gets_the_keys_as_its_input(tmp_path):
    file = tmp_path / "told"
    command = [sys.executable, "-c", f"import sys; open({str(file)!r}, 'w').write(sys.stdin.read())"]
    _rotate_parties.tell({"name": "vault", "command": command}, MESSAGE, 60)
    assert json.loads(file.read_text()) == {
        "issuer": "https://example.com",
        "phase": "prepare",
        "kids": ["old", "new"],
        "jwks": {"keys": []},
    }


@pytest.mark.parametrize(
    ("party", "reason"),
    [
        (
            {"command": [sys.executable, "-c", "import sys; sys.exit('no such mount')"]},
            "code 1 and said: no such mount",
        ),
        ({"command": ["/nonexistent/program"]}, "No such file"),
        ({"command": [sys.executable, "-c", "import signal; signal.pause()"]}, "timed out"),
        ({"url": "http://127.0.0.1:1/"}, "refused"),
        ({"url": "nonsense"}, "unknown url type"),
    ],
)
def test_a_party_that_does_not_take_them_is_named_with_the_reason(party, reason):
    with pytest.raises(IrsaError, match=rf"(?s)The party 'vault' .*{reason}"):
        _rotate_parties.tell({"name": "vault", **party}, MESSAGE, 1)


class Endpoint(http.server.BaseHTTPRequestHandler):
    """A party's URL: what it answers is in the path, and what it was told is kept by the server."""

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/silent":
            self.server.is_over.wait()
            return
        code = int(self.path[1:4])
        if code == 200:
            self.server.told.append((self.headers["Content-Type"], json.loads(text)))
        self.send_response(code)
        if code in (302, 307):
            self.send_header("Location", "/200-elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.told.append("GET")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def endpoint():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        server.told, server.is_over = [], threading.Event()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.is_over.set()
        server.shutdown()
        thread.join()


def post(endpoint, path, timeout=60):
    url = f"http://127.0.0.1:{endpoint.server_port}/{path}"
    _rotate_parties.tell({"name": "mesh", "url": url}, MESSAGE, timeout)


def test_a_url_gets_the_keys_with_a_post(endpoint):
    post(endpoint, "200")
    assert endpoint.told == [("application/json", MESSAGE)]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("500", "it answered 500 Internal Server Error"),
        ("404", "it answered 404 Not Found"),
        ("302", "it answered 302 Found, which leads to '/200-elsewhere'. Set url to where the keys are taken"),
        ("307", "it answered 307 Temporary Redirect, which leads to '/200-elsewhere'"),
    ],
)
def test_an_answer_other_than_success_is_no_success(endpoint, path, reason):
    with pytest.raises(IrsaError) as caught:
        post(endpoint, path)
    assert reason in str(caught.value) and "The party 'mesh'" in str(caught.value)
    assert endpoint.told == []


def test_a_url_that_does_not_answer_ends_the_run(endpoint):
    with pytest.raises(IrsaError, match=r"The party 'mesh' .* its url failed: timed out. Repair it"):
        post(endpoint, "silent", timeout=0.2)


@pytest.mark.parametrize(
    ("parties", "expected"),
    [
        ([{"name": "a", "command": ["x"]}, {"name": "b", "confirm": []}], []),
        ([{"name": "a"}], ["it has none of them"]),
        ([{"name": "a", "url": "https://x", "command": ["x"]}], ["it has command and url"]),
        ([{"name": "a", "url": "https://x"}, {"name": "a", "url": "https://y"}], ["has 'a' twice"]),
    ],
)
def test_a_party_has_a_name_of_its_own_and_one_way(parties, expected):
    found = list(_rotate_parties.problems(parties))
    assert len(found) == len(expected)
    assert all(part in problem for part, problem in zip(expected, found, strict=True))
