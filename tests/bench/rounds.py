# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs contestants by turns, so that whatever else the machine does falls on all of them."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .cloud import LOOPBACK, Cloud
from .contestants.contestant import Contestant
from .measuring import measure
from .results import Results, Sample, Series
from .surroundings import Surroundings


@dataclass(frozen=True)
class Entry:
    """A contestant and how it reaches AWS.

    :ivar port: the server's own, or that of the network before it
    """

    contestant: Contestant
    port: int
    far: bool = False


class Rounds:
    """Keeps what is measured in `results`.

    :param folder: for all that the runs write; what a run wrote is removed after it
    """

    def __init__(self, cloud: Cloud, folder: Path, collections: Path) -> None:
        self.results = Results()
        self._cloud = cloud
        self._folder = folder
        self._collections = collections
        self._numbers = itertools.count(1)

    def admit(self, contestants: Sequence[Contestant]) -> list[Contestant]:
        """:return: those that can be run here; of the others it is said why not, aloud and in the results"""
        admitted = []
        for contestant in contestants:
            reason = contestant.why_not(self._surroundings(self._cloud.port))
            if reason:
                self.results.missing[contestant.key] = reason
                print(f"NOT SHOWN: {contestant.title}: {reason}", flush=True)
            else:
                admitted.append(contestant)
        return admitted

    def alternate(self, entries: Sequence[Entry], repetitions: int) -> None:
        """Runs all of them once, then all of them again, each time beginning with another one."""
        for repetition in range(repetitions):
            turn = repetition % len(entries) if entries else 0
            for entry in [*entries[turn:], *entries[:turn]]:
                for phase, sample in self._run(entry):
                    self.results.add(Series(entry.contestant.key, phase, entry.far), sample)

    def warm_up(self, entries: Sequence[Entry]) -> None:
        """Runs all of them once for nothing: whatever Python compiles and the system reads from disk once is there
        then.
        """
        for entry in entries:
            self._run(entry)

    def _run(self, entry: Entry) -> list[tuple[str, Sample]]:
        surroundings = self._surroundings(entry.port)
        samples = []
        entry.contestant.prepare(surroundings)
        self._cloud.reset()
        for phase in entry.contestant.phases:
            cost = measure(entry.contestant.command(surroundings, phase))
            entry.contestant.check(phase, cost.output)
            sample = Sample(cost.wall, cost.cpu, cost.memory, self._cloud.calls())
            name = f"{entry.contestant.key}{', far' if entry.far else ''}, {phase}"
            print(f"{name}: {sample.wall:.2f} s, CPU {sample.cpu:.2f} s, {sample.calls} calls", flush=True)
            samples.append((phase, sample))
        shutil.rmtree(surroundings.folder)
        return samples

    def _surroundings(self, port: int) -> Surroundings:
        folder = self._folder / str(next(self._numbers))
        return Surroundings(folder, f"http://{LOOPBACK}:{port}", self._collections)
