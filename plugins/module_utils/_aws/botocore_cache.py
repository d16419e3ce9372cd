# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""botocore's own files, parsed once a process and shared with every process that is forked from it."""

from __future__ import annotations

import functools
import typing as t

try:
    import botocore.loaders
    import botocore.session
except ImportError:
    pass  # the module that wants it says so


@functools.cache
def _loader() -> t.Any:
    return botocore.loaders.create_loader()


# A session that was made before the fork and never used: each worker takes its own copy of it, which spares it the
# registration of some 130 handlers. What depends on environment, files or credentials is looked up at its first use.
_unused: list[t.Any] = []


def new_session() -> t.Any:
    """A botocore session on the shared models, with credentials and configuration of its own."""
    return _unused.pop() if _unused else _fresh_session()


def make_session_ahead() -> None:
    """Have one ready for each process that is forked from this one."""
    _unused[:] = [_fresh_session()]


def _fresh_session() -> t.Any:
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return session


@functools.cache
def knowledge() -> t.Any:
    """One session for all that botocore knows of partitions and regions. It is never asked for credentials."""
    return new_session()
