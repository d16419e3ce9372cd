# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of all action plugins: it runs a module's own main() in the controller's process if it would run there
anyway.

Packing, starting and importing a module costs ten times as much as its work. If the connection is local, the
interpreter is the controller's own and the task does not become another user, the worker process calls ``main()``.
Argument spec, check mode, diff, no_log and errors are then the module's own, since it is the module that runs.
Otherwise the module is shipped, and ``-vvv`` says why. Decision 1 (docs/decisions) says what is risked.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import types
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash

from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _ansible_internals, _bytecode

# Before anything of module_utils is imported: action plugins import this file first.
_bytecode.keep()


class DirectAction(ActionBase):
    """Runs ``module.main()`` here, or ships the module.

    A subclass sets ``module`` to the imported module file, ``services`` to the AWS services whose clients it uses, and
    ``shipped_name`` if the module has another name than the action.
    """

    module: types.ModuleType
    services: t.Sequence[str] = ()
    shipped_name: str | None = None
    _supports_check_mode = True
    _supports_async = True

    def __init_subclass__(cls, **options: t.Any) -> None:
        """Ansible imports an action plugin before it forks its workers, which then share what is parsed here."""
        super().__init_subclass__(**options)
        if "services" in cls.__dict__:
            # Modules without AWS need not wait for boto3.
            from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.clients import warm  # noqa: PLC0415

            warm(cls.services)

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        reason = self._reason_to_ship(task_vars)
        if reason is None:
            return self._merged(result, self._run_here(task_vars))
        Display().vvv(f"selfhosted.irsa: {self.shipped_name or self._task.action} is shipped as a module: {reason}")
        return self._merged(result, self._ship(task_vars))

    @staticmethod
    def _merged(result: dict[str, t.Any], more: dict[str, t.Any]) -> dict[str, t.Any]:
        merged: dict[str, t.Any] = merge_hash(result, more)
        return merged

    def _ship(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run the module the usual way."""
        return _ansible_internals.ship_module(self, task_vars, self.shipped_name)

    def _reason_to_ship(self, task_vars: dict[str, t.Any]) -> str | None:
        """Why the module must be run the usual way; None if this process can run it."""
        host_vars = task_vars
        if self._task.delegate_to:
            host_vars = task_vars.get("ansible_delegated_vars", {}).get(self._task.delegate_to, task_vars)
        if _ansible_internals.UNAVAILABLE is not None:
            return _ansible_internals.UNAVAILABLE
        if not boolean(
            _ansible_internals.template(self, host_vars.get("irsa_direct", task_vars.get("irsa_direct", True))),
            strict=False,
        ):
            return "irsa_direct is false"
        if self._task.async_val:
            return "the task is async"
        if self._connection.transport != "local":
            return f"the connection is {self._connection.transport}"
        if self._connection.become and self._becomes_another_user():
            return "the task becomes another user"
        if C.DEFAULT_KEEP_REMOTE_FILES:
            return "ANSIBLE_KEEP_REMOTE_FILES is set"
        if threading.current_thread() is not threading.main_thread():
            return "this is not a worker process"
        python = _ansible_internals.template(self, C.config.get_config_value("INTERPRETER_PYTHON", variables=host_vars))
        if python and not str(python).startswith("auto") and not _is_own_python(str(python)):
            return f"the interpreter is {python}"
        return None

    def _becomes_another_user(self) -> bool:
        return bool(C.BECOME_ALLOW_SAME_USER or self.get_become_option("become_user") != self._connection.default_user)

    def _run_here(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        return_code = 0
        with self._as_module(self._module_arguments(task_vars)) as printed:
            try:
                self.module.main()
            except SystemExit as end:
                return_code = int(end.code or 0)
            except Exception as error:  # raised again in core's words for a module that broke
                raise AnsibleError("Module failed.") from error
        return _ansible_internals.parse_result(self, printed.getvalue(), return_code)

    def _module_arguments(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        name = self.shipped_name or self._task.action
        return _ansible_internals.module_arguments(self, task_vars, name=name, temporary_folder=C.DEFAULT_LOCAL_TMP)

    @contextlib.contextmanager
    def _as_module(self, arguments: dict[str, t.Any]) -> t.Iterator[io.StringIO]:
        """Give the module what its own process would have: environment, working directory, output, arguments. It can
        also tell the user what it waits for.
        """
        from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import (  # noqa: PLC0415, see above
            announced_by,
        )

        environment, folder, printed = dict(os.environ), os.getcwd(), io.StringIO()
        try:
            own = _ansible_internals.task_environment(self)
            os.environ.update({to_text(name): to_text(value, nonstring="simplerepr") for name, value in own.items()})
            os.chdir(self._loader.get_basedir())  # where core runs the modules of a local connection
            with (
                contextlib.redirect_stdout(printed),
                _ansible_internals.with_arguments(arguments),
                announced_by(_show_wait),
            ):
                yield printed
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)


def _show_wait(text: str) -> None:
    # Most runs wait for nothing.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import prose  # noqa: PLC0415
    from ansible_collections.selfhosted.irsa.plugins.plugin_utils._printer import Printer  # noqa: PLC0415

    Printer.here().show([prose(text)])


def _is_own_python(path: str) -> bool:
    """Whether a path is the running interpreter.

    Another name for the same file in the same folder is, such as python and python3 of one virtual environment. Two
    virtual environments that link to one file are not.
    """
    own, other = os.path.abspath(sys.executable), os.path.abspath(path)
    same_folder = os.path.dirname(own) == os.path.dirname(other)
    return own == other or (same_folder and os.path.realpath(own) == os.path.realpath(other))
