# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs that cannot be used. What an API server answers is tested with the checks of a cluster."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

BEARER = "a-bearer-token-of-the-administrator"
KUBECONFIG = {
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://localhost:6443"}}],
    "users": [{"name": "u", "user": {"token": BEARER}}],
}


@pytest.mark.parametrize("content", ["", "[]", "{", "a: [", "clusters: 5", "\0", "current-context: nowhere"])
def test_an_invalid_kubeconfig_is_refused_and_not_quoted(tmp_path, content):
    path = tmp_path / "kubeconfig"
    path.write_text(content + f"\n# {BEARER}\n")
    with pytest.raises(IrsaError, match="cannot be used") as refused:
        ApiServer(str(path), 5)
    assert BEARER not in str(refused.value)


def test_a_missing_kubeconfig_and_an_unknown_context_are_refused(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(KUBECONFIG))
    with pytest.raises(IrsaError, match="cannot be used"):
        ApiServer(str(tmp_path / "nothing"), 5)
    with pytest.raises(IrsaError, match="nowhere"):
        ApiServer(str(path), 5, context="nowhere")
