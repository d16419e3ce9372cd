# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags that AWS would refuse in the middle of a run are refused before it, by name."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.tags import as_text, refuse_too_many
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError


@pytest.mark.parametrize(
    ("tags", "as_aws_gets_them"),
    [
        ({}, {}),
        ({"team": "platform"}, {"team": "platform"}),
        ({"number": 5, "flag": True, "empty": "", 7: 0.5}, {"number": "5", "flag": "True", "empty": "", "7": "0.5"}),
        (
            {"a:b/c+d-e=f._@ g": "arn:aws:iam::123456789012:role/x"},
            {"a:b/c+d-e=f._@ g": "arn:aws:iam::123456789012:role/x"},
        ),
        ({"Größe": "大きい"}, {"Größe": "大きい"}),
        ({"x" * 128: "y" * 256}, {"x" * 128: "y" * 256}),
        ({"aws": "x", "awsome:": "y"}, {"aws": "x", "awsome:": "y"}),
    ],
    ids=range(7),
)
def test_tags_become_text(tags, as_aws_gets_them):
    assert as_text(tags) == as_aws_gets_them


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"aws:mine": "1"}, "the tag 'aws:mine' begins with aws:"),
        ({"team": "a", "AWS:Mine": "1"}, "the tag 'AWS:Mine' begins with aws:"),
        ({"mine": "aws:x"}, "the value of tag 'mine' begins with aws:"),
        ({"team!": "a"}, "the tag 'team!' has the character '!'"),
        ({"team": "a\nb"}, r"the value of tag 'team' has the character '\n'"),
        ({"\x1b[2J": "a"}, r"the tag '\x1b[2J' has the character '\x1b'"),
        ({"": "a"}, "the tag '' is too long"),
        ({"x" * 129: "a"}, "is too long"),
        ({"team": "x" * 257}, "the tag 'team' is too long"),
        ({1: "a", "1": "b"}, "the tag '1' is there twice"),
        ({"team": None}, "the value of tag 'team' must be text"),
        ({"team": {"a": "b"}}, "the value of tag 'team' must be text"),
        ({str(number): "x" for number in range(51)}, "has 51 tags"),
        (["team"], "must be a dictionary"),
    ],
    ids=range(14),
)
def test_tags_that_aws_refuses_are_named(tags, reason):
    with pytest.raises(IrsaError) as caught:
        as_text(tags, "irsa_issuer_tags")
    assert str(caught.value).startswith(
        f"irsa_issuer_tags: {reason}" if reason != "is too long" else "irsa_issuer_tags"
    )
    assert reason in str(caught.value)


def test_tags_of_aws_itself_do_not_count():
    own = [f"aws:{number}" for number in range(9)]
    refuse_too_many([*map(str, range(50)), *own], "bucket x")
    with pytest.raises(IrsaError, match="bucket x would have 51 tags"):
        refuse_too_many([*map(str, range(51)), *own], "bucket x")
