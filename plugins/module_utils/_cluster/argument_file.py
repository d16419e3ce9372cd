# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of MicroK8s with a program's arguments, and the same bytes with other arguments.

kubelite reads it, and no shell: empty lines and those that begin with # are left out, quotes fall away wherever they
are, every single space separates two arguments, and variables are replaced.
https://github.com/canonical/microk8s/tree/master/build-scripts/components/kubernetes/patches (options.go)
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Argument, Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# What Go takes for space: https://pkg.go.dev/unicode#IsSpace
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

# Shell variables, https://pkg.go.dev/os#Expand
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<plain>[A-Za-z_]\w*))", re.ASCII)

# A new line must come out of the file as it went in.
_WRITABLE = re.compile(r"""--[^\s"'$#]+""")


class ArgumentFile:
    """The file, and what its program gets. A variable that is not among the given ones stays as it is written."""

    def __init__(self, content: bytes, program: str, variables: t.Mapping[str, str]) -> None:
        # Bytes that are no UTF-8 stay what they are.
        self._lines = content.decode("utf-8", "surrogateescape").split("\n")
        self._variables = variables
        # The index of the line that each argument is on.
        self._places: list[int] = []
        texts: list[str] = []
        for index, line in enumerate(self._lines):
            parts = self._read(line)
            texts += parts
            self._places += [index] * len(parts)
        self.arguments = Arguments.of(texts, program)

    def _read(self, line: str) -> list[str]:
        line = line.strip(_SPACE)
        if not line or line.startswith("#"):
            return []
        return [_VARIABLE.sub(self._value, part) for part in line.replace('"', "").replace("'", "").split(" ")]

    def _value(self, found: re.Match[str]) -> str:
        return self._variables.get(found["braced"] or found["plain"], found[0])

    def with_arguments(self, new: Arguments) -> bytes:
        """Return the file with other arguments and otherwise the same bytes.

        ``new`` comes from ``arguments``. Raises Fault if that cannot be done safely.
        """
        kept = {item.origin for item in new.items if item.origin is not None}
        gone = self._lines_that_go(kept)
        before: dict[int, list[str]] = {}
        behind: dict[int, list[str]] = {}
        for position, item in enumerate(new.items):
            if item.origin is None:
                self._place(item.text, new.items[:position], new.items[position + 1 :], before=before, behind=behind)
        lines: list[str] = []
        for index, line in enumerate(self._lines):
            lines += before.get(index, [])
            if index not in gone:
                lines.append(line)
            lines += behind.get(index, [])
        return "\n".join(lines).encode("utf-8", "surrogateescape")

    def _lines_that_go(self, kept: set[int]) -> set[int]:
        """Return the lines of which no argument stays. Raises Fault for a line of which only some stay."""
        gone = {place for index, place in enumerate(self._places) if index not in kept}
        for index in kept:
            if self._places[index] in gone:
                raise Fault(
                    f"its line {self._places[index] + 1} has several arguments. Write each on a line of its own"
                )
        return gone

    def _place(
        self,
        text: str,
        above: t.Sequence[Argument],
        below: t.Sequence[Argument],
        *,
        before: dict[int, list[str]],
        behind: dict[int, list[str]],
    ) -> None:
        """Add a line in front of the next argument if that is the same flag, else behind the one before it."""
        if not _WRITABLE.fullmatch(text):
            raise Fault(f"{quoted(text)} cannot stand in it, since spaces, quotes, $ and # have a meaning there")
        following = next((item for item in below if item.origin is not None), None)
        leading = next((item for item in reversed(above) if item.origin is not None), None)
        if following and following.origin is not None and (not leading or _flag(following.text) == _flag(text)):
            index = self._places[following.origin]
            before.setdefault(index, []).append(text + self._end(index))
        elif leading and leading.origin is not None:
            index = self._places[leading.origin]
            behind.setdefault(index, []).append(text + self._end(index))
        else:
            raise Fault("it has no arguments")

    def _end(self, index: int) -> str:
        return "\r" if self._lines[index].endswith("\r") else ""


def _flag(text: str) -> str:
    return text.partition("=")[0].replace("_", "-")
