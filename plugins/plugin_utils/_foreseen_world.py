# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts and the store of a rotation as items of its work would leave them, in the form in which they were read.

So what would be decided next is decided by the same code, on the same kind of readings.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import SAME_START
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _foreseen_store
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_work as work
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._foreseen_host import Host
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Ask, Reading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_keys import GivenKey
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_known import KnownKeys
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._rotate_reading import Read

Json = dict[str, t.Any]

# By how much the time goes on at least: with a write, so that one comes after the other; and with a restart, so that
# one is told from the other.
_OF_A_WRITE = 1
_OF_A_RESTART = SAME_START + 1


class World:
    """What a run has read, and what its items make of that.

    ``by`` is how the record calls the run. ``made`` is what is known of the key that it makes, when it has made it.
    """

    def __init__(self, readings: t.Sequence[Reading], state: t.Mapping[str, t.Any], *, patches_dir: str) -> None:
        self._hosts = {reading["host"]: Host(reading, patches_dir) for reading in readings}
        self._state: Json = dict(state)
        self._seconds = 0
        self.made = GivenKey()

    def read(self, ask: Ask) -> Read:
        """Return what would be read now. ``ask`` sees the servers that no host of the play runs. Raises IrsaError."""
        return Read.of_readings(
            [host.reading() for host in self._hosts.values()], self._state, ask=ask, later=self._seconds
        )

    def take(self, item: Json, *, known: KnownKeys, by: str) -> tuple[list[str], list[Json]]:
        """Do an item, and return its actions and its diff, as its task in check mode would list them."""
        kind = item["kind"]
        if kind == work.STORE:
            return self._write(item, by=by), []
        if kind == work.TELL:
            return [work.tell_action(item["party"]["name"]), *self._write(item, by=by)], []
        if kind == work.SERVER:
            self._change(item["step"], known)
            return list(item["step"]["actions"]), list(item["step"]["diff"])
        if kind == work.MAKE_KEY:
            self.made = GivenKey(**item["foreseen"])
            path = f"{item['folder']}/{self.made.kid}.key"
            self._hosts[item["host"]].files.put_key(path, self.made.kid or "", self.made.public_key)
            return [work.make_action(item["host"])], []
        self._at_node(item)
        return list(item["actions"]), []

    def _write(self, item: Json, *, by: str) -> list[str]:
        """Do what an item has for the store."""
        self._wait(_OF_A_WRITE)
        named = {
            **item,
            "publish": [self.made.public_key] if item["publishes_made"] else item["publish"],
            "events": [{**event, "kid": event["kid"] or self.made.kid or ""} for event in item["events"]],
        }
        self._state, actions = _foreseen_store.after(self._state, named, by=by)
        return actions

    def _change(self, step: Json, known: KnownKeys) -> None:
        """Have a server take its step."""
        public = dict(known.public)
        if self.made.kid and self.made.public_key:
            public[self.made.kid] = signing_key.load_public(self.made.public_key.encode())
        if step["node"]["restarts"]:
            self._wait(_OF_A_RESTART)
        now = self._state["now"]
        self._hosts[step["host"]].take(step, now=now, public=public)
        accepted = {f"https://{host.address}": host.kids() for host in self._hosts.values()}
        for host in self._hosts.values():
            host.see(step["node"], now=now)
            host.review(accepted)

    def _at_node(self, item: Json) -> None:
        """Do what module irsa_node would do on a host besides steps."""
        arguments, files = item["arguments"], self._hosts[item["host"]].files
        if arguments["operation"] == "remove_keys":
            files.remove(arguments["paths"])
        elif arguments["operation"] == "retire_keys":
            files.retire(arguments["paths"])
        else:
            for host in self._hosts.values():
                host.remake(arguments["secrets"])

    def _wait(self, seconds: int) -> None:
        self._seconds += seconds
        self._state["now"] += seconds
        for host in self._hosts.values():
            host.wait(seconds)
