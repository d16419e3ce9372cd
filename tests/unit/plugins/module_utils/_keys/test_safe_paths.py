# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who could put a different key at a path. Also runs under Python 3.9."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import safe_paths

OTHER, THIRD = 65534, 54321

# Only root can give a file to another user.
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def folder(tmp_path):
    """A directory of this user's below another one, whatever the umask."""
    (tmp_path / "kubernetes" / "pki").mkdir(parents=True)
    for path in (tmp_path / "kubernetes", tmp_path / "kubernetes" / "pki"):
        path.chmod(0o755)
    return tmp_path / "kubernetes" / "pki"


@pytest.fixture
def key(folder):
    path = folder / "sa.key"
    path.write_bytes(b"")
    path.chmod(0o600)
    return path


@pytest.fixture
def passwd(tmp_path, monkeypatch):
    """Sets the local users by the numbers of their primary groups."""

    def set_users(**gids):
        lines = [f"{name}:x:{number}:{gid}::/:/bin/sh" for number, (name, gid) in enumerate(gids.items(), start=1000)]
        (tmp_path / "passwd").write_text("\n".join(["# a comment", *lines, ""]))

    monkeypatch.setattr(safe_paths, "_PASSWD", str(tmp_path / "passwd"))
    set_users()
    return set_users


def refusal(path, owner=None, **options) -> str:
    with pytest.raises(IrsaError) as caught:
        safe_paths.check(str(path), owner, **options)
    assert str(caught.value).startswith(f"{path} is not safe: ")
    return str(caught.value)


def test_a_key_of_this_user_is_accepted(key, monkeypatch):
    safe_paths.check(str(key))
    monkeypatch.chdir(key.parent)
    safe_paths.check("sa.key")
    safe_paths.check("../pki/sa.key")


def test_a_key_that_does_not_exist_yet_is_accepted(folder):
    safe_paths.check(str(folder / "sa.key"), found=False)
    safe_paths.check(str(folder / "sa.key"))


@as_root
def test_a_key_of_root_is_accepted_by_others(key, monkeypatch):
    monkeypatch.setattr(safe_paths.os, "geteuid", lambda: OTHER)
    safe_paths.check(str(key))


@as_root
def test_a_key_of_another_user_is_refused(key):
    os.chown(key, THIRD, THIRD)
    message = refusal(key)
    assert f"the file {key} belongs to {THIRD}" in message and "irsa_issuer_key_owner" in message
    safe_paths.check(str(key), str(THIRD))
    safe_paths.check(str(key), found=False)


@as_root
@pytest.mark.parametrize("above", [0, 1], ids=["its directory", "the one above"])
def test_a_directory_of_another_user_is_refused(key, above):
    directory = key.parents[above]
    os.chown(directory, THIRD, THIRD)
    message = refusal(key)
    assert f"the directory {directory} belongs to {THIRD}, who could replace the file" in message
    safe_paths.check(str(key), str(THIRD))


@pytest.mark.parametrize("found", [True, False])
@pytest.mark.parametrize(("above", "mode"), [(0, 0o777), (0, 0o1777), (0, 0o703), (1, 0o777), (1, 0o2777)], ids=oct)
def test_a_directory_that_others_can_write_to_is_refused(key, above, mode, found):
    directory = key.parents[above]
    directory.chmod(mode)
    message = refusal(key, found=found)
    is_sticky = bool(mode & 0o1000)
    who = "every user may create files in" if is_sticky else "others can write to"
    assert f"{who} the directory {directory} (mode {mode:04o})" in message
    # Without the right to write, a sticky directory such as /tmp is of no use to anybody.
    assert ("chmod" in message) is not is_sticky


def test_a_directory_in_a_sticky_one_is_accepted(key):
    key.parents[1].chmod(0o1777)
    safe_paths.check(str(key))


@pytest.mark.parametrize("mode", [0o602, 0o666])
def test_a_key_that_others_can_write_to_is_refused(key, mode):
    key.chmod(mode)
    assert f"others can write to the file {key} (mode {mode:04o})" in refusal(key)
    safe_paths.check(str(key), found=False)


class TestGroups:
    """A file and a directory that their group can write to, which is the owner's primary one."""

    GID = 4242

    @pytest.fixture(params=["file", "directory", "directory above"])
    def shared(self, request, key, monkeypatch):
        path = {"file": key, "directory": key.parent, "directory above": key.parents[1]}[request.param]
        path.chmod(0o775)
        monkeypatch.setattr(safe_paths.os, "lstat", self.in_group(path, os.lstat))
        monkeypatch.setattr(safe_paths.os, "stat", self.in_group(path, os.stat))
        entry = safe_paths.pwd.getpwuid(os.geteuid())
        own = safe_paths.pwd.struct_passwd(("alice", *entry[1:3], self.GID, *entry[4:]))
        monkeypatch.setattr(safe_paths.pwd, "getpwuid", lambda uid: own)
        return path

    def in_group(self, path, function):
        def status(asked, **options):
            found = function(asked, **options)
            return os.stat_result((*found[:5], self.GID, *found[6:])) if str(asked) == str(path) else found

        return status

    @pytest.fixture
    def members(self, monkeypatch):
        def set_members(*names):
            group = safe_paths.grp.struct_group(("alice", "x", self.GID, list(names)))
            monkeypatch.setattr(safe_paths.grp, "getgrgid", lambda gid: group)

        set_members()
        return set_members

    def test_a_group_of_the_owner_alone_is_accepted(self, key, shared, members, passwd):
        safe_paths.check(str(key))
        members("alice")
        passwd(alice=self.GID, bob=1001)
        safe_paths.check(str(key))

    def test_a_group_with_another_member_is_refused(self, key, shared, members, passwd):
        members("alice", "bob")
        assert f"{shared} (mode 0775)" in refusal(key)

    def test_a_group_that_is_the_primary_one_of_another_user_is_refused(self, key, shared, members, passwd):
        passwd(alice=self.GID, bob=self.GID)
        assert f"{shared} (mode 0775)" in refusal(key)

    def test_a_group_that_the_options_name_may_write_to_the_file_alone(self, key, shared, members, passwd):
        members("alice", "bob")
        if shared == key:
            safe_paths.check(str(key), group=str(self.GID))
        else:
            assert f"{shared} (mode 0775)" in refusal(key, group=str(self.GID))
        assert f"{shared} (mode 0775)" in refusal(key, group=str(self.GID + 1))

    def test_an_unknown_group_is_refused(self, key, shared, passwd, monkeypatch):
        def unknown(gid):
            raise KeyError(gid)

        monkeypatch.setattr(safe_paths.grp, "getgrgid", unknown)
        assert f"{shared} (mode 0775)" in refusal(key)

    @pytest.mark.parametrize(
        ("entries", "is_accepted"),
        [
            ([(0x01, 7, -1), (0x04, 7, -1), (0x10, 7, -1), (0x20, 5, -1)], True),
            ([(0x01, 7, -1), (0x02, 7, THIRD), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1)], False),
            ([(0x01, 7, -1), (0x02, 5, THIRD), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1)], True),
            ([(0x01, 7, -1), (0x02, 7, 0), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1)], True),
            ([(0x01, 7, -1), (0x04, 5, -1), (0x08, 7, 50), (0x10, 7, -1), (0x20, 5, -1)], False),
        ],
        ids=["no more than the mode", "a user", "a user who may read", "root", "a group"],
    )
    def test_an_access_control_list_counts(self, key, shared, members, passwd, monkeypatch, entries, is_accepted):
        stored = struct.pack("<I", 2) + b"".join(
            struct.pack("<HHI", tag, may, who % (1 << 32)) for tag, may, who in entries
        )
        monkeypatch.setattr(safe_paths.os, "getxattr", lambda path, name: stored, raising=False)
        if is_accepted:
            safe_paths.check(str(key))
        else:
            assert f"others can write to the {'file' if shared == key else 'directory'} {shared}" in refusal(key)


class TestLinks:
    def test_a_link_of_this_user_is_accepted(self, key, tmp_path):
        (tmp_path / "link.key").symlink_to(key)
        (tmp_path / "linked").symlink_to("kubernetes/../kubernetes/./pki")
        safe_paths.check(str(tmp_path / "link.key"))
        safe_paths.check(str(tmp_path / "linked" / "sa.key"))

    @pytest.mark.parametrize("name", ["link.key", "linked/sa.key"])
    def test_the_directory_of_the_target_counts(self, key, tmp_path, name):
        (tmp_path / "link.key").symlink_to(key)
        (tmp_path / "linked").symlink_to(key.parent)
        key.parents[1].chmod(0o777)
        assert f"the directory {key.parents[1]} " in refusal(tmp_path / name)

    @pytest.mark.parametrize("name", ["link.key", "linked/sa.key"])
    def test_the_directory_of_the_link_counts(self, key, tmp_path, name):
        (tmp_path / "open").mkdir()
        (tmp_path / "open" / "link.key").symlink_to(key)
        (tmp_path / "open" / "linked").symlink_to(key.parent)
        (tmp_path / "open").chmod(0o1777)
        assert f"the directory {tmp_path / 'open'} " in refusal(tmp_path / "open" / name)

    @as_root
    def test_a_link_of_another_user_is_refused(self, key, tmp_path):
        (tmp_path / "link.key").symlink_to(key)
        os.lchown(tmp_path / "link.key", THIRD, THIRD)
        assert f"the symbolic link {tmp_path / 'link.key'} belongs to {THIRD}" in refusal(tmp_path / "link.key")

    def test_links_that_lead_to_each_other_end_in_a_message(self, folder):
        (folder / "a").symlink_to("b")
        (folder / "b").symlink_to("a")
        with pytest.raises(IrsaError, match=os.strerror(errno.ELOOP)):
            safe_paths.check(str(folder / "a"))


def test_a_directory_that_is_gone_ends_in_a_message(folder):
    with pytest.raises(IrsaError, match="No such file or directory"):
        safe_paths.check(str(folder / "gone" / "sa.key"))
