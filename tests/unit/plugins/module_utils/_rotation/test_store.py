# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys join and leave the JWKS, the record says since when, and nothing that others write meanwhile is lost."""

from __future__ import annotations

import datetime
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import store
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.publication import StateSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

BUCKET = "irsa-prod"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
JWKS, DISCOVERY, RECORD = "keys.json", ".well-known/openid-configuration", "rotation.json"
GET, PUT, POLICY = "s3:GetObject", "s3:PutObject", "s3:GetBucketPolicy"
OLD, NEXT, THIRD = samples.RSA, samples.P256, samples.OTHER_RSA


def pem(sample):
    return samples.public_pem(sample.pkcs8).decode()


def kid(sample):
    return jwk_of(sample)["kid"]


def run_of(name, kind="began", at="2026-01-01T00:00:00Z"):
    return {"kind": kind, "kid": "x", "at": at, "by": name}


def texts(*given):
    keys = [key for each in given for key in document_set.from_pem("key", pem(each).encode())]
    return document_set.texts(ISSUER, keys)


def ensure(fake_aws, check_mode=False, **given):
    return store.ensure_state(Aws(fake_aws.clients), StateSpec(bucket=BUCKET, issuer=ISSUER, **given), check_mode)


def refusal(fake_aws, **given):
    with pytest.raises(IrsaError) as caught:
        ensure(fake_aws, **given)
    assert fake_aws.writes == []
    return str(caught.value)


@pytest.fixture
def s3(fake_aws):
    """A client of others, and a bucket in which an issuer publishes one key."""
    client = fake_aws.quietly("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    put(client, JWKS, texts(OLD)["jwks_json"])
    put(client, DISCOVERY, texts(OLD)["discovery_json"])
    return client


def put(s3, key, text, cache_control="max-age=300"):
    s3.put_object(Bucket=BUCKET, Key=key, Body=text, ContentType="application/json", CacheControl=cache_control)


def stored(s3, key):
    return json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def kids(s3):
    return [key["kid"] for key in stored(s3, JWKS)["keys"]]


def record(s3):
    return Record.parse(json.dumps(stored(s3, RECORD)))


def modified(s3):
    return s3.head_object(Bucket=BUCKET, Key=JWKS)["LastModified"].timestamp()


class TestReading:
    def test_nothing_to_do_only_reads(self, fake_aws, s3):
        found = ensure(fake_aws)
        assert (found.changes, fake_aws.writes) == ([], [])
        assert set(fake_aws.calls) <= {GET, "sts:GetCallerIdentity"}
        values = found.values
        assert values["published"] == [{"kid": kid(OLD), "algorithm": "RS256"}]
        assert values["jwks_json"] == texts(OLD)["jwks_json"]
        assert (values["modified"], values["max_age"], values["record"]) == (modified(s3), 300, None)
        assert abs(values["now"] - datetime.datetime.now(datetime.timezone.utc).timestamp()) < 60

    def test_without_a_cache_control_nothing_is_said_of_caches(self, fake_aws, s3):
        s3.put_object(Bucket=BUCKET, Key=JWKS, Body=texts(OLD)["jwks_json"])
        assert ensure(fake_aws).values["max_age"] is None

    def test_an_issuer_without_a_jwks_is_refused(self, fake_aws, s3):
        s3.delete_object(Bucket=BUCKET, Key=JWKS)
        assert "s3://irsa-prod/keys.json" in refusal(fake_aws, publish=[pem(NEXT)])

    def test_a_store_that_does_not_say_when_it_wrote_is_named(self, fake_aws, s3):
        with fake_aws.altered(GET, LastModified=None):
            found = ensure(fake_aws)
        assert found.values["modified"] is None and "Last-Modified" in found.warnings[0]

    def test_a_store_that_does_not_say_the_time_is_refused(self, fake_aws, s3):
        with fake_aws.altered(GET, ResponseMetadata={"HTTPHeaders": {}}):
            assert "header Date" in refusal(fake_aws)


class TestPublishing:
    def test_a_key_joins_those_that_are_published(self, fake_aws, s3):
        before = modified(s3)
        planned = ensure(fake_aws, check_mode=True, publish=[pem(NEXT)], by="ci")
        assert fake_aws.writes == []
        done = ensure(fake_aws, publish=[pem(NEXT)], by="ci")
        assert planned.actions == done.actions == fake_aws.writes == [PUT, PUT, PUT]
        assert [each["Key"] for each in fake_aws.params_of(PUT)] == [JWKS, DISCOVERY, RECORD]
        assert all("IfMatch" in each or "IfNoneMatch" in each for each in fake_aws.params_of(PUT))
        assert sorted(kids(s3)) == sorted([kid(OLD), kid(NEXT)])
        assert stored(s3, DISCOVERY)["id_token_signing_alg_values_supported"] == ["ES256", "RS256"]
        assert {each["kid"] for each in done.values["published"]} == {kid(OLD), kid(NEXT)}
        assert done.values["record"] == record(s3).text
        assert record(s3).published_since(kid(OLD)) == pytest.approx(before, abs=1)
        assert record(s3).published_since(kid(NEXT)) >= int(before)
        assert [each.by for each in record(s3).events if each.kid == kid(NEXT)] == ["ci"]

        fake_aws.calls.clear()
        again = ensure(fake_aws, publish=[pem(NEXT)], by="ci")
        assert (again.actions, fake_aws.writes) == ([], [])

    def test_headers_and_other_members_of_the_documents_stay(self, fake_aws, s3):
        put(s3, DISCOVERY, json.dumps({**texts(OLD)["discovery"], "op_policy_uri": "https://example.com"}))
        ensure(fake_aws, publish=[pem(NEXT)], cache_control="no-cache")
        assert stored(s3, DISCOVERY)["op_policy_uri"] == "https://example.com"
        for key, expected in ((JWKS, "max-age=300"), (DISCOVERY, "max-age=300"), (RECORD, "no-store")):
            assert s3.head_object(Bucket=BUCKET, Key=key)["CacheControl"] == expected

    def test_the_same_algorithm_leaves_the_discovery_document_as_it_is(self, fake_aws, s3):
        assert ensure(fake_aws, publish=[pem(THIRD)]).actions == [PUT, PUT]
        assert [each["Key"] for each in fake_aws.params_of(PUT)] == [JWKS, RECORD]

    def test_a_kid_published_with_another_key_is_refused(self, fake_aws, s3):
        put(s3, JWKS, json.dumps({"keys": [{**jwk_of(OLD), "kid": kid(NEXT)}]}))
        assert "another key under a published kid" in refusal(fake_aws, publish=[pem(NEXT)])

    def test_a_key_that_sts_cannot_use_is_refused(self, fake_aws, s3):
        of_no_use = samples.public_pem(samples.openssl("genpkey -algorithm ED25519")).decode()
        assert refusal(fake_aws, publish=[of_no_use]).startswith("publish: key 1 cannot be published")

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_a_run_that_was_killed_between_two_writes_is_finished(self, fake_aws, s3, number):
        class Killed(BaseException):
            pass

        def kill():
            raise Killed

        for dummy in range(number):
            fake_aws.before(PUT, lambda: None)
        fake_aws.before(PUT, kill)
        with pytest.raises(Killed):
            ensure(fake_aws, publish=[pem(NEXT)])
        ensure(fake_aws, publish=[pem(NEXT)])
        assert sorted(kids(s3)) == sorted([kid(OLD), kid(NEXT)])
        assert record(s3).published_since(kid(NEXT)) == pytest.approx(modified(s3), abs=2)


class TestWithdrawing:
    def test_only_the_named_key_leaves(self, fake_aws, s3):
        put(s3, JWKS, texts(OLD, NEXT, THIRD)["jwks_json"])
        planned = ensure(fake_aws, check_mode=True, withdraw=[kid(OLD)])
        done = ensure(fake_aws, withdraw=[kid(OLD)])
        assert planned.actions == done.actions == fake_aws.writes
        assert sorted(kids(s3)) == sorted([kid(NEXT), kid(THIRD)])
        assert record(s3).withdrawn_at(kid(OLD)) is not None
        assert record(s3).withdrawn_at(kid(NEXT)) is None
        fake_aws.calls.clear()
        assert (ensure(fake_aws, withdraw=[kid(OLD)]).actions, fake_aws.writes) == ([], [])

    def test_its_copy_without_a_name_leaves_too(self, fake_aws, s3):
        put(s3, JWKS, json.dumps({"keys": [jwk_of(OLD), {**jwk_of(OLD), "kid": ""}, jwk_of(NEXT)]}))
        ensure(fake_aws, withdraw=[kid(OLD)])
        assert kids(s3) == [kid(NEXT)]

    def test_the_last_key_stays(self, fake_aws, s3):
        assert "would have no key" in refusal(fake_aws, withdraw=[kid(OLD)])

    def test_a_key_to_publish_and_to_withdraw_is_refused(self, fake_aws, s3):
        assert "in withdraw" in refusal(fake_aws, publish=[pem(OLD)], withdraw=[kid(OLD)])

    def test_a_key_may_come_back_and_leave_again(self, fake_aws, s3):
        ensure(fake_aws, publish=[pem(NEXT)])
        for dummy in range(2):
            ensure(fake_aws, withdraw=[kid(OLD)])
            assert record(s3).withdrawn_at(kid(OLD)) and not record(s3).published_since(kid(OLD))
            ensure(fake_aws, publish=[pem(OLD)])
            assert record(s3).published_since(kid(OLD)) and not record(s3).withdrawn_at(kid(OLD))

    def test_a_run_that_was_killed_before_the_record_is_finished(self, fake_aws, s3):
        put(s3, JWKS, texts(NEXT)["jwks_json"])
        assert ensure(fake_aws, withdraw=[kid(OLD)]).actions == [PUT, PUT]
        assert record(s3).withdrawn_at(kid(OLD)) == pytest.approx(modified(s3), abs=2)


class TestEvents:
    def test_they_get_the_time_of_the_store_and_the_name_of_the_runner(self, fake_aws, s3):
        accepted = {"kind": "accepted", "kid": kid(OLD), "server": "node-1"}
        done = ensure(fake_aws, events=[accepted, {"kind": "began", "kid": kid(OLD)}], by="ci")
        assert done.actions == [PUT]
        assert record(s3).accepted_since(kid(OLD), "node-1") == pytest.approx(done.values["now"], abs=2)
        assert [run.by for run, dummy in record(s3).open_runs()] == ["ci"]

    def test_when_this_run_publishes_a_key_the_store_knows_the_time_better(self, fake_aws, s3):
        ensure(fake_aws, publish=[pem(NEXT)], events=[{"kind": "published", "kid": kid(NEXT), "at": 1000.0}])
        assert record(s3).published_since(kid(NEXT)) > 1000

    def test_an_unknown_one_is_refused_before_anything_is_published(self, fake_aws, s3):
        assert "events: the event 'lost' is not known" in refusal(
            fake_aws, publish=[pem(NEXT)], events=[{"kind": "lost", "kid": "a"}]
        )

    @pytest.mark.parametrize("text", ["no JSON", "[]", '{"version": 99, "events": []}', b"\xff"])
    def test_a_record_that_cannot_be_read_stops_the_run(self, fake_aws, s3, text):
        put(s3, RECORD, text)
        assert "s3://irsa-prod/rotation.json" in refusal(fake_aws, publish=[pem(NEXT)])


class TestPrivacy:
    @pytest.mark.parametrize("resource", ["*", "rotation.json", "*/rotation.json", "keys.json"])
    def test_a_record_that_everyone_could_read_is_refused(self, fake_aws, s3, resource):
        prefix = "a" if "/" in resource else None
        issuer = f"{ISSUER}/a" if prefix else ISSUER
        if prefix:
            put(s3, f"a/{JWKS}", texts(OLD)["jwks_json"])
        statement = {
            "Sid": "Everything",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/{resource}",
        }
        s3.delete_public_access_block(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        given = StateSpec(bucket=BUCKET, issuer=issuer, prefix=prefix, publish=[pem(NEXT)])

        def run():
            return store.ensure_state(Aws(fake_aws.clients), given, False)

        if resource == "keys.json":
            assert run().actions == [PUT, PUT, PUT]
        else:
            with pytest.raises(IrsaError, match=r"Everyone could read .*'Everything'"):
                run()
            assert fake_aws.writes == []

    def test_a_policy_that_cannot_be_read_is_said_once(self, fake_aws, s3):
        fake_aws.fail(POLICY, "AccessDenied", 403, times=2)
        assert "cannot be read" in ensure(fake_aws, publish=[pem(NEXT)]).warnings[0]
        assert ensure(fake_aws, withdraw=[kid(OLD)]).warnings == []


class TestOtherWriters:
    def test_a_jwks_edited_between_read_and_write_is_merged(self, fake_aws, s3):
        fake_aws.before(PUT, lambda: put(s3, JWKS, texts(OLD, THIRD)["jwks_json"]))
        ensure(fake_aws, publish=[pem(NEXT)])
        assert sorted(kids(s3)) == sorted(map(kid, (OLD, THIRD, NEXT)))

    def test_a_record_edited_between_read_and_write_is_merged(self, fake_aws, s3):
        theirs = {"version": 1, "events": [run_of("them")]}
        for dummy in range(2):
            fake_aws.before(PUT, lambda: None)
        fake_aws.before(PUT, lambda: put(s3, RECORD, json.dumps(theirs)))
        ensure(fake_aws, publish=[pem(NEXT)])
        assert record(s3).published_since(kid(NEXT)) and [run.by for run, dummy in record(s3).open_runs()] == ["them"]

    @pytest.mark.parametrize("is_early", [True, False], ids=["before-the-read", "before-the-write"])
    def test_of_two_runs_that_decided_to_begin_one_does(self, fake_aws, s3, is_early):
        theirs = json.dumps({"version": 1, "events": [run_of("them")]})
        if is_early:
            put(s3, RECORD, theirs)
        else:
            fake_aws.before(PUT, lambda: put(s3, RECORD, theirs))
        with pytest.raises(IrsaError, match="'them' began at 2026-01-01T00:00:00Z"):
            ensure(fake_aws, events=[run_of("us")], by="us")
        assert record(s3).text == Record.parse(theirs).text

    @pytest.mark.parametrize(
        ("events", "known"),
        [([run_of("them")], ["them"]), ([run_of("them"), run_of("them", "ended", "2026-01-01T00:00:05Z")], [])],
        ids=["known", "ended"],
    )
    def test_a_run_that_was_known_or_has_ended_stops_no_other_one(self, fake_aws, s3, events, known):
        put(s3, RECORD, json.dumps({"version": 1, "events": events}))
        ensure(fake_aws, events=[run_of("us")], by="us", known_runs=known)
        assert "us" in [run.by for run, dummy in record(s3).open_runs()]

    def test_a_lost_answer_changes_nothing(self, fake_aws, s3):
        with fake_aws.answers_lost(PUT):
            ensure(fake_aws, publish=[pem(NEXT)])
        assert sorted(kids(s3)) == sorted([kid(OLD), kid(NEXT)])
        assert record(s3).published_since(kid(NEXT)) == pytest.approx(modified(s3), abs=2)

    def test_a_writer_that_never_stops_ends_the_run(self, fake_aws, s3, monkeypatch):
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        for number in range(1, 40):
            fake_aws.before(PUT, lambda number=number: put(s3, JWKS, texts(OLD)["jwks_json"] + " " * number))
        with pytest.raises(IrsaError, match="Another process keeps changing"):
            ensure(fake_aws, publish=[pem(NEXT)])

    def test_every_call_names_the_owner_of_the_bucket(self, fake_aws, s3):
        ensure(fake_aws, publish=[pem(NEXT)])
        of_bucket = [params for name, params in fake_aws.params if name.startswith("s3:")]
        assert {params["ExpectedBucketOwner"] for params in of_bucket} == {ACCOUNT}
