# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What k3s and RKE2 make of kube-apiserver-arg and its like: their defaults and the user's lines, as flags.

A line is ``name=value``, which takes the place of the default, ``name+=value``, which goes behind, or ``name-=value``,
which goes in front.
https://github.com/k3s-io/k3s/blob/master/pkg/util/args.go
"""

from __future__ import annotations

import typing as t

APPENDED = "+"
PREPENDED = "-"
PLAIN = ""


class Line(t.NamedTuple):
    """One line: a flag's name, APPENDED, PREPENDED or PLAIN, and a value."""

    name: str
    sign: str
    value: str

    @property
    def text(self) -> str:
        return f"{self.name}{self.sign}={self.value}"


def line(text: str) -> Line:
    """Read a line. One without a value is ``true``."""
    left, has_value, value = text.removeprefix("--").partition("=")
    sign = left[-1:] if left.endswith((APPENDED, PREPENDED)) else PLAIN
    return Line(left.rstrip("-+"), sign, value if has_value else "true")


def merged(defaults: t.Mapping[str, str], lines: t.Iterable[Line]) -> list[str]:
    """Return the flags that the program gets. They are sorted by name; the values of one name keep their order."""
    given: dict[str, list[str]] = {}
    for each in lines:
        values = given.get(each.name)
        if values is None:
            values = [defaults[each.name]] if each.sign != PLAIN and each.name in defaults else []
        given[each.name] = [each.value, *values] if each.sign == PREPENDED else [*values, each.value]
    everything = {**{name: [value] for name, value in defaults.items()}, **given}
    # Go sorts strings by their bytes.
    names = sorted(everything, key=lambda name: name.encode("utf-8", "surrogatepass"))
    return [f"--{name.removeprefix('--')}={value}" for name in names for value in everything[name]]
