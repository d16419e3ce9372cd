# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures, and their place in the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from .__main__ import PAGE
from .coverage import untried
from .report import BEGIN, END, Report, with_figures
from .trials import MESSAGE, SURVIVED, WRONG, Trial, Verdict


def verdict(outcome: str, *faults: str) -> Verdict:
    trial = Trial(
        scenario="first", label="s3:HeadBucket", kind="503 SlowDown", number=1, must_survive=True, by_playbook=False
    )
    return Verdict(trial=trial, outcome=outcome, faults=faults)


REPORT = Report(
    verdicts=[verdict(SURVIVED), verdict(SURVIVED), verdict(MESSAGE), verdict(WRONG, "hangs")], made="Today."
)


def test_outcomes_are_counted() -> None:
    assert REPORT.summary() == "4 tries: 2 survived, 1 message, 1 wrong"
    assert "| s3:HeadBucket | 4 | 2 | 1 | 1 |" in REPORT.figures()
    assert "| 503 SlowDown | 4 | 2 | 1 | 1 |" in REPORT.figures()


def test_what_was_wrong_is_told() -> None:
    assert REPORT.whole().endswith("- first: s3:HeadBucket, 503 SlowDown, call 1\n  - hangs\n")
    assert "2/1/1" in REPORT.whole()


def test_calls_that_no_scenario_makes_are_named(tmp_path: Path) -> None:
    (tmp_path / "calls.py").write_text('call("iam", "GetRole"); call("iam", "ListRoles"); name("Anything")')
    assert untried(tmp_path, ["iam:GetRole", "s3:GetObject keys.json"]) == ["ListRoles"]


def test_figures_replace_figures() -> None:
    once = with_figures(f"a\n{BEGIN}\n\nold\n\n{END}\nb", "new")
    assert once == f"a\n{BEGIN}\n\nnew\n\n{END}\nb"
    assert with_figures(once, "new") == once


def test_the_page_has_a_place_for_them() -> None:
    assert "\n\nnew\n\n" in with_figures(PAGE.read_text(encoding="utf-8"), "new")
    with pytest.raises(ValueError, match="no place"):
        with_figures("a page", "new")
