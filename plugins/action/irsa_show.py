# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the results of the collection's playbooks, and returns them as data."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import Line
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._by_hand_lines import unchanged_by_hand
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._enable_lines import (
    actions_of,
    enable_lines,
    plan_lines,
    would_change,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._issuer_lines import (
    Results,
    provision_lines,
    teardown_lines,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._misspelt import warn_of_misspelt
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._printer import Printer
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_lines import rotate_lines
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._verify_lines import table_lines, verify_lines

_SUBJECTS = ("provision", "teardown", "verify", "verify_table", "enable_plan", "enable", "rotate")

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "subject": {"type": "str", "choices": list(_SUBJECTS), "required": True},
    "results": {"type": "dict"},
    "kept_key": {"type": "str", "default": ""},
}

# Of each cluster; the texts of the documents are in irsa_issuer_result only.
_RETURNED = (
    *("changed", "issuer", "provider_arn", "kid", "keys", "bucket", "apiserver_flags", "actions"),
    *("verification", "verdict", "diagnosis", "checks", "not_asked", "time", "collection_version", "report", "msg"),
)


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        options = self._options()
        results: Results = _results_of_role(variables) if options["results"] is None else options["results"]
        if options["subject"] == "verify":
            _warn_of_misspelt_anywhere(variables)
        printer = Printer.here()
        all_hosts = variables.get("ansible_play_hosts_all", list(results))
        printer.show(self._lines(options, results, all_hosts, verbose=printer.verbose))
        result["changed"] = False
        if options["subject"] in ("enable_plan", "enable"):
            return {
                **result,
                "would_change": would_change(results),
                "by_hand": bool(unchanged_by_hand(results)),
                "actions": actions_of(results),
            }
        if options["subject"] == "rotate":
            return {**result, "actions": results["rotation"]["actions"]}
        if not printer.results_are_printed:
            result["clusters"] = {host: _returned(values) for host, values in results.items()}
            if not printer.is_silent:
                # Callbacks that print a result with -v would print this one below its lines.
                result["_ansible_verbose_override"] = True
        return result

    def _options(self) -> dict[str, t.Any]:
        try:
            _unused, options = self.validate_argument_spec(ARGUMENT_SPEC)
        except AnsibleError as error:  # its text quotes what was given
            given = {name: value for name, value in self._task.args.items() if name != "results"}
            raise AnsibleActionFail(shown(Redaction(masking.in_options(given)).over(str(error)))) from None
        return dict(options)

    def _lines(
        self, options: t.Mapping[str, t.Any], results: Results, all_hosts: t.Sequence[str], *, verbose: bool
    ) -> list[Line]:
        subject = options["subject"]
        if subject == "provision":
            failed = [host for host in all_hosts if host not in results]
            return provision_lines(results, check_mode=self._task.check_mode, verbose=verbose, failed=failed)
        if subject == "enable_plan":
            return plan_lines(results, check_mode=self._task.check_mode)
        if subject == "enable":
            return enable_lines(results, check_mode=self._task.check_mode, verbose=verbose)
        if subject == "rotate":
            return rotate_lines(results["rotation"], check_mode=self._task.check_mode)
        if subject == "verify":
            return verify_lines(results, verbose=verbose)
        if subject == "verify_table":
            return table_lines(results)
        if len(results) != 1:
            raise AnsibleActionFail("With subject=teardown, results must be those of one host.")
        ((host, values),) = results.items()
        return teardown_lines(
            values,
            host=host if len(all_hosts) > 1 else "",
            check_mode=self._task.check_mode,
            kept_key=options["kept_key"],
        )


def _results_of_role(variables: t.Mapping[str, t.Any]) -> Results:
    """``irsa_issuer_result`` of each host of the play."""
    own, others = variables["inventory_hostname"], variables["hostvars"]
    return {
        host: (variables if host == own else others[host])["irsa_issuer_result"]
        for host in variables["ansible_play_hosts"]
    }


def _warn_of_misspelt_anywhere(variables: t.Mapping[str, t.Any]) -> None:
    """Warn of the variables of this task, which runs once for all hosts, and of those that other hosts have."""
    warn_of_misspelt(variables)
    for host in variables.get("ansible_play_hosts_all", []):
        warn_of_misspelt(variables["hostvars"].raw_get(host))


def _returned(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: values[name] for name in _RETURNED if name in values}
