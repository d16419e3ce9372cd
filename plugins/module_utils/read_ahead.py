# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Reads that do not depend on one another, made at the same time."""

from __future__ import annotations

import concurrent.futures
import typing as t

# As many as one issuer has to read at once; botocore keeps ten connections.
_MOST_AT_ONCE = 8

_Key = t.Tuple[str, str, t.FrozenSet[t.Tuple[str, t.Any]]]


def _key(service: str, operation: str, params: t.Mapping[str, t.Any]) -> _Key:
    return service, operation, frozenset(params.items())


class ReadAhead:
    """Calls that were begun before their answer is asked for. Each answer is handed out once: who asks again reads
    again.
    """

    def __init__(self) -> None:
        self._pool: t.Optional[concurrent.futures.ThreadPoolExecutor] = None
        self._begun: dict[_Key, concurrent.futures.Future[t.Any]] = {}

    def begin(self, service: str, operation: str, params: t.Mapping[str, t.Any], work: t.Callable[..., t.Any]) -> None:
        """Start ``work(**params)`` beside others, unless that read has been begun."""
        key = _key(service, operation, params)
        if key in self._begun:
            return
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(_MOST_AT_ONCE)
        self._begun[key] = self._pool.submit(work, **params)

    def take(
        self, service: str, operation: str, params: t.Mapping[str, t.Any]
    ) -> t.Optional[concurrent.futures.Future[t.Any]]:
        """The read that was begun with these parameters, None where there is none."""
        return self._begun.pop(_key(service, operation, params), None) if self._begun else None

    def forget(self) -> None:
        """Whatever was begun and not asked for is out of date, as before a write."""
        for future in self._begun.values():
            future.cancel()
        self._begun.clear()
