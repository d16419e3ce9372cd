# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which k0s takes a flag more than once: by rawArgs, https://github.com/k0sproject/k0s/pull/6354.

Older ones do not start with a configuration that has a key which they do not know.
"""

from __future__ import annotations

import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# There was no k0s 1.34.0, apart from a preview without them.
FIRST = "v1.34.1+k0s.0"
_FIRST = (1, 34, 1)

# As `k0s version` prints it.
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")


def has_raw_args(version: str) -> bool:
    """Whether this k0s has rawArgs. Raises Fault for what is no version of k0s."""
    found = _VERSION.fullmatch(version.strip())
    if not found:
        raise Fault(f"{quoted(version)} is not a version of k0s")
    return tuple(map(int, found.groups())) >= _FIRST
