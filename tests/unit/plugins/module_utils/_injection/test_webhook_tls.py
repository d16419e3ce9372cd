# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The webhook's certificates over the years, and over changes of their kind: what is served is always trusted."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import certificates, new_certificates
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_tls import (
    removable,
    tls_for,
    tls_for_manifests,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import document, path_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._injection.certificate_cluster import (
    HOST,
    SECOND,
    START,
    CertificateCluster,
    Killed,
    is_trusted,
    run,
)

CA, LEAF = "irsa-pod-identity-webhook-ca", "irsa-pod-identity-webhook-tls"
THEIR_CA, THEIR_LEAF = f"{CA}-certificate", f"{LEAF}-certificate"
HOUR, YEAR = 3600 * SECOND, datetime.timedelta(days=365)
ANNOTATION = "cert-manager.io/inject-ca-from"


@pytest.fixture
def cluster():
    return CertificateCluster()


def cas_in(bundle):
    return bundle.count("BEGIN CERTIFICATE")


def test_a_second_run_changes_nothing(cluster):
    run(cluster)
    before = cluster.writes.copy()
    for duration in (SECOND, HOUR, 3 * YEAR):
        cluster.pass_time(duration)
        run(cluster)
    assert cluster.writes == before


def test_the_certificate_is_renewed_by_the_same_ca_as_long_as_that_outlives_it(cluster):
    run(cluster)
    first = cluster.texts(LEAF)["tls.crt"], cluster.bundle
    cluster.pass_time(4 * YEAR)
    run(cluster)
    assert cluster.texts(LEAF)["tls.crt"] != first[0]
    assert cluster.bundle == first[1]


def test_the_ca_is_renewed_with_both_trusted_until_the_new_certificate_is_served_for_an_hour(cluster):
    run(cluster)
    old = cluster.bundle
    for dummy in range(2):
        cluster.pass_time(4 * YEAR)
        run(cluster)
    new = cluster.texts(CA)["tls.crt"]
    assert new != old
    assert cluster.bundle == new + old
    cluster.pass_time(HOUR - SECOND)
    run(cluster)
    assert cluster.bundle == new + old
    cluster.pass_time(SECOND)
    run(cluster)
    assert cluster.bundle == new == cluster.texts(CA)["ca.crt"]


def test_dates_say_when_the_ca_and_the_certificate_end(cluster):
    assert run(cluster).dates == {
        "kind": "own",
        "ca_ends": "2036-12-30T03:04:05Z",
        "certificate_ends": "2032-01-01T03:04:05Z",
    }


GAPS = st.sampled_from([SECOND, 30 * SECOND, 2 * HOUR])


@settings(max_examples=20, deadline=None)
@given(years=st.sampled_from([[4], [4, 4]]), runs=st.lists(st.tuples(GAPS, st.integers(0, 5)), max_size=8))
def test_whenever_a_renewal_is_killed_what_is_served_is_trusted(years, runs):
    """The cluster asserts it after each write. After four years, the certificate is due, and after eight, the CA."""
    cluster = CertificateCluster()
    for each in years:
        run(cluster)
        cluster.pass_time(each * YEAR)
    for gap, writes in runs:
        with contextlib.suppress(Killed):
            run(cluster, writes=writes)
        cluster.pass_time(gap)
    run(cluster)
    cluster.pass_time(2 * HOUR)
    run(cluster)
    assert cas_in(cluster.bundle) == 1
    assert not certificates.is_nearly_over(cluster.texts(LEAF)["tls.crt"], cluster.now)


@pytest.mark.parametrize("lost", [CA, LEAF])
def test_a_lost_secret_is_made_anew_while_the_old_certificate_is_trusted(cluster, lost):
    run(cluster)
    cluster.pass_time(2 * HOUR)
    del cluster.objects[path_of(document("Secret", lost, namespace="irsa-system"))]
    run(cluster)
    assert is_trusted(cluster.texts(LEAF)["tls.crt"], cluster.bundle, cluster.now)


def test_an_earlier_ca_is_known_although_the_configuration_is_lost(cluster):
    for dummy in range(2):
        run(cluster)
        cluster.pass_time(4 * YEAR)
    old = cluster.bundle
    with pytest.raises(Killed):
        run(cluster, writes=1)
    del cluster.objects[path_of(document("MutatingWebhookConfiguration", "irsa-pod-identity-webhook"))]
    cluster.followed.clear()
    run(cluster)
    assert cluster.bundle == cluster.texts(CA)["tls.crt"] + old


# --- what cannot be used


def broken_cas():
    now = START
    ca = new_certificates.new_authority("other", 30, now)
    leaf = new_certificates.new_leaf(ca, "leaf", hosts=[HOST], days=30, now=now)
    late = new_certificates.new_authority("late", 30, now + YEAR)
    return {
        "no certificate": ({"tls_crt": "nothing"}, "it has no certificate in PEM"),
        "a damaged one": (
            {"tls_crt": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"},
            "its certificate cannot be read",
        ),
        "another's key": ({"tls_key": ca.key}, "its certificate does not belong to its key"),
        "no key": ({"tls_key": ""}, "its key cannot be read"),
        "a leaf": ({"tls_crt": leaf.certificate, "tls_key": leaf.key}, "its certificate is not that of a CA"),
        "a late one": (
            {"tls_crt": late.certificate, "tls_key": late.key},
            (
                "its certificate is valid from 2028-01-02 02:04 to 2037-12-30 03:04 UTC, and the API server's clock "
                "says 2027-01-02 05:04"
            ),
        ),
    }


@pytest.mark.parametrize(("texts", "reason"), broken_cas().values(), ids=broken_cas())
def test_a_ca_that_cannot_be_used_is_replaced_with_a_warning(cluster, texts, reason):
    run(cluster)
    cluster.pass_time(2 * HOUR)
    old = cluster.bundle
    cluster.set_texts(CA, **texts)
    tls = tls_for(cluster, WebhookSettings(), cluster.now)
    assert tls.warnings == [f"The CA in Secret {CA} cannot be used: {reason}. A new one takes its place."]
    run(cluster)
    assert cluster.bundle.endswith(old)
    assert cluster.bundle != old


def broken_leaves():
    ca = new_certificates.new_authority("other", 30, START)
    leaf = new_certificates.new_leaf(ca, "leaf", hosts=[HOST], days=30, now=START)
    named = new_certificates.new_leaf(ca, "leaf", hosts=["other.svc"], days=30, now=START)
    return {
        "of another CA": (leaf, "its certificate was issued by another CA"),
        "of another host": (named, f"its certificate is for 'other.svc', and not for '{HOST}'"),
        "a CA": (ca, f"its certificate is for none, and not for '{HOST}'"),
    }


@pytest.mark.parametrize(("pair", "reason"), broken_leaves().values(), ids=broken_leaves())
def test_a_certificate_that_cannot_be_used_is_replaced_with_a_warning(cluster, pair, reason):
    run(cluster)
    cluster.set_texts(LEAF, tls_crt=pair.certificate, tls_key=pair.key)
    tls = tls_for(cluster, WebhookSettings(), cluster.now)
    assert tls.warnings == [f"The certificate in Secret {LEAF} cannot be used: {reason}. A new one takes its place."]
    # Nobody trusted that one.
    cluster.served.clear()
    assert run(cluster).warnings == []


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([CA, LEAF]),
    st.sampled_from(["tls.crt", "tls.key", "ca.crt"]),
    st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.lists(st.text(), max_size=2)),
)
def test_whatever_a_secret_holds_there_is_a_plan(secret, name, value):
    cluster = CertificateCluster()
    run(cluster)
    present = cluster.objects[path_of(document("Secret", secret, namespace="irsa-system"))]
    present["data"][name] = value
    cluster.configuration["webhooks"][0]["clientConfig"]["caBundle"] = value
    tls = tls_for(cluster, WebhookSettings(), cluster.now)
    (leaf,) = tls.leaf
    cluster.objects[path_of(leaf)] = leaf
    assert is_trusted(cluster.texts(LEAF)["tls.crt"], tls.ca_bundle, cluster.now)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 700), st.integers(0, 255))
def test_a_changed_byte_of_a_certificate_never_escapes_as_another_error(place, value):
    """It may be harmless, as in a name; the plan is one that is trusted, however."""
    cluster = CertificateCluster()
    run(cluster)
    text = cluster.texts(CA)["tls.crt"]
    body = text[: place % len(text)] + chr(value) + text[place % len(text) + 1 :]
    cluster.set_texts(CA, tls_crt=body)
    tls = tls_for(cluster, WebhookSettings(), cluster.now)
    (leaf,) = tls.leaf
    cluster.objects[path_of(leaf)] = leaf
    assert is_trusted(cluster.texts(LEAF)["tls.crt"], tls.ca_bundle, cluster.now)


def test_a_shorter_life_that_is_set_gets_a_new_certificate(cluster):
    run(cluster)
    tls = tls_for(cluster, WebhookSettings(certificate_days=90), cluster.now)
    assert tls.certificate_ends == START + datetime.timedelta(days=90)


def test_no_key_is_shown(cluster):
    tls = run(cluster)
    assert "PRIVATE KEY" not in f"{tls!r} {json.dumps(tls.dates)} {tls.warnings}"
    assert "tls.key" not in repr(tls)


# --- cert-manager


def test_cert_manager_is_taken_where_it_answers():
    cluster = CertificateCluster(cert_manager=True)
    tls = run(cluster)
    assert (tls.kind, tls.secret, tls.superfluous and tls.pending) == ("cert_manager", THEIR_LEAF, False)
    assert cluster.configuration["metadata"]["annotations"] == {ANNOTATION: f"irsa-system/{THEIR_CA}"}
    assert not cluster.texts(CA)
    before = cluster.writes.copy()
    run(cluster)
    assert cluster.writes == before


def test_its_own_webhook_has_to_answer():
    cluster = CertificateCluster(cert_manager=True)
    cluster.cert_manager_answers = False
    tls = run(cluster)
    assert tls.kind == "own"
    assert tls.warnings == [
        (
            "cert-manager cannot be used, so the webhook gets certificates of an own CA: failed calling webhook "
            '"webhook.cert-manager.io".'
        )
    ]


def test_what_cert_manager_makes_stays_while_it_does_not_answer():
    cluster = CertificateCluster(cert_manager=True)
    run(cluster)
    before = cluster.writes.copy()
    cluster.cert_manager_answers = False
    tls = run(cluster)
    assert tls.warnings == [
        (
            'Whether cert-manager still has what it was told could not be compared: failed calling webhook "webhook.'
            'cert-manager.io".'
        )
    ]
    assert cluster.writes == before


@pytest.mark.parametrize("is_served", [False, True])
def test_cert_manager_that_is_demanded_and_does_not_work_is_an_error(is_served):
    cluster = CertificateCluster(cert_manager=is_served)
    cluster.cert_manager_answers = False
    with pytest.raises(IrsaError, match=r"^irsa_injection_webhook_certificates is cert_manager, and cert-manager can"):
        tls_for(cluster, WebhookSettings(certificates="cert_manager"), START)


def test_a_secret_of_others_is_not_given_to_cert_manager():
    cluster = CertificateCluster(cert_manager=True)
    foreign = document("Secret", THEIR_LEAF, namespace="irsa-system", data={})
    cluster.objects[path_of(foreign)] = {**foreign, "metadata": {"name": THEIR_LEAF}}
    with pytest.raises(IrsaError, match=rf"^There is a Secret/irsa-system/{THEIR_LEAF} that this role did not create"):
        tls_for(cluster, WebhookSettings(), START)


KINDS = ("own", "cert_manager")


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), GAPS, st.integers(0, 12)), min_size=1, max_size=4))
def test_a_change_of_kind_is_trusted_at_every_moment(runs):
    """The cluster asserts it after each write. Nothing of the other kind is left at the end."""
    cluster = CertificateCluster(cert_manager=True)
    run(cluster)
    for kind, gap, writes in runs:
        cluster.pass_time(gap)
        with contextlib.suppress(Killed):
            run(cluster, kind, writes=writes)
    run(cluster, runs[-1][0])
    cluster.pass_time(2 * HOUR)
    run(cluster, runs[-1][0])
    gone = (THEIR_CA, THEIR_LEAF) if runs[-1][0] == "own" else (CA, LEAF)
    assert not any(cluster.texts(name) for name in gone)
    assert cas_in(cluster.bundle) == 1
    assert (ANNOTATION in str(cluster.configuration)) is (runs[-1][0] == "cert_manager")


def test_a_cluster_that_loses_cert_manager_gets_an_own_ca():
    cluster = CertificateCluster(cert_manager=True)
    run(cluster)
    theirs = cluster.bundle
    cluster.cert_manager = False
    run(cluster)
    assert cluster.bundle == cluster.texts(CA)["tls.crt"] + theirs
    cluster.pass_time(2 * HOUR)
    run(cluster)
    assert cluster.bundle == cluster.texts(CA)["tls.crt"]


def test_a_certificate_that_cert_manager_does_not_renew_is_named():
    cluster = CertificateCluster(cert_manager=True)
    run(cluster)
    cluster.pass_time(4 * YEAR)
    (warning,) = tls_for(cluster, WebhookSettings(), cluster.now).warnings
    assert warning.startswith(f"cert-manager has not renewed the certificate in Secret {THEIR_LEAF}, which ends 2032-")


def test_a_certificate_of_another_ca_than_cert_managers_is_named():
    cluster = CertificateCluster(cert_manager=True)
    run(cluster)
    other = new_certificates.new_authority("other", 1825, cluster.now).certificate
    cluster.set_texts(THEIR_CA, ca_crt=other, tls_crt=other)
    (warning,) = tls_for(cluster, WebhookSettings(), cluster.now).warnings
    assert warning.startswith(f"The certificate in Secret {THEIR_LEAF} was not issued by the CA in Secret {THEIR_CA}")
    del cluster.configuration["metadata"]["annotations"]
    with pytest.raises(IrsaError, match=rf"Delete Secret {THEIR_LEAF}: cert-manager then issues a new one\. Nothing"):
        tls_for(cluster, WebhookSettings(), cluster.now)


def test_an_earlier_ca_that_the_injector_keeps_stays_while_its_certificate_is_served():
    cluster = CertificateCluster(cert_manager=True)
    run(cluster)
    other = new_certificates.new_authority("other", 1825, cluster.now).certificate
    both = cluster.bundle + other
    cluster.set_texts(THEIR_CA, ca_crt=other, tls_crt=other)
    client = cluster.configuration["webhooks"][0]["clientConfig"]
    client["caBundle"] = base64.b64encode(both.encode()).decode()
    assert tls_for(cluster, WebhookSettings(), cluster.now).ca_bundle == both


def test_everything_of_both_kinds_can_be_removed():
    cluster = CertificateCluster(cert_manager=True)
    run(cluster)
    ours = {path for path in cluster.objects if "/secrets/" in path or "cert-manager.io" in path}
    assert ours <= {path_of(each) for each in removable(cluster, WebhookSettings())}
    cluster.cert_manager = False
    assert {each["kind"] for each in removable(cluster, WebhookSettings())} == {"Secret"}


def test_manifests_hold_no_keys():
    tls = tls_for_manifests(WebhookSettings())
    assert (tls.kind, tls.ca_bundle, tls.injected) == ("cert_manager", None, True)
    assert {each["kind"] for each in [*tls.authority, *tls.leaf]} == {"Issuer", "Certificate"}
    with pytest.raises(IrsaError, match=r"^irsa_injection_webhook_certificates is own, and irsa_manifests_path is set"):
        tls_for_manifests(WebhookSettings(certificates="own"))
