# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks the variables of playbook enable before any of its roles runs, and says at the end what proves the run."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import (
    _ansible_internals,
    _enable_proof,
    _enable_variables,
    _play_hosts,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._misspelt import warn_of_misspelt

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# A playbook of a collection runs in the collection's folder, but relative paths start from the caller's.
_FOLDER = "."

Variables = t.Mapping[str, t.Any]

_TIMEOUT = 10.0

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "operation": {"type": "str", "choices": ["check", "proof"], "required": True},
    "hosts": {"type": "list", "elements": "str"},
    "pattern": {"type": "str"},
    "results": {"type": "dict"},
}
_REQUIRED_IF = [("operation", "check", ("hosts", "pattern")), ("operation", "proof", ("results",))]


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _unused, options = self.validate_argument_spec(ARGUMENT_SPEC, required_if=_REQUIRED_IF)
        variables = task_vars or {}
        try:
            operation = self._check if options["operation"] == "check" else self._proof
            found = operation(options, variables)
        except IrsaError as error:
            return {**result, "failed": True, "changed": False, "msg": str(error)}
        return {**result, "changed": False, **found}

    def _check(self, options: Variables, variables: Variables) -> dict[str, t.Any]:
        warn_of_misspelt(variables)
        values = self._values(_enable_variables.NAMES, variables)
        hosts = _play_hosts.of(options["pattern"], options["hosts"], variables)
        enabling = _enable_variables.read(values, hosts=hosts, folder=_FOLDER)
        servers = [] if enabling.has_hosts else _servers(_api(enabling.kubeconfig, enabling.kube_context))
        return {**dataclasses.asdict(enabling), "servers": servers}

    def _proof(self, options: Variables, variables: Variables) -> dict[str, t.Any]:
        values = self._values(_enable_proof.NAMES, variables)
        kubeconfig = _enable_variables.kubeconfig_path(values, _FOLDER)
        # Only manifests may be missing in the cluster, and only then is it asked.
        asks = kubeconfig and values.get("irsa_manifests_path")
        find = _api(kubeconfig, values.get("irsa_kube_context") or None).find if asks else None
        return dataclasses.asdict(_enable_proof.read(options["results"], values, find))

    def _values(self, names: t.Iterable[str], variables: Variables) -> dict[str, t.Any]:
        return {name: _ansible_internals.template(self, variables[name]) for name in names if name in variables}


def _api(kubeconfig: str | None, context: str | None) -> ApiServer:
    """Return the API server of a kubeconfig. Raises IrsaError."""
    # The kubernetes library takes longer to import than everything else.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server  # noqa: PLC0415

    if api_server.KUBERNETES_IMPORT_ERROR is not None:
        from ansible_collections.selfhosted.irsa.plugins.module_utils._module import libraries  # noqa: PLC0415

        lacking = {api_server.KUBERNETES_REQUIREMENT: api_server.KUBERNETES_IMPORT_ERROR}
        raise IrsaError(f"irsa_kubeconfig needs a library. {libraries.missing(lacking)}")
    return api_server.ApiServer(str(kubeconfig), _TIMEOUT, context)


def _servers(api: ApiServer) -> list[dict[str, t.Any]]:
    """The API servers that the cluster names, for a run that cannot reach their hosts. Raises IrsaError."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import accepted_issuers  # noqa: PLC0415

    return [dataclasses.asdict(server) for server in accepted_issuers.of_cluster(api)]
