# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines for people: marks, indentation, wrapping, and nothing that a terminal could obey."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import (
    ASCII_MARKS,
    CHANGED,
    MARKS,
    NEXT,
    Line,
    as_text,
    fact,
    facts,
    layout,
    next_step,
    printable,
    prose,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK

ARN = "arn:aws:iam::123456789012:oidc-provider/irsa-a-rather-long-bucket-name-prod.s3.eu-west-1.amazonaws.com"


def texts(*lines, width=40, **other):
    return [printed.text for printed in layout(lines, width=width, **{"marks": MARKS, **other})]


class TestLayout:
    def test_a_short_line_has_a_mark_and_stays_one(self):
        assert layout([Line(text="ok: fine", status=OK)], marks=MARKS) == [("✓ ok: fine", OK)]

    def test_every_piece_of_a_wrapped_line_keeps_its_status(self):
        printed = layout([Line(text="word " * 20, status=ERROR)], width=40, marks=MARKS)
        assert len(printed) == 3
        assert {piece.status for piece in printed} == {ERROR}

    def test_pieces_after_the_first_are_indented(self):
        assert texts(Line(text="one two three four five six seven eight", status=ERROR), width=20) == [
            "✗ one two three four",
            "    five six seven",
            "    eight",
        ]

    def test_a_line_without_a_mark_keeps_the_margin(self):
        assert texts(Line(text="remedy: look", indent=2)) == ["    remedy: look"]

    def test_prose_is_not_indented_further(self):
        assert texts(prose("one two three four five"), width=12) == ["  one two", "  three four", "  five"]

    def test_lines_without_marks_have_no_margin(self):
        lines = [Line(text="ok: fine", status=OK), Line(text="more", indent=2)]
        assert texts(*lines, marks=None) == ["ok: fine", "  more"]

    @pytest.mark.parametrize("width", range(20, 81))
    def test_only_a_word_that_cannot_be_broken_makes_a_line_longer_than_the_width(self, width):
        sentence = f"The provider {ARN} is there, and --service-account-issuer=https://example.org/{'x' * 30} is set."
        lines = [Line(text=sentence, status=ERROR), fact("provider", sentence), Line(text=sentence, indent=2)]
        for text in texts(*lines, width=width):
            assert len(text) <= width or len(text.split()) == 1, text

    @pytest.mark.parametrize("word", [ARN, f"https://{'x' * 90}", f"--service-account-issuer=https://{'x' * 90}"])
    def test_words_are_never_broken(self, word):
        assert any(word in text for text in texts(Line(text=f"It is {word} here.", status=OK)))

    def test_words_are_not_broken_at_hyphens(self):
        assert texts(Line(text="the well-known-configuration"), width=20) == ["  the", "    well-known-configuration"]

    def test_spaces_within_a_line_are_kept(self):
        assert texts(Line(text="quoted 'a  b'")) == ["  quoted 'a  b'"]

    def test_a_whole_line_is_not_wrapped(self):
        flag = "--service-account-key-file=/a folder with spaces/sa-signer.pub"
        assert texts(Line(text=flag, indent=2, whole=True)) == [f"    {flag}"]

    def test_wide_characters_count_as_two_columns(self):
        assert texts(Line(text="証明書 証明書 証明書"), width=16) == ["  証明書 証明書", "    証明書"]

    def test_combining_characters_take_no_column(self):
        assert texts(Line(text="e\u0301" * 8 + " x"), width=12) == ["  " + "e\u0301" * 8 + " x"]

    @pytest.mark.parametrize("text", ["", "   "])
    def test_an_empty_text_is_an_empty_line(self, text):
        assert texts(Line(text=text)) == [""]

    def test_every_mark_has_a_form_in_ascii(self):
        assert MARKS.keys() == ASCII_MARKS.keys()
        assert all(mark.isascii() and len(mark) == 1 for mark in ASCII_MARKS.values())
        assert texts(Line(text="done", status=CHANGED), marks=ASCII_MARKS) == ["+ done"]


class TestFacts:
    def test_facts_are_aligned(self):
        assert texts(fact("issuer", "https://a"), *facts("actions", ["one", "two"])) == [
            "  issuer      https://a",
            "  actions     one",
            "              two",
        ]

    def test_facts_continue_below_their_text(self):
        assert texts(fact("passed", "connection 6, documents 7, keys 5")) == [
            "  passed      connection 6, documents 7,",
            "              keys 5",
        ]

    def test_facts_stand_below_a_label_that_they_do_not_fit_beside(self):
        assert texts(fact("provider", ARN)) == ["  provider", f"    {ARN}"]

    def test_a_list_without_items_is_left_out(self):
        assert facts("actions", []) == []

    def test_next_step_is_marked(self):
        assert layout([next_step("run it.")], marks=MARKS) == [("→ Next: run it.", NEXT)]


class TestSafety:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("\x1b[2J", "\\x1b[2J"),
            ("\x07bell", "\\x07bell"),
            ("\x9b31m", "\\x9b31m"),
            ("\u202egnirts", "\\u202egnirts"),
            ("a\r\nb\tc", "a  b c"),
            ("\ud800", "\\ud800"),
            ("no\xa0break", "no\\xa0break"),
            ("für 証明書", "für 証明書"),
        ],
    )
    def test_what_a_terminal_could_obey_is_escaped(self, text, shown):
        assert printable(text) == shown
        printable(text).encode()

    def test_labels_are_escaped_too(self):
        (text,) = texts(fact("a\x1b]0;x\x07", "b"), width=80)
        assert text.isprintable()

    def test_plain_text_is_wrapped_to_80_columns_and_has_no_marks(self):
        text = as_text([Line(text="word " * 40, status=OK)])
        assert max(map(len, text.splitlines())) <= 80
        assert text.isascii()
