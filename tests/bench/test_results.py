# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark makes of its figures."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.contestants.contestant import FIRST, UNCHANGED
from tests.bench.goals import goals
from tests.bench.results import Results, Sample, Series, Spread, cpu, wall
from tests.bench.tables import NOT_SHOWN, number, range_of, table, three

ROLE, PINGS = Series("role", UNCHANGED), Series("pings", UNCHANGED)


def results(figures: dict[Series, list[float]]) -> Results:
    """Runs that took so many seconds, twice as much CPU, half a GiB and seven calls."""
    found = Results()
    for series, seconds in figures.items():
        for second in seconds:
            found.add(series, Sample(wall=second, cpu=2 * second, memory=2**29, calls=7))
    return found


def test_a_spread_of_an_even_and_an_odd_number() -> None:
    assert Spread.of([4.0, 1.0, 3.0]) == Spread(1.0, 3.0, 4.0)
    assert Spread.of([4.0, 1.0]) == Spread(1.0, 2.5, 4.0)
    assert Spread.of([]) is None


def test_ratios_are_made_within_a_repetition() -> None:
    found = results({ROLE: [1.0, 10.0, 3.0], PINGS: [2.0, 20.0, 4.0]})
    assert found.ratio(ROLE, PINGS) == Spread(0.5, 0.5, 0.75)
    assert found.median(ROLE, cpu) == 6.0
    assert found.ratio(ROLE, Series("terraform-1", UNCHANGED)) is None


def by_title(found: Results) -> dict[str, Any]:
    return {goal.title: (goal.found.median if goal.found else None, goal.reached) for goal in goals(found)}


def test_a_goal_is_reached_missed_or_not_shown() -> None:
    near, far = Series("role-account", UNCHANGED), Series("role-account", UNCHANGED, far=True)
    shown = by_title(
        results(
            {
                ROLE: [1.2],
                PINGS: [2.0],
                Series("role", FIRST): [1.7],
                near: [1.0, 2.0, 3.0],
                far: [1.8, 2.8, 4.6],
                Series("fleet-10", UNCHANGED): [9.0, 10.0, 20.0],
                Series("fleet-1000", UNCHANGED): [1100.0],
                Series("empty", UNCHANGED): [1.0],
                Series("terraform-1", UNCHANGED): [4.0],
            }
        )
    )
    assert shown["unchanged, 1 cluster, against five pings"] == (0.6, True)
    assert shown["first run, 1 cluster, key created, against five pings"] == (0.85, False)
    assert shown["unchanged against the amazon.aws playbook"] == (None, None)
    assert shown["unchanged against Terraform, 1 cluster"] == (pytest.approx(0.3), False)
    # There for comparison, it is neither reached nor missed.
    assert shown["a play without a task against Terraform, 1 cluster"] == (0.25, None)
    assert shown["round trips, unchanged, account given"] == (pytest.approx(10.0), True)
    assert shown["CPU per cluster at 1,000 against 10, unchanged"] == (pytest.approx(1.1), True)
    assert shown["CPU per cluster at 1,000 against 10, first"] == (None, None)
    assert shown["peak memory of 1,000 clusters, GiB"] == (0.5, True)
    assert shown["API calls, unchanged"] == (7, True)


def test_every_goal_is_listed_also_when_nothing_is_known() -> None:
    nothing = by_title(Results())
    assert len(nothing) == 15
    assert set(nothing.values()) == {(None, None)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, NOT_SHOWN),
        (0.3044, "0.304"),
        (0.6, "0.6"),
        (1.444, "1.44"),
        (18.82, "18.8"),
        (8.0, "8"),
        (3300.0, "3,300"),
    ],
)
def test_figures_have_three_digits(value: float | None, expected: str) -> None:
    assert number(value) == expected


def test_a_table_shows_minimum_median_and_maximum() -> None:
    assert range_of(Spread(1.0, 2.5, 30.0)) == "2.50 (1 to 30)"
    assert range_of(Spread(2.0, 2.0, 2.0)) == "2"
    row = ["role", *three(Spread.of(results({ROLE: [1.5, 2.5]}).figures(ROLE, wall)))]
    assert table(["", "minimum", "median", "maximum"], [row]) == (
        "|  | minimum | median | maximum |\n| --- | ---: | ---: | ---: |\n| role | 1.50 | **2** | 2.50 |"
    )
