# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-core finds wrong with the types of variables, without the names of its own classes."""

from __future__ import annotations

import re
import typing as t

# ansible.module_utils.common.parameters: _validate_argument_types, _validate_elements. Compiled only if needed.
_TYPE = r"argument '(?P<name>\w+)' is of type .{1,200}? and we were unable to convert to (?P<kind>\w+): "
_ELEMENTS = r"Elements value for option '(?P<name>\w+)' is of type .{1,200}? convert to (?P<kind>\w+): "

_KINDS = {
    "bool": "true or false",
    "dict": "a dictionary",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a text",
}


def in_plain_words(problems: t.Iterable[str]) -> list[str]:
    """Return the problems that an ArgumentSpecValidator has found, each as a sentence about the variable."""
    return [_in_plain_words(problem) for problem in problems]


def not_text(spec: t.Mapping[str, t.Mapping[str, t.Any]], given: t.Mapping[str, t.Any]) -> list[str]:
    """Return a problem for each list or dictionary that is given where a text belongs: Ansible would take its Python
    form, and so make a file with that name.
    """
    return [
        f"{name} is {'a dictionary' if isinstance(value, t.Mapping) else 'a list'}; expected a single text."
        for name, value in given.items()
        if name in spec and spec[name].get("type") in ("str", "path") and isinstance(value, (list, tuple, t.Mapping))
    ]


def _in_plain_words(problem: str) -> str:
    for pattern, what in ((_TYPE, "is not"), (_ELEMENTS, "is not a list in which each item is")):
        match = re.match(pattern, problem)
        if match is not None and match["kind"] in _KINDS:
            return f"{match['name']} {what} {_KINDS[match['kind']]}."
    return problem
