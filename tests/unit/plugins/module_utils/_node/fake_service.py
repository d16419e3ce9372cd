# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server in memory but for its files, whose API server is started by a service. Also runs under Python 3.9."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import tools
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step import Node, Walker
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step_request import Step
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node import fake_node
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import NEW, OLD, FakeCluster

UNIT = "k3s.service"
ISSUER = "--service-account-issuer="


class ServiceRig:
    """A server whose service starts the API server with the flags in its file, some pauses after it was restarted.

    A restart is in a queue for ``queued`` pauses, in which the service runs on as if there were none.
    ``starts`` says whether an API server with these flags starts; if not, the service ends and is started again.
    """

    def __init__(self, folder, monkeypatch):
        self.cluster = FakeCluster()
        self.cluster.has_pods, self.cluster.tells_flags = False, True
        self.server = self.cluster.servers[0]
        self.folder = folder
        self.file = folder / "config.yaml.d" / "zz-irsa.yaml"
        self.file.parent.mkdir()
        self.seconds, self.delay, self.waiting = 0.0, 2, 0
        self.state, self.invocation, self.restarts = "active", 1, 0
        self.starts = lambda flags: True
        self.restart_fails, self.queued, self.queue = False, 0, 0
        self.log = ["level=info msg=starting", 'level=fatal msg="the API server ended"']
        monkeypatch.setattr(tools, "find", lambda name: f"/bin/{name}")
        monkeypatch.setattr(tools, "run", self.run)

    def flags(self):
        own = self.file.read_text(encoding="utf-8").split() if self.file.exists() else []
        return [*own, ISSUER + OLD]

    def run(self, command, **more):
        name, *words = command
        if name == "/bin/journalctl":
            return tools.Ended(0, "\n".join(self.log).encode(), "")
        if words[0] == "restart":
            return self.restart()
        properties = {
            "Id": UNIT,
            "LoadState": "loaded",
            "ActiveState": self.state,
            "InvocationID": str(self.invocation),
            "ExecMainStartTimestampMonotonic": "1",
            "NRestarts": str(self.restarts),
        }
        return tools.Ended(0, "\n".join(f"{name}={value}" for name, value in properties.items()).encode(), "")

    def restart(self):
        if self.restart_fails:
            return tools.Ended(1, b"", "Failed to restart k3s.service: Unit is masked.")
        self.queue = self.queued + 1
        self.next_in_queue()
        return tools.Ended(0, b"", "")

    def next_in_queue(self):
        self.queue -= 1
        if not self.queue:
            self.state, self.waiting, self.restarts, self.server.up = "activating", self.delay, 0, False
            self.invocation += 1

    def clock(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds
        if self.queue:
            self.next_in_queue()
            return
        if self.state != "activating":
            return
        self.waiting -= 1
        if self.waiting > 0:
            return
        if self.starts(self.flags()):
            self.server.run_with(self.flags())
            self.server.up, self.state = True, "active"
        else:
            self.invocation, self.restarts, self.waiting = self.invocation + 1, self.restarts + 1, self.delay

    def node(self):
        kubectl = Kubectl("k3s.yaml", run=self.cluster, program=["k3s", "kubectl"])
        return Node(
            kubectl,
            clock=self.clock,
            sleep=self.sleep,
            log_folder=str(self.folder / "pods"),
            backup_folder=str(self.folder / "backup"),
        )

    def options(self, **more):
        return {
            "pod": "kube-apiserver-node1",
            "server": self.server.url,
            "servers": [self.server.url],
            "restarts": True,
            "arguments": ["kube-apiserver", ISSUER + NEW, ISSUER + OLD],
            "issuer": NEW,
            "kids": [self.server.kid],
            "signing_kid": self.server.kid,
            "files": [written(self.file, None, ISSUER + NEW)],
            "service": {"unit": UNIT, "restart": ["systemctl", "restart", "--no-block", UNIT]},
            **more,
        }

    def take(self, **more):
        return Walker(Step.of(self.options(**more)), self.node()).take()

    def refusal(self, **more):
        with pytest.raises(IrsaError) as caught:
            self.take(**more)
        return caught.value


def written(path, before, after):
    return {**fake_node.written(path, before, after), "hides": True}
