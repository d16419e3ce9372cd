# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""botocore's own files, parsed once in a process and shared with all processes that are forked from it."""

from __future__ import annotations

import contextlib
import functools
import typing as t

with contextlib.suppress(ImportError):  # the module reports that it is missing
    import botocore.loaders
    import botocore.session


@functools.cache
def _loader() -> t.Any:
    return botocore.loaders.create_loader()


# A session that was created before the fork and never used. Each worker takes its own copy, which saves it registering
# some 130 handlers. A session reads environment, files and credentials only when it is first used.
_prepared: list[t.Any] = []


def new_session() -> t.Any:
    """Return a botocore session with its own credentials and configuration, on the shared models."""
    return _prepared.pop() if _prepared else _fresh_session()


def prepare_session() -> None:
    """Have a session ready for each process that is forked from this one."""
    _prepared[:] = [_fresh_session()]


def _fresh_session() -> t.Any:
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return session


@functools.cache
def shared_session() -> t.Any:
    """Return one session for botocore's data on partitions and regions. It is never asked for credentials."""
    return new_session()
