# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kubeadm keeps the order of repeated flags when it writes a manifest.

Others sort a program's arguments by name and value, so that the letters of an issuer decide whether it signs:
https://github.com/kubernetes/kubeadm/issues/3261, fixed by https://github.com/kubernetes/kubernetes/pull/135400 and its
backports 135850 to 135853. What counts is the kubeadm that writes the manifest, not the version of the cluster.
"""

from __future__ import annotations

import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# The first patch release of a minor version that has the fix.
_FIRST = {32: 12, 33: 8, 34: 4, 35: 1}
_FIRST_MINOR = 36

_VERSION = re.compile(r"v?(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+\S*)?")


def keeps_order(version: str) -> bool:
    """Whether this kubeadm writes flags in the order of ClusterConfiguration. Raises Fault for what is no version."""
    found = _VERSION.fullmatch(version.strip())
    if not found:
        raise Fault(f"{quoted(version)} is not a version of kubeadm")
    major, minor, patch = (int(found[part]) for part in ("major", "minor", "patch"))
    if (major, minor) > (1, _FIRST_MINOR):
        return True
    if (major, minor) == (1, _FIRST_MINOR):
        # Its early previews are older than the fix.
        return not (found["pre"] or "").startswith("alpha")
    return major == 1 and minor in _FIRST and (patch, not found["pre"]) >= (_FIRST[minor], True)
