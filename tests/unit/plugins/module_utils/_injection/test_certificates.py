# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The own CA and its certificates, as OpenSSL sees them."""

from __future__ import annotations

import datetime
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import certificates, new_certificates
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.certificates import Pair

HOST = "irsa-pod-identity-webhook.irsa-system.svc"
# Longer than what a common name may be.
LONG_HOST = f"irsa-pod-identity-webhook.{'n' * 63}.svc"
NOW = datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)

AUTHORITY = new_certificates.new_authority("irsa-pod-identity-webhook", 1825, NOW)
LEAF = new_certificates.new_leaf(AUTHORITY, "irsa-pod-identity-webhook", hosts=[HOST], days=1825, now=NOW)


def openssl(*arguments, text=""):
    return subprocess.run(["openssl", *arguments], input=text, capture_output=True, text=True, check=True).stdout


def shown(certificate, *options):
    return openssl("x509", "-noout", "-dateopt", "iso_8601", *options, text=certificate)


def made_by_openssl(folder, *options, key=("rsa:2048",)):
    """A self-signed certificate that is valid for 30 days from now on, the machine's time."""
    certificate, private = folder / "certificate", folder / "key"
    algorithm = ("-newkey", key[0], *(each for option in key[1:] for each in ("-pkeyopt", option)))
    files = ("-out", str(certificate), "-keyout", str(private))
    openssl("req", "-x509", *algorithm, "-nodes", "-subj", "/CN=other", "-days", "30", *options, *files)
    return Pair(certificate.read_text(), private.read_text())


def today():
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)


def test_a_ca_may_sign_certificates_and_no_other_ca():
    text = shown(AUTHORITY.certificate, "-ext", "basicConstraints,keyUsage")
    assert "X509v3 Basic Constraints: critical\n    CA:TRUE, pathlen:0" in text
    assert "X509v3 Key Usage: critical\n    Digital Signature, Certificate Sign, CRL Sign" in text


def test_a_certificate_is_for_a_server_of_this_name_alone():
    text = shown(LEAF.certificate, "-ext", "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName")
    assert "X509v3 Basic Constraints: critical\n    CA:FALSE" in text
    assert "X509v3 Key Usage: critical\n    Digital Signature\n" in text
    assert "X509v3 Extended Key Usage: \n    TLS Web Server Authentication\n" in text
    assert f"X509v3 Subject Alternative Name: \n    DNS:{HOST}\n" in text


@pytest.mark.parametrize(
    ("pair", "end"), [(AUTHORITY, "2036-12-30 03:04:05Z"), (LEAF, "2032-01-01 03:04:05Z")], ids=["ca", "certificate"]
)
def test_certificates_begin_an_hour_early_and_end_on_their_day(pair, end):
    assert shown(pair.certificate, "-dates") == f"notBefore=2027-01-02 02:04:05Z\nnotAfter={end}\n"
    assert (pair.begins, pair.ends) == (NOW, datetime.datetime.fromisoformat(end.replace("Z", "+00:00")))


@pytest.mark.parametrize("pair", [AUTHORITY, LEAF], ids=["ca", "certificate"])
def test_keys_are_of_p_256_and_belong_to_their_certificates(pair):
    assert "NIST CURVE: P-256" in openssl("pkey", "-noout", "-text", text=pair.key)
    assert openssl("pkey", "-pubout", text=pair.key) == shown(pair.certificate, "-pubkey")


@pytest.mark.parametrize("host", [HOST, LONG_HOST])
def test_the_chain_is_accepted_until_the_certificate_ends(tmp_path, host):
    leaf = new_certificates.new_leaf(AUTHORITY, "irsa-pod-identity-webhook", hosts=[host], days=1825, now=NOW)
    (tmp_path / "ca").write_text(AUTHORITY.certificate)
    (tmp_path / "leaf").write_text(leaf.certificate)

    def verified(at, name=host):
        command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name]
        command += ["-attime", str(int(at.timestamp())), "-CAfile", str(tmp_path / "ca"), str(tmp_path / "leaf")]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert [verified(at) for at in (NOW, NOW + 1824 * DAY)] == [True, True]
    assert [verified(at) for at in (NOW - DAY, NOW + 1826 * DAY)] == [False, False]
    assert not verified(NOW, "kubernetes.default.svc")


def test_two_cas_have_different_names():
    other = new_certificates.new_authority("irsa-pod-identity-webhook", 1825, NOW)
    assert shown(other.certificate, "-subject") != shown(AUTHORITY.certificate, "-subject")


@pytest.mark.parametrize("days", [1, 1825, 3650, 10000])
def test_a_new_ca_outlives_two_certificates(days):
    authority = new_certificates.new_authority("ca", days, NOW)
    assert certificates.outlives(authority, days, NOW)
    assert certificates.outlives(authority, days, NOW + days * DAY)
    assert not certificates.outlives(authority, days, authority.ends - days * DAY + DAY)


@pytest.mark.parametrize(("day", "due"), [(0, False), (1277, False), (1278, True), (1900, True)])
def test_a_certificate_is_due_when_less_than_30_percent_of_its_life_is_left(day, due):
    assert certificates.is_due(LEAF, 1825, NOW + day * DAY) is due


@pytest.mark.parametrize("key", [("rsa:2048",), ("ec", "ec_paramgen_curve:P-384")])
def test_a_ca_that_openssl_has_made_can_issue(tmp_path, key):
    authority = made_by_openssl(tmp_path, key=key)
    certificates.require_authority(authority, today())
    leaf = new_certificates.new_leaf(authority, "leaf", hosts=[HOST], days=10, now=today())
    certificates.require_leaf(leaf, authority, hosts=[HOST], now=today())
    (tmp_path / "leaf").write_text(leaf.certificate)
    openssl("verify", "-CAfile", str(tmp_path / "certificate"), str(tmp_path / "leaf"))


@pytest.mark.parametrize(
    ("options", "key", "fault"),
    [
        (("-addext", "keyUsage=digitalSignature"), ("rsa:2048",), "its certificate is not that of a CA"),
        ((), ("rsa:1024",), "its RSA key has 1024 bits, which is too few"),
        ((), ("ed25519",), "its key is neither an RSA key nor one of an elliptic curve"),
    ],
)
def test_what_openssl_has_made_and_cannot_issue_is_refused(tmp_path, options, key, fault):
    with pytest.raises(Fault, match=rf"^{fault}$"):
        certificates.require_authority(made_by_openssl(tmp_path, *options, key=key), today())


def test_a_certificate_of_a_client_is_not_for_a_server(tmp_path):
    options = ("-addext", f"subjectAltName=DNS:{HOST}", "-addext", "extendedKeyUsage=clientAuth")
    pair = made_by_openssl(tmp_path, *options)
    with pytest.raises(Fault, match=r"^its certificate is not for a server$"):
        certificates.require_leaf(pair, pair, hosts=[HOST], now=today())


def test_a_ca_of_the_same_name_is_another_ca(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = (made_by_openssl(tmp_path / name) for name in "ab")
    leaf = new_certificates.new_leaf(first, "leaf", hosts=[HOST], days=10, now=today())
    with pytest.raises(Fault, match=r"^its certificate was issued by another CA$"):
        certificates.require_leaf(leaf, second, hosts=[HOST], now=today())


def test_trusted_certificates_are_found_once_and_without_ended_ones():
    old = new_certificates.new_authority("old", 1825, NOW - 4000 * DAY)
    text = f"junk{AUTHORITY.certificate}\nmore\n{old.certificate}{AUTHORITY.certificate}{AUTHORITY.key}"
    assert certificates.trusted(text, NOW) == [AUTHORITY.certificate]


@given(
    st.one_of(
        st.text(),
        st.binary(max_size=200).map(lambda body: f"-----BEGIN CERTIFICATE-----\n{body!r}\n-----END CERTIFICATE-----"),
    )
)
def test_garbage_is_a_fault_and_nothing_is_trusted(text):
    with pytest.raises(Fault):
        certificates.require_authority(Pair(text, text), NOW)
    assert certificates.trusted(text, NOW) == []
    assert certificates.end_of(text) is None


def test_no_key_is_in_what_is_printed():
    assert "PRIVATE" not in repr(AUTHORITY)
