# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms in which people have key sets, all of which mean the same."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_sets

ONE, OTHER = {"kty": "RSA", "kid": "a"}, {"kty": "EC", "kid": "b"}
JWKS = {"keys": [ONE, OTHER]}
TEXT = json.dumps(JWKS)


@pytest.mark.parametrize(
    "given",
    [
        JWKS,
        [JWKS],
        (JWKS,),
        TEXT,
        f"\n  {json.dumps(JWKS, indent=2)}\n",
        [TEXT],
        [{"keys": [ONE]}, json.dumps({"keys": [OTHER]})],
        [ONE, OTHER],
        [ONE, json.dumps(OTHER)],
        json.dumps([ONE, OTHER]),
        json.dumps([JWKS]),
        [[{"keys": [ONE]}], {"keys": [OTHER]}],
        {**JWKS, "comment": "of a cluster"},
    ],
    ids=[
        *("object", "list", "tuple", "text", "indented text", "list of texts", "both", "JWKs", "a JWK and one as text"),
        *("list of JWKs as text", "list as text", "list in a list", "further members"),
    ],
)
def test_all_forms_are_read(given):
    assert [key for _source, keys in key_sets.of_option("jwks", given) for key in keys] == [ONE, OTHER]


def test_a_single_jwk_is_a_set_of_one():
    for given in (ONE, json.dumps(ONE)):
        assert list(key_sets.of_option("jwks", given)) == [("jwks", [ONE])]


@pytest.mark.parametrize("given", [None, "", " \n", [], ()], ids=repr)
def test_what_is_not_set_is_no_set(given):
    assert list(key_sets.of_option("jwks", given)) == []


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ("not JSON", "jwks cannot"),
        ("{'keys': []}", "jwks cannot"),
        ('{"keys": [], "keys": []', "jwks cannot"),
        (42, "jwks cannot"),
        (True, "jwks cannot"),
        ({}, "jwks cannot"),
        ({"jwks": JWKS}, "jwks cannot"),
        ({"keys": ONE}, "jwks cannot"),
        ({"keys": ["a"]}, "jwks cannot"),
        ([JWKS, "secret"], "jwks: document 2 cannot"),
        ([JWKS, None], "jwks: document 2 cannot"),
        ([{"secret": 1}], "jwks: document 1 cannot"),
    ],
    ids=repr,
)
def test_everything_else_is_refused_in_one_sentence_that_says_what_is_wanted(given, source):
    with pytest.raises(IrsaError) as caught:
        list(key_sets.of_option("jwks", given))
    message = str(caught.value)
    assert message.startswith(source)
    assert "kubectl get --raw /openid/v1/jwks" in message
    assert "secret" not in message and "class" not in message
