# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The goals of the collection, and what one run of the benchmark says about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .contestants.contestant import FIRST, UNCHANGED
from .distance import ROUND_TRIP
from .results import Results, Series, Spread, calls, cpu, memory, wall

GIB = 2**30
MANY, FEW = 1000, 10
STATE = 100


@dataclass(frozen=True)
class Goal:
    """One line of the table.

    :ivar most: the highest value that reaches the goal, or nothing if it is only for comparison
    :ivar found: the measured value, or nothing if it could not be measured
    """

    title: str
    most: float | None
    found: Spread | None

    @property
    def reached(self) -> bool | None:
        return self.found.median <= self.most if self.found and self.most is not None else None


def goals(results: Results) -> Iterator[Goal]:
    """:return: all goals, including those that nothing can be said about"""
    first, unchanged, pings = Series("role", FIRST), Series("role", UNCHANGED), Series("pings", UNCHANGED)
    yield Goal("unchanged, 1 cluster, against five pings", 0.6, results.ratio(unchanged, pings))
    yield Goal("first run, 1 cluster, key created, against five pings", 0.8, results.ratio(first, pings))
    amazon = Series("amazon.aws", UNCHANGED)
    yield Goal("unchanged against the amazon.aws playbook", 0.3, results.ratio(unchanged, amazon))
    terraform, nothing = Series("terraform-1", UNCHANGED), Series("empty", UNCHANGED)
    yield Goal("unchanged against Terraform, 1 cluster", 0.15, results.ratio(unchanged, terraform))
    yield Goal("a play without a task against Terraform, 1 cluster", None, results.ratio(nothing, terraform))
    for layout, ours, theirs in (("a bucket each", "-own", ""), ("one bucket", "", "-shared")):
        for phase in (UNCHANGED, FIRST):
            ratio = results.ratio(Series(f"fleet-{STATE}{ours}", phase), Series(f"terraform-{STATE}{theirs}", phase))
            yield Goal(f"{STATE} clusters, {layout}, {phase}, against Terraform's one state", 0.8, ratio)
    yield Goal("API calls, unchanged", 8, results.spread(unchanged, calls))
    yield Goal("API calls, first run", 12, results.spread(first, calls))
    yield Goal("round trips, unchanged, account given", 10, round_trips(results))
    for phase in (UNCHANGED, FIRST):
        yield Goal(f"CPU per cluster at {MANY:,} against {FEW}, {phase}", 1.1, cpu_growth(results, phase))
    yield Goal(f"peak memory of {MANY:,} clusters, GiB", 1, peak_memory(results))


def round_trips(results: Results) -> Spread | None:
    """:return: what the network's delay adds to an unchanged run, in its round trips"""
    near = Series("role-account", UNCHANGED)
    far = Series("role-account", UNCHANGED, far=True)
    return results.paired(far, near, figure=wall, combine=lambda slow, fast: (slow - fast) / ROUND_TRIP)


def cpu_growth(results: Results, phase: str) -> Spread | None:
    """:return: CPU per cluster in the largest fleet against that in a small one, whose repetitions are not the same
    number
    """
    few = results.median(Series(f"fleet-{FEW}", phase), cpu)
    many = results.figures(Series(f"fleet-{MANY}", phase), cpu)
    return Spread.of([(figure / MANY) / (few / FEW) for figure in many]) if few else None


def peak_memory(results: Results) -> Spread | None:
    figures = [
        figure / GIB
        for phase in (FIRST, UNCHANGED)
        for figure in results.figures(Series(f"fleet-{MANY}", phase), memory)
    ]
    return Spread.of(figures)
