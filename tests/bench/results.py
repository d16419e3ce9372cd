# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured, and what follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """What one run cost: seconds, seconds, bytes and API calls."""

    wall: float
    cpu: float
    memory: int
    calls: int


@dataclass(frozen=True)
class Series:
    """The runs that are repetitions of one another.

    :ivar contestant: its key
    :ivar far: with the network between
    """

    contestant: str
    phase: str
    far: bool = False


@dataclass(frozen=True)
class Spread:
    """The least, the middle and the most of several figures."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread | None:
        """:return: nothing where there are no figures"""
        return cls(min(figures), statistics.median(figures), max(figures)) if figures else None


Figure = Callable[[Sample], float]


def wall(sample: Sample) -> float:
    return sample.wall


def cpu(sample: Sample) -> float:
    return sample.cpu


def calls(sample: Sample) -> float:
    return sample.calls


def memory(sample: Sample) -> float:
    return sample.memory


@dataclass
class Results:
    """All samples, in the order in which they were taken.

    :ivar missing: of contestants that could not be run the reason, by their keys
    """

    samples: dict[Series, list[Sample]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, series: Series, sample: Sample) -> None:
        self.samples.setdefault(series, []).append(sample)

    def figures(self, series: Series, figure: Figure) -> list[float]:
        return [figure(sample) for sample in self.samples.get(series, [])]

    def spread(self, series: Series, figure: Figure) -> Spread | None:
        return Spread.of(self.figures(series, figure))

    def median(self, series: Series, figure: Figure) -> float | None:
        found = self.spread(series, figure)
        return found.median if found else None

    def paired(
        self, one: Series, other: Series, *, figure: Figure, combine: Callable[[float, float], float]
    ) -> Spread | None:
        """Combines each repetition's two figures, which were taken close to one another: a machine that slows down
        between two repetitions slows both.
        """
        return Spread.of(list(map(combine, self.figures(one, figure), self.figures(other, figure))))

    def ratio(self, one: Series, other: Series, figure: Figure = wall) -> Spread | None:
        return self.paired(one, other, figure=figure, combine=lambda mine, theirs: mine / theirs)
