# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening the documents opens nothing else: what sleeps behind the access block, and what a pattern matches."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import bucket_present, issuer_objects
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import REGION, policy_of, refusal

NAME = "irsa-shared"
HOST = f"{NAME}.s3.{REGION}.amazonaws.com"
SID = "SelfhostedIrsaPublicDocuments"
CLOSED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
PATTERNS = ["*/keys.json", "*/.well-known/openid-configuration"]
THEIRS = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{NAME}/*",
}
OURS = {**THEIRS, "Sid": SID}

BLOCK, POLICY = "s3:PutPublicAccessBlock", "s3:PutBucketPolicy"
LIST, GET = "s3:ListObjectsV2", "s3:GetObject"


def ensure(fake_aws, check_mode=False, **given):
    return bucket_present.ensure_present(Aws(fake_aws.clients), BucketSpec(name=NAME, **given), check_mode)


@pytest.fixture
def s3(fake_aws):
    """A client of others."""
    return fake_aws.quietly("s3")


@pytest.fixture
def bucket(s3):
    """A bucket of others, without policy and access block."""
    s3.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})


@pytest.fixture
def closed(s3, bucket):
    """A bucket of others that blocks public access."""
    close(s3)


def close(s3, **settings):
    s3.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration={**CLOSED, **settings})


def put_policy(s3, *statements):
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(policy))


def put_issuer(s3, prefix, **members):
    """Publish two documents; those of an issuer at this address, but for the given members."""
    issuer = f"https://{HOST}/{prefix}"
    discovery = {"issuer": issuer, "jwks_uri": f"{issuer}/keys.json", **members}
    put(s3, f"{prefix}/.well-known/openid-configuration", json.dumps(discovery))
    put(s3, f"{prefix}/keys.json", '{"keys": []}')


def put(s3, key, text="x"):
    s3.put_object(Bucket=NAME, Key=key, Body=text.encode())


class TestAccessBlock:
    @pytest.mark.parametrize(
        "members",
        [
            {},
            {"Principal": {"AWS": "*"}},
            {"Action": "s3:*"},
            {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{NAME}"},
            {"Action": ["s3:PutObject"]},
            {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
            {"Sid": ""},
        ],
        ids=["read", "principal AWS", "everything", "list", "write", "over HTTPS", "no Sid"],
    )
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_statements_that_sleep_behind_the_block_stop_the_run(self, fake_aws, s3, closed, members, check_mode):
        put_policy(s3, {**THEIRS, **members})
        message = refusal(fake_aws, ensure, check_mode)
        assert f"Opening the documents in bucket {NAME} would also make other things public" in message
        assert ("the statement 'Theirs'" if members.get("Sid", "Theirs") else "statement 1") in message
        assert "set open_existing (irsa_issuer_bucket_open_existing)" in message

    def test_sleeping_statements_are_opened_on_request(self, fake_aws, s3, closed):
        put_policy(s3, THEIRS)
        for check_mode in (True, False):
            done = ensure(fake_aws, check_mode, open_existing=True)
            assert done.actions == [BLOCK, POLICY]
            (warning,) = done.warnings
            assert "also makes other things public" in warning and "the statement 'Theirs'" in warning
        assert ensure(fake_aws, open_existing=True).warnings == []
        assert ensure(fake_aws).actions == []

    @pytest.mark.parametrize(
        "members",
        [
            {"Effect": "Deny"},
            {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
            {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-12345"}}},
            {"Resource": f"arn:aws:s3:::{NAME}/keys.json"},
            {"Sid": SID, "Resource": f"arn:aws:s3:::{NAME}/keys.json"},
        ],
        ids=["denied", "an account", "an organization", "a document", "ours"],
    )
    def test_statements_that_open_nothing_more_are_no_obstacle(self, fake_aws, s3, closed, members):
        put_policy(s3, {**THEIRS, **members})
        done = ensure(fake_aws)
        assert (done.actions, done.warnings) == ([BLOCK, POLICY], [])
        assert LIST not in fake_aws.calls

    @pytest.mark.parametrize(
        "settings", [None, {"RestrictPublicBuckets": False}], ids=["no block", "only new policies blocked"]
    )
    def test_statements_that_are_in_effect_are_no_obstacle(self, fake_aws, s3, bucket, settings):
        put_policy(s3, THEIRS)
        if settings:
            close(s3, **settings)
        done = ensure(fake_aws, public_paths=PATTERNS)
        assert done.actions == [BLOCK, POLICY]
        assert not any("Theirs" in warning for warning in done.warnings)
        assert LIST not in fake_aws.calls  # it opens what is open already

    def test_many_sleeping_statements_are_listed_in_part(self, fake_aws, s3, closed):
        put_policy(s3, *({**THEIRS, "Sid": f"Theirs{number}"} for number in range(12)))
        message = refusal(fake_aws, ensure)
        assert "'Theirs9'" in message and "'Theirs10'" not in message and "; and 2 more." in message

    @pytest.mark.parametrize("resource", ["*", "private/*", "payroll.csv"])
    def test_what_our_own_statement_opens_besides_documents_stops_the_run(self, fake_aws, s3, closed, resource):
        put_policy(s3, {**OURS, "Resource": [f"arn:aws:s3:::{NAME}/{resource}", f"arn:aws:s3:::{NAME}/keys.json"]})
        message = refusal(fake_aws, ensure)
        assert f"the statement '{SID}' (allows everyone to read '{resource}')" in message
        # Once it does not, there is nothing to stop for.
        assert ensure(fake_aws, purge_public_paths=True).actions == [BLOCK, POLICY]

    def test_issuers_that_our_own_statement_opens_are_no_obstacle(self, fake_aws, s3, closed):
        put_policy(s3, {**OURS, "Resource": [f"arn:aws:s3:::{NAME}/a/keys.json", f"arn:aws:s3:::{NAME}/*/keys.json"]})
        put_issuer(s3, "a")
        assert ensure(fake_aws).actions == [BLOCK, POLICY]

    def test_other_objects_that_our_own_statement_opens_stop_the_run(self, fake_aws, s3, closed):
        put_policy(s3, {**OURS, "Resource": f"arn:aws:s3:::{NAME}/a/keys.json"})
        put(s3, "a/keys.json")
        assert "'a/keys.json'" in refusal(fake_aws, ensure)

    def test_acls_that_take_effect_again_are_told(self, fake_aws):
        ensure(fake_aws)
        (warning,) = ensure(fake_aws, object_ownership="ObjectWriter").warnings
        assert f"bucket {NAME}" in warning and "ACLs" in warning
        assert ensure(fake_aws, object_ownership="BucketOwnerEnforced").warnings == []

    @pytest.mark.parametrize("settings", [None, {"IgnorePublicAcls": False}], ids=["no block", "not ignored"])
    def test_acls_that_no_longer_take_effect_are_told(self, fake_aws, s3, bucket, settings):
        if settings:
            close(s3, **settings)
        (warning,) = ensure(fake_aws).warnings
        assert f"access block of bucket {NAME} now ignores public ACLs" in warning
        assert ensure(fake_aws).warnings == []


class TestPatterns:
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_objects_of_others_stop_the_run_that_would_first_open_them(self, fake_aws, s3, bucket, check_mode):
        for key in ("apps/login/keys.json", "x/y/z/keys.json", "x/.well-known/openid-configuration", "keys.json"):
            put(s3, key)
        message = refusal(fake_aws, ensure, check_mode, public_paths=PATTERNS)
        assert "'apps/login/keys.json', 'x/.well-known/openid-configuration', 'x/y/z/keys.json', and no" in message
        assert "public_paths (irsa_issuer_bucket_public_paths)" in message and "set open_existing" in message

    def test_objects_of_others_are_opened_on_request(self, fake_aws, s3, bucket):
        put(s3, "apps/login/keys.json")
        done = ensure(fake_aws, public_paths=PATTERNS, open_existing=True)
        assert done.actions == [BLOCK, POLICY]
        assert "'apps/login/keys.json'" in done.warnings[0]

    def test_objects_that_exact_paths_name_are_opened(self, fake_aws, s3, bucket):
        put(s3, "apps/login/keys.json")
        paths = ["apps/login/keys.json", "prod/keys.json"]
        assert ensure(fake_aws, public_paths=paths).actions == [BLOCK, POLICY]
        assert LIST not in fake_aws.calls

    def test_objects_that_are_open_already_are_not_looked_at(self, fake_aws, s3, bucket):
        assert ensure(fake_aws, public_paths=PATTERNS).actions == [BLOCK, POLICY]
        assert fake_aws.calls.count(LIST) == 1 and GET not in fake_aws.calls
        fake_aws.calls.clear()
        put(s3, "apps/login/keys.json")
        assert ensure(fake_aws, public_paths=PATTERNS).actions == []
        assert ensure(fake_aws, public_paths=[*PATTERNS, "b/keys.json"]).actions == [POLICY]
        assert LIST not in fake_aws.calls

    def test_a_new_bucket_is_not_looked_at(self, fake_aws):
        ensure(fake_aws, public_paths=PATTERNS)
        assert LIST not in fake_aws.calls

    def test_patterns_below_a_folder_list_only_that_folder(self, fake_aws, s3, bucket):
        put(s3, "apps/login/keys.json")
        ensure(fake_aws, public_paths=["clusters/a/*/keys.json", "clusters/a-?/keys.json"])
        (params,) = fake_aws.params_of(LIST)
        assert params["Prefix"] == "clusters/a"

    def test_other_names_than_those_of_documents_are_not_explained(self, fake_aws, s3, bucket):
        put_issuer(s3, "a")
        put(s3, "a/jwks")
        assert "match 'a/jwks', and no" in refusal(fake_aws, ensure, public_paths=["*/jwks", *PATTERNS])

    def test_own_documents_need_no_explanation(self, fake_aws, s3, bucket):
        put_issuer(s3, "prod", issuer="https://oidc.example.com", jwks_uri="https://oidc.example.com/keys.json")
        own = ("prod/keys.json", "prod/.well-known/openid-configuration")
        assert ensure(fake_aws, public_paths=PATTERNS, own_paths=own).actions == [BLOCK, POLICY]

    ELSEWHERE = "https://oidc.example.com"

    @pytest.mark.parametrize(
        ("members", "unexplained"),
        [
            ({}, []),
            ({"issuer": f"https://{NAME}.s3.amazonaws.com/a"}, []),
            ({"issuer": f"https://s3.{REGION}.amazonaws.com/{NAME}/a"}, []),
            ({"issuer": f"{ELSEWHERE}/a", "jwks_uri": f"{ELSEWHERE}/a/keys.json"}, []),
            ({"issuer": f"{ELSEWHERE}/{NAME}/a", "jwks_uri": f"{ELSEWHERE}/{NAME}/a/keys.json"}, []),
            ({"jwks_uri": f"https://{HOST}/a/openid/v1/jwks"}, ["a/keys.json"]),
            ({"jwks_uri": f"https://{HOST}/b/keys.json"}, ["a/keys.json"]),
            ({"jwks_uri": None}, ["a/keys.json"]),
            ({"issuer": ELSEWHERE}, ["both"]),
            ({"issuer": f"http://{HOST}/a"}, ["both"]),
            ({"issuer": f"https://{HOST}/b"}, ["both"]),
            ({"issuer": f"https://other.s3.{REGION}.amazonaws.com/a"}, ["both"]),
            ({"issuer": f"https://s3.{REGION}.amazonaws.com/other/a"}, ["both"]),
            ({"issuer": f"https://{HOST}/x/../a"}, ["both"]),
            ({"issuer": ["x"]}, ["both"]),
        ],
        ids=range(15),
    )
    def test_a_discovery_document_explains_what_is_at_its_address(self, fake_aws, s3, bucket, members, unexplained):
        put_issuer(s3, "a", **members)
        if not unexplained:
            assert ensure(fake_aws, public_paths=PATTERNS).actions == [BLOCK, POLICY]
            return
        keys = ["a/.well-known/openid-configuration", "a/keys.json"] if unexplained == ["both"] else unexplained
        assert f"match {', '.join(map(repr, keys))}, and no" in refusal(fake_aws, ensure, public_paths=PATTERNS)

    @pytest.mark.parametrize("text", ["", "<html>", "[]", "\xff", "[" * 50_000, "x" * 2_000_000], ids=range(6))
    def test_a_discovery_document_that_is_none_explains_nothing(self, fake_aws, s3, bucket, text):
        put(s3, "a/.well-known/openid-configuration", text)
        put(s3, "a/keys.json")
        message = refusal(fake_aws, ensure, public_paths=PATTERNS)
        assert "'a/.well-known/openid-configuration', 'a/keys.json'" in message

    def test_a_discovery_document_that_may_not_be_read_explains_nothing(self, fake_aws, s3, bucket):
        put_issuer(s3, "a")
        fake_aws.fail(GET, "AccessDenied", 403)
        assert "'a/keys.json'" in refusal(fake_aws, ensure, public_paths=PATTERNS)

    def test_keys_of_another_form_are_not_explained(self, fake_aws, s3, bucket):
        put_issuer(s3, "a")
        put_issuer(s3, "a/")  # a//keys.json
        put(s3, "/keys.json")
        message = refusal(fake_aws, ensure, public_paths=PATTERNS)
        assert "'/keys.json', 'a//.well-known/openid-configuration', 'a//keys.json', and no" in message

    def test_a_fleet_whose_policy_is_gone_is_opened_again(self, fake_aws, s3, bucket):
        ensure(fake_aws, public_paths=PATTERNS)
        prefixes = [f"clusters/{number}" for number in range(20)]
        for prefix in prefixes:
            put_issuer(s3, prefix)
        s3.delete_bucket_policy(Bucket=NAME)
        planned = ensure(fake_aws, check_mode=True, public_paths=PATTERNS)
        done = ensure(fake_aws, public_paths=PATTERNS)
        assert planned.actions == done.actions == [POLICY]
        assert planned.permissions == done.permissions and {"s3:GetObject", "s3:ListBucket"} <= {*done.permissions}
        assert len(policy_of(fake_aws, NAME)["Statement"][0]["Resource"]) == 2

    def test_a_concurrent_run_that_has_not_published_both_documents_is_no_obstacle(self, fake_aws, s3, closed):
        def overtake():
            put_policy(s3, {**OURS, "Resource": [f"arn:aws:s3:::{NAME}/{path}" for path in PATTERNS]})
            close(s3, BlockPublicPolicy=False, RestrictPublicBuckets=False)
            put(s3, "a/keys.json")

        fake_aws.before(LIST, overtake)
        assert ensure(fake_aws, public_paths=PATTERNS).actions == []

    def test_every_page_of_the_list_is_looked_at(self, fake_aws, s3, bucket, monkeypatch):
        for number in range(5):
            put(s3, f"log-{number}")
        put(s3, "z/keys.json")
        real, calls = Aws.call, []

        def small(aws, service, operation, target, **params):
            if operation == "ListObjectsV2":
                calls.append(operation)
                params["MaxKeys"] = 2
            return real(aws, service, operation, target, **params)

        monkeypatch.setattr(Aws, "call", small)
        assert "'z/keys.json'" in refusal(fake_aws, ensure, public_paths=PATTERNS)
        assert len(calls) == 3

    LIMITS: t.ClassVar = {
        "_MAX_PAGES": (0, "are for a bucket of more than 0 objects, too many to look at"),
        "_MAX_DOCUMENTS": (1, "match the documents of more than 1 issuers, too many to look at"),
    }

    @pytest.mark.parametrize("limit", LIMITS)
    def test_a_bucket_with_too_much_to_look_at_stops_the_run(self, fake_aws, s3, bucket, monkeypatch, limit):
        for prefix in ("a", "b"):
            put_issuer(s3, prefix)
        value, reason = self.LIMITS[limit]
        monkeypatch.setattr(issuer_objects, limit, value)
        message = refusal(fake_aws, ensure, public_paths=PATTERNS)
        assert reason in message and "Name the exact keys" in message and "set open_existing" in message
        done = ensure(fake_aws, public_paths=PATTERNS, open_existing=True)
        assert reason in done.warnings[0]
