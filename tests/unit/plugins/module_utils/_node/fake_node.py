# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A control-plane node in memory but for its files, with a kubelet. Also runs under Python 3.9."""

from __future__ import annotations

import base64
import hashlib

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step import Node, Walker
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step_request import Step
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import NEW, OLD, FakeCluster

BEFORE = "--service-account-issuer=" + OLD + "\n"
AFTER = "--service-account-issuer=" + NEW + "\n" + BEFORE
MANAGER_BEFORE = "--service-account-private-key-file=/etc/kubernetes/pki/sa.key\n"
MANAGER_AFTER = MANAGER_BEFORE + "--service-account-private-key-file=/etc/kubernetes/pki/irsa/kid.key\n"


class Rig:
    """A node whose kubelet restarts the API server with the flags in its manifest, some pauses after it changed.

    ``delay`` is the number of pauses; None: it never takes up the manifest. ``starts`` says whether an API server with
    these flags starts.
    """

    def __init__(self, folder, servers=1):
        self.cluster = FakeCluster(servers)
        self.server = self.cluster.servers[0]
        self.folder = folder
        (folder / "manifests").mkdir()
        self.manifest = folder / "manifests" / "kube-apiserver.yaml"
        self.manifest.write_text(BEFORE, encoding="utf-8")
        self.manifest.chmod(0o640)
        self.delay = 2
        self.starts = lambda flags: True
        self.seconds = 0.0
        self.waiting = 0
        self.running = BEFORE
        self.on_write = lambda: None
        self.pause = self.sleep
        self.manager = folder / "manifests" / "kube-controller-manager.yaml"
        self.manager.write_text(MANAGER_BEFORE, encoding="utf-8")
        self.manager_running = MANAGER_BEFORE
        self.manager_starts = lambda flags: True

    def clock(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds
        self.sleep_of_the_manager()
        text = self.manifest.read_text(encoding="utf-8")
        if text != BEFORE:
            self.on_write()
        if (text == self.running and self.server.up) or self.delay is None:
            return
        self.server.up = False
        self.waiting += 1
        if self.waiting >= self.delay and self.starts(text.split()):
            self.server.run_with(text.split())
            self.server.up, self.running, self.waiting = True, text, 0

    def sleep_of_the_manager(self):
        text = self.manager.read_text(encoding="utf-8")
        if text != self.manager_running:
            self.server.run_manager_with(text.split(), ready=self.manager_starts(text.split()))
            self.manager_running = text

    def node(self):
        kubectl = Kubectl("admin.conf", run=self.cluster, program=["kubectl"])
        return Node(
            kubectl,
            clock=self.clock,
            sleep=self.pause,
            log_folder=str(self.folder / "pods"),
            backup_folder=str(self.folder / "backup"),
        )

    def options(self, **more):
        flags = AFTER.split()
        return {
            "pod": "kube-apiserver-node1",
            "server": self.server.url,
            "servers": [each.url for each in self.cluster.servers],
            "restarts": True,
            "arguments": ["kube-apiserver", *flags],
            "issuer": NEW,
            "kids": [self.server.kid],
            "signing_kid": self.server.kid,
            "files": [written(self.manifest, BEFORE, AFTER)],
            **more,
        }

    def manager_options(self):
        return {
            "pod": "kube-controller-manager-node1",
            "arguments": ["kube-controller-manager", *MANAGER_AFTER.split()],
            "file": written(self.manager, MANAGER_BEFORE, MANAGER_AFTER),
        }

    def take(self, **more):
        return Walker(Step.of(self.options(**more)), self.node()).take()

    def refusal(self, **more):
        with pytest.raises(IrsaError) as caught:
            self.take(**more)
        return caught.value


def written(path, before, after):
    digest = None if before is None else hashlib.sha256(before.encode()).hexdigest()
    content = None if after is None else base64.b64encode(after.encode()).decode()
    return {"path": str(path), "content": content, "expected": digest}
