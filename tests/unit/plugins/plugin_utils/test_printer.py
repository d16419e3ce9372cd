# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where lines are printed, how wide, in which colors, and where nothing is printed."""

from __future__ import annotations

import io
import os

import pytest
from ansible.utils import color
from ansible.utils.display import Display

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import ASCII_MARKS, MARKS, Line, fact
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _printer

LINES = [Line(text="ok: fine", status=OK), fact("issuer", "https://a"), Line(text="error: x", status=ERROR)]


@pytest.fixture
def displayed(monkeypatch):
    """The calls of Display.display."""
    calls = []
    monkeypatch.setattr(Display, "display", lambda self, text, **more: calls.append((text, more)))
    monkeypatch.setattr(color, "ANSIBLE_COLOR", False)
    monkeypatch.setattr(_printer, "_WIDTH_HERE", 80)
    monkeypatch.setattr(_printer, "_MARKS_HERE", MARKS)
    return calls


class TestCallbacks:
    @pytest.mark.parametrize(
        "name",
        [
            *("default", "ansible.builtin.default", "minimal", "oneline", "ansible.posix.debug", "yaml"),
            *("community.general.unixy", "community.general.dense", "awx_display", "acme.json.text"),
        ],
    )
    def test_callbacks_for_people_get_lines_in_one_piece(self, displayed, name):
        _printer.Printer(name).show(LINES)
        assert displayed == [("\n✓ ok: fine\n  issuer      https://a\n✗ error: x", {})]

    @pytest.mark.parametrize(
        "name",
        ["json", "ansible.posix.json", "ansible.posix.jsonl", "acme.tools.my_json", "community.general.null", "a.csv"],
    )
    def test_callbacks_for_programs_get_no_lines(self, displayed, name):
        printer = _printer.Printer(name)
        printer.show(LINES)
        assert displayed == []
        assert not printer.results_are_printed

    @pytest.mark.parametrize("name", ["minimal", "ansible.builtin.oneline"])
    def test_callbacks_that_print_every_result_are_known(self, name):
        assert _printer.Printer(name).results_are_printed

    def test_the_callback_in_use_is_the_one_that_ansible_is_set_to(self, monkeypatch):
        monkeypatch.setattr(_printer.constants, "DEFAULT_STDOUT_CALLBACK", "ansible.posix.json", raising=False)
        assert _printer.Printer.here().is_silent

    @pytest.mark.parametrize(("verbosity", "listed"), [(0, False), (1, True), (3, True)])
    def test_v_lists_everything(self, monkeypatch, verbosity, listed):
        monkeypatch.setattr(Display(), "verbosity", verbosity)
        assert _printer.Printer("default").verbose is listed


class TestColors:
    def test_lines_are_colored_by_status_and_the_log_is_not(self, displayed, monkeypatch):
        monkeypatch.setattr(color, "ANSIBLE_COLOR", True)
        _printer.Printer("default").show(LINES)
        (colored, for_screen), (plain, for_log) = displayed
        assert colored.split("\n")[1:] == [
            "\x1b[0;32m✓ ok: fine\x1b[0m",
            "  issuer      https://a",
            "\x1b[0;31m✗ error: x\x1b[0m",
        ]
        assert (for_screen, for_log) == ({"screen_only": True}, {"log_only": True})
        assert "\x1b" not in plain

    def test_every_mark_has_a_color(self):
        assert _printer._COLORS.keys() == MARKS.keys()


class TestTerminal:
    @pytest.mark.parametrize(("columns", "width"), [("200", 80), ("80", 80), ("66", 66), ("3", 40), ("", 80)])
    def test_lines_are_as_wide_as_the_terminal_and_80_columns_at_most(self, monkeypatch, columns, width):
        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.setattr(os, "get_terminal_size", lambda fd=1: os.terminal_size((0, 0)))
        assert _printer._terminal_width() == width

    def test_narrow_terminal_is_respected(self, monkeypatch):
        monkeypatch.delenv("COLUMNS", raising=False)
        monkeypatch.setattr(os, "get_terminal_size", lambda fd=1: os.terminal_size((50, 24)))
        assert _printer._terminal_width() == 50

    @pytest.mark.parametrize(
        ("encoding", "marks"),
        [("utf-8", MARKS), ("ascii", ASCII_MARKS), ("iso8859-1", ASCII_MARKS), ("x", ASCII_MARKS)],
    )
    def test_marks_are_ascii_where_the_terminal_has_no_others(self, monkeypatch, encoding, marks):
        stream = io.StringIO()
        monkeypatch.setattr(_printer.sys, "stdout", type("Stream", (), {"encoding": encoding, "write": stream.write})())
        assert _printer._marks() is marks
