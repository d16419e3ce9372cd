# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents that other programs have published: their JWKS elsewhere in the bucket, their headers, their encoding."""

from __future__ import annotations

import datetime
import gzip
import itertools
import json
import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import (
    object_store,
    publication_absent,
    publication_present,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import PublicationSpec
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import REGION, refusal
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

BUCKET, PREFIX = "irsa-fleet", "prod.example"
HOST = f"{BUCKET}.s3.{REGION}.amazonaws.com"
ISSUER = f"https://{HOST}/{PREFIX}"
JWKS_KEY, DISCOVERY_KEY = f"{PREFIX}/keys.json", f"{PREFIX}/.well-known/openid-configuration"
ELSEWHERE = f"{PREFIX}/openid/v1/jwks"
GET, PUT, DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"

OURS = jwk_of(samples.RSA, kid="ours")
PREVIOUS = jwk_of(samples.OTHER_RSA, kid="previous")
OTHER = jwk_of(samples.P256, kid="other")
HEADERS = {"ContentType": "application/json", "CacheControl": "no-cache"}


def spec(issuer: str = ISSUER, **given: t.Any) -> PublicationSpec:
    document = documents.discovery(issuer, f"{issuer}/keys.json", ["RS256"])
    return PublicationSpec(
        **{
            "bucket": BUCKET,
            "prefix": PREFIX,
            "issuer": issuer,
            "jwks_json": documents.render({"keys": [OURS]}),
            "discovery_json": documents.render(document),
            **given,
        }
    )


def ensure(fake_aws, check_mode=False, **given):
    return publication_present.ensure_present(Aws(fake_aws.clients), spec(**given), check_mode)


def remove(fake_aws, check_mode=False, **given):
    return publication_absent.ensure_absent(Aws(fake_aws.clients), spec(**given), check_mode)


class Bucket:
    """The bucket as other programs see it."""

    def __init__(self, client) -> None:
        self.client = client
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put(self, key, content, **headers) -> None:
        content = content if isinstance(content, (bytes, str)) else json.dumps(content)
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content, **headers)

    def discovery(self, jwks_uri, issuer=ISSUER) -> None:
        self.put(DISCOVERY_KEY, {"issuer": issuer, "jwks_uri": jwks_uri})

    def get(self, key):
        return json.loads(self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    @property
    def kids(self) -> list[str]:
        """The keys that relying parties find by following the discovery document."""
        url = self.get(DISCOVERY_KEY)["jwks_uri"]
        return [key["kid"] for key in self.get(url.removeprefix(f"https://{HOST}/"))["keys"]]

    @property
    def objects(self) -> list[str]:
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.fixture
def bucket(fake_aws) -> Bucket:
    return Bucket(fake_aws.quietly("s3"))


ADDRESSES = {
    "under the issuer": (f"{ISSUER}/openid/v1/jwks", ELSEWHERE),
    "another name": (f"{ISSUER}/jwks", f"{PREFIX}/jwks"),
    "another prefix": (f"https://{HOST}/common/keys.json", "common/keys.json"),
    "the top": (f"https://{HOST}/keys.json", "keys.json"),
    "the global host": (f"https://{BUCKET}.s3.amazonaws.com/{ELSEWHERE}", ELSEWHERE),
    "a path": (f"https://s3.{REGION}.amazonaws.com/{BUCKET}/{ELSEWHERE}", ELSEWHERE),
    "a path, global": (f"https://s3.amazonaws.com/{BUCKET}/{ELSEWHERE}", ELSEWHERE),
    "a hyphen": (f"https://{BUCKET}.s3-{REGION}.amazonaws.com/{ELSEWHERE}", ELSEWHERE),
    "dual stack": (f"https://{BUCKET}.s3.dualstack.{REGION}.amazonaws.com/{ELSEWHERE}", ELSEWHERE),
    "FIPS": (f"https://{BUCKET}.s3-fips.us-east-1.amazonaws.com/{ELSEWHERE}", ELSEWHERE),
    "capital letters": (f"HTTPS://{HOST.upper()}/{ELSEWHERE}", ELSEWHERE),
    "the usual port": (f"https://{HOST}:443/{ELSEWHERE}", ELSEWHERE),
    "escaped": (f"https://{HOST}/{PREFIX}/openid%2Fv1%2Fjwks", ELSEWHERE),
    "two slashes": (f"https://{HOST}/{PREFIX}//jwks", f"{PREFIX}//jwks"),
}

UNCERTAIN = [
    "https://cdn.example.com/keys.json",
    f"https://another.s3.{REGION}.amazonaws.com/{ELSEWHERE}",
    f"https://s3.{REGION}.amazonaws.com/another/{ELSEWHERE}",
    f"https://{BUCKET}.s3.{REGION}.amazonaws.com.example.com/{ELSEWHERE}",
    f"https://{HOST}/{ELSEWHERE}?versionId=5",
    f"https://{HOST}:8443/{ELSEWHERE}",
    f"https://{HOST}/{PREFIX}/../{ELSEWHERE}",
    f"https://{HOST}/{PREFIX}/%2e%2e/{ELSEWHERE}",
    f"https://{HOST}/",
    f"https://user@{HOST}/{ELSEWHERE}",
    f"https://{HOST}/{'x' * 50_000}",
    "https://[::1",
]


class TestKeysElsewhere:
    @pytest.mark.parametrize(("url", "key"), ADDRESSES.values(), ids=ADDRESSES)
    def test_keys_that_relying_parties_read_are_kept(self, fake_aws, bucket, url, key):
        bucket.put(key, {"keys": [OURS, PREVIOUS]})
        bucket.discovery(url)
        planned = ensure(fake_aws, check_mode=True)
        assert fake_aws.writes == []
        done = ensure(fake_aws)
        assert planned.actions == done.actions == fake_aws.writes == [PUT, PUT]
        assert (planned.diff, planned.warnings) == (done.diff, done.warnings)
        assert "previous" in planned.diff[0]["after"]
        assert bucket.kids == ["ours", "previous"] and done.values["foreign_kids"] == ["previous"]
        assert any("'previous'" in warning and "purge_keys" in warning for warning in done.warnings)
        assert bucket.get(key) == {"keys": [OURS, PREVIOUS]}
        fake_aws.calls.clear()
        assert ensure(fake_aws).actions == []
        assert fake_aws.calls.count(GET) == 2

    def test_keys_of_both_places_are_kept(self, fake_aws, bucket):
        bucket.put(ELSEWHERE, {"keys": [PREVIOUS]})
        bucket.put(JWKS_KEY, {"keys": [OTHER]})
        bucket.discovery(f"{ISSUER}/openid/v1/jwks")
        ensure(fake_aws)
        assert bucket.kids == ["ours", "other", "previous"]
        assert bucket.get(DISCOVERY_KEY)["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]

    def test_the_host_of_the_issuer_serves_the_bucket(self, fake_aws, bucket):
        issuer = "https://oidc.example.com/clusters/prod"
        bucket.put(ELSEWHERE, {"keys": [PREVIOUS]})
        bucket.discovery(f"{issuer}/openid/v1/jwks", issuer)
        ensure(fake_aws, issuer=issuer)
        assert [key["kid"] for key in bucket.get(JWKS_KEY)["keys"]] == ["ours", "previous"]

    def test_a_path_outside_the_issuers_on_its_host_is_uncertain(self, fake_aws, bucket):
        issuer = "https://oidc.example.com/clusters/prod"
        bucket.discovery("https://oidc.example.com/keys", issuer)
        assert "'https://oidc.example.com/keys'" in refusal(fake_aws, ensure, issuer=issuer)

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize("url", UNCERTAIN, ids=lambda url: url[:80])
    def test_a_jwks_that_cannot_be_read_with_certainty_stops_the_run(self, fake_aws, bucket, url, check_mode):
        bucket.put(JWKS_KEY, {"keys": [OTHER]})
        bucket.discovery(url)
        message = refusal(fake_aws, ensure, check_mode)
        assert url[:80] in message and "irsa_issuer_overwrite" in message and "extra_jwks" in message
        assert len(message) < 1500
        done = ensure(fake_aws, overwrite=True)
        assert bucket.kids == ["ours", "other"] and url[:80] in done.warnings[0]

    def test_purge_keys_needs_no_look_elsewhere(self, fake_aws, bucket):
        bucket.discovery("https://cdn.example.com/keys.json")
        assert ensure(fake_aws, purge_keys=True).warnings == []
        assert bucket.kids == ["ours"]

    def test_the_url_that_is_wanted_may_be_anywhere(self, fake_aws, bucket):
        url = "https://cdn.example.com/keys.json"
        document = documents.render(documents.discovery(ISSUER, url, ["RS256"]))
        for actions in ([PUT, PUT], []):
            assert ensure(fake_aws, discovery_json=document).actions == actions
            assert bucket.get(DISCOVERY_KEY)["jwks_uri"] == url

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_the_url_that_is_wanted_must_not_be_another_object(self, fake_aws, bucket, check_mode):
        ensure(fake_aws)
        bucket.put(ELSEWHERE, {"keys": [OTHER]})
        document = documents.render(documents.discovery(ISSUER, f"{ISSUER}/openid/v1/jwks", ["RS256"]))
        fake_aws.calls.clear()
        message = refusal(fake_aws, ensure, check_mode, discovery_json=document)
        assert f"s3://{BUCKET}/{ELSEWHERE}" in message and "jwks_uri" in message
        assert bucket.kids == ["ours"]

    def test_a_move_to_a_url_that_is_not_looked_at_is_told(self, fake_aws, bucket):
        url = "https://cdn.example.com/keys.json"
        document = documents.render(documents.discovery(ISSUER, url, ["RS256"]))
        ensure(fake_aws)
        planned = ensure(fake_aws, check_mode=True, discovery_json=document)
        done = ensure(fake_aws, discovery_json=document)
        assert planned.warnings == done.warnings
        assert f"'{ISSUER}/keys.json'" in done.warnings[0] and f"'{url}'" in done.warnings[0]
        assert ensure(fake_aws, discovery_json=document).warnings == []

    @pytest.mark.parametrize("url", [None, 5, "", "openid/v1/jwks", {"a": "b"}], ids=str)
    def test_a_url_that_no_one_can_follow_is_repaired(self, fake_aws, bucket, url):
        bucket.put(JWKS_KEY, {"keys": [OTHER]})
        bucket.discovery(url)
        ensure(fake_aws)
        assert bucket.kids == ["ours", "other"]

    def test_a_missing_jwks_is_told(self, fake_aws, bucket):
        bucket.discovery(f"{ISSUER}/openid/v1/jwks")
        (warning,) = ensure(fake_aws).warnings
        assert f"There is no object s3://{BUCKET}/{ELSEWHERE}" in warning
        assert bucket.kids == ["ours"]

    @pytest.mark.parametrize("text", ["<html>", "[]", b"\xff\xfe", '{"keys": "none"}'], ids=str)
    def test_an_object_elsewhere_that_is_no_jwks_stops_the_run(self, fake_aws, bucket, text):
        bucket.put(ELSEWHERE, text)
        bucket.discovery(f"{ISSUER}/openid/v1/jwks")
        assert f"s3://{BUCKET}/{ELSEWHERE} is damaged: it is not" in refusal(fake_aws, ensure)

    def test_a_private_key_elsewhere_stops_the_run(self, fake_aws, bucket):
        bucket.put(ELSEWHERE, {"keys": [{**PREVIOUS, "d": "the-private-number"}]})
        bucket.discovery(f"{ISSUER}/openid/v1/jwks")
        message = refusal(fake_aws, ensure)
        assert "PRIVATE" in message and "previous" in message and "the-private-number" not in message
        assert f"remove s3://{BUCKET}/{ELSEWHERE} yourself" in message

    def test_keys_that_cannot_be_read_are_told_with_overwrite(self, fake_aws, bucket):
        bucket.put(ELSEWHERE, b"\xef\xbb\xbf" + json.dumps({"keys": [PREVIOUS]}).encode())
        bucket.discovery(f"{ISSUER}/openid/v1/jwks")
        warnings = ensure(fake_aws, overwrite=True).warnings
        assert (
            f"s3://{BUCKET}/{ELSEWHERE} cannot be read: it is not JSON; it is text that begins with a byte"
            in warnings[0]
        )
        assert "are kept" not in " ".join(warnings)

    @pytest.mark.parametrize("in_place", [[], [{**OTHER, "kid": "ours"}], [{**OTHER, "kid": "previous"}]])
    def test_a_kid_of_different_keys_is_refused(self, fake_aws, bucket, in_place):
        elsewhere = [PREVIOUS] if in_place else [{**PREVIOUS, "kid": "ours"}]
        bucket.put(ELSEWHERE, {"keys": elsewhere})
        bucket.put(JWKS_KEY, {"keys": in_place})
        bucket.discovery(f"{ISSUER}/openid/v1/jwks")
        assert "another key under a published kid" in refusal(fake_aws, ensure)

    def test_the_jwks_of_another_issuer_is_not_followed(self, fake_aws, bucket):
        bucket.discovery("https://cdn.example.com/keys.json", "https://other.example.com")
        assert "another issuer" in refusal(fake_aws, ensure)
        planned = ensure(fake_aws, check_mode=True, overwrite=True)
        done = ensure(fake_aws, overwrite=True)
        assert bucket.kids == ["ours"]
        assert planned.warnings == done.warnings
        assert "'https://other.example.com', with the JWKS 'https://cdn.example.com/keys.json'" in done.warnings[0]

    def test_check_mode_without_a_key_looks_elsewhere(self, fake_aws, bucket):
        bucket.put(ELSEWHERE, {"keys": [PREVIOUS]})
        bucket.discovery(f"{ISSUER}/openid/v1/jwks")
        done = ensure(fake_aws, check_mode=True, jwks_json=None, discovery_json=None)
        assert done.values["foreign_kids"] == ["previous"]


KMS = {"ServerSideEncryption": "aws:kms"}
DRIFT = {
    "Content-Encoding": {"ContentEncoding": "gzip"},
    "Content-Encoding br": {"ContentEncoding": "br"},
    "Content-Disposition": {"ContentDisposition": "attachment"},
    "Content-Language": {"ContentLanguage": "de"},
    "Expires": {"Expires": datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)},
    "x-amz-website-redirect-location": {"WebsiteRedirectLocation": "https://other.example.com/"},
    "x-amz-server-side-encryption": KMS,
    "Content-Type": {"ContentType": "application/json; charset=utf-8"},
    "Cache-Control": {"CacheControl": "max-age=60"},
}


class TestHeaders:
    @pytest.mark.parametrize("name", DRIFT)
    @pytest.mark.parametrize("key", [JWKS_KEY, DISCOVERY_KEY], ids=["JWKS", "discovery document"])
    def test_a_header_that_is_not_ours_is_repaired(self, fake_aws, bucket, name, key):
        ensure(fake_aws)
        text = bucket.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        bucket.put(key, text, **{**HEADERS, **DRIFT[name]})
        planned = ensure(fake_aws, check_mode=True)
        done = ensure(fake_aws)
        assert planned.diff == done.diff and done.actions == [PUT]
        (entry,) = done.diff
        assert f"{name.split()[0]}: {str(*DRIFT[name].values())}\n" in entry["before"]
        assert f"{str(*DRIFT[name].values())}\n" not in entry["after"]
        assert ensure(fake_aws).actions == []

    def test_an_archived_copy_that_was_restored_is_repaired(self, fake_aws, bucket):
        ensure(fake_aws)
        with fake_aws.altered(GET, StorageClass="GLACIER"):
            assert ensure(fake_aws, check_mode=True).actions == [PUT, PUT]

    @pytest.mark.parametrize(
        "members", [{"StorageClass": "STANDARD_IA"}, {"ContentEncoding": "aws-chunked"}, {"Metadata": {"a": "b"}}]
    )
    def test_what_no_reader_notices_stays(self, fake_aws, bucket, members):
        ensure(fake_aws)
        with fake_aws.altered(GET, **members):
            assert ensure(fake_aws).actions == []

    def test_keys_in_a_compressed_jwks_are_kept(self, fake_aws, bucket):
        text = documents.render({"keys": [PREVIOUS]}).encode()
        bucket.put(JWKS_KEY, gzip.compress(text), **HEADERS, ContentEncoding="gzip")
        ensure(fake_aws)
        assert bucket.kids == ["ours", "previous"]

    @pytest.mark.parametrize(
        "content", [b"\x1f\x8bno gzip", gzip.compress(b'{"keys": []}')[:-4]], ids=["damaged", "truncated"]
    )
    def test_a_damaged_compressed_jwks_is_refused(self, fake_aws, bucket, content):
        bucket.put(JWKS_KEY, content, **HEADERS, ContentEncoding="gzip")
        assert "is not JSON" in refusal(fake_aws, ensure)

    def test_a_compressed_document_that_is_too_large_is_refused(self, fake_aws, bucket):
        bucket.put(JWKS_KEY, gzip.compress(b" " * (300 << 10)), **HEADERS, ContentEncoding="gzip")
        assert "larger than 256 KiB" in refusal(fake_aws, ensure)

    @pytest.mark.parametrize(("code", "status"), [("InvalidObjectState", 403), ("InvalidRequest", 400)])
    def test_an_object_that_no_one_can_read_says_why(self, fake_aws, bucket, code, status):
        fake_aws.fail(GET, code, status)
        message = refusal(fake_aws, ensure, overwrite=True)
        assert "archive" in message if code == "InvalidObjectState" else "SSE-C" in message


@pytest.mark.parametrize("key", [JWKS_KEY, DISCOVERY_KEY], ids=["JWKS", "discovery document"])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "it is empty"),
        (b"\n <html>", "an HTML page"),
        (gzip.compress(b"{}", mtime=0), "compressed with gzip"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
    ],
)
def test_what_is_no_json_is_described(fake_aws, bucket, key, content, kind):
    bucket.put(key, content)
    message = refusal(fake_aws, ensure)
    assert "is not JSON; it is" in message and kind in message


class Page:
    """A body that each answer has again."""

    def __init__(self, text: bytes) -> None:
        self.reads = itertools.cycle([text, b""] if text else [b""])

    def read(self, amount: int) -> bytes:
        return next(self.reads)


class TestAnswersThatAreNotS3s:
    """A sign-in page with status 200 must not pass for a document, above all with overwrite."""

    @pytest.mark.parametrize("given", [{}, {"overwrite": True}, {"purge_keys": True}], ids=str)
    @pytest.mark.parametrize("page", [b"<html>Sign in</html>", b'{"keys": []}', b""], ids=["a page", "JSON", "nothing"])
    def test_a_replaced_body_is_never_written_over(self, fake_aws, bucket, given, page):
        bucket.put(JWKS_KEY, {"keys": [PREVIOUS]})
        etag = bucket.client.head_object(Bucket=BUCKET, Key=JWKS_KEY)["ETag"]
        with fake_aws.altered(GET, Body=Page(page), ContentLength=len(page), ETag=etag):
            message = refusal(fake_aws, ensure, **given)
        assert "is not what S3 stores" in message and "overwrite" not in message

    @pytest.mark.parametrize(
        ("page", "is_refused"),
        [(b"<html>", True), (b'{"error": "sign in"}', True), (b"", True), (b'{"keys": []}', False)],
    )
    def test_another_store_may_have_other_etags(self, fake_aws, bucket, monkeypatch, page, is_refused):
        aws = endpoint_of(fake_aws.clients["s3"])
        monkeypatch.setattr(object_store, "endpoint_of", lambda client: aws._replace(is_aws=False))
        bucket.put(JWKS_KEY, {"keys": [PREVIOUS]})
        bucket.discovery(f"{ISSUER}/keys.json")
        members = {"Body": Page(page), "ContentLength": len(page), "ETag": f'"{"0" * 32}"'}
        with fake_aws.altered(GET, **members):
            if is_refused:
                assert "is not what S3 stores" in refusal(fake_aws, ensure, overwrite=True)
            else:
                assert ensure(fake_aws, check_mode=True, overwrite=True).actions == [PUT, PUT]

    def test_an_answer_without_an_etag_is_not_s3s(self, fake_aws, bucket):
        bucket.put(JWKS_KEY, {"keys": [PREVIOUS]})
        with fake_aws.altered(GET, ETag=""):
            assert "is not what S3 stores" in refusal(fake_aws, ensure, overwrite=True)


class TestLongTexts:
    def test_a_long_kid_is_short_in_results(self, fake_aws, bucket):
        bucket.put(JWKS_KEY, {"keys": [{**PREVIOUS, "kid": "x" * 200_000}]})
        done = ensure(fake_aws)
        assert [len(kid) for kid in done.values["foreign_kids"]] == [1001]
        assert len(json.dumps([done.values["kids"], done.values["published_keys"], done.warnings])) < 6000
        assert bucket.kids == ["ours", "x" * 200_000]

    @pytest.mark.parametrize("given", [{}, {"purge_keys": True}], ids=str)
    @pytest.mark.parametrize("act", [ensure, remove])
    def test_a_discovery_document_with_long_members_is_refused(self, fake_aws, bucket, act, given):
        bucket.discovery(f"{ISSUER}/{'x' * 200_000}")
        message = refusal(fake_aws, act, **given)
        assert "irsa_issuer_overwrite" in message and len(message) < 500
        act(fake_aws, overwrite=True)

    def test_odd_kids_can_be_printed(self, fake_aws, bucket):
        bucket.put(JWKS_KEY, '{"keys": [{"kid": "\\ud800"}, {"kid": [1, 2]}, {"kid": 5}, {}]}')
        assert ensure(fake_aws).values["foreign_kids"] == ["\\ud800", "a list", "5", None]

    def test_many_odd_keys_take_no_time(self, fake_aws, bucket):
        keys = [{"kid": str(number)} for number in range(15_000)]
        bucket.put(JWKS_KEY, {"keys": keys})
        assert len(ensure(fake_aws).values["foreign_kids"]) == 15_000


DAMAGES = {"cut": b'{"keys": [{"kty"', "empty": b"", "page": b"<html>", "list": b"[]", "no keys": b"{}"}


class TestDamage:
    """Documents that others cannot have written, since the one beside them is this issuer's."""

    @pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
    @pytest.mark.parametrize("do", [ensure, remove], ids=["publish", "remove"])
    def test_a_jwks_that_the_discovery_document_names_is_damaged(self, fake_aws, bucket, do, content):
        ensure(fake_aws)
        fake_aws.calls.clear()
        bucket.put(JWKS_KEY, content)
        for check_mode in (True, False):
            message = refusal(fake_aws, do, check_mode)
            assert f"s3://{BUCKET}/{JWKS_KEY} is damaged: it is not " in message
            assert f"the discovery document s3://{BUCKET}/{DISCOVERY_KEY} names it" in message
            assert "irsa_issuer_overwrite" in message and "another bucket" not in message
        assert do(fake_aws, overwrite=True).actions == ([PUT] if do is ensure else [DELETE, DELETE])

    @pytest.mark.parametrize("content", [b'{"issuer": "http', b"", b"<html>"], ids=["cut", "empty", "page"])
    @pytest.mark.parametrize("do", [ensure, remove], ids=["publish", "remove"])
    def test_a_discovery_document_beside_our_key_is_damaged(self, fake_aws, bucket, do, content):
        ensure(fake_aws)
        fake_aws.calls.clear()
        bucket.put(DISCOVERY_KEY, content)
        message = refusal(fake_aws, do)
        assert (
            f"s3://{BUCKET}/{DISCOVERY_KEY} is damaged: it is not JSON" in message and "another bucket" not in message
        )
        assert do(fake_aws, overwrite=True).actions == ([PUT] if do is ensure else [DELETE, DELETE])

    @pytest.mark.parametrize("do", [ensure, remove], ids=["publish", "remove"])
    def test_what_nothing_of_the_issuer_stands_beside_may_be_anybodys(self, fake_aws, bucket, do):
        bucket.put(JWKS_KEY, b"<html>")
        assert "is not ours" in refusal(fake_aws, do)
        bucket.put(DISCOVERY_KEY, b"<html>")
        bucket.put(JWKS_KEY, {"keys": [PREVIOUS]})
        assert "may belong to something else" in refusal(fake_aws, do)


class TestRemoval:
    def test_a_jwks_without_a_discovery_document_stays(self, fake_aws, bucket):
        bucket.put(JWKS_KEY, {"keys": [PREVIOUS]})
        for check_mode in (True, False):
            done = remove(fake_aws, check_mode)
            assert done.actions == fake_aws.writes == []
            (warning,) = done.warnings
            assert f"s3://{BUCKET}/{JWKS_KEY} stays" in warning and "irsa_issuer_overwrite" in warning
            assert "'previous'" in warning
        assert bucket.objects == [JWKS_KEY]
        assert remove(fake_aws, overwrite=True).actions == [DELETE]

    @pytest.mark.parametrize("key", [OURS, {**OURS, "kid": ""}, {**OURS, "alg": "RS512"}], ids=["ours", "copy", "alg"])
    def test_our_key_in_a_jwks_is_proof(self, fake_aws, bucket, key):
        bucket.put(JWKS_KEY, {"keys": [PREVIOUS, key]})
        done = remove(fake_aws)
        assert done.actions == [DELETE]
        (warning,) = done.warnings
        assert "'previous'" in warning and "removes published keys" in warning

    @pytest.mark.parametrize("key", [{**PREVIOUS, "kid": "ours"}, {**OURS, "kid": "other"}], ids=["kid", "numbers"])
    def test_half_of_our_key_is_no_proof(self, fake_aws, bucket, key):
        bucket.put(JWKS_KEY, {"keys": [key]})
        assert remove(fake_aws).actions == []

    def test_the_discovery_document_is_proof_without_a_key(self, fake_aws, bucket):
        ensure(fake_aws)
        done = remove(fake_aws, jwks_json=None, discovery_json=None)
        assert (done.actions, done.warnings) == ([DELETE, DELETE], [])

    def test_several_keys_are_named_without_a_key_to_compare_with(self, fake_aws, bucket):
        bucket.put(JWKS_KEY, {"keys": [PREVIOUS]})
        ensure(fake_aws)
        (warning,) = remove(fake_aws, jwks_json=None, discovery_json=None).warnings
        assert "'ours', 'previous'" in warning

    @pytest.mark.parametrize("url", [f"{ISSUER}/openid/v1/jwks", "https://cdn.example.com/keys.json"])
    def test_a_jwks_that_the_discovery_document_does_not_name_stays(self, fake_aws, bucket, url):
        bucket.put(JWKS_KEY, {"keys": [OTHER]})
        bucket.put(ELSEWHERE, {"keys": [PREVIOUS]})
        bucket.discovery(url)
        done = remove(fake_aws)
        assert done.actions == [DELETE] and bucket.objects == [JWKS_KEY, ELSEWHERE]
        assert url in done.warnings[0] and f"{JWKS_KEY} stays" in done.warnings[1]

    @pytest.mark.parametrize("changed", [0, 1], ids=["discovery document", "JWKS"])
    def test_what_another_process_writes_meanwhile_stays(self, fake_aws, bucket, pauses, changed):
        ensure(fake_aws)
        fake_aws.calls.clear()
        if changed:
            fake_aws.before(DELETE, lambda: None)
            fake_aws.before(DELETE, lambda: bucket.put(JWKS_KEY, {"keys": [OTHER]}))
            assert remove(fake_aws).actions == [DELETE]
            assert bucket.objects == [JWKS_KEY]
        else:
            fake_aws.before(DELETE, lambda: bucket.discovery("x", "https://other.example.com"))
            with pytest.raises(Exception, match="another issuer"):
                remove(fake_aws)
            assert bucket.objects == [DISCOVERY_KEY, JWKS_KEY]

    def test_what_was_proven_stays_proven_while_it_is_unchanged(self, fake_aws, bucket, pauses):
        """The answer to the first removal does not come through, and the discovery document is gone."""
        ensure(fake_aws)
        fake_aws.calls.clear()
        fake_aws.before(DELETE, lambda: bucket.client.delete_object(Bucket=BUCKET, Key=DISCOVERY_KEY))
        fake_aws.fail(DELETE, "PreconditionFailed", 412)
        done = remove(fake_aws, jwks_json=None, discovery_json=None)
        assert (bucket.objects, done.warnings) == ([], [])

    def test_what_is_gone_meanwhile_is_no_failure(self, fake_aws, bucket, pauses):
        ensure(fake_aws)
        fake_aws.before(DELETE, lambda: bucket.client.delete_object(Bucket=BUCKET, Key=DISCOVERY_KEY))
        remove(fake_aws)
        assert bucket.objects == []
