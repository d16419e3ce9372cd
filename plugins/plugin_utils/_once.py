# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Something that is computed once for all hosts of a task, whose workers are processes of their own."""

from __future__ import annotations

import fcntl
import json
import os
import typing as t

from ansible import constants as C


def once_for_all_hosts(name: str, compute: t.Callable[[], t.Any]) -> t.Any:
    """Return what ``compute`` returns (JSON-like), computed by the first worker that asks for ``name``.

    It is kept in the folder that ansible-core makes for each of its runs, with access for its user alone, and removes
    at the end.
    """
    with open(os.path.join(C.DEFAULT_LOCAL_TMP, f"{name}.json"), "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        if text:
            return json.loads(text)
        value = compute()
        file.write(json.dumps(value))
        return value
