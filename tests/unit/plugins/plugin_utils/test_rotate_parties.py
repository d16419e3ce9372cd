# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other parties that hold a copy of the keys are told of a change, or say what they have."""

from __future__ import annotations

import json
import sys

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
