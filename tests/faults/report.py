# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of all trials: tables for docs/reliability.md, and one of every call and every kind of fault."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from .kinds import KINDS
from .scenarios import SCENARIOS
from .trials import MESSAGE, SURVIVED, WRONG, Verdict

BEGIN = "<!-- begin: figures, written by `make faults` -->"
END = "<!-- end: figures -->"

_OUTCOMES = (SURVIVED, MESSAGE, WRONG)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """
    :ivar made: when and of what, as a sentence
    :ivar untried: operations that the collection can call, and no scenario does; None if not all were tried
    """

    verdicts: Sequence[Verdict]
    made: str
    untried: Sequence[str] | None = None

    @property
    def wrong(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.outcome == WRONG]

    def summary(self) -> str:
        """:return: one line"""
        counts = Counter(verdict.outcome for verdict in self.verdicts)
        parts = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in _OUTCOMES)
        return f"{len(self.verdicts):,} tries: {parts}"

    def figures(self) -> str:
        """:return: what stands in docs/reliability.md, in Markdown"""
        titles = {scenario.name: scenario.title for scenario in SCENARIOS}
        by_playbook = [verdict for verdict in self.verdicts if verdict.trial.by_playbook]
        return "\n\n".join(
            [
                f"{self.made} {self.summary()}. {len(by_playbook):,} of them were made by `ansible-playbook`.",
                self._table("scenario", [*titles], lambda verdict: verdict.trial.scenario, titles=titles),
                self._table("fault", [kind.name for kind in KINDS], lambda verdict: verdict.trial.kind),
                self._table("call", self._labels(), lambda verdict: verdict.trial.label),
                *self._unmade(),
            ]
        )

    def whole(self) -> str:
        """:return: the figures, every call with every kind of fault, and what was wrong, in Markdown"""
        return "\n\n".join([self.figures(), self._grid(), *self._wrong_ones()]) + "\n"

    def _unmade(self) -> Iterator[str]:
        if self.untried is not None:
            yield f"Calls that the collection can make and no scenario does: {', '.join(self.untried) or 'none'}."

    def _labels(self) -> list[str]:
        return list(dict.fromkeys(verdict.trial.label for verdict in self.verdicts))

    def _table(
        self,
        head: str,
        names: Sequence[str],
        name_of: Callable[[Verdict], str],
        *,
        titles: dict[str, str] | None = None,
    ) -> str:
        counts = Counter((name_of(verdict), verdict.outcome) for verdict in self.verdicts)
        rows = []
        for name in names:
            figures = [counts[name, outcome] for outcome in _OUTCOMES]
            if any(figures):
                rows.append([(titles or {}).get(name, name), f"{sum(figures):,}", *(f"{each:,}" for each in figures)])
        return _markdown([head, "tries", *_OUTCOMES], rows)

    def _grid(self) -> str:
        """A cell says how many tries were survived, ended in a message, and went wrong."""
        counts = Counter((verdict.trial.label, verdict.trial.kind, verdict.outcome) for verdict in self.verdicts)
        kinds = [kind.name for kind in KINDS]

        def cell(label: str, kind: str) -> str:
            figures = [counts[label, kind, outcome] for outcome in _OUTCOMES]
            return "/".join(map(str, figures)) if any(figures) else ""

        rows = [[label, *(cell(label, kind) for kind in kinds)] for label in self._labels()]
        return _markdown([f"call ({'/'.join(_OUTCOMES)})", *kinds], rows)

    def _wrong_ones(self) -> Iterator[str]:
        for verdict in self.wrong:
            yield f"- {verdict.trial.name}\n" + "\n".join(f"  - {fault}" for fault in verdict.faults)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def with_figures(page: str, figures: str) -> str:
    """:return: the page with the figures between its two comments replaced"""
    head, begin, rest = page.partition(BEGIN)
    dummy, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"There is no place for figures between {BEGIN} and {END}")
    return f"{head}{begin}\n\n{figures}\n\n{end}{tail}"
