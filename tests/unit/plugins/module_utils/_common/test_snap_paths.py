# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both names of the folder with MicroK8s's data are one."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.snap_paths import of_current_revision

CURRENT = "/var/snap/microk8s/current/certs/serviceaccount.key"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # A revision of the store, and one that was installed from a file.
        ("/var/snap/microk8s/7500/certs/serviceaccount.key", CURRENT),
        ("/var/snap/microk8s/x1/certs/serviceaccount.key", CURRENT),
        (CURRENT, CURRENT),
        ("/var/snap/microk8s/common/certs/1/a.key", "/var/snap/microk8s/common/certs/1/a.key"),
        ("/srv/var/snap/microk8s/7500/a.key", "/srv/var/snap/microk8s/7500/a.key"),
        ("https://example.com", "https://example.com"),
        ("", ""),
    ],
)
def test_a_path_below_a_revision_is_one_below_current(path: str, expected: str) -> None:
    assert of_current_revision(path) == expected
