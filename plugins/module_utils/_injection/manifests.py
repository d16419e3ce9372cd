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

from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import constants
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import names

FILE = "irsa-injection.yaml"

_HEADER = f"""\
# Written by role selfhosted.irsa.irsa_injection, which overwrites changes. To apply it by hand:
#
#   kubectl apply --server-side --filename {FILE}
#
# {names.LABEL_POLICY} labels service accounts with an IAM role as they are written. Older ones must be labelled once,
# or their pods get no credentials:
#
#   kubectl label serviceaccount --namespace NAMESPACE NAME {names.INJECT_LABEL}={constants.INJECT_VALUE}
"""


def to_yaml(documents: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    """Return the text of the file; the same documents are always the same text."""
    return _HEADER + yaml.dump_all(
        documents, Dumper=_dumper(), sort_keys=False, width=120, explicit_start=True, allow_unicode=True
    )


def _dumper() -> t.Any:
    class Dumper(yaml.SafeDumper):  # a class of our own, since representers are registered for a whole class
        def ignore_aliases(self, data: t.Any) -> bool:
            return True

    def text(dumper: t.Any, value: str) -> t.Any:
        # Expressions keep their lines, which quotes would join and escape.
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
