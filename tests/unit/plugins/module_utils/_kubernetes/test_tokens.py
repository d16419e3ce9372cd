# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of service accounts, asked for as the kubelet does."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import tokens
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.tokens import ServiceAccount
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import (
    serve_json,
    status_object,
)

ACCOUNT = ServiceAccount("apps", "web")
PATH = "/api/v1/namespaces/apps/serviceaccounts/web/token"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"


@pytest.fixture
def server(api_servers):
    return api_servers.start()


@pytest.fixture
def api(api_servers, server):
    return ApiServer(api_servers.kubeconfig(server), 5)


def test_a_token_is_asked_for_by_audience(api, server):
    serve_json(server, PATH, {"kind": "TokenRequest", "status": {"token": TOKEN}}, status=201)
    minted = tokens.mint(api, ACCOUNT, "sts.amazonaws.com")
    assert minted.text == TOKEN and TOKEN not in f"{minted!r} {minted!s}"
    assert json.loads(server.bodies[0]) == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 600},
    }


@pytest.mark.parametrize("answer", [{}, [], {"status": {}}, {"status": {"token": ""}}, {"status": {"token": 5}}])
def test_an_answer_without_a_token_is_refused(api, server, answer):
    serve_json(server, PATH, answer, status=201)
    with pytest.raises(IrsaError, match="made no token for the service account apps/web"):
        tokens.mint(api, ACCOUNT, "sts.amazonaws.com")


def test_a_missing_account_is_named(api):
    with pytest.raises(IrsaError, match="There is no service account web in namespace apps"):
        tokens.mint(api, ACCOUNT, "sts.amazonaws.com")


def test_a_missing_right_is_named(api, server):
    serve_json(server, PATH, status_object(403, "Forbidden", "User cannot create resource"), status=403)
    with pytest.raises(IrsaError, match="needs the verb create on serviceaccounts/token in namespace apps"):
        tokens.mint(api, ACCOUNT, "sts.amazonaws.com")


@pytest.mark.parametrize("text", ["apps/web", "a/b.c-d.e", f"{'n' * 63}/{'a' * 253}"])
def test_service_accounts_are_named_by_namespace_and_name(text):
    assert "/".join(tokens.parse_service_account(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "web", "/web", "apps/", "a/b/c", "Apps/web", "a.b/web", "a/../c", f"{'n' * 64}/a", f"a/{'a' * 254}", "a/b\n"],
)
def test_what_kubernetes_would_not_accept_as_a_name_is_refused(text):
    with pytest.raises(IrsaError, match="expected NAMESPACE/NAME"):
        tokens.parse_service_account(text)
