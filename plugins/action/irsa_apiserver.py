# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the API servers of a cluster, plans what they need, and changes one of them.

Parsing and planning run here on the controller; module irsa_node reads and writes on the nodes.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm, model, service
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kids import PLANNED
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import cut, printable_lines, shown
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import (
    _apiserver_detection,
    _apiserver_plan,
    _apiserver_reading,
    _issuer_key,
    _key_reading,
    _kubeadm_reading,
    _sealed,
    _service_reading,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_reading import ClusterReading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_recipes import (
    SPEC_OF_RECIPES,
    recipe_operation,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._kubeadm_reading import (
    CONTROLLER_MANAGER,
    KUBEADM,
    MANIFEST,
    MANIFESTS,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._misspelt import warn_of_misspelt
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._node_action import NodeAction

# A cluster of seven servers may have a problem with each of them.
_MAX_MESSAGE = 12000


ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "operation": {"type": "str", "choices": ["read", "plan", "step"], "required": True},
    **SPEC_OF_RECIPES,
    "address": {"type": "str"},
    "issuer": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "phase": {"type": "str", "choices": ["auto", "accept", "sign", "new", "read"], "default": "auto"},
    "published_kids": {"type": "list", "elements": "str", "default": []},
    "accepted_issuers": {"type": "list", "elements": "str", "default": []},
    "former_issuers": {"type": "list", "elements": "str", "default": []},
    "accepted_public_keys": {"type": "list", "elements": "str", "default": []},
    "key": {"type": "str", "choices": ["adopt", "own"], "default": "adopt"},
    "key_path": {"type": "path"},
    "kid": {"type": "str"},
    "public_key": {"type": "str"},
    "key_is_new": {"type": "bool", "default": False},
    "persist": {
        "type": "str",
        "choices": ["auto", "cluster_configuration", "patches", "none"],
        "default": "auto",
    },
    "patches_dir": {"type": "str", "default": "/etc/kubernetes/patches"},
    "forget_after": {"type": "int", "default": 86400},
    "timeout": {"type": "int", "default": 300},
    "rollback": {"type": "bool", "default": True},
    "force": {"type": "bool", "default": False},
    "readings": {"type": "str", "default": "__irsa_apiserver_reading"},
    "keys": {"type": "str", "choices": ["none", "rotate"], "default": "none"},
    "step": {"type": "dict"},
    "sealed_key": {"type": "str"},
    "results": {"type": "dict", "default": {}},
}


class ActionModule(NodeAction):
    node_module = "selfhosted.irsa.irsa_node"
    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        dummy, self._options = self.validate_argument_spec(
            ARGUMENT_SPEC,
            required_if=[("operation", "step", ["step"])],
        )
        if self._options["operation"] == "read":
            warn_of_misspelt(self._variables)
        operations = {"read": self._read, "plan": self._plan, "step": self._step}
        of_recipes = recipe_operation(self._options, check_mode=bool(self._task.check_mode))
        operation = of_recipes or operations[self._options["operation"]]
        try:
            return {**result, "changed": False, "actions": [], **operation()}
        except IrsaError as error:
            return {
                **result,
                "failed": True,
                "changed": False,
                "actions": [],
                "msg": cut(printable_lines(str(error)), _MAX_MESSAGE),
                **error.details,
            }

    # --- one host

    def _read(self) -> dict[str, t.Any]:
        """Read the API server of the task's host."""
        host, options = self._variables["inventory_hostname"], self._options
        inspected = self._inspect([MANIFEST, CONTROLLER_MANAGER], [MANIFESTS], _apiserver_detection.SERVICES)
        name = _apiserver_detection.distribution_of(host, inspected, options["distribution"])
        has_own_key = options["key"] == "own" or options["keys"] == "rotate"
        if name == KUBEADM:
            reading = _kubeadm_reading.read(
                host, inspected, has_own_key=has_own_key, ask=self._node, inspect=self._inspect
            )
        else:
            distribution, address = WITH_SERVICE[name], options["address"]
            reading = _service_reading.read(
                host, inspected, distribution, address=address, has_own_key=has_own_key, ask=self._node
            )
        if options["keys"] == "rotate":
            reading["keys"] = _key_reading.read(reading, ask=self._node)
        return {"reading": reading}

    def _inspect(
        self, paths: t.Sequence[str], folders: t.Sequence[str], services: t.Sequence[str] = ()
    ) -> dict[str, t.Any]:
        return self._node(
            {
                "operation": "inspect",
                "paths": paths,
                "folders": folders,
                "patches": self._options["patches_dir"],
                "public_keys": self._options["accepted_public_keys"],
                "services": services,
            }
        )

    # --- all hosts

    def _plan(self) -> dict[str, t.Any]:
        """Plan what the API servers need, from the readings of all hosts of the play."""
        reading = ClusterReading(_apiserver_reading.of_play(self._variables, self._options["readings"]))
        observed = {
            address: self._node({"operation": "observe", "server": f"https://{address}", **reading.access})
            for address in reading.unmanaged
        }
        cluster = reading.cluster(observed)
        observed.update(reading.observed)
        if self._options["phase"] == "read":
            results = _apiserver_plan.first_results(cluster.servers, None, reading=reading, observed=observed)
            return {"steps": [], "summary": "", "results": results}
        plan = self._plan_of(reading.distribution, cluster)
        if plan.findings.problems:
            raise IrsaError(
                "\n- ".join(
                    ["The API servers cannot be changed; nothing was changed.", *map(shown, plan.findings.problems)]
                ),
                warnings=list(plan.findings.warnings),
            )
        keys = {server.name: self._key(server, reading) for server in cluster.servers if server.managed}
        return {
            "steps": _apiserver_plan.steps_data(plan.steps, reading, keys),
            "summary": plan.summary,
            "next": list(plan.next),
            "results": _apiserver_plan.first_results(cluster.servers, plan, reading=reading, observed=observed),
            "warnings": [*plan.findings.warnings, *reading.warnings, *_apiserver_plan.issuer_warnings(self._options)],
        }

    def _plan_of(self, distribution: str, cluster: model.Cluster) -> model.Plan:
        if distribution == KUBEADM:
            return kubeadm.plan(cluster, self._goal(), self._kubeadm_options())
        return service.plan(cluster, self._goal(), WITH_SERVICE[distribution])

    def _key(self, server: model.Server, reading: ClusterReading) -> dict[str, t.Any] | None:
        """Return where the issuer's own key goes on a server, None for an adopted key. Raises IrsaError."""
        options = self._options
        if options["key"] != "own" or options["state"] != "present":
            return None
        return _apiserver_plan.own_key(
            server,
            WITH_SERVICE.get(reading.distribution),
            kid=self._own_kid() or "",
            public_key=options["public_key"],
            source=options["key_path"],
        )

    def _goal(self) -> model.Goal:
        options = self._options
        if not options["issuer"]:
            raise IrsaError("Set irsa_apiserver_issuer to the issuer URL, or run role irsa_issuer before.")
        _apiserver_plan.check_issuers(options)
        return model.Goal(
            issuer=options["issuer"],
            state=options["state"],
            phase=options["phase"],
            # A key that would be created would be published, too.
            published_kids=frozenset([*options["published_kids"], *([PLANNED] if self._is_key_planned else [])]),
            own_kid=self._own_kid(),
            accepted_issuers=tuple(dict.fromkeys([*options["former_issuers"], *options["accepted_issuers"]])),
            accepted_key_files=tuple(options["accepted_public_keys"]),
            forget_after=options["forget_after"],
            force=options["force"],
        )

    def _own_kid(self) -> str | None:
        """Return the ID of the issuer's own key if it is to be installed. Raises IrsaError if that is not known."""
        options = self._options
        if options["key"] != "own":
            return None
        if options["state"] == "present" and options["key_path"] and self._is_key_planned:
            return PLANNED
        if options["state"] == "present" and not (options["key_path"] and options["kid"] and options["public_key"]):
            raise IrsaError(
                "With irsa_apiserver_key=own, set irsa_apiserver_key_path to the path of the issuer's private key, and "
                "run role irsa_issuer with that key before."
            )
        if options["state"] == "present":
            _issuer_key.read(options["key_path"], options["kid"])  # on the hosts, if it is not here
        return str(options["kid"]) if options["kid"] else None

    @property
    def _is_key_planned(self) -> bool:
        """Whether role irsa_issuer would create the issuer's own key, which it does not do in check mode."""
        return bool(self._task.check_mode and self._options["key_is_new"])

    def _kubeadm_options(self) -> kubeadm.Options:
        return kubeadm.Options(persist=self._options["persist"], patches_dir=self._options["patches_dir"])

    # --- one step

    def _step(self) -> dict[str, t.Any]:
        """Take one step on the task's host, or in check mode say what it would change."""
        step, results, found = self._options["step"], self._options["results"], None
        if not self._task.check_mode:
            limits = {"timeout": self._options["timeout"], "rollback": self._options["rollback"]}
            node = {"operation": "step", "step": {**step["node"], **limits}, **step["access"]}
            found = self._node({**node, "private_key": self._private_key(step["node"]["key"])})
        server = step["server"]
        return {
            "changed": True,
            "actions": step["actions"],
            "diff": step["diff"],
            "seconds": (found or {}).get("seconds"),
            "results": {**results, server: _apiserver_plan.result_after(results[server], step, found)},
        }

    def _private_key(self, key: t.Mapping[str, t.Any] | None) -> str | None:
        """Return the key that a step installs: one that another host had, or the issuer's own if it is on the
        controller; None if it must be on the node. Raises IrsaError.
        """
        if self._options["sealed_key"]:
            return _sealed.unseal(self._options["sealed_key"])
        content = files.read(key["source"]) if key else None
        return None if content is None else content.decode("utf-8", "replace")
