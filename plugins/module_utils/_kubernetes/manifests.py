# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents as YAML that people read and tools apply."""

from __future__ import annotations

import typing as t

try:
    import yaml
except ImportError:  # ansible-core requires it, so it is there on the controller
    yaml = None  # type: ignore[assignment]  # a module is not Optional; without it no call here is reached


def to_yaml(header: str, documents: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    """Return the text of a file, with comments as its header; the same documents are always the same text."""
    return header + yaml.dump_all(
        documents, Dumper=_dumper(), sort_keys=False, width=120, explicit_start=True, allow_unicode=True
    )


def _dumper() -> t.Any:
    class Dumper(yaml.SafeDumper):  # a class of our own, since representers are registered for a whole class
        def ignore_aliases(self, data: t.Any) -> bool:
            return True

    def text(dumper: t.Any, value: str) -> t.Any:
        # What has several lines keeps them; quotes would join and escape them.
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
