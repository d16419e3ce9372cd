# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables in Markdown, and figures as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from .results import Spread

NOT_SHOWN = "not shown"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """:return: a table whose first column is text and whose others are figures"""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def number(value: float | None) -> str:
    """:return: three digits, or all that stand before the point"""
    if value is None:
        return NOT_SHOWN
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 1 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def three(spread: Spread | None) -> list[str]:
    """:return: minimum, median, maximum, each a cell"""
    if spread is None:
        return [NOT_SHOWN, NOT_SHOWN, NOT_SHOWN]
    return [number(spread.least), f"**{number(spread.median)}**", number(spread.most)]


def range_of(spread: Spread | None) -> str:
    """:return: the median with minimum and maximum in one cell"""
    if spread is None:
        return NOT_SHOWN
    if spread.least == spread.most:
        return number(spread.median)
    return f"{number(spread.median)} ({number(spread.least)} to {number(spread.most)})"
