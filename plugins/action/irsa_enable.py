# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the variables of playbook enable before any of its roles runs."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _ansible_internals, _enable_variables

_TIMEOUT = 10.0

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "pattern": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _unused, options = self.validate_argument_spec(ARGUMENT_SPEC)
        variables = task_vars or {}
        values = {
            name: _ansible_internals.template(self, variables[name])
            for name in _enable_variables.NAMES
            if name in variables
        }
        try:
            enabling = _enable_variables.read(values, hosts=_hosts(options, variables), folder=".")
            servers = [] if enabling.has_hosts else _servers(enabling)
        except IrsaError as error:
            return {**result, "failed": True, "changed": False, "msg": str(error)}
        return {**result, "changed": False, **dataclasses.asdict(enabling), "servers": servers}


def _hosts(options: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any]) -> _enable_variables.Hosts:
    return _enable_variables.Hosts(
        pattern=options["pattern"],
        matching=options["hosts"],
        of_play=variables["ansible_play_hosts_all"],
        limited="ansible_limit" in variables,
    )


def _servers(enabling: _enable_variables.Enabling) -> list[dict[str, t.Any]]:
    """The API servers that the cluster names, for a run that cannot reach their hosts. Raises IrsaError."""
    # The kubernetes library takes longer to import than everything else.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import (  # noqa: PLC0415
        accepted_issuers,
        api_server,
    )

    if api_server.KUBERNETES_IMPORT_ERROR is not None:
        raise IrsaError(
            "irsa_kubeconfig needs the Python library kubernetes, which cannot be imported on the controller: "
            f"{api_server.KUBERNETES_IMPORT_ERROR}. Install it for the Python of ansible-playbook."
        )
    api = api_server.ApiServer(str(enabling.kubeconfig), _TIMEOUT, enabling.kube_context)
    return [dataclasses.asdict(server) for server in accepted_issuers.of_cluster(api)]
