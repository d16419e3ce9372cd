# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to an API server on a loopback port, and what is said about those that are not fulfilled."""

from __future__ import annotations

import datetime
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.failures import RequestFailed, permission
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import (
    BEARER,
    serve_json,
    status_object,
)

PODS = "/api/v1/pods"
TOKENS = "/api/v1/namespaces/apps/serviceaccounts/web/token"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


@pytest.fixture
def server(api_servers):
    return api_servers.start()


@pytest.fixture
def api(api_servers, server):
    return ApiServer(api_servers.kubeconfig(server), 5)


def test_a_post_sends_json_and_returns_the_answer(api, server):
    serve_json(server, f"{TOKENS}?dryRun=All", {"a": 1}, status=201)
    assert api.post(TOKENS, {"b": 2}, {"dryRun": "All"}) == {"a": 1}
    assert json.loads(server.bodies[0]) == {"b": 2}
    assert server.requests[0][1]["content-type"] == "application/json"
    assert server.requests[0][1]["authorization"] == f"Bearer {BEARER}"


def test_a_patch_is_a_merge_patch_unless_another_kind_is_named(api, server):
    serve_json(server, PODS, {})
    api.patch(PODS, {"a": None})
    api.patch(PODS, [], media_type="application/json-patch+json")
    sent = [headers["content-type"] for dummy, headers in server.requests]
    assert sent == ["application/merge-patch+json", "application/json-patch+json"]


@pytest.mark.parametrize("status", [200, 403])
def test_the_time_is_the_servers(api, server, status):
    server.serve("/version", b"{}", status, Date="Sat, 02 Jan 2027 03:04:05 GMT")
    assert api.time() == datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize("said", ["", "yesterday", "Sat, 99 Jan 2027 03:04:05 GMT"])
def test_the_time_is_ours_if_the_server_does_not_say_it(api, server, said):
    server.serve("/version", b"{}", Date=said)
    assert abs(api.time() - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=5)


def test_a_secret_that_an_answer_repeats_is_not_shown(api, server):
    key = "c2VjcmV0IGtleSBvZiB0aGUgQ0E="
    serve_json(server, PODS, status_object(422, "Invalid", f"data: {key}"), status=422)
    with pytest.raises(RequestFailed) as raised:
        api.patch(PODS, {"kind": "Secret", "data": {"tls.key": key}})
    assert key not in str(raised.value)
    assert "data: " in str(raised.value)


def test_a_kubeconfig_without_verification_causes_no_warning(api_servers, server, recwarn):
    """The user chose insecure-skip-tls-verify, and urllib3 would warn of it for each request."""
    serve_json(server, PODS, {"items": []})
    changes = {"insecure-skip-tls-verify": True, "certificate-authority": None}
    insecure = ApiServer(api_servers.kubeconfig(server, **changes), 5)
    assert insecure.get(PODS) == {"items": []}
    assert insecure.at(server.address).get(PODS) == {"items": []}
    assert [str(each.message) for each in recwarn if "HTTPS" in str(each.message)] == []


def test_what_does_not_exist_is_found_as_none(api, server):
    assert api.find(PODS) is None
    server.serve(PODS, b"{}", 500)
    with pytest.raises(RequestFailed, match="500"):
        api.find(PODS)


def test_a_list_is_read_page_by_page(api, server):
    first = f"{PODS}?limit=250&fieldSelector=status.phase%3DRunning"
    serve_json(server, first, {"items": [1, 2], "metadata": {"continue": "next/page"}})
    serve_json(server, f"{first}&continue=next%2Fpage", {"items": [3], "metadata": {"continue": ""}})
    assert api.list_items(PODS, {"fieldSelector": "status.phase=Running"}) == [1, 2, 3]


@pytest.mark.parametrize(("document", "items"), [({"items": None}, []), ({"items": [], "metadata": None}, [])])
def test_a_list_without_items_is_empty(api, server, document, items):
    serve_json(server, f"{PODS}?limit=250", document)
    assert api.list_items(PODS) == items


@pytest.mark.parametrize("document", [{}, [], "text", {"kind": "Status"}])
def test_something_else_than_a_list_is_refused(api, server, document):
    serve_json(server, f"{PODS}?limit=250", document)
    with pytest.raises(RequestFailed, match="sent something other than a list"):
        api.list_items(PODS)


def test_a_page_may_be_longer_than_a_document(api, server):
    serve_json(server, f"{PODS}?limit=250", {"items": ["x" * (3 << 20)]})
    assert len(api.list_items(PODS)) == 1
    serve_json(server, PODS, {"items": ["x" * (3 << 20)]})
    with pytest.raises(RequestFailed, match="sent more than 2 MiB"):
        api.get(PODS)


def test_a_missing_right_is_named_by_verb_and_resource(api, server):
    said = (
        'serviceaccounts "web" is forbidden: User "ci" cannot create resource "serviceaccounts/token" in API group ""'
    )
    serve_json(server, TOKENS, status_object(403, "Forbidden", said), status=403)
    with pytest.raises(RequestFailed) as refused:
        api.post(TOKENS, {})
    assert f"at {api.address} answers POST {TOKENS} with 403" in str(refused.value)
    assert said in str(refused.value)
    assert str(refused.value).endswith("needs the verb create on serviceaccounts/token in namespace apps.")
    assert (refused.value.status, refused.value.reason) == (403, "Forbidden")


def test_a_refusal_that_is_not_for_a_missing_right_does_not_ask_for_one(api, server):
    serve_json(server, TOKENS, status_object(403, "Forbidden", "denied by policy irsa-guard"), status=403)
    with pytest.raises(RequestFailed, match="denied by policy irsa-guard") as refused:
        api.post(TOKENS, {})
    assert "needs" not in str(refused.value)


def test_an_answer_that_repeats_a_credential_is_not_quoted_with_it(api, server):
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
    said = f"cannot decode {token} of {BEARER}"
    serve_json(server, REVIEWS, status_object(400, "BadRequest", said), status=400)
    with pytest.raises(RequestFailed, match="cannot decode") as refused:
        api.post(REVIEWS, {"kind": "TokenReview", "spec": {"token": token}})
    assert token not in str(refused.value) and BEARER not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b'"text"', b'{"kind": "Status", "message": 5}', b"\xff", b"[" * 9999])
def test_an_error_without_a_message_is_told_by_its_status(api, server, body):
    server.serve(PODS, body, 502)
    with pytest.raises(RequestFailed) as refused:
        api.get(PODS)
    assert str(refused.value) == f"The API server at {api.address} answers GET {PODS} with 502."


def test_a_long_message_of_the_server_is_cut(api, server):
    serve_json(server, PODS, status_object(400, "BadRequest", "x\n" * 5000), status=400)
    with pytest.raises(RequestFailed) as refused:
        api.get(PODS)
    assert len(str(refused.value)) < 1000 and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "/api/v1/namespaces/default/endpoints/kubernetes", "the verb get on endpoints in namespace default"),
        ("GET", "/api/v1/pods", "the verb list on pods"),
        ("GET", "/api/v1/namespaces/apps/pods", "the verb list on pods in namespace apps"),
        ("GET", "/api/v1/namespaces/apps", "the verb get on namespaces"),
        ("POST", "/api/v1/namespaces", "the verb create on namespaces"),
        ("POST", REVIEWS, "the verb create on tokenreviews of the API group authentication.k8s.io"),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/a/deployments/b/scale",
            "the verb patch on deployments/scale of the API group apps in namespace a",
        ),
        ("GET", "/version", "the verb get on the non-resource URL /version"),
        ("GET", "/apis/apps/v1", "the verb get on the non-resource URL /apis/apps/v1"),
        ("GET", "/api", "the verb get on the non-resource URL /api"),
    ],
)
def test_the_right_that_a_request_needs(method, path, right):
    assert permission(method, path) == right
