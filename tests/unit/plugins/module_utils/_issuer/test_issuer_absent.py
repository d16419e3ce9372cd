# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removal of an issuer: the provider first, and nothing at all if anything must not be removed."""

from __future__ import annotations

import json

import pytest
from moto.s3.models import s3_backends

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import trust_policy
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import issuer_absent, issuer_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_store import S3Store
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION

BUCKET = "irsa-prod"
HOST = f"{BUCKET}.s3.{REGION}.amazonaws.com"
ISSUER, ARN = f"https://{HOST}", f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
OTHER_ACCOUNT = "999999999999"
JWKS_KEY, DISCOVERY_KEY = "keys.json", ".well-known/openid-configuration"
RECORD_KEY, RECORD = "rotation.json", b'{"events": [], "version": 1}'

UNREGISTER, DELETE = "iam:DeleteOpenIDConnectProvider", "s3:DeleteObject"
DELETE_ALL, DELETE_BUCKET = "s3:DeleteObjects", "s3:DeleteBucket"
LOOK_UP, ROLES, VERSIONS = "iam:GetOpenIDConnectProvider", "iam:ListRoles", "s3:ListObjectVersions"
HEAD, GET, IDENTITY = "s3:HeadBucket", "s3:GetObject", "sts:GetCallerIdentity"


def spec(**given) -> IssuerSpec:
    return IssuerSpec(**{"bucket": BUCKET, "verify": False, **given})


KEY = SigningKey(exists=True, public_key=samples.public_pem(samples.RSA.pkcs8).decode())


def make(fake_aws, **given) -> None:
    issuer_present.ensure_present(Aws(fake_aws.clients), spec(key=KEY, **given), False)
    fake_aws.calls.clear()
    fake_aws.params.clear()


def remove(fake_aws, check_mode=False, **given):
    return issuer_absent.ensure_absent(Aws(fake_aws.clients), spec(**given), check_mode)


def refusal(fake_aws, **given) -> IrsaError:
    with pytest.raises(IrsaError) as caught:
        remove(fake_aws, **given)
    return caught.value


def assert_as_planned(fake_aws, **given):
    """Run in check mode, then for real, then again: what was planned is done, and nothing is left to do."""
    planned = remove(fake_aws, check_mode=True, **given)
    assert fake_aws.writes == []
    done = remove(fake_aws, **given)
    assert planned.actions == done.actions == fake_aws.writes
    assert (planned.values, planned.diff, planned.warnings) == (done.values, done.diff, done.warnings)
    fake_aws.calls.clear()
    again = remove(fake_aws, **given)
    assert (again.actions, again.changed, fake_aws.writes) == ([], False, [])
    return done


@pytest.fixture
def made(fake_aws):
    """An issuer as the role makes it."""
    make(fake_aws)


@pytest.fixture
def s3(fake_aws):
    """A client of others."""
    return fake_aws.quietly("s3")


@pytest.fixture
def trusted(fake_aws, made):
    """A role that trusts the provider."""
    policy = json.dumps(trust_policy([ARN], subjects=["system:serviceaccount:shop:cart"]))
    return fake_aws.quietly("iam").create_role(RoleName="app", AssumeRolePolicyDocument=policy)["Role"]["Arn"]


class TestRemoval:
    def test_issuer_removal_begins_with_the_provider_and_keeps_the_bucket(self, fake_aws, made, s3):
        done = assert_as_planned(fake_aws)
        assert done.actions == [UNREGISTER, DELETE, DELETE]
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
        assert fake_aws.quietly("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []

    def test_issuer_removal_deletes_the_discovery_document_first(self, fake_aws, made):
        remove(fake_aws)
        assert [params["Key"] for params in fake_aws.params_of(DELETE)] == [DISCOVERY_KEY, JWKS_KEY]

    def test_delete_bucket_removes_the_bucket(self, fake_aws, made, s3):
        done = assert_as_planned(fake_aws, delete_bucket=True)
        assert done.actions == [UNREGISTER, DELETE_ALL, DELETE_BUCKET]
        assert s3.list_buckets()["Buckets"] == []

    def test_delete_bucket_removes_every_version_of_the_documents(self, fake_aws, s3):
        make(fake_aws, bucket_settings={"versioning": True})
        s3.delete_object(Bucket=BUCKET, Key=JWKS_KEY)
        assert assert_as_planned(fake_aws, delete_bucket=True).actions[-1] == DELETE_BUCKET

    @pytest.mark.parametrize("prefix", [None, "clusters/a"])
    def test_issuer_removal_removes_the_record_of_rotations_last(self, fake_aws, s3, prefix):
        make(fake_aws, prefix=prefix)
        key = f"{prefix}/{RECORD_KEY}" if prefix else RECORD_KEY
        s3.put_object(Bucket=BUCKET, Key=key, Body=RECORD)
        assert assert_as_planned(fake_aws, prefix=prefix).actions == [UNREGISTER, DELETE, DELETE, DELETE]
        assert [params["Key"] for params in fake_aws.params_of(DELETE)][-1] == key
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0

    def test_delete_bucket_removes_the_records_of_rotations_with_it(self, fake_aws, s3):
        make(fake_aws, bucket_settings={"versioning": True})
        for number in range(2):
            s3.put_object(Bucket=BUCKET, Key=RECORD_KEY, Body=RECORD + b" " * number)
        assert assert_as_planned(fake_aws, delete_bucket=True).actions == [UNREGISTER, DELETE_ALL, DELETE_BUCKET]

    def test_an_object_of_that_name_that_is_no_record_stays(self, fake_aws, made, s3):
        s3.put_object(Bucket=BUCKET, Key=RECORD_KEY, Body=b'{"shifts": []}')
        assert refusal(fake_aws, delete_bucket=True).details["foreign_objects"] == [RECORD_KEY]
        assert remove(fake_aws).actions == [UNREGISTER, DELETE, DELETE]
        assert s3.get_object(Bucket=BUCKET, Key=RECORD_KEY)["Body"].read() == b'{"shifts": []}'

    @pytest.mark.parametrize("delete_bucket", [True, False], ids=["with the bucket", "without"])
    @pytest.mark.parametrize("proof", ["key", "extra_jwks", "overwrite"])
    def test_issuer_removal_completes_an_interrupted_run(self, fake_aws, made, s3, proof, delete_bucket):
        fake_aws.quietly("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
        jwks = json.loads(s3.get_object(Bucket=BUCKET, Key=JWKS_KEY)["Body"].read())
        s3.delete_object(Bucket=BUCKET, Key=DISCOVERY_KEY)
        given = {"key": KEY, "extra_jwks": [jwks], "overwrite": True}[proof]
        done = assert_as_planned(fake_aws, delete_bucket=delete_bucket, **{proof: given})
        assert done.actions == ([DELETE_ALL, DELETE_BUCKET] if delete_bucket else [DELETE])
        assert done.warnings == []

    @pytest.mark.parametrize("given", [{}, {"key": KEY}, {"extra_jwks": [{"keys": [{}]}]}], ids=["none", "ours", "bad"])
    def test_a_jwks_of_unknown_origin_stays(self, fake_aws, s3, given):
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=BUCKET, Key=JWKS_KEY, Body=b'{"keys": [{"kid": "theirs"}]}')
        done = assert_as_planned(fake_aws, **given)
        assert done.actions == [] and "'theirs'" in done.warnings[0] and "irsa_issuer_overwrite" in done.warnings[0]
        error = refusal(fake_aws, delete_bucket=True, **given)
        assert error.details["foreign_objects"] == [JWKS_KEY] and "'theirs'" in str(error)
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1

    def test_issuer_removal_names_keys_that_it_was_not_given(self, fake_aws, made, s3):
        jwks = json.loads(s3.get_object(Bucket=BUCKET, Key=JWKS_KEY)["Body"].read())
        jwks["keys"].append({"kid": "theirs"})
        s3.put_object(Bucket=BUCKET, Key=JWKS_KEY, Body=json.dumps(jwks))
        (warning,) = assert_as_planned(fake_aws, key=KEY).warnings
        assert "'theirs'" in warning and "removes published keys" in warning

    def test_without_conditional_removals_the_documents_are_read_again_before_they_go(
        self, fake_aws, made, s3, monkeypatch
    ):
        monkeypatch.setattr(S3Store, "deletes_conditionally", False)
        theirs = b'{"issuer": "https://other.example.com"}'
        fake_aws.before(UNREGISTER, lambda: s3.put_object(Bucket=BUCKET, Key=DISCOVERY_KEY, Body=theirs))
        with pytest.raises(IrsaError, match="another issuer") as caught:
            remove(fake_aws)
        assert caught.value.details["actions"] == fake_aws.writes == [UNREGISTER]

    def test_issuer_removal_of_nothing_changes_nothing(self, fake_aws):
        for delete_bucket in (False, True):
            assert remove(fake_aws, delete_bucket=delete_bucket).actions == fake_aws.writes == []

    def test_issuer_removal_takes_one_of_many_issuers_from_a_bucket(self, fake_aws, s3):
        make(fake_aws, prefix="one")
        make(fake_aws, prefix="two")
        assert assert_as_planned(fake_aws, prefix="one").actions == [UNREGISTER, DELETE, DELETE]
        left = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert sorted(left) == sorted([f"two/{DISCOVERY_KEY}", f"two/{JWKS_KEY}"])

    def test_issuer_removal_of_an_external_issuer_touches_no_bucket(self, fake_aws):
        fake_aws.quietly("iam").create_open_id_connect_provider(
            Url="https://irsa.example.com", ThumbprintList=["0" * 40]
        )
        done = assert_as_planned(fake_aws, bucket=None, url="https://irsa.example.com")
        assert done.actions == [UNREGISTER]
        assert not any(call.startswith("s3") for call in fake_aws.calls)

    def test_a_provider_in_another_account_is_removed(self, fake_aws):
        s3_backends[OTHER_ACCOUNT]["aws"].create_bucket(BUCKET, REGION)
        given = {"bucket_account_id": OTHER_ACCOUNT, "account_id": ACCOUNT}
        make(fake_aws, manage_bucket=False, **given)
        done = assert_as_planned(fake_aws, **given)
        assert done.values["issuer"]["provider_arn"] == ARN
        owners = {params["ExpectedBucketOwner"] for call, params in fake_aws.params if call.startswith("s3:")}
        assert owners == {OTHER_ACCOUNT}

    def test_issuer_removal_returns_a_summary(self, fake_aws, made):
        done = remove(fake_aws)
        assert done.values == {
            "key_wanted": False,
            "key_is_lost": None,
            "prepared": None,
            "issuer": {
                "issuer": ISSUER,
                "provider_arn": ARN,
                "bucket": BUCKET,
                "documents": [
                    {"key": JWKS_KEY, "url": f"{ISSUER}/{JWKS_KEY}", "changed": True},
                    {"key": DISCOVERY_KEY, "url": f"{ISSUER}/{DISCOVERY_KEY}", "changed": True},
                ],
                "kept": [f"bucket {BUCKET}"],
                "actions": [UNREGISTER, DELETE, DELETE],
                "permissions": done.permissions,
                "changed": True,
            },
        }

    def test_issuer_removal_makes_few_calls(self, fake_aws, made):
        remove(fake_aws)
        assert sorted(fake_aws.calls) == sorted(
            [IDENTITY, HEAD, GET, GET, GET, LOOK_UP, ROLES, UNREGISTER, DELETE, DELETE]
        )


class TestNothingFound:
    """A misspelt bucket ends well, so the names that were looked for must be seen."""

    @pytest.mark.parametrize("delete_bucket", [True, False], ids=["with the bucket", "without"])
    def test_a_missing_bucket_is_told(self, fake_aws, delete_bucket):
        done = assert_as_planned(fake_aws, delete_bucket=delete_bucket)
        (warning,) = done.warnings
        assert f"no provider {ARN}, and no bucket {BUCKET}." in warning and "check irsa_issuer_bucket" in warning
        assert done.values["issuer"]["kept"] == []

    def test_a_bucket_without_the_documents_is_told(self, fake_aws, made):
        done = assert_as_planned(fake_aws, prefix="prdo")
        (warning,) = done.warnings
        assert f"s3://{BUCKET}/prdo/{DISCOVERY_KEY} and s3://{BUCKET}/prdo/{JWKS_KEY}" in warning
        assert done.values["issuer"]["kept"] == [f"bucket {BUCKET}"]

    def test_a_url_alone_is_told(self, fake_aws):
        (warning,) = remove(fake_aws, bucket=None, url="https://issuer.example.com").warnings
        assert "no provider arn:aws:iam::123456789012:oidc-provider/issuer.example.com. If" in warning

    def test_an_empty_bucket_that_is_deleted_was_found(self, fake_aws, made):
        remove(fake_aws)
        done = remove(fake_aws, delete_bucket=True)
        assert (done.actions, done.warnings) == ([DELETE_BUCKET], [])

    def test_a_second_removal_is_told_and_one_that_found_something_is_not(self, fake_aws, made):
        first = remove(fake_aws)
        assert first.warnings == []
        assert [each["changed"] for each in first.values["issuer"]["documents"]] == [True, True]
        assert "no documents" in remove(fake_aws).warnings[0]


class TestRefusals:
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize("delete_bucket", [True, False], ids=["with the bucket", "without"])
    def test_issuer_removal_is_refused_while_a_role_trusts_the_provider(
        self, fake_aws, trusted, delete_bucket, check_mode
    ):
        error = refusal(fake_aws, delete_bucket=delete_bucket, check_mode=check_mode)
        assert trusted in str(error) and error.details["trusting_roles"] == [trusted]
        assert fake_aws.writes == []

    def test_ignore_role_trust_removes_a_trusted_provider(self, fake_aws, trusted):
        assert remove(fake_aws, ignore_role_trust=True).actions == [UNREGISTER, DELETE, DELETE]

    @pytest.mark.parametrize("given", [{"Key": "theirs.txt"}, {"Key": f"two/{JWKS_KEY}"}], ids=["any", "a cluster's"])
    def test_a_bucket_with_other_objects_is_refused(self, fake_aws, made, s3, given):
        s3.put_object(Bucket=BUCKET, Body=b"theirs", **given)
        error = refusal(fake_aws, delete_bucket=True)
        assert error.details["foreign_objects"] == [given["Key"]]
        assert fake_aws.writes == []

    @pytest.mark.parametrize("delete_bucket", [True, False], ids=["with the bucket", "without"])
    @pytest.mark.parametrize(
        ("key", "body", "words"),
        [
            (DISCOVERY_KEY, b'{"issuer": "https://other.example.com"}', "another issuer"),
            (DISCOVERY_KEY, b"no JSON", "not JSON"),
            (JWKS_KEY, b"no JSON", "is damaged"),
        ],
        ids=["another issuer", "no discovery document", "no JWKS"],
    )
    def test_documents_of_others_are_refused(self, fake_aws, made, s3, key, body, words, delete_bucket):
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        assert words in str(refusal(fake_aws, delete_bucket=delete_bucket))
        assert fake_aws.writes == []

    @pytest.mark.parametrize("call", [HEAD, GET, LOOK_UP, ROLES, VERSIONS])
    def test_issuer_removal_stops_if_something_cannot_be_read(self, fake_aws, made, call):
        fake_aws.fail(call, "403" if call == HEAD else "AccessDenied", 403)
        error = refusal(fake_aws, delete_bucket=True)
        assert error.details["missing_permissions"]
        assert fake_aws.writes == []

    def test_a_bucket_of_another_account_is_refused(self, fake_aws, made):
        assert OTHER_ACCOUNT in str(refusal(fake_aws, bucket_account_id=OTHER_ACCOUNT))
        assert fake_aws.writes == []


class TestFailureAfterSomeWrites:
    @pytest.mark.parametrize(
        ("call", "delete_bucket", "done"),
        [
            (UNREGISTER, False, []),
            (DELETE, False, [UNREGISTER]),
            (DELETE_ALL, True, [UNREGISTER]),
            (DELETE_BUCKET, True, [UNREGISTER, DELETE_ALL]),
        ],
    )
    def test_a_failed_removal_lists_its_writes_and_the_next_run_completes_it(
        self, fake_aws, made, call, delete_bucket, done
    ):
        fake_aws.fail(call, "AccessDenied", 403)
        assert refusal(fake_aws, delete_bucket=delete_bucket).details["actions"] == done
        before = fake_aws.writes[: len(done)]
        fake_aws.calls.clear()
        assert before == done
        assert remove(fake_aws, delete_bucket=delete_bucket).actions[0] == call
