# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that look like ones of this collection, but that nothing reads. Ansible itself says nothing about them."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import printable
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._known_variables import NAMES, PREFIXES

# How such a name begins, in the forms in which it is typed.
_STARTS = ("irsa", "isra", "IRSA", "Irsa")
# How like another name one must be, between 0 and 1: to be suggested instead of one with our prefix, and to be taken
# for a misspelt one at all without our prefix. Users have variables of their own, such as irsa_hosts_prod.
_MIN_SUGGESTED, _MIN_MISSPELT = 0.6, 0.88
# How much more like a name a variable of another role must be: irsa_issuer_audience means irsa_issuer_audiences, not
# irsa_injection_audience.
_OTHER_ROLE = 0.1
# What it counts that one name begins with the other: irsa_issuer_bucket_name means irsa_issuer_bucket, not
# irsa_issuer_bucket_namespace.
_WITH_SUFFIX = 0.15
# The start of variables that several roles share.
_SHARED = "irsa_"

Variables = t.Mapping[str, t.Any]


def warn_of_misspelt(variables: Variables) -> None:
    """Warn of each variable of a task that is a misspelt one of ours. Ansible prints the same warning only once."""
    for name in unknown(variables):
        suggestion = _suggestion(name)
        if suggestion is None and not name.startswith(PREFIXES):
            continue
        hint = f" Did you mean {suggestion}?" if suggestion else ""
        Display().warning(f"No role or playbook of selfhosted.irsa has a variable {printable(name)}.{hint}")


def unknown(variables: Variables) -> list[str]:
    """Return the variables that may be misspelt ones of ours, without results that users have registered."""
    # Before anything else, since nearly every run has none of them.
    names = [name for name in variables if name[:4] in _STARTS and name not in NAMES]
    return [name for name in names if not _is_registered(variables[name])]


def _is_registered(value: t.Any) -> bool:
    return isinstance(value, t.Mapping) and "changed" in value


def _suggestion(name: str) -> str | None:
    """Return the variable that a name is most like, None if it is like none."""
    likeness, best = max((_likeness(name, known), known) for known in NAMES)
    return best if likeness >= (_MIN_SUGGESTED if name.startswith(PREFIXES) else _MIN_MISSPELT) else None


def _likeness(name: str, known: str) -> float:
    """Return how like two names are, from 0 to 1. What they have in common by a prefix does not count."""
    import difflib  # noqa: PLC0415, for those who have misspelt something

    if name.startswith(PREFIXES):
        prefix, known_prefix = _prefix(name), _prefix(known)
        name, known = name.removeprefix(prefix), known.removeprefix(known_prefix)
        likeness = difflib.SequenceMatcher(None, name, known).ratio()
        if name.startswith(f"{known}_"):
            likeness += _WITH_SUFFIX
        return likeness - (0 if known_prefix in (prefix, _SHARED) else _OTHER_ROLE)
    return difflib.SequenceMatcher(None, name.lower().replace("-", "_"), known).ratio()


def _prefix(name: str) -> str:
    return next((prefix for prefix in PREFIXES if name.startswith(prefix)), _SHARED)
