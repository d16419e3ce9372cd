# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans the rotation of a signing key, and does the parts of it that are neither an API server's nor the store's.

Facts are read by irsa_apiserver and irsa_rotation_state; role irsa_rotate runs all of them in rounds.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipes import RECIPES
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import cut, printable_lines
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import (
    _apiserver_reading,
    _play_hosts,
    _rotate_keys,
    _rotate_parties,
    _rotate_plan,
    _rotate_result,
    _rotate_settings,
    _rotate_work,
    _sealed,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._misspelt import warn_of_misspelt
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._node_action import NodeAction
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_preview import Preview
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_reading import Read

_MAX_MESSAGE = 12000
_TELL_SECONDS = 60.0
_NOT_BY_KUBECONFIG = (
    "The key is changed in files on these hosts, for which irsa_kubeconfig is not enough. If Ansible cannot reach "
    "them, set irsa_apiserver_distribution to the name of yours (generic for one without a name): the run says then "
    "how to change the key by hand."
)

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "operation": {
        "type": "str",
        "choices": ["hosts", "check", "plan", "make_key", "fetch_key", "node", "tell", "foreseen", "result"],
        "required": True,
    },
    "settings": {"type": "dict", "options": _rotate_settings.SPEC},
    "readings": {"type": "str", "default": "__irsa_rotate_reading"},
    "state": {"type": "dict", "default": {}},
    "done": {"type": "dict", "default": {}},
    "work": {"type": "dict", "default": {}},
    "plan": {"type": "dict", "default": {}},
    "hosts": {"type": "list", "elements": "str"},
    "pattern": {"type": "str"},
    "distribution": {"type": "str", "default": "auto"},
}
_REQUIRED_IF = [
    ("operation", "hosts", ("hosts", "pattern")),
    *(("operation", name, ("settings",)) for name in ARGUMENT_SPEC["operation"]["choices"] if name != "hosts"),
]


class ActionModule(NodeAction):
    node_module = "selfhosted.irsa.irsa_node"
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        _unused, self._options = self.validate_argument_spec(ARGUMENT_SPEC, required_if=_REQUIRED_IF)
        operations = {
            "hosts": self._hosts,
            "check": self._check,
            "plan": self._plan,
            "make_key": self._make_key,
            "fetch_key": self._fetch_key,
            "node": self._at_node,
            "tell": self._tell,
            "foreseen": self._foreseen,
            "result": self._result,
        }
        try:
            return {**result, "changed": False, **operations[self._options["operation"]]()}
        except IrsaError as error:
            message = cut(printable_lines(str(error)), _MAX_MESSAGE)
            return {**result, "failed": True, "changed": False, "msg": message, **error.details}

    # --- once for all hosts

    def _hosts(self) -> dict[str, t.Any]:
        options = self._options
        hosts = _play_hosts.of(options["pattern"], options["hosts"], self._variables)
        # For others, the check of the variables says what to do by hand, on no host.
        needs_hosts = options["distribution"] not in RECIPES
        _rotate_settings.stop(_play_hosts.problems(hosts, instead=_NOT_BY_KUBECONFIG, needs_hosts=needs_hosts))
        return {}

    def _check(self) -> dict[str, t.Any]:
        warn_of_misspelt(self._variables)
        _rotate_settings.check(self._options["settings"])
        return {}

    def _plan(self) -> dict[str, t.Any]:
        """Decide what may be done now, and plan it, from the readings of all hosts of the play and of the store; in
        check mode, all that the run would do.
        """
        options = self._options
        if self._task.check_mode:
            readings = _apiserver_reading.of_play(self._variables, options["readings"])
            of_run = {"given": options["settings"], "done": options["done"]}
            return Preview(readings, options["state"], **of_run, ask=self._node).plan()
        read = Read.of(self._variables, options["readings"], options["state"], ask=self._node)
        return _rotate_plan.Round(read, options["settings"], options["done"], ask=self._node).plan()

    def _result(self) -> dict[str, t.Any]:
        options = self._options
        return {"rotation": _rotate_result.of(options["settings"], options["plan"], options["done"])}

    # --- one item of the work

    def _make_key(self) -> dict[str, t.Any]:
        """Make the new key on the task's host, or put the one there that was handed over."""
        work, settings = self._options["work"], self._options["settings"]
        if self._task.check_mode:
            return self._did([_rotate_work.make_action(work["host"])], made=work["foreseen"])
        given = self._handed_over() if settings["key_path"] else None
        if given is None and not work["has_openssl"]:
            given = _rotate_keys.made(work["key"])
        key_options = {"key_folder": work["folder"], "like": work["like"], **work["key"]}
        if given:
            key_options |= {"kid": given.kid, "public_key": given.public_key, "private_key": given.private}
        found = self._node({"operation": "make_key", **key_options})
        actions = [_rotate_work.make_action(work["host"])] if found["made"] else []
        return self._did(actions, made={"kid": found["kid"], "public_key": found["public_key"]})

    def _handed_over(self) -> _rotate_keys.NewKey:
        return _rotate_keys.handed_over(self._options["settings"]["key_path"], self._ask_for_key)

    def _fetch_key(self) -> dict[str, t.Any]:
        """Return a private key of the task's host, sealed; nothing if the item needs none."""
        key = self._options["work"]["key"]
        if not key or self._task.check_mode:
            return {}
        return {"sealed": _sealed.seal(_rotate_keys.fetched(key["path"], self._ask_for_key))}

    def _ask_for_key(self, path: str, pad: str) -> t.Mapping[str, t.Any]:
        return self._node({"operation": "private_key", "path": path, "pad": pad})

    def _at_node(self) -> dict[str, t.Any]:
        work = self._options["work"]
        if not self._task.check_mode:
            self._node(work["arguments"])
        return self._did(work["actions"])

    def _tell(self) -> dict[str, t.Any]:
        work, settings = self._options["work"], self._options["settings"]
        if not self._task.check_mode:
            message = _rotate_parties.message(settings["issuer"], work["phase"], self._options["state"])
            party = next(each for each in settings["relying_parties"] if each["name"] == work["party"]["name"])
            try:
                _rotate_parties.tell(party, message, _TELL_SECONDS)
            except IrsaError as error:
                if not work["may_fail"]:
                    raise
                return {**self._not_told(work["party"]["name"], str(error)), "events": []}
        made = self._options["done"]["made"].get("kid")
        events = [{**event, "kid": event["kid"] or made} for event in work["events"]]
        return {**self._did([_rotate_work.tell_action(work["party"]["name"])]), "events": events}

    def _foreseen(self) -> dict[str, t.Any]:
        """List what a later round would do."""
        work = self._options["work"]
        return {**self._did(work["actions"]), "diff": work["diff"]}

    def _not_told(self, name: str, reason: str) -> dict[str, t.Any]:
        """Return the result of an item that failed, and need not be done now: this run does not try it again."""
        done = self._options["done"]
        return self._did([], warnings=[*done["warnings"], reason], untold=[*done["untold"], name])

    def _did(self, actions: t.Sequence[str], **more: t.Any) -> dict[str, t.Any]:
        """Return the result of an item, with what the run has done so far."""
        done = {**self._options["done"], **more}
        done["actions"] = [*done["actions"], *actions]
        return {"changed": bool(actions), "actions": list(actions), "done": done}
