# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions that run a private module on the task's host, which is a cluster node, and take what it found."""

from __future__ import annotations

import contextlib
import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

# What a failed step tells besides its message.
_DETAILS = ("log", "put_back")
_PRIVATE = "private_key"
_OPTION = "pipelining"


class NodeAction(ActionBase):
    """An action that names its module for nodes, and whose ``run`` sets ``_variables`` to those of the task."""

    node_module: str
    _variables: dict[str, t.Any]

    def _node(self, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run the module on the task's host, and return what it found.

        Raises IrsaError if the module failed, or if it takes a private key that would get into a file on the way; and
        AnsibleActionFail if the interpreter could not even start it.
        """
        with self._pipelining() if arguments.get(_PRIVATE) else contextlib.nullcontext():
            result = self._execute_module(
                module_name=self.node_module, module_args=arguments, task_vars=self._variables
            )
        if result.get("failed"):
            details = {name: result[name] for name in _DETAILS if name in result}
            raise IrsaError(str(result.get("msg", "The module failed.")), **details)
        if "found" not in result:
            name = self.node_module.rpartition(".")[2]
            raise AnsibleActionFail(f"Module {name} returned no result.", result=result)
        found: dict[str, t.Any] = result["found"]
        return found

    @contextlib.contextmanager
    def _pipelining(self) -> t.Iterator[None]:
        """Within it, modules reach the host through the connection alone. Raises IrsaError if they cannot.

        Without pipelining, ansible-core writes both into a file on this machine, and copies that to the home of the
        user who logs in: https://docs.ansible.com/ansible/latest/reference_appendices/config.html#ansible-pipelining
        """
        before = self._connection.get_option(_OPTION) if self._connection.has_pipelining else False
        self._connection.set_option(_OPTION, True)
        try:
            obstacle = _obstacle(self._connection)
            if obstacle:
                raise IrsaError(f"The private key would get into files on its way to the host: {obstacle}")
            yield
        finally:
            self._connection.set_option(_OPTION, before)


def _obstacle(connection: t.Any) -> str | None:
    """Return what keeps modules from going through a connection alone, and what to do about it."""
    if constants.DEFAULT_KEEP_REMOTE_FILES:
        return "Ansible keeps them. Unset ANSIBLE_KEEP_REMOTE_FILES, and keep_remote_files in ansible.cfg."
    if not connection.has_pipelining:
        return f"connection {connection.transport} has no pipelining. Use another one, such as ssh."
    if not connection.is_pipelining_enabled():
        method = getattr(connection.become, "name", "become")
        return f"become method {method} has no pipelining. Use another one, such as sudo, or log in as root."
    return None
