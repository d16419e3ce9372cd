# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One step on a server whose API server is started by a service. Also runs under Python 3.9."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import key_datastore, tools
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_cluster import NEW, OLD
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.fake_service import (
    ISSUER,
    ServiceRig,
    written,
)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    return ServiceRig(tmp_path, monkeypatch)


def test_the_service_is_restarted_and_proved(rig):
    done = rig.take()
    assert rig.server.issuers == [NEW, OLD] and rig.invocation == 2
    assert done["proof"]["pod"]["seen"] == "k3s.service runs with the arguments of its files"
    assert done["proof"]["issuer"] == NEW
    assert stat.S_IMODE(os.stat(rig.file).st_mode) == 0o600


def test_a_server_that_does_not_tell_its_flags_is_proved_by_its_start(rig):
    rig.cluster.tells_flags = False
    assert rig.take()["proof"]["pod"]["seen"] == "k3s.service was started after its files changed"


def test_a_static_pod_of_the_service_tells_its_flags(rig):
    rig.cluster.has_pods, rig.cluster.tells_flags = True, False
    assert rig.take()["proof"]["pod"]["seen"] == "k3s.service runs with the arguments of its files"


def test_a_service_that_ends_again_and_again_gets_its_files_back(rig):
    rig.starts = lambda flags: ISSUER + NEW not in flags
    error = rig.refusal()
    assert "does not start: k3s.service was started 5 times and ended each time." in str(error)
    assert "Its files were put back, and it runs as before." in str(error)
    assert 'level=fatal msg="the API server ended"' in str(error)
    assert not rig.file.exists() and rig.server.issuers == [OLD] and rig.state == "active"
    assert rig.seconds < 60


def test_a_service_that_failed_for_good_is_not_waited_for(rig):
    rig.starts = lambda flags: ISSUER + NEW not in flags

    def give_up(seconds, sleep=rig.sleep):
        sleep(seconds)
        if rig.restarts:
            rig.state, rig.restarts = "failed", 1

    rig.sleep = give_up
    assert "does not start" in str(rig.refusal())
    assert not rig.file.exists()


def test_other_arguments_than_expected_are_a_fault(rig):
    error = rig.refusal(arguments=["kube-apiserver", ISSUER + OLD, ISSUER + NEW], timeout=10)
    assert f"runs with --service-account-issuer '{NEW}', '{OLD}' instead of '{OLD}', '{NEW}'" in str(error)
    assert rig.server.issuers == [OLD]


def test_a_service_that_cannot_be_restarted_keeps_its_files(rig):
    rig.restart_fails = True
    error = rig.refusal()
    assert "cannot be restarted with systemctl restart --no-block k3s.service: Failed to restart" in str(error)
    assert not rig.file.exists()
    assert rig.server.issuers == [OLD]


@pytest.mark.parametrize("fault", ["did not end within 120 seconds", "cannot be started: No such file or directory"])
def test_a_command_that_does_not_end_is_not_taken_for_the_api_server(rig, monkeypatch, fault):
    def run(command, run=rig.run, **more):
        if "restart" in command:
            raise Fault(fault)
        return run(command, **more)

    monkeypatch.setattr(tools, "run", run)
    error = str(rig.refusal())
    assert f"could not be restarted: systemctl restart --no-block k3s.service {fault}." in error
    assert "Look at it before you run again. The end of its log" in error
    assert not rig.file.exists()


def test_it_runs_as_before_only_when_it_was_started_with_its_former_files(rig):
    rig.cluster.tells_flags, rig.queued = False, 3
    error = rig.refusal(kids=["another"], timeout=10)
    assert "does not serve the public key 'another'" in str(error) and "and it runs as before." in str(error)
    assert rig.server.issuers == [OLD] and rig.state == "active"


def test_a_file_that_changed_since_it_was_read_restarts_nothing(rig):
    rig.file.write_text("# of another process", encoding="utf-8")
    error = rig.refusal()
    assert "has changed since it was read" in str(error)
    assert rig.invocation == 1


def test_files_that_a_run_wrote_before_it_was_killed_take_effect(rig):
    rig.file.write_text(ISSUER + NEW, encoding="utf-8")
    assert rig.take(files=[])["proof"]["issuer"] == NEW
    assert rig.invocation == 2


def test_files_that_a_killed_run_wrote_and_no_server_starts_with_are_named(rig):
    rig.file.write_text(ISSUER + NEW, encoding="utf-8")
    rig.starts = lambda flags: ISSUER + NEW not in flags
    error = rig.refusal(files=[])
    assert "It was restarted with the files that an earlier run had left, and this run wrote none." in str(error)
    assert 'level=fatal msg="the API server ended"' in str(error)


def test_secrets_in_a_file_stay_in_it(rig):
    before = "--token=of-the-cluster\n"
    rig.file.write_text(before, encoding="utf-8")
    hidden = before.replace("of-the-cluster", "hidden-by-selfhosted-irsa-0000")
    rig.server.run_with(rig.flags())
    change = written(rig.file, hidden, f"{hidden}{ISSUER}{NEW}\n")
    rig.take(files=[change], arguments=["kube-apiserver", ISSUER + NEW, ISSUER + OLD])
    assert rig.file.read_text(encoding="utf-8") == f"{before}{ISSUER}{NEW}\n"


def test_a_new_key_belongs_to_the_owner_of_the_cluster_s_key(rig, tmp_path, monkeypatch):
    cluster_key = tmp_path / "sa.key"
    cluster_key.write_text("x", encoding="utf-8")
    owners = []
    monkeypatch.setattr(os, "fchown", lambda descriptor, user, group: owners.append((user, group)))
    monkeypatch.setattr(os, "chown", lambda path, user, group: owners.append((str(path), user, group)))
    key = {
        "private_path": str(tmp_path / "irsa" / "kid.key"),
        "public_path": str(tmp_path / "irsa" / "kid.pub"),
        "public_key": "public",
        "source": str(cluster_key),
        "like": str(cluster_key),
    }
    rig.take(key=key)
    status = os.stat(cluster_key)
    owner = (status.st_uid, status.st_gid)
    assert owners == [(str(tmp_path / "irsa"), *owner), owner, owner]


def test_the_end_of_the_log_leaves_out_what_k3s_says_by_the_way(rig):
    rig.starts = lambda flags: ISSUER + NEW not in flags
    rig.log = [
        'time="2026-11-27T00:00:00Z" level=info msg="Running kube-apiserver --etcd-servers=unix://kine.sock"',
        'time="2026-11-27T00:00:01Z" level=info msg="E1127 cannot start" component=kube-apiserver stream=stderr',
        'time="2026-11-27T00:00:01Z" level=fatal msg="the API server ended"',
    ]
    log = rig.refusal().details["log"]
    assert log.splitlines() == rig.log[1:]


DATASTORE = {"command": ["k3s"], "path": "/service.key", "folder": "/irsa", "kids": ["kid"]}


def test_the_keys_of_the_datastore_are_replaced_before_the_service_restarts(rig, monkeypatch):
    replaced = []
    monkeypatch.setattr(key_datastore, "replace", lambda keys: replaced.append((keys.kids, rig.invocation)))
    rig.server.run_with([ISSUER + OLD])
    rig.take(files=[], arguments=["kube-apiserver", ISSUER + OLD], issuer=OLD, datastore=DATASTORE, takes_keys=True)
    assert (replaced, rig.invocation) == ([(["kid"], 1)], 2)


def test_a_server_that_does_not_come_back_with_other_keys_says_that_they_stay(rig, monkeypatch):
    monkeypatch.setattr(key_datastore, "replace", lambda keys: None)
    rig.starts = lambda flags: False
    error = rig.refusal(files=[], datastore=DATASTORE, takes_keys=True)
    assert "It was restarted to take the keys of the cluster's datastore. They stay there" in str(error)
    assert error.details["put_back"] is False


def test_a_server_whose_keys_cannot_be_replaced_is_not_restarted(rig, monkeypatch):
    def refuse(keys):
        raise IrsaError("The command 'k3s certificate rotate-ca' did not do it. Nothing was changed.")

    monkeypatch.setattr(key_datastore, "replace", refuse)
    error = rig.refusal(files=[], datastore=DATASTORE, takes_keys=True)
    assert str(error) == "The command 'k3s certificate rotate-ca' did not do it. Nothing was changed."
    assert rig.invocation == 1
