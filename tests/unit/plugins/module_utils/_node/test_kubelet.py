# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of a kubelet. Also runs under Python 3.9."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import kubelet, tools

# As systemd 257 prints it.
SHOWN = """EnvironmentFiles=/var/lib/kubelet/kubeadm-flags.env (ignore_errors=yes)
EnvironmentFiles=/etc/sysconfig/kubelet (ignore_errors=yes)
"""


@pytest.fixture(name="node")
def _node(monkeypatch, tmp_path):
    said = {"--version": "Kubernetes v1.34.1\n", "show": SHOWN}
    monkeypatch.setattr(tools, "run", lambda command, **more: tools.Ended(0, said[command[1]].encode(), ""))
    command = ["/usr/bin/kubelet", f"{kubelet.FLAGS[0]}=/a.yaml", kubelet.FLAGS[1], "/opt"]
    monkeypatch.setattr(kubelet, "running", lambda: (7, command))
    return said


def test_version_flags_and_files_are_found(node, tmp_path):
    for name in ("b.yaml", "a.json", "README"):
        (tmp_path / name).write_text("x")
    found = kubelet.described(str(tmp_path / "nothing"), str(tmp_path))
    assert found["version"] == "v1.34.1"
    assert list(found["flags"].values()) == ["/a.yaml", "/opt"]
    assert found["environment"]["path"] == "/etc/sysconfig/kubelet"
    assert [each["path"] for each in found["configs"]] == [str(tmp_path / "a.json"), str(tmp_path / "b.yaml")]
    assert (found["is_folder"], found["provider"]) == (True, "does not exist")


def test_a_link_is_told_from_a_file(node, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    found = [kubelet.described("/x", str(tmp_path / name))["configs"][0]["is_link"] for name in ("file", "link")]
    assert found == [False, True]


def test_a_program_that_cannot_be_run_is_named(node, tmp_path):
    program = tmp_path / "provider"
    program.write_text("x")
    assert kubelet.described(str(program), None)["provider"] == "is not executable"
    program.chmod(0o755)
    assert kubelet.described(str(program), None)["provider"] is None


def test_a_unit_without_a_file_for_flags_is_refused(node):
    node["show"] = SHOWN.splitlines()[0]
    with pytest.raises(IrsaError, match="reads no file of environment variables for flags of yours"):
        kubelet.described("/x", None)


def test_flags_go_into_the_file_that_sets_them_now(node, tmp_path):
    """Of a variable that several files set, systemd takes that of the last one, and what others set is lost."""
    first, last = tmp_path / "first", tmp_path / "last"
    node["show"] = f"EnvironmentFiles={first} (ignore_errors=yes)\nEnvironmentFiles={last} (ignore_errors=yes)\n"
    first.write_text('KUBELET_EXTRA_ARGS="--node-ip=192.0.2.1"\n')
    last.write_text("# KUBELET_EXTRA_ARGS=\nHTTPS_PROXY=\n")
    assert kubelet.described("/x", None)["environment"]["path"] == str(first)
    last.write_text("KUBELET_EXTRA_ARGS=\n")
    assert kubelet.described("/x", None)["environment"]["path"] == str(last)


@pytest.mark.parametrize(
    ("shown", "sets"),
    [
        ('Environment="KUBELET_CONFIG_ARGS=--a --b" "KUBELET_EXTRA_ARGS=--node-ip=192.0.2.1 --c"\n', True),
        ("Environment=KUBELET_EXTRA_ARGS=--c\n", True),
        ("Environment=KUBELET_EXTRA_ARGS= A=b\n", False),
        ('Environment="KUBELET_CONFIG_ARGS=--a --b" MY_KUBELET_EXTRA_ARGS=--c\n', False),
        ("", False),
    ],
)
def test_flags_that_the_unit_itself_sets_are_seen(node, shown, sets):
    node["show"] = shown + SHOWN
    assert kubelet.described("/x", None)["unit_sets_flags"] is sets


def test_a_node_without_a_kubelet_is_refused(node, monkeypatch):
    def running():
        raise Fault("does not run")

    monkeypatch.setattr(kubelet, "running", running)
    with pytest.raises(IrsaError, match=r"does not run\. Set it up"):
        kubelet.described("/x", None)


def test_one_that_a_killed_run_left_without_its_kubelet_is_read(node, monkeypatch, tmp_path):
    def running():
        raise Fault("does not run")

    monkeypatch.setattr(kubelet, "running", running)
    monkeypatch.setattr(kubelet, "PENDING", str(tmp_path))
    found = kubelet.described("/x", None)
    assert found["pending"] and set(found["flags"].values()) == {""}
