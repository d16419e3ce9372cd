# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documents in a bucket: written if they differ, keys of others kept, documents of others not overwritten."""

from __future__ import annotations

import base64
import io
import json
import typing as t

import hypothesis
import hypothesis.strategies as st
import pytest
import urllib3
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import (
    object_store,
    publication_absent,
    publication_present,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import PublicationSpec
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, CLIENTS, REGION, refusal
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

BUCKET = "irsa-prod"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
JWKS_KEY, DISCOVERY_KEY = "keys.json", ".well-known/openid-configuration"
GET, PUT, DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"


# Names of their own, since the names of tests must not change from run to run.
RSA, OTHER_RSA, P256, P384 = (
    jwk_of(sample, kid=f"kid-{name}")
    for name, sample in (
        ("rsa", samples.RSA),
        ("other-rsa", samples.OTHER_RSA),
        ("p256", samples.P256),
        ("p384", samples.P384),
    )
)


def jwks_text(*listed: jwk.Jwk) -> str:
    return documents.render({"keys": list(listed)})


def discovery_text(*algorithms: str, issuer: str = ISSUER) -> str:
    return documents.render(documents.discovery(issuer, f"{issuer}/keys.json", algorithms))


class BrokenStream:
    """The body of an answer that breaks off."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, amount: int) -> bytes:
        raise self.error


OURS = {"jwks_json": jwks_text(RSA), "discovery_json": discovery_text("RS256")}


def spec(**given) -> PublicationSpec:
    return PublicationSpec(**{"bucket": BUCKET, "issuer": ISSUER, **OURS, **given})


def ensure(fake_aws, check_mode=False, **given):
    return publication_present.ensure_present(Aws(fake_aws.clients), spec(**given), check_mode)


def remove(fake_aws, check_mode=False, **given):
    return publication_absent.ensure_absent(Aws(fake_aws.clients), spec(**given), check_mode)


@pytest.fixture
def s3(fake_aws):
    """A client of others, and the bucket."""
    client = fake_aws.quietly("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def put(s3):
    """Store an object with a client of others."""

    def store(key, content, **headers):
        content = content if isinstance(content, (bytes, str)) else json.dumps(content)
        s3.put_object(Bucket=BUCKET, Key=key, Body=content, **headers)

    return store


def stored(s3, key):
    found = s3.get_object(Bucket=BUCKET, Key=key)
    return found["Body"].read().decode(), found["ContentType"], found.get("CacheControl")


def assert_same_in_check_mode(fake_aws, act=ensure, **given):
    """Run in check mode, then for real, then again: planned, done, nothing left to do."""
    planned = act(fake_aws, check_mode=True, **given)
    assert fake_aws.writes == []
    done = act(fake_aws, **given)
    assert planned.actions == done.actions == fake_aws.writes
    assert (planned.diff, planned.permissions, planned.warnings) == (done.diff, done.permissions, done.warnings)
    for name in set(done.values) - {"documents"}:
        assert planned.values[name] == done.values[name]
    assert [each["changed"] for each in planned.values["documents"]] == [
        each["changed"] for each in done.values["documents"]
    ]
    fake_aws.calls.clear()
    again = act(fake_aws, **given)
    assert (again.actions, fake_aws.writes) == ([], [])
    return done


class TestPublication:
    def test_publication_writes_the_jwks_first(self, fake_aws, s3):
        done = assert_same_in_check_mode(fake_aws)
        assert done.actions == [PUT, PUT]
        assert [params["Key"] for params in fake_aws.params_of(PUT)] == [JWKS_KEY, DISCOVERY_KEY]
        assert stored(s3, JWKS_KEY) == (OURS["jwks_json"], "application/json", "no-cache")
        assert stored(s3, DISCOVERY_KEY) == (OURS["discovery_json"], "application/json", "no-cache")
        etags = [s3.head_object(Bucket=BUCKET, Key=key)["ETag"] for key in (JWKS_KEY, DISCOVERY_KEY)]
        assert done.values == {
            "documents": [
                {"key": JWKS_KEY, "url": f"{ISSUER}/{JWKS_KEY}", "etag": etags[0], "changed": True},
                {"key": DISCOVERY_KEY, "url": f"{ISSUER}/{DISCOVERY_KEY}", "etag": etags[1], "changed": True},
            ],
            "account_id": ACCOUNT,
            "kids": ["kid-rsa"],
            "foreign_kids": [],
            "published_keys": [{"kid": "kid-rsa", "algorithm": "RS256", "foreign": False}],
            **OURS,
        }
        assert done.permissions == ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]

    def test_the_first_write_of_a_document_requires_that_nothing_is_stored(self, fake_aws, s3):
        ensure(fake_aws)
        for params in fake_aws.params_of(PUT):
            assert (params["IfNoneMatch"], params["ExpectedBucketOwner"]) == ("*", ACCOUNT)
            assert params["ServerSideEncryption"] == "AES256" and "IfMatch" not in params

    def test_rewriting_a_document_requires_the_etag_that_was_read(self, fake_aws, s3, put):
        put(JWKS_KEY, jwks_text(P256))
        etag = s3.head_object(Bucket=BUCKET, Key=JWKS_KEY)["ETag"]
        ensure(fake_aws)
        params = fake_aws.params_of(PUT)[0]
        assert params["IfMatch"] == etag and "IfNoneMatch" not in params

    def test_publication_under_a_prefix(self, fake_aws, s3):
        issuer = f"{ISSUER}/clusters/a"
        done = ensure(
            fake_aws, prefix="clusters/a", issuer=issuer, discovery_json=discovery_text("RS256", issuer=issuer)
        )
        assert [each["key"] for each in done.values["documents"]] == [
            "clusters/a/keys.json",
            "clusters/a/.well-known/openid-configuration",
        ]
        assert done.values["documents"][0]["url"] == f"{issuer}/keys.json"

    def test_publication_into_buckets_of_any_namespace(self, fake_aws):
        for name in ("plan-an", f"irsa-{ACCOUNT}-{REGION}-an"):
            issuer = f"https://{name}.s3.{REGION}.amazonaws.com"
            discovery = discovery_text("RS256", issuer=issuer)
            done = ensure(fake_aws, check_mode=True, bucket=name, issuer=issuer, discovery_json=discovery)
            assert done.actions == [PUT, PUT]

    @pytest.mark.parametrize(
        "issuer", ["https://oidc.example.com", f"https://s3.{REGION}.amazonaws.com/oidc.example.com"]
    )
    def test_a_bucket_with_dots_is_for_an_issuer_on_another_host(self, fake_aws, issuer):
        def publish(issuer):
            discovery = discovery_text("RS256", issuer=issuer)
            return ensure(fake_aws, check_mode=True, bucket="oidc.example.com", issuer=issuer, discovery_json=discovery)

        assert publish(issuer).actions == [PUT, PUT]
        with pytest.raises(IrsaError, match="has a dot"):
            publish(f"https://oidc.example.com.s3.{REGION}.amazonaws.com")

    def test_a_document_for_the_same_bucket_under_another_host_name_is_called_so(self, fake_aws, put):
        put(DISCOVERY_KEY, discovery_text("RS256", issuer=f"https://{BUCKET}.s3-{REGION}.amazonaws.com"))
        with pytest.raises(IrsaError, match=r"another issuer.* It is the same bucket under another host name"):
            ensure(fake_aws)

    def test_a_bucket_in_another_region_than_the_issuer_is_refused_if_its_region_is_known(self, fake_aws):
        issuer = f"https://{BUCKET}.s3.amazonaws.com"
        given = {"issuer": issuer, "discovery_json": discovery_text("RS256", issuer=issuer)}
        assert ensure(fake_aws, check_mode=True, **given).actions == [PUT, PUT]
        with pytest.raises(IrsaError, match=f"the bucket '{BUCKET}' is in {REGION}"):
            ensure(fake_aws, check_mode=True, region=REGION, **given)

    @pytest.mark.parametrize(
        ("drift", "changed"),
        [
            (
                lambda put, s3: put(
                    JWKS_KEY, jwks_text({**RSA, "use": "enc"}), ContentType="application/json", CacheControl="no-cache"
                ),
                [True, False],
            ),
            (
                lambda put, s3: put(JWKS_KEY, OURS["jwks_json"], ContentType="text/plain", CacheControl="no-cache"),
                [True, False],
            ),
            (lambda put, s3: put(JWKS_KEY, OURS["jwks_json"], ContentType="application/json"), [True, False]),
            (
                lambda put, s3: put(
                    JWKS_KEY,
                    OURS["jwks_json"],
                    ContentType="application/json",
                    CacheControl="no-cache",
                    ServerSideEncryption="aws:kms",
                ),
                [True, False],
            ),
            (
                lambda put, s3: put(
                    DISCOVERY_KEY, OURS["discovery_json"] + " ", ContentType="application/json", CacheControl="no-cache"
                ),
                [False, True],
            ),
            (lambda put, s3: s3.delete_object(Bucket=BUCKET, Key=JWKS_KEY), [True, False]),
            (lambda put, s3: s3.delete_object(Bucket=BUCKET, Key=DISCOVERY_KEY), [False, True]),
        ],
        ids=[
            "JWKS edited",
            "another type",
            "no Cache-Control",
            "KMS",
            "discovery edited",
            "JWKS gone",
            "discovery gone",
        ],
    )
    def test_publication_writes_only_what_differs(self, fake_aws, s3, put, drift, changed):
        ensure(fake_aws)
        drift(put, s3)
        fake_aws.calls.clear()
        done = assert_same_in_check_mode(fake_aws)
        assert [each["changed"] for each in done.values["documents"]] == changed
        assert len(done.diff) == 1
        assert stored(s3, JWKS_KEY)[0] == OURS["jwks_json"] and stored(s3, DISCOVERY_KEY)[0] == OURS["discovery_json"]

    def test_the_diff_of_a_document_shows_headers_and_text(self, fake_aws, s3, put):
        put(JWKS_KEY, jwks_text(RSA), ContentType="text/plain")
        drawn = ensure(fake_aws, check_mode=True).diff[0]
        assert drawn["before"] == f"Content-Type: text/plain\nCache-Control: (none)\n\n{jwks_text(RSA)}"
        assert drawn["after"] == f"Content-Type: application/json\nCache-Control: no-cache\n\n{jwks_text(RSA)}"
        assert drawn["before_header"] == f"s3://{BUCKET}/{JWKS_KEY} (document)"

    def test_publication_with_another_cache_control(self, fake_aws, s3):
        ensure(fake_aws, cache_control="max-age=60")
        assert stored(s3, JWKS_KEY)[2] == "max-age=60"


class TestForeignKeys:
    def test_foreign_keys_stay_after_ours_with_a_warning(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [P256, OTHER_RSA]})
        done = assert_same_in_check_mode(fake_aws)
        assert json.loads(stored(s3, JWKS_KEY)[0])["keys"] == [RSA, P256, OTHER_RSA]
        assert (done.values["kids"], done.values["foreign_kids"]) == (
            ["kid-rsa", "kid-p256", "kid-other-rsa"],
            ["kid-p256", "kid-other-rsa"],
        )
        assert [key["foreign"] for key in done.values["published_keys"]] == [False, True, True]
        assert (
            len(done.warnings) == 1
            and "'kid-p256', 'kid-other-rsa'" in done.warnings[0]
            and "purge_keys" in done.warnings[0]
        )

    def test_discovery_document_names_algorithms_of_foreign_keys(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [P256, P384]})
        done = ensure(fake_aws)
        document = json.loads(stored(s3, DISCOVERY_KEY)[0])
        assert document["id_token_signing_alg_values_supported"] == ["ES256", "ES384", "RS256"]
        assert done.values["discovery_json"] == stored(s3, DISCOVERY_KEY)[0]

    def test_foreign_kids_in_messages_are_escaped_and_shortened(self, fake_aws, s3, put):
        """They are what another process has put into the bucket, and go to a terminal."""
        put(JWKS_KEY, {"keys": [{"kid": "\x1b[2J\n"}, {"kid": "x" * 100_000}, *({"kid": str(n)} for n in range(20))]})
        (warning,) = ensure(fake_aws).warnings
        assert r"'\x1b[2J\n'" in warning and "and 12 more" in warning and len(warning) < 1000

    def test_an_issuer_name_in_messages_is_escaped_and_shortened(self, fake_aws, s3, put):
        put(DISCOVERY_KEY, {"issuer": "\x1b[2J" + "x" * 100_000})
        message = refusal(fake_aws, ensure)
        assert r"it names '\x1b[2Jxxx" in message and len(message) < 1000

    def test_purge_keys_removes_foreign_keys(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [P256]})
        done = assert_same_in_check_mode(fake_aws, purge_keys=True)
        assert stored(s3, JWKS_KEY)[0] == OURS["jwks_json"]
        assert (done.values["foreign_kids"], done.warnings) == ([], [])

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize(
        "other", [OTHER_RSA, P256, {"kty": "OKP", "crv": "Ed25519", "x": "AA"}], ids=["RSA", "EC", "OKP"]
    )
    def test_another_key_under_a_published_kid_is_refused(self, fake_aws, s3, put, other, check_mode):
        put(JWKS_KEY, {"keys": [P384, {**other, "kid": "kid-rsa"}]})
        message = refusal(fake_aws, ensure, check_mode)
        assert "'kid-rsa'" in message and "irsa_issuer_purge_keys" in message
        assert assert_same_in_check_mode(fake_aws, purge_keys=True).actions == [PUT, PUT]
        assert stored(s3, JWKS_KEY)[0] == OURS["jwks_json"]

    @pytest.mark.parametrize(
        "edited",
        [{**RSA, "n": "AAAA" + RSA["n"]}, {**RSA, "n": RSA["n"] + "=="}, {**RSA, "alg": "RS512"}, {"kid": "kid-rsa"}],
        ids=["leading zeros", "padding", "another alg", "no numbers"],
    )
    def test_an_edited_key_of_ours_is_repaired(self, fake_aws, s3, put, edited):
        put(JWKS_KEY, {"keys": [edited]})
        assert_same_in_check_mode(fake_aws)
        assert stored(s3, JWKS_KEY)[0] == OURS["jwks_json"]

    def test_another_algorithm_of_a_published_key_is_told(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [{**RSA, "alg": "RS512"}]})
        done = assert_same_in_check_mode(fake_aws)
        assert "'kid-rsa (RS256 in place of RS512)'" in done.warnings[0]
        assert ensure(fake_aws).warnings == []

    def test_a_key_that_is_too_short_is_no_damaged_copy_of_ours(self, fake_aws, s3, put):
        number = base64.urlsafe_b64encode(b"\x81" + bytes(126) + b"\x01").decode().rstrip("=")
        put(JWKS_KEY, {"keys": [{**RSA, "n": number}]})
        assert "another key under a published kid: 'kid-rsa'" in refusal(fake_aws, ensure)

    def test_members_that_others_added_to_a_key_of_ours_stay(self, fake_aws, s3, put):
        added = {**RSA, "x5t": "a-thumbprint"}
        put(JWKS_KEY, jwks_text(added), ContentType="application/json", CacheControl="no-cache")
        assert ensure(fake_aws).actions == [PUT]
        assert json.loads(stored(s3, JWKS_KEY)[0])["keys"] == [added]

    def test_the_legacy_copy_of_our_key_is_not_foreign(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [RSA, {**RSA, "kid": ""}]})
        done = assert_same_in_check_mode(fake_aws)
        assert done.values["foreign_kids"] == []
        assert json.loads(stored(s3, JWKS_KEY)[0])["keys"] == [RSA]
        assert "irsa_issuer_legacy_empty_kid" in done.warnings[0]
        assert ensure(fake_aws).warnings == []

    def test_the_legacy_copy_of_a_foreign_key_is_kept_instead_of_ours(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [P256, P256_COPY]})
        done = assert_same_in_check_mode(fake_aws, **publisher(RSA, RSA_COPY))
        assert json.loads(stored(s3, JWKS_KEY)[0])["keys"] == [RSA, P256, P256_COPY]
        assert "irsa_issuer_legacy_empty_kid" in done.warnings[1]
        ensure(fake_aws, purge_keys=True, **publisher(RSA, RSA_COPY))
        assert json.loads(stored(s3, JWKS_KEY)[0])["keys"] == [RSA, RSA_COPY]

    def test_the_legacy_copy_of_a_foreign_key_is_kept(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [P256, {**P256, "kid": ""}]})
        assert ensure(fake_aws).values["foreign_kids"] == ["kid-p256", ""]

    def test_odd_foreign_keys_are_kept_unchanged(self, fake_aws, s3, put):
        odd = [{"kid": "odd", "kty": "OKP"}, {}, {"kid": None}, {"kid": ["a", "list"]}, {"kid": {"an": "object"}}]
        put(JWKS_KEY, {"keys": odd})
        assert_same_in_check_mode(fake_aws)
        assert json.loads(stored(s3, JWKS_KEY)[0])["keys"] == [RSA, *odd]

    @pytest.mark.parametrize(
        "value", ["1e999", "-1e999", "[" * 600 + "]" * 600], ids=["infinite", "minus infinite", "deep"]
    )
    def test_foreign_keys_that_cannot_be_written_again_are_refused(self, fake_aws, s3, put, value):
        put(JWKS_KEY, '{"keys": [{"kid": "odd", "x": VALUE}]}'.replace("VALUE", value))
        assert "irsa_issuer_overwrite" in refusal(fake_aws, ensure)

    def test_foreign_keys_count_towards_the_limit(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [{**OTHER_RSA, "kid": str(number)} for number in range(100)]})
        assert "101 RSA keys" in refusal(fake_aws, ensure)
        assert ensure(fake_aws, purge_keys=True).actions == [PUT, PUT]

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_a_published_private_key_stops_the_run(self, fake_aws, s3, put, check_mode):
        put(JWKS_KEY, {"keys": [{**P256, "d": "the-private-number"}]})
        message = refusal(fake_aws, ensure, check_mode)
        assert "PRIVATE" in message and "kid-p256" in message and "the-private-number" not in message
        done = ensure(fake_aws, purge_keys=True)
        assert "the-private-number" not in json.dumps(done.diff)
        assert "private" not in stored(s3, JWKS_KEY)[0]

    def test_keys_published_meanwhile_are_kept(self, fake_aws, s3, put, pauses):
        ensure(fake_aws)
        fake_aws.before(PUT, lambda: put(JWKS_KEY, {"keys": [RSA, P256]}))
        done = ensure(fake_aws, jwks_json=jwks_text(RSA, P384), discovery_json=discovery_text("RS256", "ES384"))
        assert [key["kid"] for key in json.loads(stored(s3, JWKS_KEY)[0])["keys"]] == [
            "kid-rsa",
            "kid-p384",
            "kid-p256",
        ]
        assert "kid-p256" in done.warnings[0] and len(done.warnings) == 1
        assert len(pauses) == 1

    def test_keys_first_published_by_a_concurrent_run_are_kept(self, fake_aws, s3, put):
        fake_aws.before(PUT, lambda: put(JWKS_KEY, {"keys": [P256]}))
        ensure(fake_aws)
        assert [key["kid"] for key in json.loads(stored(s3, JWKS_KEY)[0])["keys"]] == ["kid-rsa", "kid-p256"]


def publisher(*keys, **members):
    """What a publisher of these keys gives."""
    algorithms = documents.algorithms_of(keys)
    document = {**documents.discovery(ISSUER, f"{ISSUER}/keys.json", algorithms), **members}
    return {"jwks_json": jwks_text(*keys), "discovery_json": documents.render(document)}


RSA_COPY, P256_COPY = {**RSA, "kid": ""}, {**P256, "kid": ""}


class TestOrder:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (publisher(RSA), publisher(P256)),
            (publisher(RSA, P384), publisher(P384, RSA)),
            (publisher(RSA, P384), publisher(P256, RSA)),
            (publisher(RSA, RSA_COPY), publisher(P256, P256_COPY)),
            (publisher(RSA, RSA_COPY), publisher(P256)),
            (publisher(RSA, OTHER_RSA, P256), publisher(P256, RSA, OTHER_RSA)),
            (
                publisher(RSA, P256, id_token_signing_alg_values_supported=["RS256", "ES256"]),
                publisher(RSA, P256, id_token_signing_alg_values_supported=["ES256", "RS256"]),
            ),
            (
                publisher(RSA, claims_supported=["sub", "iss"]),
                publisher(RSA, claims_supported=["iss", "sub"]),
            ),
        ],
        ids=["a key each", "an order", "in common", "copies", "one copy", "rotated", "algorithms", "claims"],
    )
    def test_two_publishers_in_turn_settle_after_two_runs(self, fake_aws, s3, one, other):
        ensure(fake_aws, **one)
        ensure(fake_aws, **other)
        texts = [stored(s3, key)[0] for key in (JWKS_KEY, DISCOVERY_KEY)]
        for given in (one, other, one, other):
            assert ensure(fake_aws, check_mode=True, **given).actions == []
            assert ensure(fake_aws, **given).actions == []
        assert [stored(s3, key)[0] for key in (JWKS_KEY, DISCOVERY_KEY)] == texts

    def test_a_text_whose_order_stays_is_stored_with_the_right_headers(self, fake_aws, s3, put):
        put(JWKS_KEY, {"keys": [P256, RSA]})
        assert_same_in_check_mode(fake_aws)
        text, *headers = stored(s3, JWKS_KEY)
        assert json.loads(text)["keys"] == [P256, RSA] and headers == ["application/json", "no-cache"]


class TestGuards:
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize(
        ("key", "content", "reason"),
        [
            (DISCOVERY_KEY, discovery_text("RS256", issuer="https://other.example.com"), "'https://other.example.com'"),
            (DISCOVERY_KEY, discovery_text("RS256", issuer=ISSUER + "/"), f"'{ISSUER}/'"),
            (DISCOVERY_KEY, "{}", "another issuer: it names null"),
            (DISCOVERY_KEY, "[]", "another issuer"),
            (DISCOVERY_KEY, "<html>", "is not JSON"),
            (DISCOVERY_KEY, b"\xff\xfe", "is not JSON"),
            (DISCOVERY_KEY, "[" * 50_000, "is not JSON"),
            (JWKS_KEY, "<html>", "is not JSON"),
            (JWKS_KEY, b"\xff\xfe", "is not JSON"),
            (JWKS_KEY, '{"keys": [{"n": NaN}]}', "is not JSON"),
            (JWKS_KEY, "[]", "not a JWKS"),
            (JWKS_KEY, '{"keys": "none"}', "not a JWKS"),
        ],
        ids=[
            "another issuer",
            "with a slash",
            "no issuer",
            "a list",
            "HTML",
            "no text",
            "deep",
            "JWKS HTML",
            "JWKS no text",
            "JWKS NaN",
            "JWKS a list",
            "JWKS without keys",
        ],
    )
    def test_documents_of_others_are_overwritten_only_with_overwrite(
        self, fake_aws, s3, put, key, content, reason, check_mode
    ):
        put(key, content)
        message = refusal(fake_aws, ensure, check_mode)
        assert f"s3://{BUCKET}/{key}" in message and reason in message and "irsa_issuer_overwrite" in message
        assert ensure(fake_aws, overwrite=True).actions == [PUT, PUT]
        assert stored(s3, JWKS_KEY)[0] == OURS["jwks_json"]

    def test_a_stored_object_that_is_too_large_for_a_document_is_refused(self, fake_aws, s3, put):
        put(JWKS_KEY, b" " * ((256 << 10) + 1))
        assert "larger than 256 KiB" in refusal(fake_aws, ensure)

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"issuer": "https://other.example.com"}, f"discovery_json names the issuer '{ISSUER}'"),
            ({"discovery_json": "{}"}, "discovery_json names the issuer null"),
            ({"discovery_json": "{"}, "discovery_json cannot be published: it is not JSON"),
            ({"discovery_json": "[]"}, "discovery_json cannot be published: it is not a JSON object"),
            (
                {"discovery_json": OURS["discovery_json"].replace("{", '{"max_age": NaN,', 1)},
                "discovery_json cannot be published: it is not JSON",
            ),
            ({"discovery_json": discovery_text("RS256") + "é"}, "discovery_json must be in ASCII"),
            ({"jwks_json": "{"}, "jwks_json cannot be published: it is not JSON"),
            ({"jwks_json": "{}"}, "jwks_json cannot be published: it is not a JWKS"),
            ({"jwks_json": '{"keys": []} é'}, "jwks_json must be in ASCII"),
            ({"jwks_json": jwks_text({**RSA, "d": "private-number"})}, "jwks_json holds a private key"),
            ({"prefix": "/prod"}, "The prefix '/prod'"),
            ({"prefix": "prod/"}, "The prefix 'prod/'"),
            ({"bucket": "Irsa"}, "upper-case"),
            (
                {"issuer": "http://x", "discovery_json": discovery_text("RS256", issuer="http://x")},
                "must begin with https://",
            ),
            (
                {
                    "issuer": f"{ISSUER}/keys.json",
                    "discovery_json": discovery_text("RS256", issuer=f"{ISSUER}/keys.json"),
                },
                "the address of the JWKS",
            ),
            (
                {"issuer": "https://oidc.lan", "discovery_json": discovery_text("RS256", issuer="https://oidc.lan")},
                "AWS can never reach it",
            ),
            (
                {"discovery_json": OURS["discovery_json"].replace(f"{ISSUER}/keys.json", "https://10.0.0.1/keys.json")},
                "jwks_uri is 'https://10.0.0.1/keys.json'. Its host is internal",
            ),
            ({"bucket": "another"}, "the address of the bucket"),
            ({"account_id": "5"}, "twelve digits"),
        ],
        ids=[
            "other issuer",
            "no issuer",
            "no JSON",
            "no object",
            "NaN",
            "no ASCII",
            "JWKS no JSON",
            "not a JWKS",
            "JWKS no ASCII",
            "private key",
            "prefix",
            "prefix's end",
            "bucket",
            "issuer",
            "document as issuer",
            "internal issuer",
            "internal JWKS",
            "another bucket",
            "account",
        ],
    )
    def test_invalid_publication_options_are_refused_before_any_call(self, fake_aws, given, reason):
        message = refusal(fake_aws, ensure, **given)
        assert reason in message and "private-number" not in message
        assert [call for call in fake_aws.calls if call.startswith("s3:")] == []

    @pytest.mark.parametrize("algorithms", [None, 5, "RS256", [], [5], [{}], ["ES256", "RS256"]], ids=str)
    def test_published_algorithms_are_those_of_the_keys(self, fake_aws, s3, algorithms):
        document = {**json.loads(OURS["discovery_json"]), "id_token_signing_alg_values_supported": algorithms}
        ensure(fake_aws, discovery_json=json.dumps(document))
        assert json.loads(stored(s3, DISCOVERY_KEY)[0])["id_token_signing_alg_values_supported"] == ["RS256"]


class TestCheckModeWithoutAKey:
    def test_check_mode_without_a_key_plans_two_writes(self, fake_aws, s3):
        done = ensure(fake_aws, check_mode=True, jwks_json=None, discovery_json=None)
        assert done.actions == [PUT, PUT]
        assert all("not known until the key is created" in entry["after"] for entry in done.diff)
        discovery = json.loads(done.diff[1]["after"].partition("\n\n")[2])
        assert (discovery["issuer"], discovery["jwks_uri"]) == (ISSUER, f"{ISSUER}/keys.json")
        assert (done.values["kids"], done.values["jwks_json"]) == ([], None)

    def test_check_mode_without_a_bucket_plans_two_writes(self, fake_aws):
        assert ensure(fake_aws, check_mode=True, jwks_json=None, discovery_json=None).actions == [PUT, PUT]

    def test_check_mode_without_a_key_refuses_documents_of_others(self, fake_aws, s3, put):
        put(DISCOVERY_KEY, discovery_text("RS256", issuer="https://other.example.com"))
        assert "another issuer" in refusal(fake_aws, ensure, check_mode=True, jwks_json=None, discovery_json=None)


class TestFaults:
    def test_publication_waits_for_a_new_bucket(self, fake_aws, s3, pauses):
        fake_aws.fail(PUT, "NoSuchBucket", 404, times=2)
        assert ensure(fake_aws).actions == [PUT, PUT]
        assert pauses

    @pytest.mark.parametrize("broken", [0, 1], ids=["JWKS", "discovery document"])
    def test_the_next_run_publishes_the_rest_after_a_denied_write(self, fake_aws, s3, broken):
        if broken:
            fake_aws.before(PUT, lambda: None)
            fake_aws.before(PUT, lambda: fake_aws.fail(PUT, "AccessDenied", 403))
        else:
            fake_aws.fail(PUT, "AccessDenied", 403)
        with pytest.raises(CallFailed) as caught:
            ensure(fake_aws)
        assert caught.value.details["missing_permissions"] == ["s3:PutObject"]
        done = ensure(fake_aws)
        assert [each["changed"] for each in done.values["documents"]] == [not broken, True]
        assert ensure(fake_aws).actions == []

    def test_a_denied_read_of_a_document_names_permissions_and_owner(self, fake_aws, s3):
        fake_aws.fail(GET, "AccessDenied", 403)
        message = refusal(fake_aws, ensure)
        assert "s3:GetObject and s3:ListBucket" in message and f"belongs to account {ACCOUNT}" in message

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (BrokenStream(urllib3.exceptions.ReadTimeoutError(None, "/", "Read timed out.")), "ReadTimeoutError"),
            (BrokenStream(urllib3.exceptions.ProtocolError("Connection broken")), "ResponseStreamingError"),
            (BrokenStream(urllib3.exceptions.SSLError("bad record mac")), "SSLError"),
            (io.BytesIO(b'{"keys": []}'), "IncompleteReadError"),
        ],
        ids=["timeout", "closed connection", "damaged TLS record", "truncated"],
    )
    def test_a_document_that_cannot_be_read_to_its_end_stops_the_run(self, fake_aws, s3, put, raw, reason):
        put(JWKS_KEY, OURS["jwks_json"])
        with fake_aws.altered(GET, Body=StreamingBody(raw, content_length=500)):
            message = refusal(fake_aws, ensure, overwrite=True)
        assert message.startswith(
            f"s3:GetObject on s3://{BUCKET}/{JWKS_KEY} got an answer that broke off or was damaged "
        )
        assert reason in message and "network" in message

    @pytest.mark.parametrize(("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409)])
    def test_a_failed_condition_of_a_document_write_leads_to_a_new_plan(self, fake_aws, s3, pauses, code, status):
        fake_aws.fail(PUT, code, status)
        assert ensure(fake_aws).actions == [PUT, PUT]
        assert fake_aws.calls.count(GET) == 4 and len(pauses) == 1

    def test_publication_gives_up_if_another_process_keeps_writing(self, fake_aws, s3, pauses):
        fake_aws.fail(PUT, "PreconditionFailed", 412, times=50)
        with pytest.raises(IrsaError, match="Another process keeps changing"):
            ensure(fake_aws)


class TestRemoval:
    def test_removal_of_documents_deletes_the_discovery_document_first(self, fake_aws, s3):
        ensure(fake_aws)
        fake_aws.calls.clear()
        done = assert_same_in_check_mode(fake_aws, act=remove)
        assert done.actions == [DELETE, DELETE]
        assert [params["Key"] for params in fake_aws.params_of(DELETE)] == [DISCOVERY_KEY, JWKS_KEY]
        assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
        assert [each["changed"] for each in done.values["documents"]] == [True, True]
        assert (done.values["kids"], done.values["foreign_kids"]) == (["kid-rsa"], [])

    def test_removal_of_documents_keeps_other_objects(self, fake_aws, s3, put):
        put("other.json", "{}")
        ensure(fake_aws)
        remove(fake_aws)
        assert [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["other.json"]

    def test_removal_of_documents_needs_no_text(self, fake_aws, s3):
        ensure(fake_aws)
        assert remove(fake_aws, jwks_json=None, discovery_json=None).actions == [DELETE, DELETE]

    def test_removal_of_missing_documents_does_nothing(self, fake_aws):
        assert remove(fake_aws).actions == []

    def test_removal_refuses_documents_of_another_issuer(self, fake_aws, s3, put):
        put(DISCOVERY_KEY, discovery_text("RS256", issuer="https://other.example.com"))
        with pytest.raises(IrsaError, match="another issuer"):
            remove(fake_aws)
        assert remove(fake_aws, overwrite=True).actions == [DELETE]

    def test_removal_refuses_an_object_that_is_not_a_jwks(self, fake_aws, s3, put):
        put(JWKS_KEY, "<html>")
        with pytest.raises(IrsaError, match="is not ours"):
            remove(fake_aws)


ENDPOINT = endpoint_of(CLIENTS["s3"])


class _Memory:
    """S3's client, for one bucket in memory with conditional writes, for thousands of runs."""

    def __init__(self, stored: dict[str, str]) -> None:
        self.stored = stored

    def get_object(self, **params: str) -> dict[str, t.Any]:
        key = params["Key"]
        if key not in self.stored:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "absent"}}, "GetObject")
        return {
            "Body": io.BytesIO(self.stored[key].encode()),
            "ContentLength": len(self.stored[key].encode()),
            "ETag": self._etag(key),
            "ContentType": "application/json",
            "CacheControl": "no-cache",
        }

    def put_object(self, **params: t.Any) -> dict[str, t.Any]:
        key = params["Key"]
        assert params.get("IfMatch") == self._etag(key) if key in self.stored else params["IfNoneMatch"] == "*"
        self.stored[key] = params["Body"].decode()
        return {"ETag": self._etag(key)}

    def _etag(self, key: str) -> str:
        return str(hash(self.stored[key]))


def aws_with(stored: dict[str, str]) -> Aws:
    return Aws(ReadyClients({"s3": _Memory(stored)}))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
odd_keys = st.dictionaries(st.sampled_from(["kid", "kty", "alg", "n", "crv", "use"]), values, max_size=4)
published = (
    st.none()
    | st.text(max_size=10)
    | values.map(json.dumps)
    | st.lists(odd_keys | st.sampled_from([RSA, P256, OTHER_RSA, {**RSA, "kid": ""}]), max_size=4).map(
        lambda listed: json.dumps({"keys": listed})
    )
)
discoveries = st.none() | values.map(json.dumps) | st.just(OURS["discovery_json"])


@hypothesis.given(published, discoveries, st.booleans(), st.booleans())
def test_any_published_documents_are_kept_replaced_or_refused(monkeypatch, jwks, discovery, purge_keys, overwrite):
    monkeypatch.setattr(object_store, "endpoint_of", lambda client: ENDPOINT)
    before = {key: text for key, text in ((JWKS_KEY, jwks), (DISCOVERY_KEY, discovery)) if text is not None}
    request = spec(account_id=ACCOUNT, purge_keys=purge_keys, overwrite=overwrite)
    after = dict(before)
    try:
        publication_present.ensure_present(aws_with(after), request, False)
    except IrsaError:
        assert after == before
        return
    listed = json.loads(after[JWKS_KEY])["keys"]
    assert RSA in listed
    assert json.loads(after[DISCOVERY_KEY])["issuer"] == ISSUER
    try:
        before_keys = jwk.parse_jwks(jwks or '{"keys": []}')
    except Fault:
        before_keys = []
    kept = [key for key in before_keys if key.get("kid") not in ("kid-rsa", "", None) and not purge_keys]
    assert all(key in listed for key in kept)
    assert publication_present.ensure_present(aws_with(dict(after)), request, False).actions == []
