# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rounds of a rotation on a cluster and a store in memory, item by item as the role does them."""

from __future__ import annotations

import base64
import json
from unittest import mock

from ansible_collections.selfhosted.irsa.plugins.action import irsa_rotate as action
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import digest
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Event, Record
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _sealed
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_fleet import (
    BY_DIGEST,
    FORMER,
    KEYS,
    NEW,
    Fleet,
)
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_key_readings import (
    FOLDER,
    jwk_of,
    keys_of,
    readings_of,
)

DAY = 86400
START = 1_000_000.0 + 30 * DAY
QUIET = {"legacy_tokens": [], "stale_tokens": 0}
DONE = {"phases": [], "actions": [], "forced": [], "warnings": [], "notes": [], "servers": {}, "made": {}, "untold": []}
WAITS = {"prepare": 0, "accept": 0, "sign": 3600, "retire-published": DAY, "retire-accepted": 3600}
DOWN = {"ready": False, "faults": ["does not answer"]}
RETIRED = f"{FOLDER}/retired/"
HOSTS = [f"host-of-node{number}" for number in (1, 2, 3)]


def algorithm_of(kid):
    return "RS256" if kid == FORMER.kid else "ES256"


def algorithms(kids):
    return sorted({*map(algorithm_of, kids)})


class Play:
    """The role's tasks on three kubeadm nodes and a bucket."""

    def __init__(self):
        self.fleet, self.now, self.check_mode = Fleet(), START, False
        self.published, self.record = [FORMER.kid], Record.of([Event(kind="published", kid=FORMER.kid, at=1.0)])
        self.own = {host: {} for host in HOSTS}
        self.of_cluster, self.has_openssl, self.asked, self.done = QUIET, True, [], DONE
        self.pods, self.outside = {"pods": [], "faults": []}, None
        # What a killed run left, by host.
        self.left = {}
        # How long a write takes. Those of one second cannot be told from each other.
        self.seconds = 0
        # For how long caches may keep the JWKS.
        self.max_age = 60

    # --- the tasks of a round

    def rounds(self, phase, **settings):
        """Do rounds until one has nothing to do, and return the last plan and what was planned at all."""
        self.done, planned = DONE, []
        while True:
            plan = self.plan(phase, **settings)
            if plan.get("failed") or plan["failure"]:
                return plan, planned
            self.done = plan["done"]
            for item in plan["work"]:
                planned.append(item["title"])
                self.do(item, plan, phase=phase, **settings)
            if not plan["again"] or self.check_mode:
                return plan, planned

    def plan(self, phase, **settings):
        return self.run(HOSTS[0], operation="plan", settings={"phase": phase, **settings}, state=self.state())

    def do(self, item, plan, **settings):
        getattr(self, f"_{item['kind']}")(item, plan, settings)

    def _make_key(self, item, plan, settings):
        self._noted(self.run(item["host"], operation="make_key", settings=settings, work=item))

    def _node(self, item, plan, settings):
        self._noted(self.run(item["host"], operation="node", settings=settings, work=item))

    def _tell(self, item, plan, settings):
        told = self._noted(self.run(HOSTS[0], operation="tell", settings=settings, work=item, state=self.state()))
        self._store({**item, "events": told["events"]}, plan, settings)

    def _store(self, item, plan, settings):
        """As module irsa_rotation_state does it."""
        self.now += 0 if self.check_mode else self.seconds
        made = [self.done["made"]["kid"]] if item["publishes_made"] else []
        new = made + [kid for kid, key in KEYS.items() if key.public.decode() in item["publish"]]
        published = [kid for kid in dict.fromkeys([*self.published, *new]) if kid not in item["withdraw"]]
        events = [{"kind": "published", "kid": kid, "by": plan["by"]} for kid in new]
        events += [{"kind": "withdrawn", "kid": kid} for kid in item["withdraw"]]
        events += [{"by": plan["by"], **event} if event["kind"] == "began" else event for event in item["events"]]
        record = self.record.after(
            Event.from_dict({**event, "kid": event["kid"] or "".join(made)}, now=self.now) for event in events
        )
        documents = [published != self.published, algorithms(published) != algorithms(self.published)]
        writes = ["s3:PutObject"] * sum([*documents, record.text != self.record.text])
        self.done = {**self.done, "actions": [*self.done["actions"], *writes]}
        if not self.check_mode:
            self.published, self.record = published, record

    def _foreseen(self, item, plan, settings):
        self._noted(self.run(HOSTS[0], operation="foreseen", settings=settings, work=item))

    def _server(self, item, plan, settings):
        step, key = item["step"], item["key"]
        sealed = self.run((key or item)["host"], operation="fetch_key", settings=settings, work=item).get("sealed")
        self.done = {**self.done, "actions": [*self.done["actions"], *step["actions"]]}
        if self.check_mode:
            return
        machine, private = self.fleet.machines[step["server"]], step["node"]["private"]
        assert bool(sealed) is step["needs_key"]
        if private:
            content = _sealed.unseal(sealed).encode()
            assert (digest(machine.disk[private["path"]]), digest(content)) == (private["expected"], private["new"])
            self.own[item["host"]][private["archive"]] = machine.disk[private["path"]]
            machine.disk[private["path"]] = content
        for file in [*step["node"]["files"], *([step["node"]["manager"]["file"]] if step["node"]["manager"] else [])]:
            machine.disk[file["path"]] = base64.b64decode(file["content"])
        machine.kubelet()

    def _noted(self, result):
        if result.get("failed"):
            raise AssertionError(result["msg"])
        self.done = result["done"]
        return result

    # --- what they run on

    def state(self):
        published = [{"kid": kid, "algorithm": algorithm_of(kid)} for kid in self.published]
        key_set = json.dumps({"keys": [jwk_of(kid) for kid in self.published]})
        times = {"now": self.now, "modified": START - DAY, "max_age": self.max_age}
        documents = {"published": published, "jwks_json": key_set, "algorithms": algorithms(self.published)}
        return {**documents, "record": self.record.text, **times}

    def run(self, host, **options):
        task = mock.Mock(args={"done": self.done, **options}, async_val=0, check_mode=self.check_mode)
        connection = mock.Mock(**{"_shell.tmpdir": None})
        plugin = action.ActionModule(
            task, connection, play_context=mock.Mock(), loader=mock.Mock(), templar=mock.Mock(), shared_loader_obj=None
        )
        plugin._execute_module = lambda **call: self.node(host, call["module_args"])
        readings = {reading["host"]: reading for reading in readings_of(self.fleet, self.find)}
        variables = {
            "hostvars": {name: {"__irsa_rotate_reading": {"reading": each}} for name, each in readings.items()},
            "ansible_play_hosts": [host for host in HOSTS if host != self.outside],
            "ansible_play_hosts_all": [host for host in HOSTS if host != self.outside],
        }
        return plugin.run(task_vars=variables)

    def find(self, machine, asked):
        staged = [
            {
                "kid": BY_DIGEST[digest(content)].kid,
                "path": path,
                "sha256": digest(content),
                "public_key": BY_DIGEST[digest(content)].public.decode(),
                "is_retired": "/retired/" in path,
            }
            for path, content in self.own[f"host-of-{machine.name}"].items()
        ]
        own = {"staged": staged, "has_openssl": self.has_openssl, "left": self.left.get(f"host-of-{machine.name}", [])}
        return {**keys_of(machine, asked), **self.of_cluster, **own, "now": self.now}

    def node(self, host, arguments):
        """What module irsa_node returns on a host."""
        self.asked.append((host, arguments))
        operation = arguments["operation"]
        if operation == "observe":
            return {"found": {**dict.fromkeys(("issuer", "jwks", "token")), "server": arguments["server"], **DOWN}}
        if operation == "private_key":
            content = self.content(host, arguments["path"])
            if content is None:
                return {"failed": True, "msg": f"{arguments['path']} does not exist."}
            pad = base64.b64decode(arguments["pad"])
            hidden = bytes(one ^ other for one, other in zip(content, pad, strict=False))
            return {"found": {"sealed": base64.b64encode(hidden).decode(), "length": len(hidden)}}
        if operation == "make_key":
            private = (arguments.get("private_key") or NEW.private.decode()).encode()
            if digest(private) in BY_DIGEST:
                self.own[host][f"{FOLDER}/{NEW.kid}.key"] = private
            kid = arguments.get("kid") or NEW.kid
            public_key = arguments.get("public_key") or NEW.public.decode()
            return {"found": {"kid": kid, "public_key": public_key, "made": True}}
        if operation == "remove_keys":
            for path in arguments["paths"]:
                self.own[host].pop(path, None)
            self.left.pop(host, None)
            return {"found": {"removed": arguments["paths"]}}
        if operation == "retire_keys":
            for path in arguments["paths"]:
                self.own[host][path.replace(f"{FOLDER}/", RETIRED)] = self.own[host].pop(path)
            return {"found": {"retired": arguments["paths"]}}
        return {"found": {"token_pods": self.pods, "remake_tokens": {"secrets": []}}[operation]}

    def content(self, host, path):
        disk = self.fleet.machines[host.removeprefix("host-of-")].disk
        return self.own[host].get(path, disk.get(path))


def reach(play, phase, **settings):
    """Do all phases before one, each when it may be done."""
    for each, wait in WAITS.items():
        play.now += wait
        if each == phase:
            return
        plan, planned = play.rounds(each, **settings)
        assert planned, plan
    raise AssertionError(phase)
