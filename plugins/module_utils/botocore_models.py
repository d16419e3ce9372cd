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


def new_session() -> t.Any:
    """A botocore session on the shared models, with credentials and configuration of its own."""
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return session


@functools.cache
def knowledge() -> t.Any:
    """One session for all that botocore knows of partitions and regions. It is never asked for credentials."""
    return new_session()
