# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of ansible-core that are not public and that direct execution uses.

The plugins also use ``_task``, ``_connection`` and ``_loader`` of ActionBase, as most action plugins do. What is
risked, and how tests notice it, is in docs/decisions/0001-direct-execution.md. If one of the names here is missing,
``UNAVAILABLE`` says which, and modules are shipped as usual.
"""

from __future__ import annotations

import contextlib
import json
import typing as t

from ansible.plugins.action import ActionBase

try:
    from ansible.module_utils.common.json import Direction, get_module_decoder, get_module_encoder

    # Documented for tests; it is how core hands a module its arguments in a process that it did not start.
    from ansible.module_utils.testing import patch_module_args

    UNAVAILABLE: str | None = None
except ImportError as error:
    UNAVAILABLE = str(error)

_METHODS = ("_update_module_args", "_compute_environment_string", "_parse_returned_data", "_execute_module")
_missing_methods = [name for name in _METHODS if not hasattr(ActionBase, name)]
if _missing_methods:
    UNAVAILABLE = f"ansible-core has no ActionBase.{_missing_methods[0]}"

# The serialization profile of Python modules, which patch_module_args uses, too.
_PROFILE = "legacy"


def module_arguments(
    action: ActionBase, task_vars: dict[str, t.Any], *, name: str, temporary_folder: str
) -> dict[str, t.Any]:
    """The task's arguments for a module, with what core adds for every module: check mode, diff and so on."""
    arguments = dict(action._task.args)
    action._update_module_args(name, arguments, task_vars)
    # Core removes this folder at its end; workers run no exit handlers of their own.
    arguments["_ansible_tmpdir"] = temporary_folder
    return arguments


def task_environment(action: ActionBase) -> dict[str, t.Any]:
    """What the task's ``environment`` sets, templated."""
    environment: dict[str, t.Any] = {}
    action._compute_environment_string(environment)
    return environment


def with_arguments(arguments: dict[str, t.Any]) -> contextlib.AbstractContextManager[None]:
    """Within it, an AnsibleModule takes these arguments."""
    context: contextlib.AbstractContextManager[None] = patch_module_args(arguments)
    return context


def parse_result(action: ActionBase, printed: str, return_code: int) -> dict[str, t.Any]:
    """A task's result from what a module printed, as core parses it."""
    result = json.loads(printed, cls=get_module_decoder(_PROFILE, Direction.MODULE_TO_CONTROLLER))
    # In the controller's process warnings and deprecations reach Display at once, and the task's result through it.
    result.pop("warnings", None)
    result.pop("deprecations", None)
    stdout = json.dumps(result, cls=get_module_encoder(_PROFILE, Direction.MODULE_TO_CONTROLLER))
    raw = {"rc": return_code, "stdout": stdout, "stderr": "", "stdout_lines": [], "stderr_lines": []}
    parsed = action._parse_returned_data(raw, _PROFILE)
    if isinstance(parsed, dict):  # ansible-core 2.19 and 2.20
        from ansible.vars.clean import remove_internal_keys  # noqa: PLC0415, newer ones no longer need it

        remove_internal_keys(parsed)
        return parsed
    parsed.remove_internal_keys()
    as_dict: dict[str, t.Any] = parsed.as_result_dict(for_round_trip=True)
    return as_dict


def ship_module(action: ActionBase, task_vars: dict[str, t.Any], name: str | None) -> dict[str, t.Any]:
    """Run a module (None: the one with the action's name) as core does: packed, sent to the host, started there."""
    wrap_async = bool(action._task.async_val)
    result: dict[str, t.Any] = action._execute_module(module_name=name, task_vars=task_vars, wrap_async=wrap_async)
    if not wrap_async:
        action._remove_tmp_path(action._connection._shell.tmpdir)
    return result


def template(action: ActionBase, value: t.Any) -> t.Any:
    """A variable's value, templated."""
    return action._templar.template(value)


def template_with(action: ActionBase, value: t.Any, variables: t.Mapping[str, t.Any]) -> t.Any:
    """A variable's value, templated with other variables than those of the task."""
    return action._templar.copy_with_new_env(available_variables=dict(variables)).template(value)


def task_id(action: ActionBase) -> str:
    """What tells the task from every other one of the run, for all hosts alike."""
    return str(action._task._uuid)
