# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace secrets in what is shown, also where only a part of one is shown or it is spelled in another way.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import re
import typing as t

MASK = "********"

# So many letters and digits of a secret in a row are hidden. By chance they are nowhere else.
_WINDOW = 16
# Shorter secrets disclose nothing, and masking them everywhere would make an output unreadable.
MIN_CHARACTERS = 8
# A text has at most this many windows; a longer one is also compared as a whole.
_MAX_LETTERS = 100_000

# What comes between the letters and digits of a secret where it is quoted, escaped, encoded for URLs or broken into
# lines. An escaped letter counts as the letters of its escape sequence.
_NOISE = re.compile(
    r"\\+(?:x(?![2-7])[0-9a-fA-F]{2}|u(?!00[2-7])[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[abfnrtv0])|%[0-9a-fA-F]{2}|[^A-Za-z0-9\\%]+|[\\%]"
)
_PEM_BOUNDARY = re.compile(r"-----(?:BEGIN|END)[^-]*-----")


def letters_of(text: str) -> str:
    """Return the letters and digits of a text, without what quoting, escaping and line breaks add."""
    return _NOISE.sub("", text)


class Redaction:
    """Hides ``secrets`` in values of any type."""

    def __init__(self, secrets: t.Iterable[str]) -> None:
        self.secrets: set[str] = set()
        self._short: set[str] = set()
        self._windows: set[str] = set()
        for secret in secrets:
            self._add(secret)

    def _add(self, secret: str) -> None:
        if len(secret) < MIN_CHARACTERS:
            return
        self.secrets.add(secret)
        letters = letters_of(_PEM_BOUNDARY.sub(" ", secret)).lower()[:_MAX_LETTERS]
        if len(letters) < _WINDOW:
            self._short.add(secret)
        self._windows.update(letters[start : start + _WINDOW] for start in range(len(letters) - _WINDOW + 1))

    def over(self, value: t.Any) -> t.Any:
        """Return a value without secrets, at any depth and in the names of members, too."""
        if not self.secrets:
            return value
        try:
            return self._over(value)
        except RecursionError:
            return MASK

    def _over(self, value: t.Any) -> t.Any:
        if isinstance(value, str):
            return self._over_text(value)
        if isinstance(value, dict):
            return {self._over(name): self._over(inner) for name, inner in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._over(inner) for inner in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return MASK if self._over_text(str(value)) != str(value) else value
        return value

    def _over_text(self, text: str) -> str:
        if len(text) < MIN_CHARACTERS:
            return text
        if text in self.secrets:
            return MASK
        for secret in self._short:
            text = text.replace(secret, MASK)
        letters = letters_of(text).lower()
        hidden = [
            start for start in range(len(letters) - _WINDOW + 1) if letters[start : start + _WINDOW] in self._windows
        ]
        return self._cut_out(text, hidden) if hidden else text

    @staticmethod
    def _cut_out(text: str, hidden: list[int]) -> str:
        """Replace the windows that begin at these letters, with what stands between their letters."""
        positions: list[int] = []
        end = 0
        for noise in _NOISE.finditer(text):
            positions += range(end, noise.start())
            end = noise.end()
        positions += range(end, len(text))
        parts: list[str] = []
        shown_from = 0
        for start in hidden:
            first, last = positions[start], positions[start + _WINDOW - 1]
            if first >= shown_from:
                # Windows that overlap are one secret.
                parts += [text[shown_from:first], MASK] if first > shown_from or not parts else []
            shown_from = max(shown_from, last + 1)
        return "".join([*parts, text[shown_from:]])
