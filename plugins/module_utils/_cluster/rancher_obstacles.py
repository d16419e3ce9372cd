# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which line of other files keeps a file of our own from leading to the expected arguments of k3s and RKE2."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import rancher_drop_in
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_arguments import (
    APPENDED,
    PREPENDED,
    Line,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted

# A line, and the file that it is in; None: the service's command.
Placed = tuple["str | None", Line]


def obstacle(placed: t.Sequence[Placed], base: t.Sequence[str], expected: t.Sequence[str], *, service: str) -> str:
    """Return which line keeps us from coming from the values in other files to the expected ones."""
    for path, each in placed:
        if path and _leads_without(each, base, expected):
            if each.value not in expected:
                remedy = "Remove that line"
            else:
                sign = PREPENDED if expected[0] == each.value else APPENDED
                remedy = f"Write {quoted(each._replace(sign=sign).text)} there instead"
            return (
                f"its file {quoted(path)} has {quoted(each.text)}, and this role changes no file but its own. "
                f"{remedy}, and restart {service}"
            )
    return f"no file beside those that it has leads from {listed(base)} to {listed(expected)}"


def _leads_without(each: Line, base: t.Sequence[str], expected: t.Sequence[str]) -> bool:
    """Whether a line is in the way: without its value, others could be added."""
    left = [value for value in base if value != each.value]
    rest = [value for value in expected if value != each.value] if each.value in expected else expected
    try:
        rancher_drop_in.lines(each.name, left, rest)
    except Fault:
        return False
    return True
