# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies of any form."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import member, statements_of


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"Statement": [{"Sid": "a"}, "text", None, {"Sid": "b"}]}, [{"Sid": "a"}, {"Sid": "b"}]),
        ({"Statement": {"Sid": "a"}}, [{"Sid": "a"}]),
        ({"Statement": None}, []),
        ({}, []),
        (None, []),
        ([{"Sid": "a"}], []),
        ("text", []),
    ],
)
def test_statements_are_the_objects_of_a_policy(policy, expected):
    assert statements_of(policy) == expected


@pytest.mark.parametrize(("value", "expected"), [({"AWS": "*"}, "*"), ({}, None), ("*", None), (None, None)])
def test_member_of_what_is_not_an_object_is_none(value, expected):
    assert member(value, "AWS") == expected
