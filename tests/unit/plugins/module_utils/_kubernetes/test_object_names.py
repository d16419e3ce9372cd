# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that Kubernetes accepts. The examples were given to a kube-apiserver 1.37."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import (
    is_namespace,
    is_subdomain,
)


@pytest.mark.parametrize("name", ["a", "0", "shop", "kube-system", "a--b", "1" * 63])
def test_accepted_everywhere(name):
    assert is_namespace(name)
    assert is_subdomain(name)


@pytest.mark.parametrize("name", ["a.b", "a1.b-2.c", "a" * 64, "x." * 126 + "x"])
def test_accepted_for_service_accounts_only(name):
    assert not is_namespace(name)
    assert is_subdomain(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "A", "a_b", "a..b", ".a", "a.", "a.-b", "a b", "a\n", "ä", "*", "a" * 254, None, 5, True]
)
def test_refused(name):
    assert not is_namespace(name)
    assert not is_subdomain(name)
