# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key that was given instead of a public one is refused, and no output of a module contains it."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_documents import DISCOVERY, ISSUER, REGION
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

PUBLIC = samples.public_pem(samples.OTHER_P256.pkcs8).decode()
JWKS = documents.render({"keys": [jwk_of(samples.OTHER_P256)]})

each_key = pytest.mark.parametrize("sample", [samples.RSA, samples.P256], ids=["RSA", "EC"])
each_mode = pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])


def private_jwk(sample: samples.Sample) -> dict[str, str]:
    """A JWK with its private members, by RFC 7518, section 6."""
    names = ["d"] if sample.curve else ["d", "p", "q", "dp", "dq", "qi"]
    return {
        **jwk_of(sample),
        **{name: b64url(number) for name, number in zip(names, samples.secret_numbers(sample.pkcs8), strict=True)},
    }


def b64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")


def assert_hidden(sample: samples.Sample, run) -> None:
    assert samples.traces_of(sample.pkcs8, run.printed) == []
    # The invocation repeats the options, masked.
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in run.printed or "********" in run.printed


@each_key
def test_search_finds_a_key_that_is_not_masked(sample):
    """Without this, the other tests here would prove nothing."""
    assert samples.traces_of(sample.pkcs8, json.dumps({"msg": json.dumps(private_jwk(sample))}))


@each_key
@each_mode
@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text,
        lambda text: text.replace("\n", "\\n"),
        lambda text: "\n".join("  " + line for line in text.splitlines()),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: text[: len(text) // 2],
        lambda text: PUBLIC + text,
    ],
    ids=["PEM", "escaped", "indented", "base64 of it", "half of it", "behind a public one"],
)
@pytest.mark.parametrize("form", ["traditional", "pkcs8"])
def test_irsa_jwks_hides_a_private_key_among_public_keys(run, sample, check_mode, spell, form):
    text = spell(getattr(sample, form).decode())
    done = run("irsa_jwks", check_mode, fails=True, issuer=ISSUER, public_keys=[PUBLIC, text])
    assert done.result["msg"].startswith("public_keys: key 2 cannot be published")
    assert_hidden(sample, done)


@each_key
@each_mode
@pytest.mark.parametrize(
    "wrap",
    [lambda key: {"keys": [key]}, lambda key: key, lambda key: {"keys": {"first": key}}, lambda key: {"keys": [[key]]}],
    ids=["JWKS", "only a JWK", "object of keys", "list in a list"],
)
def test_irsa_jwks_hides_a_private_jwk(run, sample, check_mode, wrap):
    done = run("irsa_jwks", check_mode, fails=True, issuer=ISSUER, jwks=[wrap(private_jwk(sample))])
    assert done.result["msg"].startswith("jwks: document 1")
    assert_hidden(sample, done)


@each_key
def test_irsa_jwks_hides_a_private_key_when_other_options_are_refused(run, sample):
    given = {"public_keys": [sample.pkcs8.decode()], "jwks": [{"keys": [private_jwk(sample)]}]}
    for wrong in (
        {},
        {"issuer": "http://x"},
        {"issuer": ISSUER, "no_such_option": 1},
        {"issuer": ISSUER, "legacy_empty_kid": "perhaps"},
    ):
        done = run("irsa_jwks", fails=True, **given, **wrong)
        assert samples.traces_of(sample.pkcs8, done.printed) == []


@each_key
@each_mode
def test_irsa_jwks_hides_the_content_of_a_private_key_file(run, sample, check_mode, tmp_path):
    (tmp_path / "sa.key").write_bytes(sample.traditional)
    done = run("irsa_jwks", check_mode, fails=True, issuer=ISSUER, public_key_paths=[str(tmp_path / "sa.key")])
    assert "private key" in done.result["msg"]
    assert samples.traces_of(sample.pkcs8, done.printed) == []


@each_key
@each_mode
@pytest.mark.parametrize(
    "spell",
    [
        lambda sample: json.dumps({"keys": [private_jwk(sample)]}),
        lambda sample: json.dumps(private_jwk(sample)),
        lambda sample: json.dumps({"keys": [private_jwk(sample)]}, indent=2)[:-3],
        lambda sample: sample.traditional.decode(),
        lambda sample: sample.pkcs8.decode(),
        lambda sample: base64.b64encode(sample.pkcs8).decode(),
    ],
    ids=["JWKS", "JWK", "JSON cut off", "PEM", "PKCS#8", "base64 of it"],
)
@pytest.mark.parametrize("option", ["jwks_json", "discovery_json"])
def test_irsa_publish_hides_a_private_key(run, aws, sample, check_mode, spell, option):
    options = {
        "bucket": "irsa-prod",
        "region": REGION,
        "issuer": ISSUER,
        "jwks_json": JWKS,
        "discovery_json": DISCOVERY,
    }
    done = run("irsa_publish", check_mode, fails=True, **{**options, option: spell(sample)})
    assert option in done.result["msg"]
    assert_hidden(sample, done)
    assert aws.writes == []


@each_key
@each_mode
@pytest.mark.parametrize("option", ["publish", "withdraw"])
def test_irsa_rotation_state_hides_a_private_key(run, aws, sample, check_mode, option):
    options = {"bucket": "irsa-prod", "region": REGION, "issuer": ISSUER, option: [sample.pkcs8.decode()]}
    assert_hidden(sample, run("irsa_rotation_state", check_mode, fails=True, **options))
    assert aws.writes == []


@each_key
def test_irsa_publish_hides_a_published_private_key_that_it_removes(run, aws, sample):
    s3 = aws.quietly("s3")
    s3.create_bucket(Bucket="irsa-prod", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="irsa-prod", Key="keys.json", Body=json.dumps({"keys": [private_jwk(sample)]}))
    options = {
        "bucket": "irsa-prod",
        "region": REGION,
        "issuer": ISSUER,
        "jwks_json": JWKS,
        "discovery_json": DISCOVERY,
    }
    for given in ({"fails": True}, {"check_mode": True, "purge_keys": True}, {"purge_keys": True}):
        done = run("irsa_publish", **options, **given)
        assert samples.traces_of(sample.pkcs8, done.printed) == []


@each_key
@each_mode
@pytest.mark.parametrize(
    "given",
    [
        lambda sample: {"key": {"exists": True, "public_key": sample.traditional.decode()}},
        lambda sample: {"key": {"exists": True, "public_key": base64.b64encode(sample.pkcs8).decode()}},
        lambda sample: {"key": sample.pkcs8.decode()},
        lambda sample: {"extra_jwks": [{"keys": [private_jwk(sample)]}]},
        lambda sample: {"key": {"public_key": sample.pkcs8.decode()}, "state": "absent", "bucket": None},
        lambda sample: {"key": {"public_key": sample.pkcs8.decode()}, "no_such_option": 1},
    ],
    ids=["PEM", "base64 of it", "PEM for the key's result", "JWK", "without an issuer", "with another mistake"],
)
def test_irsa_issuer_hides_a_private_key(run, aws, sample, check_mode, given):
    public = {"exists": True, "public_key": PUBLIC}
    options = {"bucket": "irsa-prod", "region": REGION, "key": public, "verify": False, **given(sample)}
    done = run("irsa_issuer", check_mode, fails=True, **{name: each for name, each in options.items() if each})
    assert_hidden(sample, done)
    assert aws.writes == []


@each_key
@each_mode
def test_irsa_keypair_prints_no_byte_of_a_key(run, sample, check_mode, tmp_path):
    tmp_path.chmod(0o700)
    (tmp_path / "sa.key").write_bytes(sample.traditional)
    options = {"path": str(tmp_path / "sa.key"), "public_key_path": str(tmp_path / "sa.pub"), "backup": True}
    for given in ({}, {"format": "pkcs8"}, {"size": 4096, "type": "RSA", "regenerate": "never"}, {"state": "absent"}):
        done = run("irsa_keypair", check_mode, **options, **given)
        assert samples.traces_of(sample.pkcs8, done.printed) == []


@each_key
@each_mode
def test_irsa_issuer_prints_no_byte_of_a_local_key(run, aws, sample, check_mode, tmp_path):
    tmp_path.chmod(0o700)
    (tmp_path / "sa.key").write_bytes(sample.traditional)
    options = {"key_path": str(tmp_path / "sa.key"), "bucket": "irsa-prod", "region": REGION, "verify": False}
    for given in (
        {},
        {"public_key_path": str(tmp_path / "sa.pub")},
        {"fails": True, "key_type": "RSA", "key_size": 4096},
    ):
        done = run("irsa_issuer", check_mode, **options, **given)
        assert samples.traces_of(sample.pkcs8, done.printed) == []


def test_public_keys_are_not_masked(run, aws):
    done = run("irsa_jwks", issuer=ISSUER, public_keys=[PUBLIC])
    assert done.result["invocation"]["module_args"]["public_keys"] == [PUBLIC]
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" not in done.printed
