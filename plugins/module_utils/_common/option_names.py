# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What messages call an option: by its name in a task or, if a role or a playbook sets it, by the name of the variable
that the user has set.

The action of such a role or playbook passes the beginning of its variables' names as the option ``OPTION``. A module
does its work once and ends, so this is the state of the process.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import re
import typing as t

OPTION = "variable_prefix"
SPEC: dict[str, t.Any] = {OPTION: dict(type="str", default="")}

# Variables whose names are not the prefix and the name of the option.
_OTHERS = {
    "irsa_issuer_timeout": "irsa_issuer_verify_timeout",
    "irsa_issuer_kubeconfig": "irsa_kubeconfig",
    "irsa_issuer_kube_context": "irsa_kube_context",
    "irsa_issuer_public_paths": "irsa_issuer_bucket_public_paths",
}

# Messages name an option with its variable beside it: "overwrite (irsa_issuer_overwrite)". "the prefix
# (irsa_issuer_prefix)" reads as well in a task, and a name alone has no article.
_BOTH = re.compile(r"\b(?:the )?(\w+) \((irsa_(?:issuer_)?\1)\)")

_state = {"prefix": ""}


def begin_with(prefix: str) -> None:
    """Call each option by the variable whose name begins with this; empty for a task that sets the options itself."""
    _state["prefix"] = prefix


def called(option: str) -> str:
    """Return what the user calls an option."""
    name = f"{_state['prefix']}{option}"
    return _OTHERS.get(name, name)


def as_called(text: str) -> str:
    """Return a message that names options beside their variables with only the variables, if the user has set those."""
    return _BOTH.sub(r"\2", text) if _state["prefix"] else text
