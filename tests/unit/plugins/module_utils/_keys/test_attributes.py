# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mode, owner and group of a key file. Also runs under Python 3.9."""

from __future__ import annotations

import grp
import os
import pwd

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import attributes


def refusal(path="/nowhere/sa.key", **options) -> str:
    with pytest.raises(IrsaError) as caught:
        attributes.check(path, options)
    assert "Nothing was written" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "mode", [None, 0o600, "0600", "600", "0o640", "u=rw,go=", "u+rw", "a=r", "go-rwx", "u=rw,g=u", "u=rwX,g=r-w"]
)
def test_modes_that_ansible_reads_are_accepted(mode):
    attributes.check("/nowhere/sa.key", {"mode": mode})


@pytest.mark.parametrize(
    "mode",
    [
        "rubbish",
        "",
        "0800",
        "10600",
        "-600",
        0o10600,
        -1,
        True,
        ["0600"],
        {"u": "rw"},
        6.5,
        "u=rw;",
        "x=rw",
        "u",
        "u=y",
    ],
    ids=repr,
)
def test_other_modes_are_refused(mode):
    assert "irsa_issuer_key_mode" in refusal(mode=mode)


def test_existing_owners_and_numbers_are_accepted(monkeypatch):
    monkeypatch.setattr(attributes.os, "geteuid", lambda: 0)
    user = pwd.getpwuid(0).pw_name
    group = grp.getgrgid(0).gr_name
    for owner, owner_group in ((user, group), ("12345", "54321"), (None, None), ("", "")):
        attributes.check("/nowhere/sa.key", {"owner": owner, "group": owner_group})


@pytest.mark.parametrize("option", ["owner", "group"])
@pytest.mark.parametrize(
    "name", ["no-such-name", "-1", "4294967295", "99999999999999999999", "\u0663", "a\0b"], ids=repr
)
def test_unknown_owners_are_refused(option, name):
    assert refusal(**{option: name}).startswith(f"{option} (irsa_issuer_key_{option}) is {name!r}")


def test_a_number_of_more_digits_than_python_reads_is_no_owner():
    assert "does not exist" in refusal(owner="9" * 5000)


def test_an_owner_that_only_root_can_set_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "sa.key"
    path.write_bytes(b"")
    own = path.stat()
    monkeypatch.setattr(attributes.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(attributes.os, "getegid", lambda: 1000)
    monkeypatch.setattr(attributes.os, "getgroups", lambda: [1000, 1001])
    for options in (
        {"owner": str(own.st_uid)},
        {"group": str(own.st_gid)},
        {"group": "1001"},
        {"owner": "1", "state": "absent"},
    ):
        attributes.check(str(path), options)
    for options in ({"owner": "54321"}, {"group": "54321"}):
        message = refusal(str(path), **options)
        assert "Only root" in message and "become" in message
    attributes.check(os.fspath(tmp_path / "new.key"), {"owner": "1000"})
    refusal(os.fspath(tmp_path / "new.key"), owner="54321")


@pytest.mark.parametrize("mode", ["0666", "0602", 0o777], ids=repr)
def test_a_mode_with_which_every_user_could_replace_the_key_is_refused(mode):
    assert "every user could replace the key" in refusal(mode=mode)
