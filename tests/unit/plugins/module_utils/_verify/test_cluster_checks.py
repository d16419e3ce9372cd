# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an API server on a loopback port says about its issuer and keys, compared with what is published."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import cluster, cluster_checks, key_set_checks
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.cluster import Cluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report
from ansible_collections.selfhosted.irsa.tests.unit.plugins import fake_cluster as fake
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.findings import faults, ordered_statuses
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import certify
from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import BEARER, DISCOVERY, JWKS
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
ONE = jwk_of(samples.RSA, kid="one")
TWO = jwk_of(samples.OTHER_RSA, kid="two")


@pytest.fixture
def api(api_servers):
    return api_servers.start(ISSUER, [ONE])


@pytest.fixture
def kubeconfig(api_servers, api):
    """Writes a kubeconfig, with members of the cluster's entry changed. Returns its path."""
    return lambda **changes: api_servers.kubeconfig(api, **changes)


def compare(found, issuer=ISSUER, published=(ONE,), live=None):
    report = Report()
    context = Context(report=report, issuer=issuer, identity=Identity(), published=published)
    cluster_checks.check_cluster(context, found, live)
    return report


def read(path, issuer=ISSUER, published=(ONE,)):
    report = compare(cluster.fetch_cluster(ApiServer(path, 5)), issuer, published)
    assert [check.id for check in report.checks] == list(cluster_checks.IDS)
    assert BEARER not in str(report.checks)
    return report


def test_an_api_server_with_the_published_issuer_and_keys_passes(api, kubeconfig):
    assert ordered_statuses(read(kubeconfig())) == ["ok", "ok"]
    assert [path for path, dummy in api.requests] == [DISCOVERY, JWKS]
    assert api.requests[0][1]["authorization"] == f"Bearer {BEARER}"
    # What kube-apiserver serves under /openid/v1/jwks is application/jwk-set+json alone.
    assert api.requests[1][1]["accept"] == "*/*"


def test_a_different_issuer_of_the_api_server_is_an_error(kubeconfig):
    report = read(kubeconfig(), issuer=f"{ISSUER}/prod")
    assert ordered_statuses(report) == ["error", "ok"] and "another path" in report.first_error.cause


def test_an_unpublished_key_of_the_api_server_is_an_error(kubeconfig):
    report = read(kubeconfig(), published=[TWO])
    assert ordered_statuses(report) == ["ok", "error"]
    assert "'one'" in report.first_error.seen and "'two'" in report.first_error.seen


def test_a_different_key_under_the_same_kid_is_an_error(kubeconfig):
    report = read(kubeconfig(), published=[{**TWO, "kid": "one"}])
    assert ordered_statuses(report) == ["ok", "error"] and "A different key" in report.first_error.seen


def test_keys_without_a_kid_are_not_compared_by_it():
    bare = {name: value for name, value in ONE.items() if name != "kid"}
    report = compare(Cluster(None, [bare, TWO]), published=[{**bare, "n": "AQAB"}, TWO])
    assert report.first_error.seen == "1 of the API server's 2 keys lack the kid by which STS finds a key."
    unsure = compare(Cluster(None, [ONE]), published=[bare, TWO])
    assert "null" not in unsure.first_error.seen and "published keys are 'two'" in unsure.first_error.seen


class TestKeysThatAreNotPublished:
    """An API server may verify with keys that it does not sign with, such as the cluster's own beside the issuer's."""

    def compare(self, *servers, published=(ONE,)):
        found = Cluster(ISSUER, [ONE, TWO])
        return compare(found, published=published, live=LiveCluster(fake.together(*servers)))

    def test_a_key_that_no_server_signs_with_need_not_be_published(self):
        report = self.compare(fake.sound(), fake.sound("10.0.0.2:6443"))
        assert ordered_statuses(report) == ["ok", "ok"]
        assert "sign with the key 'one'" in report.checks[-1].seen and "'two'" in report.checks[-1].seen

    def test_a_key_that_one_server_signs_with_must_be_published(self):
        signs_with_two = fake.sound("10.0.0.2:6443", token={"status": {"token": fake.token("two")}})
        report = self.compare(fake.sound(), signs_with_two)
        assert ordered_statuses(report) == ["ok", "error"] and "has the key 'two'" in report.first_error.seen

    def test_without_the_right_to_make_tokens_it_is_an_error_that_names_the_right(self):
        report = self.compare(fake.sound(token=403))
        assert ordered_statuses(report) == ["ok", "error"]
        assert "needs the verb create on serviceaccounts/token" in report.first_error.seen

    @pytest.mark.parametrize("text", ["no-token", "e30.e30.AAAA"], ids=["no token", "no kid"])
    def test_a_token_that_names_no_key_proves_nothing(self, text):
        report = self.compare(fake.sound(token={"status": {"token": text}}))
        assert ordered_statuses(report) == ["ok", "error"] and text not in report.text


class TestKeysOfNoUse:
    """A published key that STS cannot use is an error if an API server signs with it, and a warning else."""

    def compare(self, published, **live):
        report = Report()
        key_set_checks.check_keys(report, {"keys": published}, ISSUER, algorithms=["RS256"])
        context = Context(report=report, issuer=ISSUER, identity=Identity(), published=published)
        cluster_checks.check_cluster(context, Cluster(ISSUER, [ONE, TWO]), live.get("live"))
        return [(check.id, check.status) for check in faults(report)]

    def test_a_key_of_the_api_server_that_sts_cannot_use_is_an_error(self):
        assert self.compare([{**ONE, "use": "enc"}, TWO]) == [("jwk-use", "error")]
        assert self.compare([{**ONE, "n": f"{ONE['n']}="}, TWO]) == [("jwk-numbers", "error")]

    def test_a_key_that_no_server_signs_with_is_a_warning(self):
        live = LiveCluster(fake.together(fake.sound()))
        assert self.compare([ONE, {**TWO, "use": "enc"}], live=live) == [("jwk-use", "warning")]
        assert self.compare([{**ONE, "use": "enc"}, TWO], live=live) == [("jwk-use", "error")]

    def test_servers_are_asked_for_tokens_only_if_it_matters(self):
        server = fake.sound(token=500)
        assert self.compare([ONE, TWO], live=LiveCluster(fake.together(server))) == []
        assert not [asked for asked in server.requests if fake.TOKEN in asked]


def test_further_published_keys_pass(kubeconfig):
    assert ordered_statuses(read(kubeconfig(), published=[TWO, ONE])) == ["ok", "ok"]


def test_an_api_server_without_keys_is_an_error(api, kubeconfig):
    api.serve(JWKS, b'{"keys": []}')
    assert ordered_statuses(read(kubeconfig())) == ["ok", "error"]


def test_without_published_keys_the_comparison_is_skipped(kubeconfig):
    assert ordered_statuses(read(kubeconfig(), published=None)) == ["ok", "skipped"]


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "credentials"), (403, "system:service-account-issuer-discovery"), (404, "1.20"), (500, "500")],
)
def test_a_refusal_of_the_api_server_leaves_its_issuer_and_keys_unknown(api, kubeconfig, status, said):
    api.serve(DISCOVERY, b"no", status)
    api.serve(JWKS, b"no", status)
    report = read(kubeconfig())
    assert ordered_statuses(report) == ["skipped", "skipped"]
    assert all("unknown" in check.seen and said in check.seen for check in report.checks)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[" * 100_000, b'"text"', b"{}", b'{"issuer": 5, "keys": 5}', b"\xff"]
)
def test_an_answer_that_is_not_a_document_leaves_issuer_and_keys_unknown(api, kubeconfig, body):
    api.serve(DISCOVERY, body)
    api.serve(JWKS, body)
    assert ordered_statuses(read(kubeconfig())) == ["skipped", "skipped"]


def test_an_endless_answer_of_the_api_server_is_cut_off(api, kubeconfig):
    def endless():
        while not api.stopping.is_set():
            yield b" " * 65536

    api.replies[JWKS] = lambda: (200, {}, endless())
    report = read(kubeconfig())
    assert ordered_statuses(report) == ["ok", "skipped"]
    assert f"sent more than 2 MiB for {JWKS}." in report.checks[1].seen


def test_an_answer_of_the_api_server_that_never_ends_in_time_is_given_up(api, kubeconfig, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(api_server.time, "monotonic", lambda: next(clock))
    api.replies[JWKS] = lambda: (200, {}, itertools.repeat(b" " * 4096))
    report = read(kubeconfig())
    assert ordered_statuses(report) == ["ok", "skipped"]
    assert f"did not finish its answer within 5 seconds for {JWKS}." in report.checks[1].seen


def test_an_unreachable_api_server_leaves_its_issuer_and_keys_unknown(api, kubeconfig):
    path = kubeconfig()
    api.stop()
    report = read(path)
    assert ordered_statuses(report) == ["skipped", "skipped"]
    assert all("Check the server in the kubeconfig" in check.seen for check in report.checks)
    assert (
        f"GET {JWKS} from the API server at {api.address.replace('127.0.0.1', 'localhost')} failed: Connection refused."
        in report.checks[1].seen
    )


def test_an_api_server_with_an_untrusted_certificate_is_not_asked(tmp_path, api, kubeconfig):
    other = tmp_path / "other.pem"
    other.write_bytes(certify("Another CA").pem)
    assert ordered_statuses(read(kubeconfig(**{"certificate-authority": str(other)}))) == ["skipped", "skipped"]
    assert not api.requests


def test_credentials_that_are_not_a_valid_header_are_not_quoted(api, kubeconfig):
    path = kubeconfig()
    text = Path(path).read_text(encoding="utf-8").replace(BEARER, f"{BEARER}\\nx")
    Path(path).write_text(text, encoding="utf-8")
    assert ordered_statuses(read(path)) == ["skipped", "skipped"] and not api.requests


def test_a_given_cluster_is_compared_like_a_fetched_one():
    assert ordered_statuses(compare(cluster.given_cluster(ISSUER, {"keys": [ONE]}))) == ["ok", "ok"]


def test_a_cluster_that_was_not_given_is_not_compared():
    assert not compare(cluster.given_cluster(None, None)).checks


@pytest.mark.parametrize("jwks", [{}, [], "x", {"keys": [5]}])
def test_an_invalid_cluster_jwks_is_refused(jwks):
    with pytest.raises(IrsaError, match="cluster_jwks cannot be used"):
        cluster.given_cluster(None, jwks)


KEY = st.dictionaries(
    st.sampled_from(["kid", "kty", "n", "e"]), st.none() | st.text() | st.integers() | st.lists(st.none())
)


@given(st.lists(KEY), st.lists(KEY))
def test_any_keys_of_the_api_server_are_compared_without_a_crash(own, published):
    report = compare(Cluster(None, own), published=published)
    first, *others = [check.id for check in report.checks]
    assert first == "cluster-keys" and all(check.startswith(("jwk-", "algorithms")) for check in others)
