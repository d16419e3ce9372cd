# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a private module that runs on cluster nodes returned to the action that ran it."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# What a failed step tells besides its message.
_DETAILS = ("log", "put_back")


def found_in(result: t.Mapping[str, t.Any], module: str) -> dict[str, t.Any]:
    """Return what a module found, given its result and its full name.

    Raises IrsaError if the module failed, and AnsibleActionFail if the interpreter could not even start it.
    """
    if result.get("failed"):
        details = {name: result[name] for name in _DETAILS if name in result}
        raise IrsaError(str(result.get("msg", "The module failed.")), **details)
    if "found" not in result:
        raise AnsibleActionFail(f"Module {module.rpartition('.')[2]} returned no result.", result=result)
    found: dict[str, t.Any] = result["found"]
    return found
