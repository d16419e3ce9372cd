# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs that cannot be used. What an API server answers is tested with the checks of a cluster."""

from __future__ import annotations

import json
import os

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


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "a: [", "clusters: 5", "\0", "current-context: nowhere", "[" * 5000]
)
def test_an_invalid_kubeconfig_is_refused_and_not_quoted(tmp_path, content):
    path = tmp_path / "kubeconfig"
    path.write_text(content + f"\n# {BEARER}\n")
    with pytest.raises(IrsaError, match="cannot be used") as refused:
        ApiServer(str(path), 5)
    assert BEARER not in str(refused.value)


@pytest.mark.parametrize("member", ["auth-provider", "client-certificate-data"])
def test_an_incomplete_user_is_refused_and_not_quoted(tmp_path, member):
    """The library names a place in a kubeconfig by everything that is there, credentials included."""
    config = json.loads(json.dumps(KUBECONFIG))
    config["users"][0]["user"][member] = None
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    with pytest.raises(IrsaError, match=f"cannot be used: .*Expected key {member} in ") as refused:
        ApiServer(str(path), 5)
    assert BEARER not in str(refused.value)


def test_a_missing_kubeconfig_and_an_unknown_context_are_refused(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(KUBECONFIG))
    with pytest.raises(IrsaError, match="cannot be used"):
        ApiServer(str(tmp_path / "nothing"), 5)
    with pytest.raises(IrsaError, match="nowhere"):
        ApiServer(str(path), 5, context="nowhere")


def test_the_context_that_is_used_is_known(tmp_path):
    path = tmp_path / "kubeconfig"
    other = {"name": "other", "context": {"cluster": "d", "user": "u"}}
    cluster = {"name": "d", "cluster": {"server": "https://other.example.test:8443/"}}
    path.write_text(
        json.dumps(
            {
                **KUBECONFIG,
                "contexts": [*KUBECONFIG["contexts"], other],
                "clusters": [*KUBECONFIG["clusters"], cluster],
            }
        )
    )
    current, named = ApiServer(str(path), 5), ApiServer(str(path), 5, context="other")
    assert (current.context, current.url) == ("c", "https://localhost:6443")
    assert (named.context, named.url) == ("other", "https://other.example.test:8443")


def test_a_named_pipe_is_refused_wherever_a_kubeconfig_may_have_a_file(tmp_path):
    """Opening it would wait for a writer for ever."""
    pipe, path = tmp_path / "pipe", tmp_path / "kubeconfig"
    os.mkfifo(pipe)
    for several in (str(pipe), f"{path}:{pipe}"):
        path.write_text(json.dumps(KUBECONFIG))
        with pytest.raises(IrsaError, match=f"cannot be used: {pipe} is a named pipe"):
            ApiServer(several, 5)


@pytest.mark.parametrize(
    ("section", "member", "name"),
    [
        ("clusters", "cluster", "certificate-authority"),
        ("users", "user", "client-certificate"),
        ("users", "user", "client-key"),
        ("users", "user", "tokenFile"),
    ],
)
@pytest.mark.parametrize(("named", "reason"), [("pipe", "is a named pipe"), ("gone", "does not exist")])
def test_a_file_that_a_kubeconfig_names_must_be_one(tmp_path, section, member, name, named, reason):
    os.mkfifo(tmp_path / "pipe")
    config = json.loads(json.dumps(KUBECONFIG))
    config[section][0][member][name] = named
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    with pytest.raises(IrsaError, match=f"cannot be used: {tmp_path / named} {reason}"):
        ApiServer(str(tmp_path / "kubeconfig"), 5)
