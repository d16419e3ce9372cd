# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kubelet's step on a node: files, restart, proof and the way back. Also runs under Python 3.9."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import kubelet, node_files, session, tools, units
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubelet_step import KubeletStep


class Kubelet:
    """A kubelet that reads a flag from a file at each start, and does not start with some of its values."""

    def __init__(self, folder):
        self.file = folder / "kubelet"
        self.process, self.flag, self.is_healthy, self.starts = 1, "", True, 0

    def restart(self, command, **dummy):
        assert command[1:] == ["restart", "kubelet"]
        self.starts += 1
        self.process += 1
        self.flag = self.file.read_text() if self.file.exists() else ""
        self.is_healthy = self.flag != "bad"
        return tools.Ended(0, b"", "")

    def running(self):
        return self.process, ["/usr/bin/kubelet", f"{kubelet.FLAGS[0]}={self.flag}"]

    def require_healthy(self, dummy):
        if not self.is_healthy:
            raise Fault("is not healthy")


@pytest.fixture(name="fake")
def _fake(tmp_path, monkeypatch):
    fake = Kubelet(tmp_path)
    monkeypatch.setattr(kubelet, "PENDING", str(tmp_path / "backup" / "pending"))
    monkeypatch.setattr(node_files, "BACKUP_FOLDER", str(tmp_path / "backup"))
    monkeypatch.setattr(kubelet, "running", fake.running)
    monkeypatch.setattr(kubelet, "require_healthy", fake.require_healthy)
    monkeypatch.setattr(tools, "run", fake.restart)
    monkeypatch.setattr(session, "sleep", lambda seconds: None)
    monkeypatch.setattr(units, "log", lambda name: ["it said why"])
    return fake


def _take(fake, content, former=None):
    file = {
        "path": str(fake.file),
        "content": base64.b64encode(content.encode()).decode(),
        "expected": node_files.digest(former),
        "mode": 0o644,
    }
    return KubeletStep({"files": [file], "flags": {kubelet.FLAGS[0]: content}, "timeout": 0.2}).take()


def test_a_kubelet_that_starts_keeps_its_files(fake, tmp_path):
    _take(fake, "good")
    assert fake.file.read_text() == "good" and fake.starts == 1
    assert list((tmp_path / "backup").iterdir()) == []


def test_one_that_does_not_start_gets_its_former_files_and_its_log_is_told(fake, tmp_path):
    fake.file.write_text("old")
    fake.flag = "old"
    with pytest.raises(IrsaError, match=r"is not healthy.*put back, and it runs as before.*it said why") as error:
        _take(fake, "bad", b"old")
    assert error.value.details["put_back"] is True
    assert fake.file.read_text() == "old" and fake.starts == 2
    assert not (tmp_path / "backup" / "pending").exists()


def test_one_that_is_not_healthy_before_is_not_touched(fake):
    fake.is_healthy = False
    with pytest.raises(IrsaError, match="No file was changed"):
        _take(fake, "good")
    assert not fake.file.exists() and fake.starts == 0


def test_one_that_runs_with_other_flags_than_its_files_have_is_put_back(fake, monkeypatch):
    """Another file of its unit, for example, may come later."""
    monkeypatch.setattr(kubelet, "running", lambda: (fake.process, ["kubelet", f"{kubelet.FLAGS[0]}=other"]))
    with pytest.raises(IrsaError, match="runs with --image-credential-provider-config 'other' instead of 'good'"):
        _take(fake, "good")
    assert not fake.file.exists()


def test_a_file_that_has_changed_is_left_and_the_next_run_restarts_nothing(fake, tmp_path):
    fake.file.write_text("of someone else")
    with pytest.raises(IrsaError, match=r"has changed since it was read.*No file was changed"):
        _take(fake, "good", b"old")
    assert fake.starts == 0 and not (tmp_path / "backup" / "pending").exists()


def test_what_a_killed_run_left_is_still_known_after_a_run_that_wrote_nothing(fake, tmp_path):
    pending = tmp_path / "backup" / "pending"
    pending.parent.mkdir()
    pending.touch()
    fake.file.write_text("of someone else")
    with pytest.raises(IrsaError, match="No file was changed"):
        _take(fake, "good", b"old")
    assert pending.exists()


def test_sigterm_puts_the_files_back_while_the_kubelet_must_stay_healthy(fake, monkeypatch):
    told = [Fault("was not waited for any longer, since SIGTERM ended this step")]

    def sleep(dummy):
        if told:
            raise told.pop()

    monkeypatch.setattr(session, "sleep", sleep)
    with pytest.raises(IrsaError, match=r"SIGTERM ended this step.*put back, and it runs as before"):
        _take(fake, "good")
    assert not fake.file.exists()


def test_a_kubelet_that_a_killed_run_left_broken_is_repaired_by_the_next_one(fake, tmp_path, monkeypatch):
    def running():
        if fake.flag == "bad":
            raise Fault("does not run")
        return fake.process, ["/usr/bin/kubelet", f"{kubelet.FLAGS[0]}={fake.flag}"]

    monkeypatch.setattr(kubelet, "running", running)
    fake.file.write_text("bad")
    fake.flag = "bad"
    with pytest.raises(IrsaError, match="does not run"):
        _take(fake, "good", b"bad")
    pending = tmp_path / "backup" / "pending"
    pending.parent.mkdir()
    pending.touch()
    _take(fake, "good", b"bad")
    assert fake.flag == "good" and not pending.exists()
