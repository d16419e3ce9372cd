# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of fault, by what they make of an answer, and where each of them exists."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.answers import Answer, query_result

from .kinds import KINDS, Call, Delivery, Kind

NAMES = [kind.name for kind in KINDS]


def kind(name: str) -> Kind:
    return next(each for each in KINDS if each.name == name)


def call(**members: Any) -> Call:
    defaults: dict[str, Any] = {
        "label": "iam:GetRole",
        "service": "iam",
        "method": "POST",
        "is_write": False,
        "is_anonymous": False,
        "is_document": False,
        "has_body": True,
    }
    return Call(**{**defaults, **members})


def names(a_call: Call) -> set[str]:
    return {each.name for each in KINDS if each.happens_to(a_call)}


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_members_are_missing_and_the_envelope_stays() -> None:
    answer = query_result("iam", "GetRole", "<Role><Arn>arn</Arn></Role>")
    reply = kind("members missing").reply(call(), answer)
    assert reply.answer is not None
    assert reply.answer.body == (
        b'<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult></GetRoleResult>'
        b"</GetRoleResponse>"
    )


def test_a_body_is_cut_and_its_headers_stay() -> None:
    reply = kind("body cut and announced as cut").reply(call(), Answer(200, {"ETag": "e"}, b"0123456789"))
    assert reply.answer == Answer(200, {"ETag": "e"}, b"012345")
    whole = Answer(200, {}, b"0123456789")
    assert kind("body broken off").reply(call(), whole).delivery is Delivery.BROKEN_OFF


def test_the_true_answer_is_not_changed() -> None:
    answer = Answer(200, {"ETag": "e"}, b"<a/>")
    for each in KINDS:
        each.reply(call(), answer)
    assert answer == Answer(200, {"ETag": "e"}, b"<a/>")


@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_is_executed_answers_with_more_than_an_error(name: str) -> None:
    reply = kind(name).reply(call(), Answer(200, {}, b"<a/>"))
    if kind(name).executes and reply.answer is not None:
        assert reply.answer.status == 200


def test_a_head_request_has_no_faults_of_a_body() -> None:
    head = names(call(label="s3:HeadBucket", service="s3", method="HEAD", has_body=False))
    assert "400 on HEAD" in head
    assert not {"empty 200", "malformed XML", "body broken off", "400 RequestTimeout"} & head


def test_only_writes_take_effect_unnoticed() -> None:
    after = {"reset after it took effect", "timeout after it took effect"}
    assert not after & names(call())
    assert after <= names(call(is_write=True))
