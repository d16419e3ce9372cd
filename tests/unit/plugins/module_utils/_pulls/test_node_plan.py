# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node needs, from what was read of it."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls import node_plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.kubelet_environment import BIN_DIR, CONFIG
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._pulls.test_provider_config import (
    BLOCK,
    SETTINGS,
)

OWN = "/etc/kubernetes/irsa-credential-providers.json"
ENVIRONMENT = "/etc/default/kubelet"
RESTART = "restart:kubelet"


class Node:
    """A node whose files are in memory, and whose kubelet runs with the flags of its files after each step."""

    def __init__(self, *, version="v1.34.0", provider=None, folder=None, **files):
        self.files = {path: text.encode() for path, text in files.items()}
        self.version, self.provider, self.folder = version, provider, folder
        self.running = {CONFIG: "", BIN_DIR: ""}
        self.pending, self.links, self.unit_sets_flags = False, set(), False

    def described(self, path):
        content = self.files.get(path)
        encoded = None if content is None else base64.b64encode(content).decode()
        return {
            "path": path,
            "content": encoded,
            "sha256": content and hashlib.sha256(content).hexdigest(),
            "is_link": path in self.links,
        }

    def reading(self):
        reading = {
            "version": self.version,
            "flags": self.running,
            "kubeadm_flags": self.described("/var/lib/kubelet/kubeadm-flags.env"),
            "environment": self.described(ENVIRONMENT),
            "provider": self.provider,
            "pending": self.pending,
            "unit_sets_flags": self.unit_sets_flags,
        }
        config = node_plan.config_to_read(reading, SETTINGS)
        is_folder = config == self.folder
        paths = [path for path in sorted(self.files) if path.startswith(f"{config}/")] if is_folder else [config]
        return {**reading, "configs": [self.described(path) for path in paths], "is_folder": is_folder}

    def run(self, state="present"):
        plan = node_plan.plan(self.reading(), SETTINGS, state=state)
        for file in plan.step["files"] if plan.step else []:
            assert file["expected"] == self.described(file["path"])["sha256"]
            self.files[file["path"]] = base64.b64decode(file["content"] or "")
            if file["content"] is None:
                del self.files[file["path"]]
        self.running, self.pending = (plan.step or {"flags": self.running})["flags"], False
        return plan.actions


def test_a_plain_node_gets_a_configuration_and_flags_and_gives_them_back():
    node = Node()
    assert node.run() == [f"write:{OWN}", f"write:{ENVIRONMENT}", RESTART]
    assert node.running == {CONFIG: OWN, BIN_DIR: "/usr/local/bin"}
    assert json.loads(node.files[OWN])["providers"][0]["name"] == "ecr-credential-provider"
    assert node.run() == []
    assert node.run("absent") == [f"remove:{ENVIRONMENT}", f"remove:{OWN}", RESTART]
    assert node.files == {} and node.run("absent") == []


def test_a_kubelet_that_was_not_restarted_by_an_earlier_run_is():
    node = Node()
    node.run()
    node.pending = True
    assert node.run() == [RESTART]
    node.running = {CONFIG: "", BIN_DIR: ""}
    assert node.run() == [RESTART]


def test_flags_of_the_unit_itself_are_not_replaced_by_ours():
    """A file of variables comes after the unit's own variables."""
    node = Node()
    node.unit_sets_flags = True
    with pytest.raises(IrsaError, match=f"Move it to {ENVIRONMENT}"):
        node.run()
    assert node.files == {} and node.run("absent") == []
    node = Node(**{ENVIRONMENT: "KUBELET_EXTRA_ARGS=--a\n"})
    node.unit_sets_flags = True  # which the file replaces already
    node.run()
    assert node.run() == []


def test_a_link_is_refused_before_anything_is_written_and_only_if_it_would_be_written():
    node = Node(**{ENVIRONMENT: "A=b\n"})
    node.links = {ENVIRONMENT}
    with pytest.raises(IrsaError, match=f"{ENVIRONMENT} cannot be changed: it is a symbolic link"):
        node.run()
    assert OWN not in node.files
    node.links = set()
    node.run()
    node.links = {ENVIRONMENT, OWN}
    assert node.run() == []


@pytest.mark.parametrize("where", [ENVIRONMENT, "/var/lib/kubelet/kubeadm-flags.env"])
def test_flags_of_others_are_used_and_their_file_gets_our_provider(where):
    flags = f"{CONFIG}=/etc/others.yaml {BIN_DIR}=/usr/local/bin"
    node = Node(**{where: f'ARGS="{flags}"\n', "/etc/others.yaml": BLOCK})
    node.running = {CONFIG: "/etc/others.yaml", BIN_DIR: "/usr/local/bin"}
    before = dict(node.files)
    assert node.run() == ["write:/etc/others.yaml", RESTART]
    assert node.run() == []
    node.run("absent")
    assert node.files == before


def test_a_folder_of_configurations_gets_a_file_of_ours():
    node = Node(folder="/etc/providers", **{"/etc/providers/a.yaml": BLOCK})
    node.running = {CONFIG: "/etc/providers", BIN_DIR: "/usr/local/bin"}
    assert node.run() == ["write:/etc/providers/irsa-credential-providers.json", RESTART]
    assert node.run("absent") == ["remove:/etc/providers/irsa-credential-providers.json", RESTART]


def test_a_name_that_another_file_of_the_folder_has_is_refused():
    node = Node(folder="/etc/providers", **{"/etc/providers/a.yaml": BLOCK.replace("one", SETTINGS.name)})
    node.running = {CONFIG: "/etc/providers", BIN_DIR: "/usr/local/bin"}
    with pytest.raises(IrsaError, match=r"/etc/providers/a\.yaml has a provider"):
        node.run()


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Node(version="v1.33.4"), "from v1.34 on"),
        (Node(provider="is not executable"), "is not executable on this node"),
        (Node(**{ENVIRONMENT: f"KUBELET_EXTRA_ARGS={CONFIG}=/a.yaml {BIN_DIR}=/opt\n", "/a.yaml": BLOCK}), "/opt"),
        (Node(**{ENVIRONMENT: 'KUBELET_EXTRA_ARGS="a" b\n'}), "Nothing was changed"),
    ],
)
def test_a_node_that_cannot_be_changed_is_refused(node, said):
    with pytest.raises(IrsaError, match=said):
        node.run()


def test_a_diff_has_nothing_of_others():
    node = Node(**{"/a.yaml": BLOCK, ENVIRONMENT: f"KUBELET_EXTRA_ARGS={CONFIG}=/a.yaml {BIN_DIR}=/usr/local/bin\n"})
    (difference,) = node_plan.plan(node.reading(), SETTINGS, state="present").diff
    assert difference["before"] == "" and "sts.amazonaws.com" in difference["after"]
    assert "b.example.com" not in str(difference)
