# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files as they are found on a real disk. Also runs under Python 3.9."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

CONTENT = b"the private key\n"

without_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def refusal(call, *arguments) -> str:
    with pytest.raises(IrsaError) as caught:
        call(*arguments)
    return str(caught.value)


def _socket(folder):
    # A relative path, since the address of a socket must be short.
    here = os.getcwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("key")
    finally:
        os.chdir(here)


ODD = {
    "directory": (lambda folder: (folder / "key").mkdir(), "key", "is a directory"),
    "named pipe": (lambda folder: os.mkfifo(folder / "key"), "key", "is a named pipe"),
    "link to a named pipe": (
        lambda folder: (os.mkfifo(folder / "pipe"), (folder / "key").symlink_to("pipe")),
        "key",
        "is a named pipe",
    ),
    "socket": (_socket, "key", "is a socket"),
    "device": (lambda folder: (folder / "key").symlink_to("/dev/zero"), "key", "is a device"),
    "file in the path": (lambda folder: (folder / "file").write_bytes(b""), "file/key", "a part of its path is a file"),
    "dangling link": (
        lambda folder: (folder / "key").symlink_to("gone"),
        "key",
        "symbolic link to a file that does not exist",
    ),
    "link to itself": (lambda folder: (folder / "key").symlink_to("key"), "key", os.strerror(errno.ELOOP)),
    "too large": (
        lambda folder: (folder / "key").write_bytes(bytes((1 << 20) + 1)),
        "key",
        "larger than 1 MiB, so it is neither a key nor a document",
    ),
    "name too long": (lambda folder: None, "k" * 256, os.strerror(errno.ENAMETOOLONG)),
}


def test_read_returns_the_bytes(folder):
    (folder / "key").write_bytes(b"\0\xff\r\n")
    assert files.read(str(folder / "key")) == b"\0\xff\r\n"


def test_read_returns_none_without_a_file(folder):
    assert files.read(str(folder / "key")) is None
    assert files.read(str(folder / "no" / "such" / "folder" / "key")) is None


def test_read_follows_a_symbolic_link(folder):
    (folder / "real").write_bytes(CONTENT)
    (folder / "key").symlink_to("real")
    assert files.read(str(folder / "key")) == CONTENT


def test_read_start_does_not_read_further(folder):
    (folder / "key").write_bytes(CONTENT)
    assert files.read_start(str(folder / "key"), 3) == CONTENT[:3]


def test_read_end_returns_the_last_bytes_or_all(folder):
    path = str(folder / "key")
    (folder / "key").write_bytes(CONTENT)
    assert [files.read_end(path, size) for size in (3, len(CONTENT), 1 << 20)] == [CONTENT[-3:], CONTENT, CONTENT]
    assert files.read_end(str(folder / "nowhere"), 3) is None


@pytest.mark.parametrize(("prepare", "name", "reason"), ODD.values(), ids=list(ODD))
def test_read_names_the_path_and_the_reason(folder, prepare, name, reason):
    prepare(folder)
    message = refusal(files.read, str(folder / name))
    assert str(folder / name) in message and reason in message


@pytest.mark.parametrize(("prepare", "name", "reason"), ODD.values(), ids=list(ODD))
def test_require_readable_refuses_what_cannot_be_read(folder, prepare, name, reason):
    prepare(folder)
    if reason.startswith("larger"):
        files.require_readable(str(folder / name))
    else:
        assert reason in refusal(files.require_readable, str(folder / name))


def test_require_readable_refuses_a_missing_file(folder):
    assert "does not exist" in refusal(files.require_readable, str(folder / "key"))


@without_root
def test_read_names_the_user_without_permission(folder):
    (folder / "key").write_bytes(CONTENT)
    (folder / "key").chmod(0)
    message = refusal(files.read, str(folder / "key"))
    assert "cannot be read by user" in message and "become" in message


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EAGAIN], ids=errno.errorcode.get)
def test_read_reports_a_failing_disk(folder, monkeypatch, code):
    (folder / "key").write_bytes(CONTENT)

    def fail(*arguments, **options):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fstat", fail)
        message = refusal(files.read, str(folder / "key"))
    assert os.strerror(code) in message


def test_read_closes_a_file_that_it_refuses_after_opening_it(folder, monkeypatch):
    """A pipe may have taken the place of the file that was looked at."""
    os.mkfifo(folder / "pipe")
    (folder / "key").write_bytes(CONTENT)
    status = os.stat(folder / "key")
    opened = []
    real = os.open
    monkeypatch.setattr(files.os, "stat", lambda path: status)
    monkeypatch.setattr(files.os, "open", lambda *arguments: opened.append(real(*arguments)) or opened[-1])
    assert "is a named pipe" in refusal(files.read, str(folder / "pipe"))
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(opened[0])


@pytest.mark.parametrize(
    ("path", "reason", "shown"),
    [("/srv/a\0b", "null character", r"'/srv/a\x00b'"), ("/srv/\ud800", "encoded", r"'/srv/\ud800'")],
    ids=["null", "no character"],
)
@pytest.mark.parametrize("call", [files.read, files.require_readable, files.require_valid])
def test_a_path_that_no_file_can_have_is_refused(call, path, reason, shown):
    message = refusal(call, path)
    assert reason in message and shown in message


def test_a_path_need_not_be_utf_8(folder):
    path = os.fsdecode(os.fsencode(folder) + b"/\xff")
    assert files.read(path) is None
    with open(path, "wb") as stream:
        stream.write(CONTENT)
    files.require_valid(path)
    assert files.read(path) == CONTENT


def test_shown_escapes_and_cuts_what_a_terminal_would_act_on():
    assert files.shown("/srv/sa.key") == "/srv/sa.key"
    assert files.shown("/srv/\x1b[2J") == r"'/srv/\x1b[2J'"
    assert len(files.shown("/" + "k" * 5000)) < 1100


def test_reason_names_the_tool_that_shows_what_permissions_do_not():
    assert "lsattr" in files.reason(PermissionError(errno.EPERM, os.strerror(errno.EPERM)))
    assert files.reason(PermissionError(errno.EACCES, os.strerror(errno.EACCES))) == os.strerror(errno.EACCES)
