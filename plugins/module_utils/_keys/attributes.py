# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mode, owner and group as options: checked before a file is created for them.

Runs on control-plane nodes: Python 3.9 must be enough.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# What AnsibleModule reads as symbolic.
_SYMBOLIC = re.compile(r"(?:a|[ugo]*)(?:[+=-][rwxXstugo]*)+(?:,(?:a|[ugo]*)(?:[+=-][rwxXstugo]*)+)*")

_MAX_MODE = 0o7777
# (uid_t) -1 means "leave as it is", chown(2).
_MAX_ID = (1 << 32) - 2


def check(path: str, options: t.Mapping[str, t.Any]) -> None:
    """Raise IrsaError for ``mode``, ``owner`` or ``group`` in the options that could not be set on the file."""
    _check_mode(options.get("mode"))
    uid = _id_of("owner", options.get("owner"), files.user_id)
    gid = _id_of("group", options.get("group"), files.group_id)
    if os.geteuid() != 0 and options.get("state") != "absent":
        _check_right_to_give(path, uid, gid)


def _check_mode(mode: t.Any) -> None:
    """Raise IrsaError for anything but an octal or symbolic mode."""
    if mode is None:
        return
    number = mode if isinstance(mode, int) and not isinstance(mode, bool) else None
    if isinstance(mode, str):
        try:
            number = int(mode, 8)
        except ValueError:
            if _SYMBOLIC.fullmatch(mode):
                return
    if number is None or not 0 <= number <= _MAX_MODE:
        raise IrsaError(
            f"mode (irsa_issuer_key_mode) is {quoted(mode)}; expected an octal mode such as '0600', or a symbolic one "
            "such as u=rw,go=. Nothing was written."
        )
    if number & stat.S_IWOTH:
        raise IrsaError(
            f"mode (irsa_issuer_key_mode) is {number:04o}, with which every user could replace the key. Nothing was "
            "written."
        )


def _id_of(option: str, name: t.Any, find: t.Callable[[str], int]) -> int | None:
    if not name:
        return None
    try:
        number = find(name)
    except (KeyError, ValueError):  # the latter for a null character, or more digits than Python reads
        number = None
    if number is None or number > _MAX_ID:
        raise IrsaError(
            f"{option} (irsa_issuer_key_{option}) is {quoted(name)}, which does not exist on this host. Nothing was "
            "written."
        )
    return number


def _check_right_to_give(path: str, uid: int | None, gid: int | None) -> None:
    """Raise IrsaError for an owner or group that only root can give a file to."""
    try:
        status = os.stat(path)
        present = (status.st_uid, status.st_gid)
    except (OSError, ValueError):
        present = (os.geteuid(), os.getegid())
    own_groups = {present[1], os.getegid(), *os.getgroups()}
    if uid in (None, present[0]) and (gid is None or gid in own_groups):
        return
    raise IrsaError(
        f"Only root can give {files.shown(path)} to the owner or group in the options, and this is user "
        f"{files.user_name(os.geteuid())}. Run the task with become, or leave out owner and group "
        "(irsa_issuer_key_owner, irsa_issuer_key_group). Nothing was written."
    )
