# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys go into a cluster's datastore by the command of its distribution. Also runs under Python 3.9."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import key_datastore, key_reading, key_staging
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.key_datastore import DatastoreKeys
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._node.sudden_ends import ended_at

OLD, NEW = samples.RSA, samples.P256
OLD_KID, NEW_KID = samples.kid(OLD.pkcs8), samples.kid(NEW.pkcs8)
OTHER_KID = samples.kid(samples.OTHER_RSA.pkcs8)


class Server:
    """A server with a file of keys, and a program that keeps what it is given as its datastore."""

    def __init__(self, folder, present=(OLD,)):
        self.file, self.own = folder / "service.key", folder / "irsa"
        self.file.write_bytes(b"".join(key.traditional for key in present))
        self.datastore, self.seen, self.answer = folder / "datastore", folder / "seen", folder / "answer"
        self.program = folder / "k3s"
        self.program.write_text(
            "#!/bin/sh\n"
            'for word; do case "$word" in --path=*) path="${word#--path=}";; esac; done\n'
            f'echo "$1 $2" "$(stat -c %a "$path/tls/service.key" "$path")" > {self.seen}\n'
            f"if test -e {self.answer}; then cat {self.answer} >&2; exit 1; fi\n"
            f'cp "$path/tls/service.key" {self.datastore}\n',
            encoding="utf-8",
        )
        self.program.chmod(0o755)

    def keys(self, *kids, **more):
        values = {
            "command": [str(self.program), "certificate", "rotate-ca", "--server=https://127.0.0.1:6443"],
            "path": str(self.file),
            "folder": str(self.own),
            "kids": list(kids),
            "content": NEW.traditional.decode(),
        }
        return DatastoreKeys(**{**values, **more})

    def replace(self, *kids, **more):
        key_datastore.replace(self.keys(*kids, **more))

    def refusal(self, *kids, **more):
        with pytest.raises(IrsaError) as caught:
            self.replace(*kids, **more)
        assert samples.traces_of(OLD.pkcs8, str(caught.value)) == samples.traces_of(NEW.pkcs8, str(caught.value)) == []
        assert not self.staging.exists()
        return str(caught.value)

    @property
    def staging(self):
        return self.own / key_datastore.STAGING

    @property
    def archive(self):
        return self.own / "retired" / f"{OLD_KID}.key"


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path)


@pytest.mark.parametrize(
    ("kids", "expected"),
    [
        ((OLD_KID, NEW_KID), OLD.traditional + NEW.traditional),
        ((NEW_KID, OLD_KID), NEW.traditional + OLD.traditional),
    ],
)
def test_the_datastore_gets_the_keys_in_their_order(server, kids, expected):
    server.replace(*kids)
    assert server.datastore.read_bytes() == expected
    assert server.file.read_bytes() == OLD.traditional
    assert server.seen.read_text(encoding="utf-8").split() == ["certificate", "rotate-ca", "600", "700"]


def test_nothing_is_left_of_the_files_that_the_command_read(server):
    server.replace(OLD_KID, NEW_KID)
    assert os.listdir(server.own) == []
    assert stat.S_IMODE(os.stat(server.own).st_mode) == 0o700


def test_a_retired_key_goes(tmp_path):
    server = Server(tmp_path, present=(NEW, OLD))
    server.replace(NEW_KID, retired=[OLD_KID], content=None)
    assert server.datastore.read_bytes() == NEW.traditional


def test_a_key_that_signs_no_longer_is_kept(tmp_path):
    server = Server(tmp_path, present=(OLD, NEW))
    for dummy in range(2):
        server.replace(NEW_KID, OLD_KID, archive=str(server.archive), content=None)
        assert server.archive.read_bytes() == OLD.traditional
        assert stat.S_IMODE(os.stat(server.archive).st_mode) == 0o600
    assert key_staging.remove(str(server.own), [str(server.archive)]) == {"removed": [str(server.archive)]}


def test_an_elliptic_curve_key_goes_there_in_the_form_of_which_servers_read_the_public_half(server):
    server.replace(OLD_KID, NEW_KID, content=NEW.pkcs8.decode())
    assert server.datastore.read_bytes().endswith(NEW.traditional)


def test_an_rsa_key_may_come_in_any_form(tmp_path):
    server = Server(tmp_path, present=(NEW,))
    server.replace(NEW_KID, OLD_KID, content=OLD.pkcs8.decode())
    assert list(key_reading.private_keys(server.datastore.read_bytes())) == [NEW_KID, OLD_KID]


@pytest.mark.parametrize(
    ("kids", "more"),
    [
        ((OLD_KID, OTHER_KID), {}),
        ((NEW_KID,), {}),
        ((OLD_KID, NEW_KID), {"content": None}),
    ],
)
def test_other_keys_than_those_that_were_read_are_left_alone(server, kids, more):
    said = server.refusal(*kids, **more)
    assert f"has other keys than those that were read: '{OLD_KID}'. Nothing was changed. Run again." in said
    assert not server.seen.exists()


def test_a_file_that_is_gone_is_told(server):
    server.file.unlink()
    assert "service.key does not exist" in server.refusal(OLD_KID, NEW_KID)


def test_a_command_that_refuses_the_keys_is_quoted(server):
    server.answer.write_text("ServiceKey: old ServiceAccount signing key not in new list\n", encoding="utf-8")
    said = server.refusal(OLD_KID, NEW_KID)
    assert (
        "The command 'k3s certificate rotate-ca' did not put the keys into the cluster's datastore: ServiceKey" in said
    )
    assert not server.datastore.exists()


def test_a_command_that_is_not_there_is_told(server):
    server.program.unlink()
    assert "The command 'k3s certificate rotate-ca' cannot be started" in server.refusal(OLD_KID, NEW_KID)


def test_wherever_a_run_is_killed_the_next_one_leaves_no_private_key_behind(tmp_path):
    number = 0

    def made(name):
        (tmp_path / name).mkdir()
        return Server(tmp_path / name, present=(OLD, NEW))

    def work(server):
        server.replace(NEW_KID, OLD_KID, archive=str(server.archive), content=None)

    while True:
        server = made(str(number))
        if not ended_at(number, lambda server=server: work(server)):
            break
        assert server.staging.exists() == bool(key_datastore.left(str(server.own)))
        work(server)
        # A temporary file beside the kept key goes with a write that comes later.
        assert [name for name in os.listdir(server.own) if not name.endswith(".tmp")] == ["retired"]
        assert os.listdir(server.archive.parent) == [server.archive.name]
        assert server.datastore.read_bytes() == NEW.traditional + OLD.traditional
        number += 1
    assert number > 10


def test_what_a_killed_run_left_is_told_and_can_be_removed(server):
    path = server.staging / "tls" / "service.key"
    path.parent.mkdir(parents=True)
    path.write_bytes(OLD.traditional)
    assert key_datastore.left(str(server.own)) == [str(server.staging)]
    assert key_staging.remove(str(server.own), [str(server.staging)]) == {"removed": [str(server.staging)]}
    assert (key_datastore.left(str(server.own)), os.listdir(server.own)) == ([], [])
    assert key_datastore.left(None) == []


def test_the_keys_of_a_file_are_told_in_order_by_their_public_halves(server):
    server.file.write_bytes(NEW.traditional + OLD.traditional)
    faults = []
    found = key_reading.key_files([str(server.file)], faults)[str(server.file)]
    assert (found["is_private"], faults) == (True, [])
    assert list(key_reading.private_keys(server.file.read_bytes())) == [NEW_KID, OLD_KID]
