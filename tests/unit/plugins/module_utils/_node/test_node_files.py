# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a node are replaced in one step, kept, and put back; programs end in time. Also runs under Python 3.9."""

from __future__ import annotations

import fcntl
import os
import stat
import sys

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import inspection, node_files, pod_log, tools
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import Replacement, digest


@pytest.fixture
def manifests(tmp_path):
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "pod.yaml").write_bytes(b"old")
    return folder


def replace(path, content, expected=b"old"):
    backup = os.path.join(os.path.dirname(os.path.dirname(path)), "backup")
    return node_files.replace(Replacement(str(path), content, digest(expected)), backup)


def test_no_reader_finds_a_temporary_file_in_the_folder(manifests, monkeypatch):
    seen = []
    rename = os.replace

    def watched(source, target):
        seen.append((os.path.dirname(source), os.listdir(manifests)))
        rename(source, target)

    monkeypatch.setattr(os, "replace", watched)
    replace(manifests / "pod.yaml", b"new")
    assert (str(manifests.parent), ["pod.yaml"]) in seen
    assert (manifests / "pod.yaml").read_bytes() == b"new"
    assert sorted(os.listdir(manifests.parent)) == ["backup", "manifests"]


def test_a_write_that_fails_leaves_the_file_and_nothing_else(manifests, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    (manifests.parent / "backup").mkdir()
    backup = manifests.parent / "backup" / f"pod.yaml.{digest(b'old')[:12]}"
    backup.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(IrsaError, match=r"pod\.yaml cannot be written: No space left on device\. It is unchanged"):
        replace(manifests / "pod.yaml", b"new")
    assert (manifests / "pod.yaml").read_bytes() == b"old"
    assert sorted(os.listdir(manifests.parent)) == ["backup", "manifests"]


def test_what_a_killed_process_left_is_removed_at_once_and_what_one_writes_now_is_not(manifests):
    left, alive, other = (
        manifests.parent / name
        for name in (".selfhosted-irsa-0123456789abcdef.tmp", ".selfhosted-irsa-fedcba9876543210.tmp", "3.tmp")
    )
    for path in (left, alive, other):
        path.write_bytes(b"half of a key")
    with open(alive, "wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        replace(manifests / "pod.yaml", b"new")
    assert [path.exists() for path in (left, alive, other)] == [False, True, True]


def test_a_link_is_not_written_through(manifests):
    link = manifests / "link.yaml"
    link.symlink_to("pod.yaml")
    with pytest.raises(IrsaError, match="is a symbolic link"):
        replace(link, b"new")
    assert (manifests / "pod.yaml").read_bytes() == b"old"


def test_a_file_can_be_made_and_removed_and_both_undone(manifests):
    made = replace(manifests / "new.yaml", b"new", None)
    assert made.backup is None
    made.undo()
    assert not (manifests / "new.yaml").exists()
    removed = replace(manifests / "pod.yaml", None)
    assert not (manifests / "pod.yaml").exists()
    removed.undo()
    assert (manifests / "pod.yaml").read_bytes() == b"old"


def test_a_new_file_gets_the_folder_that_it_is_in(tmp_path):
    """Nothing creates /etc/kubernetes/patches before: kubeadm reads it only if it is told to."""
    patch, key = tmp_path / "etc" / "patches" / "patch.yaml", tmp_path / "pki" / "irsa" / "kid.key"
    (tmp_path / "pki").mkdir()
    made = [
        node_files.replace(Replacement(str(patch), b"[]", None), str(tmp_path / "backup")),
        node_files.replace(Replacement(str(key), b"key", None, folder_mode=0o700), str(tmp_path / "backup")),
    ]
    assert (patch.read_bytes(), key.read_bytes()) == (b"[]", b"key")
    assert [path.parent.stat().st_mode & 0o777 for path in (patch, key)] == [0o755, 0o700]
    for each in reversed(made):
        each.undo()
    assert os.listdir(tmp_path) == ["pki"] and os.listdir(tmp_path / "pki") == []


def test_folders_of_others_and_folders_in_use_stay(tmp_path):
    made = [node_files.replace(Replacement(str(tmp_path / "etc" / name), b"", None), None) for name in ("1", "2")]
    made[0].undo()
    assert os.listdir(tmp_path / "etc") == ["2"]
    made[1].undo()
    assert os.listdir(tmp_path) == ["etc"]


def test_a_folder_that_cannot_be_created_is_told(tmp_path):
    (tmp_path / "etc").write_bytes(b"")
    path = str(tmp_path / "etc" / "patches" / "patch.yaml")
    with pytest.raises(IrsaError, match="a part of its path is a file, not a directory"):
        node_files.replace(Replacement(path, b"[]", None), None)


def test_a_folder_that_cannot_be_synced_does_not_deny_the_write(manifests, monkeypatch):
    """The file is in place by then: what a step believes unchanged, it would not put back."""
    fsync = os.fsync

    def refused(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refused)
    assert replace(manifests / "pod.yaml", b"new").former == b"old"
    assert (manifests / "pod.yaml").read_bytes() == b"new"


def test_the_same_content_is_kept_once(manifests):
    first = replace(manifests / "pod.yaml", b"new")
    replace(manifests / "pod.yaml", b"old", b"new")
    second = replace(manifests / "pod.yaml", b"new")
    assert first.backup == second.backup
    assert len(os.listdir(manifests.parent / "backup")) == 2


def test_a_file_of_unknown_content_is_refused(manifests):
    with pytest.raises(IrsaError, match="has changed since it was read"):
        replace(manifests / "pod.yaml", b"new", None)


def test_a_node_is_inspected_without_its_cluster(manifests, monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: None)
    (manifests / "kube-apiserver0+json.yaml").write_bytes(b"[]")
    found = inspection.inspect([str(manifests / "pod.yaml"), "/nowhere"], [str(manifests), "/nowhere"], str(manifests))
    assert found["files"]["/nowhere"]["content"] is None
    assert found["files"][str(manifests / "pod.yaml")]["sha256"] == digest(b"old")
    assert found["folders"] == {str(manifests): ["kube-apiserver0+json.yaml", "pod.yaml"], "/nowhere": None}
    assert found["patches"] == {"kube-apiserver0+json.yaml": "W10="}
    assert (found["kubeadm_version"], found["has_kubectl"]) == (None, False)


def test_files_of_a_configuration_are_read_whatever_the_case_of_their_names(tmp_path):
    for name in ("a.yaml", "B.Yml", "c.YAML", "d.yaml~", "e.txt"):
        (tmp_path / name).write_text("token: secret", encoding="utf-8")
    found = inspection.configuration([], [str(tmp_path)], endings=[".yaml", ".yml"], version_command=[])
    assert sorted(map(os.path.basename, found["files"])) == ["B.Yml", "a.yaml", "c.YAML"]


def test_a_file_has_changed_when_a_link_leads_to_another_one(tmp_path, monkeypatch):
    link, real = str(tmp_path / "config.yaml"), tmp_path / "real.yaml"
    real.write_text("a: 1", encoding="utf-8")
    os.symlink(real, link)
    status = os.lstat

    def later(path, **more):
        found = status(path, **more)
        return os.stat_result(found, {"st_ctime": found.st_ctime + 100}) if str(path) == link else found

    monkeypatch.setattr(os, "lstat", later)
    found = inspection.configuration([link], [], endings=[], version_command=[])
    assert found["files"][link]["changed"] == status(link).st_ctime + 100


def test_a_program_that_hangs_is_ended():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with pytest.raises(Fault, match=r"did not end within 0\.2 seconds"):
        tools.run([sys.executable, "-c", code], seconds=0.2)


def test_a_program_gets_no_proxy(monkeypatch):
    for name in ("HTTPS_PROXY", "http_proxy", "KUBECONFIG"):
        monkeypatch.setenv(name, "http://proxy.example.com")
    code = "import os; print([name for name in os.environ if 'proxy' in name.lower() or name == 'KUBECONFIG'])"
    assert tools.run([sys.executable, "-c", code], seconds=60).stdout.strip() == b"[]"


def test_a_program_that_does_not_exist_is_told():
    with pytest.raises(Fault, match="cannot be started: No such file or directory"):
        tools.run(["/nowhere/kubectl"], seconds=1)


def test_the_log_s_end_is_of_the_newest_container(tmp_path):
    for number, text in enumerate(["old", "E1126 bind: address already in use"]):
        log = tmp_path / f"kube-system_kube-apiserver-node1_uid{number}" / "kube-apiserver" / "0.log"
        log.parent.mkdir(parents=True)
        log.write_text(f"2026-11-26T03:00:00Z stderr F {text}\n", encoding="utf-8")
        os.utime(log, ns=(number, number))
    ends = {
        pod: pod_log.end_of_log(pod_log.logs_of(pod, "kube-apiserver", str(tmp_path)))
        for pod in ("kube-apiserver-node1", "kube-apiserver-node2")
    }
    assert ends == {"kube-apiserver-node1": "E1126 bind: address already in use", "kube-apiserver-node2": ""}


def test_the_last_line_of_a_long_log_is_told(tmp_path):
    log = tmp_path / "0.log"
    lines = [f"2026-11-26T03:00:00Z stderr F W1126 line {number} {'x' * 60}" for number in range(20000)]
    log.write_text("\n".join([*lines, "2026-11-26T03:00:00Z stderr F F1126 the reason\n"]), encoding="utf-8")
    end = pod_log.end_of_log([str(log)]).splitlines()
    assert end[-2].startswith("W1126 line 19999 x") and end[-1] == "F1126 the reason"
