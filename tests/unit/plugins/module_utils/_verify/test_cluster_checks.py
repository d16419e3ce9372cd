# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server on a loopback port, and what it says of its issuer and keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import cluster_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.cluster_checks import Cluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import INTERMEDIATE, ROOT, HttpsServer, certify

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
ONE = {"kty": "RSA", "kid": "one", "n": "AQAB", "e": "AQAB"}
TWO = {"kty": "RSA", "kid": "two", "n": "AQAC", "e": "AQAB"}
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/openid/v1/jwks"
BEARER = "a-bearer-token-of-the-administrator"


@pytest.fixture
def api(tmp_path):
    made = HttpsServer(tmp_path, [certify("kube-apiserver", INTERMEDIATE, ["localhost"]), INTERMEDIATE])
    made.serve(DISCOVERY, json.dumps({"issuer": ISSUER}).encode())
    made.serve(JWKS, json.dumps({"keys": [ONE]}).encode())
    yield made
    made.stop()


@pytest.fixture
def kubeconfig(tmp_path, api):
    """Writes a kubeconfig, with members of the cluster's entry changed; its path."""

    def write(**changes):
        ca = tmp_path / "kube-ca.pem"
        ca.write_bytes(ROOT.pem)
        port = api.address.rpartition(":")[2]
        entry = {"server": f"https://localhost:{port}", "certificate-authority": str(ca), **changes}
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": entry}],
            "users": [{"name": "u", "user": {"token": BEARER}}],
        }
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)

    return write


def read(path, issuer=ISSUER, published=(ONE,), **given):
    report = Report()
    found = cluster_checks.fetch(ApiServer(path, 5, **given))
    cluster_checks.check_cluster(report, found, issuer, published)
    assert [check.id for check in report.checks] == list(cluster_checks.IDS)
    assert BEARER not in str(report.checks)
    return report


def statuses(report):
    return [check.status for check in report.checks]


def test_an_api_server_that_agrees_with_what_is_published_is_right(api, kubeconfig):
    assert statuses(read(kubeconfig())) == ["ok", "ok"]
    assert [path for path, dummy in api.requests] == [DISCOVERY, JWKS]
    assert api.requests[0][1]["authorization"] == f"Bearer {BEARER}"
    # What kube-apiserver serves under /openid/v1/jwks is application/jwk-set+json alone.
    assert api.requests[1][1]["accept"] == "*/*"


def test_an_issuer_that_is_another_is_an_error(kubeconfig):
    report = read(kubeconfig(), issuer=f"{ISSUER}/prod")
    assert statuses(report) == ["error", "ok"] and "another path" in report.first_error.cause


def test_a_key_that_is_not_published_is_an_error(kubeconfig):
    report = read(kubeconfig(), published=[TWO])
    assert statuses(report) == ["ok", "error"]
    assert "'one'" in report.first_error.seen and "'two'" in report.first_error.seen


def test_another_key_under_its_kid_is_an_error(kubeconfig):
    report = read(kubeconfig(), published=[{**TWO, "kid": "one"}])
    assert statuses(report) == ["ok", "error"] and "another key" in report.first_error.seen


def test_more_keys_than_its_own_are_right(kubeconfig):
    assert statuses(read(kubeconfig(), published=[TWO, ONE])) == ["ok", "ok"]


def test_an_api_server_without_keys_is_an_error(api, kubeconfig):
    api.serve(JWKS, b'{"keys": []}')
    assert statuses(read(kubeconfig())) == ["ok", "error"]


def test_without_published_keys_there_is_nothing_to_compare(kubeconfig):
    assert statuses(read(kubeconfig(), published=None)) == ["ok", "skipped"]


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "credentials"), (403, "system:service-account-issuer-discovery"), (404, "1.20"), (500, "500")],
)
def test_an_api_server_that_refuses_leaves_it_unknown(api, kubeconfig, status, said):
    api.serve(DISCOVERY, b"no", status)
    api.serve(JWKS, b"no", status)
    report = read(kubeconfig())
    assert statuses(report) == ["skipped", "skipped"]
    assert all("unknown" in check.seen and said in check.seen for check in report.checks)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[" * 100_000, b'"text"', b"{}", b'{"issuer": 5, "keys": 5}', b"\xff"]
)
def test_what_is_no_document_leaves_it_unknown(api, kubeconfig, body):
    api.serve(DISCOVERY, body)
    api.serve(JWKS, body)
    assert statuses(read(kubeconfig())) == ["skipped", "skipped"]


def test_an_endless_answer_is_cut_off(api, kubeconfig):
    def endless():
        while not api.stopping.is_set():
            yield b" " * 65536

    api.replies[JWKS] = lambda: (200, {}, endless())
    assert statuses(read(kubeconfig())) == ["ok", "skipped"]


def test_an_api_server_that_is_not_reached_leaves_it_unknown(api, kubeconfig):
    path = kubeconfig()
    api.stop()
    assert statuses(read(path)) == ["skipped", "skipped"]


def test_one_whose_certificate_is_not_trusted_is_not_believed(tmp_path, api, kubeconfig):
    other = tmp_path / "other.pem"
    other.write_bytes(certify("Another CA").pem)
    assert statuses(read(kubeconfig(**{"certificate-authority": str(other)}))) == ["skipped", "skipped"]
    assert not api.requests


def test_credentials_that_make_no_header_are_not_quoted(api, kubeconfig):
    path = kubeconfig()
    text = Path(path).read_text(encoding="utf-8").replace(BEARER, f"{BEARER}\\nx")
    Path(path).write_text(text, encoding="utf-8")
    assert statuses(read(path)) == ["skipped", "skipped"] and not api.requests


@pytest.mark.parametrize("content", ["", "[]", "{", "a: [", "clusters: 5", "\0", "current-context: nowhere"])
def test_a_kubeconfig_that_is_none_is_refused_and_not_quoted(tmp_path, content):
    path = tmp_path / "kubeconfig"
    path.write_text(content + f"\n# {BEARER}\n")
    with pytest.raises(IrsaError, match="cannot be used") as refused:
        ApiServer(str(path), 5)
    assert BEARER not in str(refused.value)


def test_a_kubeconfig_that_is_not_there_and_a_context_that_is_not_in_it_are_refused(tmp_path, kubeconfig):
    with pytest.raises(IrsaError, match="cannot be used"):
        ApiServer(str(tmp_path / "nothing"), 5)
    with pytest.raises(IrsaError, match="nowhere"):
        ApiServer(kubeconfig(), 5, context="nowhere")


def test_what_was_given_is_compared_as_what_was_fetched():
    report = Report()
    cluster_checks.check_cluster(report, cluster_checks.given(ISSUER, {"keys": [ONE]}), ISSUER, [ONE])
    assert statuses(report) == ["ok", "ok"]


def test_what_was_not_given_is_not_compared():
    report = Report()
    cluster_checks.check_cluster(report, cluster_checks.given(None, None), ISSUER, [ONE])
    assert not report.checks


@pytest.mark.parametrize("jwks", [{}, [], "x", {"keys": [5]}])
def test_keys_that_are_none_are_refused(jwks):
    with pytest.raises(IrsaError, match="cluster_jwks cannot be used"):
        cluster_checks.given(None, jwks)


KEY = st.dictionaries(
    st.sampled_from(["kid", "kty", "n", "e"]), st.none() | st.text() | st.integers() | st.lists(st.none())
)


@given(st.lists(KEY), st.lists(KEY))
def test_any_keys_are_compared(own, published):
    report = Report()
    cluster_checks.check_cluster(report, Cluster(None, own), ISSUER, published)
    assert [check.id for check in report.checks] == ["cluster-keys"]
