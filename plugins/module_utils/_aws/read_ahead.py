# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Reads that do not depend on one another, made at the same time."""

from __future__ import annotations

import concurrent.futures
import typing as t

# As many as one issuer has to read at once; botocore keeps ten connections.
_MOST_AT_ONCE = 8


class _Begun(t.NamedTuple):
    read: tuple[str, str, t.Mapping[str, t.Any]]
    answer: concurrent.futures.Future[t.Any]


class ReadAhead:
    """Calls that were begun before their answer is asked for. Each answer is handed out once: who asks again reads
    again.
    """

    def __init__(self) -> None:
        self._pool: t.Optional[concurrent.futures.ThreadPoolExecutor] = None
        self._begun: list[_Begun] = []

    def begin(self, service: str, operation: str, params: t.Mapping[str, t.Any], work: t.Callable[..., t.Any]) -> None:
        """Start ``work(**params)`` beside others, unless that read has been begun."""
        if self._find(service, operation, params) is not None:
            return
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(_MOST_AT_ONCE)
        self._begun.append(_Begun((service, operation, params), self._pool.submit(work, **params)))

    def take(
        self, service: str, operation: str, params: t.Mapping[str, t.Any]
    ) -> t.Optional[concurrent.futures.Future[t.Any]]:
        """The read that was begun with these parameters, None where there is none."""
        found = self._find(service, operation, params)
        if found is None:
            return None
        self._begun.remove(found)
        return found.answer

    def forget(self) -> None:
        """Whatever was begun and not asked for is out of date, as before a write."""
        for begun in self._begun:
            begun.answer.cancel()
        self._begun.clear()

    def _find(self, *read: t.Any) -> t.Optional[_Begun]:
        return next((begun for begun in self._begun if begun.read == read), None)
