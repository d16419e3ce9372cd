# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module irsa_issuer for role irsa_issuer, with the role's variables as its options."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.utils.display import Display

from ansible_collections.selfhosted.irsa.plugins.action import irsa_issuer as issuer_action
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import option_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.role_variables import PREFIX
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_issuer
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _ansible_internals, _fleet, _issuer_role
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._misspelt import warn_of_misspelt
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._once import once_for_all_hosts

_issuer_role.argument_spec()  # read before the fork, once for all hosts

# The region is one of amazon.aws's common options.
_OPTIONS = frozenset(
    {
        *irsa_issuer.ARGUMENT_SPEC,
        *(alias for option in irsa_issuer.ARGUMENT_SPEC.values() for alias in option.get("aliases", ())),
        "region",
    }
)


class ActionModule(issuer_action.ActionModule):
    shipped_name = "selfhosted.irsa.irsa_issuer"

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        variables = task_vars or {}
        warn_of_misspelt(variables)
        try:
            role = _issuer_role.read(_OPTIONS, variables, lambda value: _ansible_internals.template(self, value))
            warnings = self._compare_with_other_hosts(variables) if role.options["state"] == "present" else []
        except IrsaError as error:
            return {"failed": True, "changed": False, "actions": [], "msg": str(error)}
        for warning in warnings:
            Display().warning(warning)
        # What module_defaults gives the task wins over the role's variables.
        self._task.args = {**role.options, **self._task.args, option_names.OPTION: PREFIX}
        result = self._result(tmp, task_vars, role)
        if result.get("failed"):
            return result
        return {
            **result,
            "ran_for": f"{variables['ansible_play_name']} on {variables['inventory_hostname']}",
            "more_to_do": result["key_wanted"],
            "key_host": role.key_host,
            "key_files": role.key_files,
        }

    def _result(
        self, tmp: t.Any, task_vars: dict[str, t.Any] | None, role: _issuer_role.RoleVariables
    ) -> dict[str, t.Any]:
        arguments = self._task.args
        is_elsewhere = role.backs_up or not (arguments.get("key_path") or role.keyless)
        if arguments["state"] == "present" and not arguments.get("key") and is_elsewhere:
            # The key is on another host, or has a backup. The role reads it in a task of its own, and passes it to the
            # next run of this action.
            return {"changed": False, **irsa_issuer.KEY_WANTED_RESULT}
        return super().run(tmp, task_vars)

    def _compare_with_other_hosts(self, variables: dict[str, t.Any]) -> list[str]:
        """Return the warnings for the host. Raises IrsaError if another one has the same issuer and another key."""
        hosts, own = variables["ansible_play_hosts"], variables["inventory_hostname"]
        if len(hosts) == 1 or self._task.run_once:
            return []
        of_host = variables["hostvars"].raw_get

        def compare() -> dict[str, t.Any]:
            play = _fleet.Play(variables, of_host, lambda value, of: _ansible_internals.template_with(self, value, of))
            clusters = play.clusters(hosts)
            sharing = [dataclasses.asdict(cluster) for cluster in _fleet.sharing_an_issuer(clusters)]
            return {
                "sharing": sharing,
                "warnings": _fleet.warnings_of_shared_keys(clusters),
                "files": _fleet.problems_of_shared_files(clusters),
            }

        # If each host looked at the variables of all hosts, a large fleet would take minutes.
        compared = once_for_all_hosts(f"irsa-{_ansible_internals.task_id(self)}", compare)
        if own in compared["files"]:
            raise IrsaError(compared["files"][own])
        _fleet.refuse_shared_issuer([_fleet.Cluster(**each) for each in compared["sharing"]], own, of_host)
        return [compared["warnings"][own]] if own in compared["warnings"] else []
