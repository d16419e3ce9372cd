# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/benchmarks.md and its plot, from what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .contestants.contestant import FIRST, UNCHANGED, Contestant
from .contestants.pings import EmptyPlay
from .contestants.role import Role
from .distance import ROUND_TRIP
from .goals import STATE, goals
from .plot import Line, Plot, svg
from .results import Figure, Results, Series, calls, cpu, memory, wall
from .tables import NOT_SHOWN, number, range_of, table, three

TEXTS = Path(__file__).with_name("texts")
MIB = 2**20
LICENSE = re.compile(r"\A<!--.*?-->\s*", re.DOTALL)


@dataclass(frozen=True)
class Report:
    """All that a page is made of.

    :ivar date: as it is printed
    :ivar surroundings: names and values: machine, versions, repetitions
    :ivar single: contestants that were run for one cluster
    :ivar far: contestants that were run with the network between
    :ivar fleets: fleets and states, with the number of clusters of each, fewest first
    """

    date: str
    surroundings: Sequence[tuple[str, str]]
    results: Results
    single: Sequence[Contestant]
    far: Sequence[Contestant]
    fleets: Sequence[tuple[Contestant, int]]

    def markdown(self, plot: str) -> str:
        """:return: the page; plot: its file name"""
        notice = LICENSE.match((TEXTS / "method.md").read_text(encoding="utf-8"))
        assert notice
        return "\n\n".join(
            [
                notice[0].rstrip(),
                "# What it costs",
                f"Written by `make bench` on {self.date}. Everything on this page comes from one run on one machine.",
                "## Ratios and goals",
                "Wall time unless stated otherwise: minimum, median and maximum of the repetitions. Smaller is better.",
                self._goals(),
                "## One cluster",
                self._costs([Series(who.key, phase) for who in self.single for phase in who.phases]),
                f"## One cluster, {1000 * ROUND_TRIP:.0f} ms away",
                self._costs([Series(who.key, phase, far=True) for who in self.far for phase in who.phases]),
                "## Fleets",
                f"![CPU and wall time against the number of clusters]({plot})",
                self._fleets(),
                "## What it could not beat",
                *self._unbeaten(),
                *texts("commentary.md"),
                "## How it is measured",
                *texts("method.md"),
                "## Environment",
                table(["", ""], [[name, value] for name, value in self.surroundings]),
            ]
        )

    def _title(self, series: Series) -> str:
        everyone = [*self.single, *self.far, *(who for who, clusters in self.fleets)]
        return next(who.title for who in everyone if who.key == series.contestant)

    def _goals(self) -> str:
        words = {True: "yes", False: "**no**", None: ""}
        rows = [
            [goal.title, number(goal.most) if goal.most is not None else "", *three(goal.found), words[goal.reached]]
            for goal in goals(self.results)
        ]
        return table(["", "goal, at most", "minimum", "median", "maximum", "reached"], rows)

    def _costs(self, all_series: Sequence[Series]) -> str:
        rows = []
        for series in all_series:
            reason = self.results.missing.get(series.contestant)
            title = f"{self._title(series)}, {series.phase}"
            row = [range_of(self.results.spread(series, figure)) for figure in (wall, cpu, calls)]
            rows.append([title, *([f"{NOT_SHOWN}: {reason}", "", ""] if reason else row)])
        return table(["", "wall, s", "CPU, s", "API calls"], rows)

    def _fleets(self) -> str:
        rows = []
        for who, clusters in self.fleets:
            for phase in who.phases:
                series = Series(who.key, phase)
                seconds, work, requests, held = (
                    self.results.median(series, figure) for figure in (wall, cpu, calls, memory)
                )
                rows.append(
                    [
                        f"{who.title}, {phase}",
                        range_of(self.results.spread(series, wall)),
                        number(seconds / clusters if seconds else None),
                        number(work / clusters if work else None),
                        number(requests / clusters if requests else None),
                        number(held / MIB if held else None),
                    ]
                )
        head = ["", "wall, s", "wall per cluster, s", "CPU per cluster, s", "API calls per cluster", "memory, MiB"]
        return table(head, rows)

    def _unbeaten(self) -> Iterator[str]:
        """:return: the goals that were missed, and the contestants that were faster, by the figures"""
        missed = [goal for goal in goals(self.results) if goal.reached is False]
        lines = [f"- {goal.title}: {range_of(goal.found)}; the goal is {number(goal.most)}." for goal in missed]
        for who in self.single:
            for phase in who.phases:
                mine = self.results.median(Series("role", phase), wall)
                theirs = self.results.median(Series(who.key, phase), wall)
                if mine and theirs and theirs < mine and not isinstance(who, (Role, EmptyPlay)):
                    lines.append(f"- {who.title}, {phase}: {number(theirs)} s, the role {number(mine)} s.")
        unseen = [goal.title for goal in goals(self.results) if goal.found is None]
        if unseen:
            lines.append(f"- Not shown in this run: {'; '.join(unseen)}.")
        yield "\n".join(lines) if lines else "Nothing in this comparison."

    def plot(self) -> str:
        """:return: the drawing, as SVG"""
        return svg(
            [
                Plot("CPU per cluster, seconds", "clusters", list(self._lines(cpu, per_cluster=True))),
                Plot("wall, seconds", "clusters", list(self._lines(wall, per_cluster=False))),
            ]
        )

    def _lines(self, figure: Figure, *, per_cluster: bool) -> Iterator[Line]:
        lines = {
            "role, one bucket": {f"fleet-{clusters}" for who, clusters in self.fleets},
            "Terraform, a bucket each": {"terraform-1", f"terraform-{STATE}"},
            "Terraform, one bucket": {f"terraform-{STATE}-shared"},
        }
        for title, keys in lines.items():
            for phase in (FIRST, UNCHANGED):
                points = []
                for who, clusters in self.fleets:
                    median = self.results.median(Series(who.key, phase), figure)
                    if who.key in keys and median:
                        points.append((float(clusters), median / clusters if per_cluster else median))
                if points:
                    yield Line(f"{title}, {phase}", points)


def texts(name: str) -> Iterator[str]:
    """:return: what was written by hand, without its license, if there is anything"""
    content = LICENSE.sub("", (TEXTS / name).read_text(encoding="utf-8")).strip()
    if content:
        yield content
