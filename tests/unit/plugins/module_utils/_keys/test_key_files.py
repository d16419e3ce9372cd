# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key files on a real disk. Also runs under Python 3.9."""

from __future__ import annotations

import errno
import functools
import os
import signal
import stat
import tempfile
import threading
import traceback
from pathlib import Path

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import drafts
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files, safe_paths

CONTENT = b"the private key\n"
NOBODY = 65534

is_root = os.geteuid() == 0


@pytest.fixture
def folder(tmp_path):
    """A directory that only its owner can write to, under any umask."""
    created = tmp_path / "pki"
    created.mkdir()
    created.chmod(0o700)
    return created


@pytest.fixture
def open_umask():
    """The umask under which a file gets all permissions that are passed to open(2)."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def without_tmpfile(monkeypatch):
    """A file system that cannot create files without a name, such as NFS."""
    real = os.open

    def refuse(path, flags, *arguments, **options):
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real(path, flags, *arguments, **options)

    monkeypatch.setattr(key_files.os, "open", refuse)


@pytest.fixture(params=["O_TMPFILE", "named temporary file"])
def either_way(request):
    """Both ways to create a private file."""
    if request.param != "O_TMPFILE":
        request.getfixturevalue("without_tmpfile")


@pytest.fixture
def modes_while_written(monkeypatch):
    """Record size and mode of each file when its content is written, so before it has the first byte."""
    seen = []
    real = os.write

    def write(descriptor, content):
        status = os.fstat(descriptor)
        seen.append((status.st_size, stat.S_IMODE(status.st_mode)))
        return real(descriptor, content)

    monkeypatch.setattr(key_files.os, "write", write)
    return seen


def mode_of(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(IrsaError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def as_nobody(call, *arguments):
    """Return or raise what a call does for a user other than root: this one, or the user nobody in another process."""
    if not is_root:
        return call(*arguments)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "no answer"
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer = f"returned {call(*arguments)!r}"
        except IrsaError as fault:
            answer = f"refused {fault}"
        except BaseException:  # noqa: BLE001  the parent fails with whatever it was
            answer = traceback.format_exc()
        finally:
            os.write(writing, answer.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read().decode()
    os.waitpid(child, 0)
    if answer.startswith("refused "):
        raise IrsaError(answer.partition(" ")[2])
    assert answer.startswith("returned "), answer
    return answer


@pytest.fixture
def others_folder():
    """A directory that all users can enter; pytest's own are closed to other users."""
    with tempfile.TemporaryDirectory() as path:
        os.chmod(path, 0o755)
        yield path


class TestCheckWritable:
    def test_check_writable_accepts_a_directory_of_this_user(self, folder):
        key_files.check_writable(str(folder / "key"))

    def test_check_writable_accepts_an_existing_file(self, folder):
        (folder / "key").write_bytes(CONTENT)
        key_files.check_writable(str(folder / "key"))

    def test_check_writable_accepts_a_name_without_a_directory(self, folder, monkeypatch):
        monkeypatch.chdir(folder)
        key_files.check_writable("key")

    @pytest.mark.parametrize("mode", [0o702, 0o777, 0o1777], ids=oct)
    def test_check_writable_refuses_a_world_writable_directory(self, folder, mode):
        folder.chmod(mode)
        message = refusal(key_files.check_writable, str(folder / "key"))
        assert f"{mode:04o}" in message
        assert "chmod go-w" in message or mode & 0o1000

    def test_check_writable_refuses_a_directory_that_a_shared_group_can_write_to(self, folder, monkeypatch):
        folder.chmod(0o770)
        monkeypatch.setattr(
            safe_paths.grp, "getgrgid", lambda gid: safe_paths.grp.struct_group(("staff", "x", gid, ["alice", "bob"]))
        )
        assert "others can write" in refusal(key_files.check_writable, str(folder / "key"))

    def test_check_writable_refuses_a_group_other_than_the_owners_primary_group(self, folder, monkeypatch):
        folder.chmod(0o770)
        entry = safe_paths.pwd.getpwuid(os.geteuid())
        other = safe_paths.pwd.struct_passwd((*entry[:3], os.stat(folder).st_gid + 1, *entry[4:]))
        monkeypatch.setattr(safe_paths.pwd, "getpwuid", lambda uid: other)
        assert "others can write" in refusal(key_files.check_writable, str(folder / "key"))

    def test_check_writable_accepts_a_directory_of_a_user_private_group(self, folder, tmp_path, monkeypatch):
        (tmp_path / "passwd").write_text("")
        monkeypatch.setattr(safe_paths, "_PASSWD", str(tmp_path / "passwd"))
        folder.chmod(0o770)
        entry = safe_paths.pwd.getpwuid(os.geteuid())
        own = safe_paths.pwd.struct_passwd((*entry[:3], os.stat(folder).st_gid, *entry[4:]))
        monkeypatch.setattr(safe_paths.pwd, "getpwuid", lambda uid: own)
        monkeypatch.setattr(
            safe_paths.grp, "getgrgid", lambda gid: safe_paths.grp.struct_group(("own", "x", gid, [entry.pw_name]))
        )
        key_files.check_writable(str(folder / "key"))

    def test_check_writable_refuses_a_directory_of_another_user(self, folder, monkeypatch):
        if is_root:
            os.chown(folder, NOBODY, NOBODY)
        else:
            monkeypatch.setattr(key_files.os, "geteuid", lambda: os.getuid() + 1)
        assert "who could replace the file" in refusal(key_files.check_writable, str(folder / "key"))

    def test_check_writable_accepts_a_directory_of_root(self, monkeypatch, folder):
        real = os.stat
        monkeypatch.setattr(key_files.os, "stat", lambda path: os.stat_result((*real(path)[:4], 0, *real(path)[5:])))
        monkeypatch.setattr(key_files.os, "geteuid", lambda: 1000)
        key_files.check_writable(str(folder / "key"))

    def test_check_writable_refuses_a_directory_without_permission(self, others_folder):
        os.chmod(others_folder, 0o555)
        path = os.path.join(others_folder, "key")
        assert "may not write to the directory" in refusal(as_nobody, key_files.check_writable, path)

    @pytest.mark.parametrize(
        ("prepare", "name", "reason"),
        [
            (lambda folder: None, "gone/key", "does not exist"),
            (lambda folder: (folder / "file").write_bytes(b""), "file/key", "is not a directory"),
            (lambda folder: (folder / "file").write_bytes(b""), "file/deeper/key", "Not a directory"),
            (lambda folder: (folder / "key").mkdir(), "key", "is a directory"),
            (lambda folder: (folder / "key").symlink_to("gone"), "key", "is a symbolic link"),
            (
                lambda folder: ((folder / "real").write_bytes(b""), (folder / "key").symlink_to("real")),
                "key",
                "is a symbolic link",
            ),
        ],
        ids=["no directory", "a file for it", "a file above it", "directory", "dangling link", "link"],
    )
    def test_check_writable_refuses_a_path_that_cannot_be_a_file(self, folder, prepare, name, reason):
        prepare(folder)
        message = refusal(key_files.check_writable, str(folder / name))
        assert reason in message and str(folder / name) in message


@pytest.mark.usefixtures("either_way")
class TestCreatePrivate:
    def test_create_private_file_has_mode_0600_from_the_first_byte(self, folder, open_umask, modes_while_written):
        assert key_files.create_private(str(folder / "key"), CONTENT) is True
        assert modes_while_written == [(0, 0o600)]
        assert mode_of(folder / "key") == 0o600
        assert (folder / "key").read_bytes() == CONTENT

    def test_create_private_links_the_file_when_it_is_whole_and_on_disk(self, folder, monkeypatch):
        events = []
        real_sync, real_link = os.fsync, os.link

        def sync(descriptor):
            status = os.fstat(descriptor)
            events.append(("fsync", "folder" if stat.S_ISDIR(status.st_mode) else status.st_size))
            return real_sync(descriptor)

        def link(*arguments, **options):
            events.append(("link", (folder / "key").exists()))
            return real_link(*arguments, **options)

        monkeypatch.setattr(key_files.os, "fsync", sync)
        monkeypatch.setattr(key_files.os, "link", link)
        key_files.create_private(str(folder / "key"), CONTENT)
        assert events == [("fsync", len(CONTENT)), ("link", False), ("fsync", "folder")]

    def test_create_private_continues_after_a_partial_write(self, folder, monkeypatch):
        real = os.write
        monkeypatch.setattr(key_files.os, "write", lambda descriptor, content: real(descriptor, content[:3]))
        key_files.create_private(str(folder / "key"), CONTENT)
        assert (folder / "key").read_bytes() == CONTENT

    def test_create_private_leaves_no_other_file(self, folder):
        key_files.create_private(str(folder / "key"), CONTENT)
        assert os.listdir(folder) == ["key"]

    def test_create_private_never_replaces_a_file(self, folder):
        (folder / "key").write_bytes(b"of another run")
        assert key_files.create_private(str(folder / "key"), CONTENT) is False
        assert (folder / "key").read_bytes() == b"of another run"
        assert os.listdir(folder) == ["key"]

    @pytest.mark.parametrize("target", ["real", "gone"])
    def test_create_private_never_writes_through_a_symbolic_link(self, folder, target):
        (folder / "real").write_bytes(b"untouched")
        (folder / "key").symlink_to(target)
        assert key_files.create_private(str(folder / "key"), CONTENT) is False
        assert (folder / "real").read_bytes() == b"untouched"
        assert sorted(os.listdir(folder)) == ["key", "real"]

    def test_create_private_accepts_a_name_without_a_directory(self, folder, monkeypatch):
        monkeypatch.chdir(folder)
        assert key_files.create_private("key", CONTENT) is True
        assert (folder / "key").read_bytes() == CONTENT

    @pytest.mark.parametrize("failing", ["write", "fsync", "dup", "link"])
    def test_create_private_leaves_nothing_when_it_fails(self, folder, monkeypatch, failing):
        def fail(*arguments, **options):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(key_files.os, failing, fail)
        assert "No space left on device" in refusal(key_files.create_private, str(folder / "key"), CONTENT)
        assert os.listdir(folder) == []

    def test_create_private_by_many_threads_has_one_winner_with_whole_content(self, folder, monkeypatch):
        creators = 8
        together = threading.Barrier(creators, timeout=60)
        real = os.link

        def link(*arguments, **options):
            together.wait()
            return real(*arguments, **options)

        monkeypatch.setattr(key_files.os, "link", link)
        won: dict[int, bool] = {}
        contents = [b"%d\n" % number * 5000 for number in range(creators)]

        def create(number):
            won[number] = key_files.create_private(str(folder / "key"), contents[number])

        threads = [threading.Thread(target=create, args=(number,)) for number in range(creators)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won.values()) == [False] * (creators - 1) + [True]
        winner = next(number for number, first in won.items() if first)
        assert (folder / "key").read_bytes() == contents[winner]
        assert os.listdir(folder) == ["key"]

    def test_create_private_returns_the_truth_if_its_other_name_cannot_be_removed(self, folder, monkeypatch):
        """What has been linked is there, whatever happens after that."""

        def fail(path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        with monkeypatch.context() as patch:
            patch.setattr(key_files.os, "unlink", fail)
            assert key_files.create_private(str(folder / "key"), CONTENT) is True
        assert (folder / "key").read_bytes() == CONTENT
        key_files.remove_leftovers([str(folder / "key")])
        assert os.listdir(folder) == ["key"]

    def test_create_private_reports_a_missing_directory(self, folder):
        assert "cannot be written" in refusal(key_files.create_private, str(folder / "gone" / "key"), CONTENT)

    def test_create_private_reports_missing_permission(self, others_folder):
        os.chmod(others_folder, 0o555)
        path = os.path.join(others_folder, "key")
        assert "Permission denied" in refusal(as_nobody, key_files.create_private, path, CONTENT)


@pytest.mark.parametrize("write", [key_files.create_private, functools.partial(key_files.replace, mode=0o600)])
def test_a_directory_that_cannot_be_listed_does_not_fail_the_write(others_folder, write):
    """A directory of mode 0300 can be written to, but not be opened to be synced."""
    folder = os.path.join(others_folder, "pki")
    os.mkdir(folder)
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
    os.chmod(folder, 0o300)
    path = os.path.join(folder, "key")
    as_nobody(key_files.check_writable, path)
    as_nobody(write, path, CONTENT)
    os.chmod(folder, 0o700)
    assert Path(path).read_bytes() == CONTENT
    os.chmod(folder, 0o300)
    as_nobody(key_files.remove, path)
    os.chmod(folder, 0o700)
    assert os.listdir(folder) == []


def test_create_private_by_two_processes_has_one_winner(folder):
    path = str(folder / "key")
    start_reading, start_writing = os.pipe()
    children = []
    for number in range(2):
        child = os.fork()
        if child == 0:
            os.close(start_writing)
            os.read(start_reading, 1)  # returns in both when the parent closes its end
            status = 3
            try:
                status = 0 if key_files.create_private(path, b"%d" % number * 4000) else 1
            finally:
                os._exit(status)
        children.append(child)
    os.close(start_reading)
    os.close(start_writing)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(statuses) == [0, 1]
    assert (folder / "key").read_bytes() == b"%d" % statuses.index(0) * 4000
    assert os.listdir(folder) == ["key"]


class TestReplace:
    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o644], ids=oct)
    def test_replace_sets_the_mode(self, folder, open_umask, mode):
        (folder / "key").write_bytes(b"old")
        key_files.replace(str(folder / "key"), CONTENT, mode=mode)
        assert (folder / "key").read_bytes() == CONTENT
        assert mode_of(folder / "key") == mode
        assert os.listdir(folder) == ["key"]

    def test_replace_sets_the_mode_under_any_umask(self, folder):
        before = os.umask(0o077)
        try:
            key_files.replace(str(folder / "key.pub"), CONTENT, mode=0o644)
        finally:
            os.umask(before)
        assert mode_of(folder / "key.pub") == 0o644

    def test_replace_keeps_the_file_private_from_the_first_byte(self, folder, open_umask, modes_while_written):
        key_files.replace(str(folder / "key"), CONTENT, mode=0o600)
        assert modes_while_written == [(0, 0o600)]

    def test_replace_shows_a_reader_the_whole_old_or_the_whole_new_file(self, folder, monkeypatch):
        (folder / "key").write_bytes(b"old")
        with open(folder / "key", "rb") as reader:
            seen = []
            real = os.replace

            def replace(source, target):
                seen.append(((folder / "key").read_bytes(), Path(source).read_bytes()))
                real(source, target)

            monkeypatch.setattr(key_files.os, "replace", replace)
            key_files.replace(str(folder / "key"), CONTENT, mode=0o600)
            assert seen == [(b"old", CONTENT)]
            assert reader.read() == b"old"

    def test_replace_replaces_a_symbolic_link_and_not_its_target(self, folder):
        (folder / "real").write_bytes(b"untouched")
        (folder / "key").symlink_to("real")
        key_files.replace(str(folder / "key"), CONTENT, mode=0o600)
        assert (folder / "real").read_bytes() == b"untouched"
        assert not (folder / "key").is_symlink()

    def test_replace_keeps_the_owner(self, folder, monkeypatch):
        (folder / "key").write_bytes(b"old")
        given = []
        if is_root:
            os.chown(folder / "key", NOBODY, NOBODY)
        else:
            monkeypatch.setattr(key_files.os, "fchown", lambda descriptor, uid, gid: given.append((uid, gid)))
            monkeypatch.setattr(key_files.os, "geteuid", lambda: os.getuid() + 1)
        status = os.stat(folder / "key")
        key_files.replace(str(folder / "key"), CONTENT, mode=0o600, owner=status)
        after = os.stat(folder / "key")
        assert (after.st_uid, after.st_gid) == (status.st_uid, status.st_gid)
        assert is_root or given == [(status.st_uid, status.st_gid)]

    @pytest.mark.parametrize("failing", ["write", "fsync", "close", "fchmod", "replace"])
    def test_replace_leaves_only_the_old_file_when_it_fails(self, folder, monkeypatch, failing):
        (folder / "key").write_bytes(b"old")

        def fail(*arguments, **options):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

        with monkeypatch.context() as patch:
            patch.setattr(key_files.os, failing, fail)
            message = refusal(key_files.replace, str(folder / "key"), CONTENT, mode=0o600)
        assert str(folder / "key") in message and os.strerror(errno.EDQUOT) in message
        assert (folder / "key").read_bytes() == b"old"
        assert os.listdir(folder) == ["key"]


class TestLeftovers:
    """A run that is killed while it replaces a file."""

    def killed(self, monkeypatch, path, at):
        """Run replace() in a process that is killed at a system call."""
        child = os.fork()
        if child == 0:

            def die(*arguments, **options):
                os.kill(os.getpid(), signal.SIGKILL)

            monkeypatch.setattr(key_files.os, at, die)
            try:
                key_files.replace(path, CONTENT, mode=0o600)
            finally:
                os._exit(0)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])

    @pytest.mark.parametrize("at", ["write", "fsync", "fchmod", "link"])
    def test_a_killed_run_leaves_no_file_with_o_tmpfile(self, folder, monkeypatch, at):
        (folder / "key").write_bytes(b"old")
        self.killed(monkeypatch, str(folder / "key"), at)
        assert os.listdir(folder) == ["key"]
        assert (folder / "key").read_bytes() == b"old"

    @pytest.mark.usefixtures("either_way")
    @pytest.mark.parametrize("name", ["key", "k" * 255])
    def test_remove_leftovers_removes_what_a_killed_run_left(self, folder, monkeypatch, name):
        (folder / name).write_bytes(b"old")
        self.killed(monkeypatch, str(folder / name), "replace")
        assert len(os.listdir(folder)) == 2
        key_files.remove_leftovers([str(folder / name)])
        assert os.listdir(folder) == [name]
        assert (folder / name).read_bytes() == b"old"

    @pytest.mark.usefixtures("either_way")
    def test_remove_leftovers_keeps_the_file_of_a_run_that_is_alive(self, folder, monkeypatch):
        real = os.replace

        def replace(source, target):
            key_files.remove_leftovers([target])
            real(source, target)

        monkeypatch.setattr(key_files.os, "replace", replace)
        key_files.replace(str(folder / "key"), CONTENT, mode=0o600)
        assert (folder / "key").read_bytes() == CONTENT
        assert os.listdir(folder) == ["key"]

    def test_replace_takes_another_name_if_its_first_is_removed_before_it_is_locked(
        self, folder, without_tmpfile, monkeypatch
    ):
        real = drafts.fcntl.flock
        removed = []

        def lock(descriptor, how):
            if not removed:
                removed.extend(os.listdir(folder))
                os.unlink(folder / removed[0])
            real(descriptor, how)

        monkeypatch.setattr(drafts.fcntl, "flock", lock)
        key_files.replace(str(folder / "key"), CONTENT, mode=0o600)
        assert len(removed) == 1
        assert (folder / "key").read_bytes() == CONTENT

    def test_remove_leftovers_keeps_everything_else(self, folder):
        name = ".selfhosted-irsa-0123456789abcdef.tmp"
        (folder / "target").write_bytes(b"")
        (folder / name).symlink_to("target")
        (folder / name.replace("0", "1")).mkdir()
        os.mkfifo(folder / name.replace("0", "2"))
        for other in (f"{name}.bak", name[1:], ".selfhosted-irsa-1.tmp", ".key.0123456789abcdef"):
            (folder / other).write_bytes(b"")
        before = sorted(os.listdir(folder))
        key_files.remove_leftovers([str(folder / "key"), str(folder / "no folder" / "key"), "a\0b/key"])
        assert sorted(os.listdir(folder)) == before

    def test_remove_leftovers_keeps_the_files_of_another_user(self, others_folder):
        path = os.path.join(others_folder, ".selfhosted-irsa-0123456789abcdef.tmp")
        Path(path).write_bytes(b"")
        os.chmod(path, 0o666)
        os.chmod(others_folder, 0o777)
        if is_root:
            as_nobody(key_files.remove_leftovers, [os.path.join(others_folder, "key")])
            assert os.path.exists(path)


class TestKeepCopy:
    def test_keep_copy_keeps_the_same_file_under_a_second_name(self, folder):
        (folder / "key").write_bytes(CONTENT)
        (folder / "key").chmod(0o600)
        name = key_files.keep_copy(str(folder / "key"))
        assert os.path.samefile(name, folder / "key")
        assert os.path.dirname(name) == str(folder) and name.startswith(f"{folder}/key.") and name.endswith(".bak")
        key_files.replace(str(folder / "key"), b"new", mode=0o600)
        with open(name, "rb") as stream:
            assert stream.read() == CONTENT
        assert mode_of(name) == 0o600

    def test_keep_copy_gives_each_copy_its_own_name(self, folder):
        (folder / "key").write_bytes(CONTENT)
        assert len({key_files.keep_copy(str(folder / "key")) for number in range(20)}) == 20

    def test_keep_copy_reports_a_missing_file(self, folder):
        assert "was not changed" in refusal(key_files.keep_copy, str(folder / "gone"))


class TestRemove:
    def test_remove_removes_a_file(self, folder):
        (folder / "key").write_bytes(CONTENT)
        key_files.remove(str(folder / "key"))
        assert os.listdir(folder) == []

    def test_remove_accepts_a_missing_file(self, folder):
        key_files.remove(str(folder / "key"))

    def test_remove_removes_a_symbolic_link_and_not_its_target(self, folder):
        (folder / "real").write_bytes(CONTENT)
        (folder / "key").symlink_to("real")
        key_files.remove(str(folder / "key"))
        assert os.listdir(folder) == ["real"]

    @pytest.mark.parametrize("code", [errno.EPERM, errno.EROFS, errno.ESTALE], ids=errno.errorcode.get)
    def test_remove_reports_why_a_file_stays(self, folder, monkeypatch, code):
        def fail(path):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(key_files.os, "unlink", fail)
        message = refusal(key_files.remove, str(folder / "key"))
        monkeypatch.undo()
        assert f"{folder / 'key'} cannot be removed: {os.strerror(code)}" in message

    def test_remove_reports_a_directory(self, folder):
        (folder / "key").mkdir()
        assert f"{folder / 'key'} cannot be removed" in refusal(key_files.remove, str(folder / "key"))
