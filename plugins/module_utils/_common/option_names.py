# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What messages call an option: by its name in a task or, if a role or a playbook sets it, by the name of the variable
that the user has set.

The action of such a role or playbook passes the beginning of its variables' names as the option ``HIDDEN``, which is in
the argument spec of the module but not in its documentation. A module does its work once and ends, so this is the state
of the process.
"""

from __future__ import annotations

import typing as t

HIDDEN = "_variable_prefix"
SPEC: dict[str, t.Any] = {HIDDEN: dict(type="str", default="")}

# Variables whose names are not the prefix and the name of the option.
_OTHERS = {
    "irsa_issuer_timeout": "irsa_issuer_verify_timeout",
    "irsa_issuer_kubeconfig": "irsa_kubeconfig",
    "irsa_issuer_kube_context": "irsa_kube_context",
}

_state = {"prefix": ""}


def begin_with(prefix: str) -> None:
    """Call each option by the variable whose name begins with this; empty for a task that sets the options itself."""
    _state["prefix"] = prefix


def called(option: str) -> str:
    """Return what the user calls an option."""
    name = f"{_state['prefix']}{option}"
    return _OTHERS.get(name, name)
