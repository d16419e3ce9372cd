# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer as a whole: few calls, everything planned before anything is written, and the writes in the safe order."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import typing as t

import pytest
from moto.s3.models import s3_backends

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import option_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.waiting import announced_by
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import issuer_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION, policy_of
from ansible_collections.selfhosted.irsa.tests.unit.plugins.https_server import (
    HOST,
    INTERMEDIATE,
    HttpsServer,
    certify,
)

BUCKET = "irsa-prod"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
OWN_HOST = f"https://{HOST}"
JWKS_KEY, DISCOVERY_KEY = "keys.json", ".well-known/openid-configuration"
OTHER_ACCOUNT = "999999999999"
CLOSED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)

IDENTITY, ACCOUNT_BLOCK = "sts:GetCallerIdentity", "s3control:GetPublicAccessBlock"
HEAD, GET_BLOCK, GET_POLICY = "s3:HeadBucket", "s3:GetPublicAccessBlock", "s3:GetBucketPolicy"
CREATE, BLOCK, POLICY, TAG = (
    "s3:CreateBucket",
    "s3:PutPublicAccessBlock",
    "s3:PutBucketPolicy",
    "s3:PutBucketTagging",
)
GET, PUT = "s3:GetObject", "s3:PutObject"
LOOK_UP, REGISTER = "iam:GetOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider"
BUCKET_WRITES = [CREATE, BLOCK, POLICY]
ALL_WRITES = [*BUCKET_WRITES, PUT, PUT, REGISTER]


def made_key(sample: samples.Sample = samples.RSA, **given) -> SigningKey:
    return SigningKey(
        exists=True,
        public_key=samples.public_pem(sample.pkcs8).decode(),
        kid=samples.kid(sample.pkcs8),
        algorithm=sample.algorithm,
        path="/keys/sa-signer.key",
        public_key_path="/keys/sa-signer-pkcs8.pub",
        **given,
    )


KEY, OTHER_KEY = made_key(), made_key(samples.OTHER_RSA)
NO_KEY = SigningKey(path="/keys/sa-signer.key")


def arn(url: str = ISSUER) -> str:
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url.removeprefix('https://')}"


def spec(**given) -> IssuerSpec:
    return IssuerSpec(**{"key": KEY, "bucket": BUCKET, "tags": {"team": "platform"}, "verify": False, **given})


def ensure(fake_aws, check_mode=False, **given):
    return issuer_present.ensure_present(Aws(fake_aws.clients), spec(**given), check_mode)


def refusal(fake_aws, check_mode=False, **given) -> IrsaError:
    with pytest.raises(IrsaError) as caught:
        ensure(fake_aws, check_mode, **given)
    return caught.value


def assert_as_planned(fake_aws, **given):
    """Run in check mode, then for real, then again: what was planned is done, and nothing is left to do."""
    planned = ensure(fake_aws, check_mode=True, **given)
    assert fake_aws.writes == []
    done = ensure(fake_aws, **given)
    assert planned.actions == done.actions == fake_aws.writes
    assert (planned.diff, planned.permissions, planned.warnings) == (done.diff, done.permissions, done.warnings)
    fake_aws.calls.clear()
    again = ensure(fake_aws, **given)
    assert (again.actions, again.diff, fake_aws.writes) == ([], [], [])
    return done


def published(fake_aws, key: str = JWKS_KEY):
    return json.loads(fake_aws.quietly("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())


def published_kids(fake_aws) -> list[str]:
    return [key["kid"] for key in published(fake_aws)["keys"]]


def put(fake_aws, key: str, text: str) -> None:
    fake_aws.quietly("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def texts_of(key: SigningKey, url: str = ISSUER) -> dict[str, str]:
    """Both documents as they are for a key, by the keys of their objects."""
    texts = document_set.texts(url, document_set.from_pem("a key", key.public_key.encode()))
    return {JWKS_KEY: texts["jwks_json"], DISCOVERY_KEY: texts["discovery_json"]}


def forget_calls(fake_aws) -> None:
    fake_aws.calls.clear()
    fake_aws.params.clear()


@pytest.fixture
def made(fake_aws):
    """An issuer as irsa_issuer makes it."""
    ensure(fake_aws)
    forget_calls(fake_aws)


def damage(fake_aws) -> None:
    """Change something in each resource that irsa_issuer manages."""
    s3, iam = fake_aws.quietly("s3"), fake_aws.quietly("iam")
    s3.delete_bucket_policy(Bucket=BUCKET)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=CLOSED)
    s3.delete_bucket_tagging(Bucket=BUCKET)
    s3.delete_object(Bucket=BUCKET, Key=JWKS_KEY)
    s3.delete_object(Bucket=BUCKET, Key=DISCOVERY_KEY)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn())


REPAIRS = [BLOCK, POLICY, TAG, PUT, PUT, REGISTER]


class TestCalls:
    def test_an_unchanged_run_makes_eight_calls(self, fake_aws, made):
        assert ensure(fake_aws).actions == []
        assert sorted(fake_aws.calls) == sorted(
            [IDENTITY, HEAD, GET_BLOCK, GET_POLICY, "s3:GetBucketTagging", GET, GET, LOOK_UP]
        )

    def test_an_unchanged_run_with_a_given_account_makes_seven_calls(self, fake_aws, made):
        assert ensure(fake_aws, account_id=ACCOUNT).actions == []
        assert len(fake_aws.calls) == 7 and IDENTITY not in fake_aws.calls

    def test_a_first_run_in_two_parts_makes_twelve_calls(self, fake_aws):
        # As two modules that are shipped do it: what the first one looked up, the second one is told.
        before = ensure(fake_aws, key=NO_KEY)
        after = ensure(fake_aws, prepared=before.values["prepared"])
        assert before.actions + after.actions == fake_aws.writes == ALL_WRITES
        assert len(fake_aws.calls) <= 12, fake_aws.calls
        assert fake_aws.calls.count(IDENTITY) == 1

    def test_a_first_run_with_a_given_account_makes_no_more_calls(self, fake_aws):
        before = ensure(fake_aws, key=NO_KEY, account_id=ACCOUNT)
        ensure(fake_aws, account_id=ACCOUNT, prepared=before.values["prepared"])
        assert len(fake_aws.calls) <= 12, fake_aws.calls
        # Before something is made in the wrong account, whose credentials these are is looked up all the same.
        assert fake_aws.calls.count(IDENTITY) == 1

    def test_a_first_run_with_an_existing_key_makes_no_more_calls(self, fake_aws):
        assert ensure(fake_aws).actions == fake_aws.writes == ALL_WRITES
        assert len(fake_aws.calls) <= 12, fake_aws.calls

    def test_nothing_is_read_in_a_new_bucket(self, fake_aws):
        ensure(fake_aws)
        assert GET not in fake_aws.calls and GET_BLOCK not in fake_aws.calls

    def test_every_call_names_the_bucket_owner(self, fake_aws, made):
        damage(fake_aws)
        forget_calls(fake_aws)
        ensure(fake_aws)
        owners = {params["ExpectedBucketOwner"] for call, params in fake_aws.params if call.startswith("s3:")}
        assert owners == {ACCOUNT}


class TestWrites:
    def test_the_writes_of_an_issuer_follow_the_safe_order_and_the_plan(self, fake_aws):
        done = assert_as_planned(fake_aws)
        assert done.actions == ALL_WRITES
        assert [entry["after_header"].rpartition(" ")[2] for entry in done.diff] == [
            "(bucket)",
            "block)",
            "(policy)",
            "(document)",
            "(document)",
            "(provider)",
        ]

    def test_repairs_of_an_issuer_follow_the_safe_order(self, fake_aws, made):
        damage(fake_aws)
        assert assert_as_planned(fake_aws).actions == REPAIRS
        assert published_kids(fake_aws) == [KEY.kid]

    @pytest.mark.parametrize(
        ("drift", "actions"),
        [
            (lambda aws: aws.quietly("s3").delete_bucket_policy(Bucket=BUCKET), [POLICY]),
            (lambda aws: put(aws, JWKS_KEY, texts_of(OTHER_KEY)[JWKS_KEY]), [PUT]),
            (
                lambda aws: aws.quietly("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn()),
                [REGISTER],
            ),
        ],
        ids=["bucket", "documents", "provider"],
    )
    def test_only_the_resource_that_differs_is_written(self, fake_aws, made, drift, actions):
        drift(fake_aws)
        assert assert_as_planned(fake_aws).actions == actions

    def test_bucket_documents_and_provider_share_the_prefix(self, fake_aws):
        done = assert_as_planned(fake_aws, prefix="prod")
        assert done.values["issuer"]["issuer"] == f"{ISSUER}/prod"
        assert done.values["issuer"]["provider_arn"] == arn(f"{ISSUER}/prod")
        assert published(fake_aws, f"prod/{DISCOVERY_KEY}")["jwks_uri"] == f"{ISSUER}/prod/keys.json"
        # The same patterns for every cluster, or a fleet would race for the policy.
        assert sorted(policy_of(fake_aws, BUCKET)["Statement"][0]["Resource"]) == sorted(
            f"arn:aws:s3:::{BUCKET}/*/{key}" for key in (JWKS_KEY, DISCOVERY_KEY)
        )

    def test_a_policy_that_is_gone_is_repaired_for_an_issuer_at_another_address(self, fake_aws):
        given = {"prefix": "clusters/prod", "url": "https://oidc.example.com"}
        ensure(fake_aws, **given)
        fake_aws.quietly("s3").delete_bucket_policy(Bucket=BUCKET)
        forget_calls(fake_aws)
        assert assert_as_planned(fake_aws, **given).actions == ["s3:PutBucketPolicy"]


class TestNothingIsWritten:
    @pytest.mark.parametrize("key", [KEY, NO_KEY], ids=["key", "no key"])
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_objects_of_others_are_not_opened_by_a_prefix(self, fake_aws, made, check_mode, key):
        put(fake_aws, "apps/login/keys.json", "{}")
        error = refusal(fake_aws, check_mode, key=key, prefix="prod")
        assert "'apps/login/keys.json'" in str(error) and "irsa_issuer_bucket_open_existing" in str(error)
        assert fake_aws.writes == []

    DENIALS: t.ClassVar = [HEAD, GET_BLOCK, GET_POLICY, "s3:GetBucketTagging", GET, LOOK_UP]

    @pytest.mark.parametrize("call", DENIALS)
    def test_nothing_is_written_while_something_cannot_be_read(self, fake_aws, made, call):
        damage(fake_aws)
        fake_aws.fail(call, "403" if call == HEAD else "AccessDenied", 403)
        error = refusal(fake_aws)
        assert error.details["missing_permissions"]
        assert (fake_aws.writes, error.details["actions"]) == ([], [])

    @pytest.mark.parametrize("call", [LOOK_UP, ACCOUNT_BLOCK, IDENTITY])
    def test_no_bucket_is_created_while_something_cannot_be_read(self, fake_aws, call):
        fake_aws.fail(call, "NotToday", 400)
        error = refusal(fake_aws)
        assert error.details["call"] == call
        assert (fake_aws.writes, error.details.get("actions", [])) == ([], [])

    def test_documents_of_another_issuer_are_not_overwritten(self, fake_aws, made):
        damage(fake_aws)
        put(fake_aws, DISCOVERY_KEY, texts_of(KEY, "https://other.example")[DISCOVERY_KEY])
        assert "another issuer" in str(refusal(fake_aws)) and fake_aws.writes == []

    def test_nothing_is_written_if_the_account_blocks_public_buckets(self, fake_aws):
        fake_aws.quietly("s3control").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=CLOSED)
        assert "account level" in str(refusal(fake_aws)) and fake_aws.writes == []

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"audiences": []}, "client_ids has 0 entries"),
            ({"thumbprints": ["no thumbprint"]}, "40 hexadecimal digits"),
            ({"bucket": "Not_A_Name"}, "Not_A_Name"),
            ({"prefix": "/prod"}, "empty part"),
            ({"url": "http://irsa.example.com"}, "https"),
            ({"bucket_settings": {"encryption": "aws:kms"}}, "AES256"),
            ({"key": dataclasses.replace(KEY, public_key=samples.RSA.pkcs8.decode())}, "private key"),
            ({"extra_jwks": [{"keys": "none"}]}, "extra_jwks"),
            ({"account_id": OTHER_ACCOUNT}, OTHER_ACCOUNT),
        ],
        ids=["audiences", "thumbprints", "bucket", "prefix", "url", "encryption", "key", "extra keys", "account"],
    )
    def test_nothing_is_written_for_an_invalid_spec(self, fake_aws, given, words):
        error = refusal(fake_aws, **given)
        assert words in str(error) and fake_aws.writes == []
        assert samples.traces_of(samples.RSA.pkcs8, str(error)) == []


class TestBeforeTheKey:
    def test_only_the_bucket_is_created_before_the_key(self, fake_aws):
        planned = ensure(fake_aws, check_mode=True, key=NO_KEY)
        assert fake_aws.writes == []
        done = ensure(fake_aws, key=NO_KEY)
        assert planned.actions == done.actions == fake_aws.writes == BUCKET_WRITES
        assert planned.values == done.values
        assert done.values == {
            "key_wanted": True,
            "key_is_lost": None,
            "prepared": {
                "account_id": ACCOUNT,
                "created": True,
                "without_documents": True,
                "unregistered": False,  # it was not looked at
                "changed": True,
                "actions": BUCKET_WRITES,
                "permissions": done.permissions,
            },
            "issuer": None,
        }

    def test_an_existing_bucket_is_repaired_before_the_key(self, fake_aws, made):
        damage(fake_aws)
        done = ensure(fake_aws, key=NO_KEY)
        assert done.actions == fake_aws.writes == [BLOCK, POLICY, TAG]
        assert (done.values["key_is_lost"], done.values["prepared"]["created"]) == (None, False)

    @pytest.mark.parametrize("call", [CREATE, BLOCK, POLICY])
    def test_a_failure_before_the_key_asks_for_no_key(self, fake_aws, call):
        fake_aws.fail(call, "AccessDenied", 403)
        error = refusal(fake_aws, key=NO_KEY)
        assert error.details["actions"] == BUCKET_WRITES[: BUCKET_WRITES.index(call)]

    def test_the_run_with_the_key_reads_nothing_of_the_bucket_again(self, fake_aws):
        # As Ansible hands it from one task to the next.
        prepared = json.loads(json.dumps(ensure(fake_aws, key=NO_KEY).values["prepared"]))
        forget_calls(fake_aws)
        done = ensure(fake_aws, key=dataclasses.replace(KEY, changed=True, actions=["file:A"]), prepared=prepared)
        assert sorted(fake_aws.calls) == sorted([PUT, PUT, LOOK_UP, REGISTER])
        summary = done.values["issuer"]
        assert summary["actions"] == [*BUCKET_WRITES, "file:A", PUT, PUT, REGISTER]
        assert done.actions == [PUT, PUT, REGISTER]
        assert set(prepared["permissions"]) < set(summary["permissions"])
        assert summary["changed"] is True

    def test_the_run_with_the_key_reads_the_documents_of_an_existing_bucket(self, fake_aws, made):
        fake_aws.quietly("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn())
        prepared = ensure(fake_aws, key=NO_KEY).values["prepared"]
        forget_calls(fake_aws)
        done = ensure(fake_aws, key=OTHER_KEY, prepared=prepared)
        assert sorted(fake_aws.calls) == sorted([GET, GET, GET, PUT, REGISTER])
        assert published_kids(fake_aws) == [OTHER_KEY.kid, KEY.kid]
        assert KEY.kid in done.warnings[0]

    def test_what_was_absent_is_not_looked_for_again(self, fake_aws):
        bucket_alone = ensure(fake_aws, key=NO_KEY)
        assert bucket_alone.actions == BUCKET_WRITES
        prepared = ensure(fake_aws, key=NO_KEY).values["prepared"]
        assert (prepared["created"], prepared["without_documents"], prepared["unregistered"]) == (False, True, True)
        forget_calls(fake_aws)
        ensure(fake_aws, prepared=prepared)
        assert fake_aws.calls == [PUT, PUT, REGISTER]

    def test_what_a_concurrent_run_created_meanwhile_is_kept(self, fake_aws, pauses):
        ensure(fake_aws, key=NO_KEY)
        prepared = ensure(fake_aws, key=NO_KEY).values["prepared"]
        ensure(fake_aws, key=OTHER_KEY)
        forget_calls(fake_aws)
        done = ensure(fake_aws, prepared=prepared)
        assert sorted(published_kids(fake_aws)) == sorted([KEY.kid, OTHER_KEY.kid])
        assert done.values["issuer"]["provider_arn"] == arn()

    def test_nothing_is_published_without_a_key(self, fake_aws):
        prepared = ensure(fake_aws, key=NO_KEY).values["prepared"]
        fake_aws.calls.clear()
        with pytest.raises(IrsaError, match="The key has not been created"):
            ensure(fake_aws, key=NO_KEY, prepared=prepared)
        assert fake_aws.calls == []

    @pytest.mark.parametrize(
        ("result", "reason"),
        [({"failed": True, "msg": "No such folder."}, "; that task failed: No such folder"), ({"skipped": True}, "")],
    )
    def test_a_result_without_a_key_is_refused(self, result, reason):
        with pytest.raises(IrsaError) as caught:
            SigningKey.of(result)
        assert str(caught.value) == (
            f"The value of key is not a result of irsa_keypair{reason}. Pass the registered result of a task that "
            "succeeded."
        )

    def test_check_mode_plans_the_documents_without_a_key(self, fake_aws):
        prepared = ensure(fake_aws, check_mode=True, key=NO_KEY).values["prepared"]
        planned = ensure(fake_aws, check_mode=True, key=NO_KEY, prepared=prepared)
        assert planned.values["issuer"]["actions"] == ALL_WRITES
        assert planned.values["issuer"]["kid"] is None
        assert fake_aws.writes == []


class KeyOnTheController:
    """Stands for irsa_keypair: a key that is there or is made, and that may appear meanwhile."""

    def __init__(self, exists: bool, appears: bool = False) -> None:
        self.exists, self.appears = exists, appears
        self.made = False
        self.fault: str | None = None

    def __call__(self, create: bool):
        if create and self.fault:
            raise IrsaError(self.fault)
        result = {"path": KEY.path, "exists": self.exists, "changed": False, "actions": [], "warnings": ["noticed"]}
        if create and not self.exists:
            self.exists = self.made = True
            result.update(exists=True, changed=True, actions=["file:CreatePrivateKey"], diff={"after_header": KEY.path})
        elif self.appears:
            self.exists = True  # the next look finds it
        return {**dataclasses.asdict(KEY), **result} if result["exists"] else result


class TestWithTheKeyAtHand:
    @staticmethod
    def ensure(fake_aws, key, check_mode=False, **given):
        return issuer_present.ensure_with_key(
            Aws(fake_aws.clients), spec(key=NO_KEY, **given), check_mode, key_result=key
        )

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"url": "https://oidc.lan", "bucket": None}, "AWS can never reach it"),
            ({"url": "https://10.0.0.1"}, "AWS can never reach it"),
            ({"url": f"https://{BUCKET}.s3.amazonaws.com"}, f"is in {REGION}"),
            ({"url": f"https://s3.amazonaws.com/{BUCKET}"}, f"is in {REGION}"),
            ({"url": f"https://other.s3.{REGION}.amazonaws.com"}, "the address of the bucket 'other'"),
        ],
    )
    def test_an_issuer_that_aws_could_not_read_is_refused_before_the_key_is_touched(self, fake_aws, given, reason):
        def key_result(create):
            raise AssertionError

        with pytest.raises(IrsaError, match=r"url \(irsa_issuer_url\): .* Nothing was changed\.") as caught:
            self.ensure(fake_aws, key_result, **given)
        assert reason in str(caught.value) and fake_aws.calls == []

    def test_key_and_issuer_are_created_in_the_safe_order(self, fake_aws):
        key = KeyOnTheController(exists=False)
        result = self.ensure(fake_aws, key)
        every_write = [*BUCKET_WRITES, "file:CreatePrivateKey", PUT, PUT, REGISTER]
        assert result["actions"] == result["issuer"]["actions"] == every_write
        assert fake_aws.writes == ALL_WRITES and key.made
        assert (result["changed"], result["key_wanted"], result["warnings"]) == (True, False, ["noticed"])
        assert [entry["after_header"] for entry in result["diff"]][3] == KEY.path
        assert len(fake_aws.calls) <= 12 and fake_aws.calls.count(IDENTITY) == 1

    def test_the_second_run_of_an_issuer_changes_nothing(self, fake_aws, made):
        result = self.ensure(fake_aws, KeyOnTheController(exists=True))
        assert (result["changed"], result["actions"], result["diff"], fake_aws.writes) == (False, [], [], [])
        assert len(fake_aws.calls) <= 8

    def test_no_key_is_created_if_aws_refuses_the_bucket(self, fake_aws):
        fake_aws.fail(CREATE, "AccessDenied", 403)
        key = KeyOnTheController(exists=False)
        with pytest.raises(IrsaError):
            self.ensure(fake_aws, key)
        assert not key.made

    def test_a_run_that_fails_behind_the_new_key_lists_the_key(self, fake_aws):
        """As if the disk were full for its public form."""
        done = {"changed": True, "actions": ["file:CreatePrivateKey"], "diff": {"after_header": KEY.path}}

        def key(create):
            if create:
                raise IrsaError("No space left on device.", **done)
            return {"path": KEY.path, "exists": False, "changed": False, "actions": [], "warnings": []}

        with pytest.raises(IrsaError, match="No space left") as caught:
            self.ensure(fake_aws, key)
        assert caught.value.details["changed"] is True
        assert caught.value.details["actions"] == [*BUCKET_WRITES, "file:CreatePrivateKey"]
        assert caught.value.details["diff"][-1] == {"after_header": KEY.path}

    def test_no_key_is_created_if_an_issuer_depends_on_the_lost_one(self, fake_aws, made):
        key = KeyOnTheController(exists=False)
        with pytest.raises(IrsaError, match=r"/keys/sa-signer\.key does not exist on localhost, and .* in use"):
            self.ensure(fake_aws, key)
        assert not key.made and fake_aws.writes == []

    def test_the_key_of_a_concurrent_run_is_adopted(self, fake_aws, made):
        key = KeyOnTheController(exists=False, appears=True)
        result = self.ensure(fake_aws, key)
        assert not key.made and result["issuer"]["kid"] == KEY.kid
        assert (result["changed"], fake_aws.writes) == (False, [])

    def test_the_bucket_is_repaired_with_the_key_of_a_concurrent_run(self, fake_aws, made):
        fake_aws.quietly("s3").delete_bucket_policy(Bucket=BUCKET)
        result = self.ensure(fake_aws, KeyOnTheController(exists=False, appears=True))
        assert result["issuer"]["kid"] == KEY.kid
        assert result["actions"] == result["issuer"]["actions"] == fake_aws.writes == [POLICY]

    @pytest.mark.parametrize(
        ("call", "made"),
        [
            (POLICY, BUCKET_WRITES[:2]),
            (PUT, [*BUCKET_WRITES, "file:CreatePrivateKey"]),
            (REGISTER, [*BUCKET_WRITES, "file:CreatePrivateKey", PUT, PUT]),
        ],
    )
    def test_a_failed_run_with_the_key_lists_its_writes(self, fake_aws, call, made):
        fake_aws.fail(call, "AccessDenied", 403)
        with pytest.raises(IrsaError) as caught:
            self.ensure(fake_aws, KeyOnTheController(exists=False))
        assert caught.value.details["actions"] == made

    def test_a_key_that_cannot_be_created_lists_the_writes_before_it(self, fake_aws):
        key = KeyOnTheController(exists=False)
        key.fault = "The folder is read-only."
        with pytest.raises(IrsaError, match="read-only") as caught:
            self.ensure(fake_aws, key)
        assert caught.value.details["actions"] == BUCKET_WRITES

    def test_a_failed_plan_in_check_mode_lists_no_writes(self, fake_aws):
        key = KeyOnTheController(exists=False)
        key.fault = "The folder is read-only."
        with pytest.raises(IrsaError) as caught:
            self.ensure(fake_aws, key, check_mode=True)
        assert "actions" not in caught.value.details and fake_aws.writes == []


class TestLostKey:
    @pytest.fixture
    def lost(self, fake_aws, made):
        """What is said of a key that an issuer depends on, of which nothing is repaired either."""
        fake_aws.quietly("s3").delete_bucket_policy(Bucket=BUCKET)
        fake_aws.calls.clear()
        return ensure(fake_aws, key=NO_KEY)

    def test_a_lost_key_is_reported_and_nothing_is_written(self, fake_aws, lost):
        assert fake_aws.writes == lost.actions == []
        message = lost.values["key_is_lost"]
        assert arn() in message and KEY.kid in message and "Restore the key file" in message
        assert (lost.values["key_wanted"], lost.values["prepared"]) == (True, None)

    def test_a_lost_key_is_reported_in_check_mode(self, fake_aws, made):
        assert arn() in ensure(fake_aws, check_mode=True, key=NO_KEY).values["key_is_lost"]

    def test_a_lost_key_is_found_where_another_program_published_it(self, fake_aws, made):
        s3 = fake_aws.quietly("s3")
        s3.delete_object(Bucket=BUCKET, Key=JWKS_KEY)
        s3.put_object(Bucket=BUCKET, Key="jwks", Body=b'{"keys": [{"kid": "theirs"}]}')
        discovery = json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"})
        s3.put_object(Bucket=BUCKET, Key=DISCOVERY_KEY, Body=discovery)
        assert "theirs" in ensure(fake_aws, key=NO_KEY).values["key_is_lost"]

    def test_no_key_is_lost_while_nothing_is_published(self, fake_aws, made):
        for key in (JWKS_KEY, DISCOVERY_KEY):
            fake_aws.quietly("s3").delete_object(Bucket=BUCKET, Key=key)
        assert ensure(fake_aws, key=NO_KEY).values["key_is_lost"] is None

    def test_a_lost_key_of_an_external_issuer_is_recognized_by_its_provider(self, fake_aws):
        fake_aws.quietly("iam").create_open_id_connect_provider(Url=OWN_HOST, ThumbprintList=["0" * 40])
        for bucket in (None, BUCKET):
            done = ensure(fake_aws, bucket=bucket, url=OWN_HOST, key=NO_KEY)
            assert arn(OWN_HOST) in done.values["key_is_lost"]
        assert fake_aws.writes == []

    def test_a_lost_key_of_a_prefix_is_recognized_by_its_own_documents(self, fake_aws, made):
        assert ensure(fake_aws, key=NO_KEY, prefix="other").values["key_is_lost"] is None


class TestBucketOfOthers:
    def test_a_bucket_of_others_is_only_published_into(self, fake_aws):
        fake_aws.quietly("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        assert assert_as_planned(fake_aws, manage_bucket=False).actions == [PUT, PUT, REGISTER]
        assert sorted(fake_aws.calls) == sorted([IDENTITY, HEAD, GET, GET, LOOK_UP])

    @pytest.mark.parametrize("key", [KEY, NO_KEY], ids=["with a key", "before it"])
    def test_a_bucket_of_others_must_exist(self, fake_aws, key):
        assert "does not exist" in str(refusal(fake_aws, manage_bucket=False, key=key))
        assert fake_aws.writes == []

    def test_bucket_and_provider_may_be_in_different_accounts(self, fake_aws):
        s3_backends[OTHER_ACCOUNT]["aws"].create_bucket(BUCKET, REGION)
        given = {"manage_bucket": False, "bucket_account_id": OTHER_ACCOUNT, "account_id": ACCOUNT}
        before = ensure(fake_aws, key=NO_KEY, **given)
        summary = ensure(fake_aws, prepared=before.values["prepared"], **given).values["issuer"]
        owners = {params["ExpectedBucketOwner"] for call, params in fake_aws.params if call.startswith("s3:")}
        assert owners == {OTHER_ACCOUNT}
        assert summary["provider_arn"] == arn() and summary["providers"][0]["account_id"] == ACCOUNT

    def test_the_provider_stays_in_the_account_of_the_credentials(self, fake_aws):
        s3_backends[OTHER_ACCOUNT]["aws"].create_bucket(BUCKET, REGION)
        done = ensure(fake_aws, manage_bucket=False, bucket_account_id=OTHER_ACCOUNT)
        assert done.values["issuer"]["provider_arn"] == arn()
        assert fake_aws.calls.count(IDENTITY) == 1

    def test_no_bucket_is_created_in_another_account(self, fake_aws):
        assert OTHER_ACCOUNT in str(refusal(fake_aws, bucket_account_id=OTHER_ACCOUNT))
        assert fake_aws.writes == []


class TestConcurrentRuns:
    def test_a_document_that_appears_in_a_new_bucket_is_kept(self, fake_aws):
        fake_aws.before(PUT, lambda: put(fake_aws, JWKS_KEY, texts_of(OTHER_KEY)[JWKS_KEY]))
        done = ensure(fake_aws)
        assert published_kids(fake_aws) == [KEY.kid, OTHER_KEY.kid]
        assert done.actions == ALL_WRITES
        assert OTHER_KEY.kid in " ".join(done.warnings)

    def test_a_bucket_of_a_concurrent_run_is_adopted(self, fake_aws):
        theirs = fake_aws.quietly("s3")
        fake_aws.before(
            CREATE,
            lambda: theirs.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}),
        )
        assert ensure(fake_aws).actions == [BLOCK, POLICY, TAG, PUT, PUT, REGISTER]

    def test_no_answer_from_before_a_write_is_used_after_it(self, fake_aws, made):
        """The policy's write meets another, so all is read again, the documents, too; until the key is made the other
        run publishes.
        """
        fake_aws.quietly("s3").delete_bucket_policy(Bucket=BUCKET)
        fake_aws.quietly("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn())
        fake_aws.fail(POLICY, "OperationAborted", 409)
        aws = Aws(fake_aws.clients)
        prepared = issuer_present.ensure_present(aws, spec(key=NO_KEY), False).values["prepared"]
        put(fake_aws, JWKS_KEY, texts_of(OTHER_KEY)[JWKS_KEY])
        done = issuer_present.ensure_present(aws, spec(prepared=prepared, key=KEY), False)
        assert published_kids(fake_aws) == [KEY.kid, OTHER_KEY.kid]
        assert PUT in done.actions

    def test_a_provider_of_a_concurrent_run_is_adopted(self, fake_aws):
        fake_aws.before(
            REGISTER,
            lambda: fake_aws.quietly("iam").create_open_id_connect_provider(
                Url=ISSUER, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
            ),
        )
        assert ensure(fake_aws, tags=None).actions == [*BUCKET_WRITES, PUT, PUT]


class TestFailureAfterSomeWrites:
    @pytest.mark.parametrize(
        ("call", "made"),
        [
            (BLOCK, BUCKET_WRITES[:1]),
            (POLICY, BUCKET_WRITES[:2]),
            (PUT, BUCKET_WRITES),
            (REGISTER, [*BUCKET_WRITES, PUT, PUT]),
        ],
    )
    def test_a_failed_run_lists_its_writes(self, fake_aws, call, made):
        fake_aws.fail(call, "AccessDenied", 403)
        error = refusal(fake_aws)
        assert error.details["actions"] == made
        assert (error.details["call"], fake_aws.writes) == (call, [*made, call])

    def test_a_failed_run_lists_its_writes_to_the_same_resource(self, fake_aws, made):
        damage(fake_aws)
        forget_calls(fake_aws)
        # The first document's write arrives, the second's does not.
        fake_aws.before(PUT, lambda: fake_aws.fail(PUT, "AccessDenied", 403) if fake_aws.calls[-2] == PUT else None)
        fake_aws.before(PUT, lambda: fake_aws.fail(PUT, "AccessDenied", 403) if fake_aws.calls[-2] == PUT else None)
        error = refusal(fake_aws)
        assert error.details["actions"] == [BLOCK, POLICY, TAG, PUT]

    def test_the_next_run_completes_a_failed_run(self, fake_aws):
        fake_aws.fail(PUT, "AccessDenied", 403)
        refusal(fake_aws)
        assert ensure(fake_aws).actions == [PUT, PUT, REGISTER]

    def test_a_failed_run_keeps_its_warnings(self, fake_aws, made):
        put(fake_aws, JWKS_KEY, texts_of(OTHER_KEY)[JWKS_KEY])
        fake_aws.quietly("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn())
        fake_aws.fail(REGISTER, "AccessDenied", 403)
        assert OTHER_KEY.kid in " ".join(refusal(fake_aws).warnings)


def serve(server, url: str, key: SigningKey = KEY) -> None:
    for path, text in texts_of(key, url).items():
        server.serve(f"/{path}", text.encode(), **{"Content-Type": "application/json"})


class TestExternalIssuer:
    @pytest.fixture
    def reached(self, server, ca_path):
        """An issuer without a bucket, and how its host is reached."""
        return {"bucket": None, "url": OWN_HOST, "connect_to": server.address, "ca_path": ca_path, "tags": None}

    def test_an_external_issuer_is_registered_once_it_serves_the_documents(self, fake_aws, server, reached):
        serve(server, OWN_HOST)
        done = assert_as_planned(fake_aws, **reached)
        assert done.actions == [REGISTER]
        assert not any(call.startswith("s3") for call in fake_aws.calls)
        summary = done.values["issuer"]
        assert (summary["bucket"], summary["provider_arn"]) == (None, arn(OWN_HOST))
        assert summary["verification"].startswith("ok: ")

    def test_an_external_issuer_without_documents_is_not_registered_and_gets_their_text(
        self, fake_aws, server, reached
    ):
        done = ensure(fake_aws, **reached)
        assert fake_aws.writes == []
        summary = done.values["issuer"]
        assert (summary["provider_arn"], summary["providers"]) == (None, [])
        assert {JWKS_KEY: summary["jwks_json"], DISCOVERY_KEY: summary["discovery_json"]} == texts_of(KEY, OWN_HOST)
        (warning,) = done.warnings
        assert "not registered" in warning and f"{OWN_HOST}/keys.json" in warning

    def test_a_registered_external_issuer_is_managed_while_it_serves_nothing(self, fake_aws, server, reached):
        serve(server, OWN_HOST)
        ensure(fake_aws, **reached)
        server.replies.clear()
        done = ensure(fake_aws, **{**reached, "audiences": ["other"]})
        assert done.actions == ["iam:AddClientIDToOpenIDConnectProvider"]
        assert any("are not served." in warning for warning in done.warnings)

    def test_the_thumbprint_of_an_external_issuer_may_be_computed(self, fake_aws, server, reached):
        serve(server, OWN_HOST)
        done = assert_as_planned(fake_aws, **reached, thumbprints=["auto"])
        assert done.actions == [REGISTER]
        (params,) = fake_aws.params_of(REGISTER)
        assert params["ThumbprintList"] == [hashlib.sha1(INTERMEDIATE.der, usedforsecurity=False).hexdigest()]

    def test_an_issuer_on_another_host_may_publish_into_a_bucket(self, fake_aws, server, reached):
        given = {**reached, "bucket": BUCKET}
        before = ensure(fake_aws, **given, key=NO_KEY)
        assert before.actions == BUCKET_WRITES
        serve(server, OWN_HOST)
        done = ensure(fake_aws, **given, prepared=before.values["prepared"])
        assert done.actions == [PUT, PUT, REGISTER]
        assert published(fake_aws, DISCOVERY_KEY)["issuer"] == OWN_HOST
        assert done.values["issuer"]["provider_arn"] == arn(OWN_HOST)


class TestVerification:
    @pytest.fixture
    def server(self, tmp_path):
        made = HttpsServer(tmp_path, [certify("S3", INTERMEDIATE, [ISSUER.removeprefix("https://")]), INTERMEDIATE])
        yield made
        made.stop()

    @pytest.fixture
    def open_bucket(self, fake_aws, server, ca_path):
        """The bucket's own host, which serves what is in the bucket to anybody."""

        def reply(key):
            def answer():
                try:
                    found = fake_aws.quietly("s3").get_object(Bucket=BUCKET, Key=key)
                except fake_aws.quietly("s3").exceptions.ClientError:
                    return 403, {}, [b""]
                return 200, {"Content-Type": found["ContentType"]}, [found["Body"].read()]

            return answer

        server.replies.update({f"/{key}": reply(key) for key in (JWKS_KEY, DISCOVERY_KEY)})
        return {"verify": True, "verify_timeout": 60, "connect_to": server.address, "ca_path": ca_path}

    def test_check_mode_verifies_only_an_unchanged_issuer(self, fake_aws, server, open_bucket):
        assert ensure(fake_aws, check_mode=True, **open_bucket).values["issuer"]["verification"] is None
        assert server.requests == []

    def test_verification_ends_the_run_with_a_report(self, fake_aws, server, open_bucket):
        summary = ensure(fake_aws, **open_bucket).values["issuer"]
        assert summary["verification"].startswith("ok: ")
        unchanged = ensure(fake_aws, check_mode=True, **open_bucket).values["issuer"]
        assert unchanged["verification"].startswith("ok: ") and unchanged["changed"] is False

    def test_a_document_that_takes_longer_than_the_timeout_fails_the_run(self, fake_aws, server, open_bucket):
        def stall():
            threading.Event().wait(1)  # time.sleep is patched
            return 200, {"Content-Type": "application/json"}, [b"{}"]

        ensure(fake_aws, **open_bucket)
        server.replies[f"/{DISCOVERY_KEY}"] = stall
        message = str(refusal(fake_aws, **{**open_bucket, "verify_timeout": 0.2}))
        assert "gave no answer within 0.2 s" in message or "longer than 0.2 seconds" in message

    def test_a_first_run_at_a_slow_host_names_the_variable_that_allows_more_seconds(
        self, fake_aws, server, open_bucket, made
    ):
        def stall():
            threading.Event().wait(1)  # time.sleep is patched
            return 200, {"Content-Type": "application/json"}, [b"{}"]

        server.replies[f"/{DISCOVERY_KEY}"] = stall
        key = dataclasses.replace(KEY, actions=("file:CreatePrivateKey",))
        option_names.begin_with("irsa_issuer_")
        try:
            message = str(refusal(fake_aws, **{**open_bucket, "verify_timeout": 0.2, "key": key}))
        finally:
            option_names.begin_with("")
        assert "does not work yet" in message and "allow more seconds with irsa_issuer_verify_timeout" in message

    def test_verification_fails_the_run_of_a_broken_issuer(self, fake_aws, server, open_bucket, made):
        server.replies.clear()
        error = refusal(fake_aws, **open_bucket)
        assert f"The issuer {ISSUER} does not work." in str(error)
        assert error.details["checks"] and error.details["actions"] == []
        assert "Made:" not in str(error)

    def test_a_first_run_says_what_was_made_before_what_does_not_work_yet(
        self, fake_aws, server, open_bucket, tmp_path
    ):
        server.replies.clear()
        told: list[str] = []
        with announced_by(told.append), pytest.raises(IrsaError) as caught:
            ensure(fake_aws, **open_bucket)
        error = caught.value
        made, _dot, rest = str(error).partition(". ")
        assert made.startswith(f"Made: {len(fake_aws.writes)} writes (") and "iam:CreateOpenIDConnectProvider" in made
        assert rest.startswith(f"The issuer {ISSUER} does not work yet. ")
        assert "run this again in a few minutes, or with verify=false" in rest and "role irsa_issuer" not in rest
        assert error.details["changed"] and error.details["actions"] == fake_aws.writes
        assert {check["status"] for check in error.details["checks"]} == {"ok", "error"}
        # What was made can be read, though it does not work yet.
        file = tmp_path / "issuer.json"
        error = refusal(fake_aws, **open_bucket, result_path=str(file))
        assert json.loads(file.read_text())["issuer"] == ISSUER
        assert str(error).startswith(f"The issuer {ISSUER} does not work.")
        assert error.details["actions"] == ["file:WriteResult"]
        again = str(refusal(fake_aws, **open_bucket, key=dataclasses.replace(KEY, actions=("file:CreatePrivateKey",))))
        assert again.startswith(f"Made: 1 write (file:CreatePrivateKey). The issuer {ISSUER} does not work yet.")
        (waiting,) = told
        assert waiting.startswith(f"Waiting up to 30 s until the documents of {ISSUER} can be read.")


FOR_API_SERVERS = ("apiserver_flags", "apiserver_args", "kubeadm_extra_args", "k3s_args", "apiserver_key_files")


class TestSummary:
    def test_the_summary_of_an_issuer_has_what_later_plays_need(self, fake_aws):
        summary = ensure(fake_aws).values["issuer"]
        assert summary == {
            "issuer": ISSUER,
            "issuer_host": ISSUER.removeprefix("https://"),
            "jwks_uri": f"{ISSUER}/keys.json",
            "provider_arn": arn(),
            "providers": [{"account_id": ACCOUNT, "arn": arn()}],
            "kid": KEY.kid,
            "algorithm": "RS256",
            "keys": [{"kid": KEY.kid, "algorithm": "RS256", "foreign": False}],
            "bucket": BUCKET,
            "documents": summary["documents"],
            "jwks_json": texts_of(KEY)[JWKS_KEY],
            "discovery_json": texts_of(KEY)[DISCOVERY_KEY],
            "public_key": KEY.public_key,
            **{name: summary[name] for name in FOR_API_SERVERS},
            "documents_path": None,
            "actions": ALL_WRITES,
            "permissions": summary["permissions"],
            "changed": True,
            "verification": None,
            "checks": None,
        }
        assert [document["changed"] for document in summary["documents"]] == [True, True]

    def test_all_keys_of_a_key_file_are_published_and_the_first_signs(self, fake_aws):
        keys = (KEY, OTHER_KEY)
        several = {"public_keys": [key.public_key for key in keys], "kids": [key.kid for key in keys]}
        summary = assert_as_planned(fake_aws, key=dataclasses.replace(KEY, **several)).values["issuer"]
        assert [key["kid"] for key in summary["keys"]] == published_kids(fake_aws) == [KEY.kid, OTHER_KEY.kid]
        assert (summary["kid"], summary["public_key"]) == (KEY.kid, KEY.public_key)
        assert not any(key["foreign"] for key in summary["keys"])

    def test_extra_jwks_are_published(self, fake_aws):
        extra = json.loads(texts_of(OTHER_KEY)[JWKS_KEY])
        summary = ensure(fake_aws, extra_jwks=[extra]).values["issuer"]
        assert [key["kid"] for key in summary["keys"]] == published_kids(fake_aws) == [KEY.kid, OTHER_KEY.kid]

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_an_encryption_key_among_the_extra_ones_is_left_out_with_a_warning(self, fake_aws, check_mode):
        (extra,) = json.loads(texts_of(OTHER_KEY)[JWKS_KEY])["keys"]
        of_keycloak = {"keys": [{**extra, "kid": "enc", "use": "enc", "alg": "RSA-OAEP"}, extra]}
        done = ensure(fake_aws, check_mode, extra_jwks=of_keycloak)
        assert [key["kid"] for key in done.values["issuer"]["keys"]] == [KEY.kid, OTHER_KEY.kid]
        assert [text for text in done.warnings if "'enc'" in text] == [
            "extra_jwks: key 'enc' is not published: its use is 'enc', and STS verifies with signing keys only."
        ]

    def test_purge_keys_removes_foreign_keys(self, fake_aws, made):
        put(fake_aws, JWKS_KEY, texts_of(OTHER_KEY)[JWKS_KEY])
        done = ensure(fake_aws, purge_keys=True)
        assert (done.actions, done.warnings, published_kids(fake_aws)) == ([PUT], [], [KEY.kid])


# --- without a key file


def jwks_of(*keys: SigningKey) -> dict[str, t.Any]:
    texts = document_set.texts(
        ISSUER, [one for key in keys for one in document_set.from_pem("a key", key.public_key.encode())]
    )
    return texts["jwks"]


KEYLESS = {"key": SigningKey(), "keyless": True}


@pytest.mark.parametrize(
    "given",
    [{"extra_jwks": jwks_of(KEY)}, {"extra_jwks": json.dumps(jwks_of(KEY))}, {"cluster_jwks": jwks_of(KEY)}],
    ids=["extra", "extra as text", "cluster"],
)
def test_public_keys_are_published_as_with_the_key_itself(fake_aws, given):
    done = assert_as_planned(fake_aws, **KEYLESS, **given).values["issuer"]
    assert {key: published(fake_aws, key) for key in (JWKS_KEY, DISCOVERY_KEY)} == {
        key: json.loads(text) for key, text in texts_of(KEY).items()
    }
    known = (KEY.kid, KEY.algorithm) if "cluster_jwks" in given else (None, None)
    assert (done["kid"], done["algorithm"], done["public_key"]) == (*known, None)
    # The cluster keeps its keys, so nothing but its issuer changes.
    assert done["apiserver_flags"] == [f"--service-account-issuer={ISSUER}"]


def test_it_is_not_known_which_of_several_keys_signs(fake_aws):
    given = {"cluster_jwks": jwks_of(KEY), "extra_jwks": [jwks_of(OTHER_KEY, KEY)]}
    done = ensure(fake_aws, **KEYLESS, **given).values["issuer"]
    assert (done["kid"], done["algorithm"]) == (None, None)
    assert [each["kid"] for each in done["keys"]] == [OTHER_KEY.kid, KEY.kid] == published_kids(fake_aws)


def test_what_the_cluster_no_longer_serves_stays_as_a_foreign_key(fake_aws, made):
    done = ensure(fake_aws, **KEYLESS, cluster_jwks=jwks_of(OTHER_KEY))
    assert published_kids(fake_aws) == [OTHER_KEY.kid, KEY.kid]
    assert KEY.kid in done.warnings[0]
    issuer = done.values["issuer"]
    assert {each["kid"]: each["foreign"] for each in issuer["keys"]} == {OTHER_KEY.kid: False, KEY.kid: True}
    assert issuer["kid"] == OTHER_KEY.kid


def test_a_published_kid_with_other_numbers_is_refused(fake_aws, made):
    (other,) = jwks_of(OTHER_KEY)["keys"]
    refused = refusal(fake_aws, **KEYLESS, cluster_jwks={"keys": [{**other, "kid": KEY.kid}]})
    assert KEY.kid in str(refused) and fake_aws.writes == []


@pytest.mark.parametrize("given", [{}, {"extra_jwks": [{"keys": []}]}, {"cluster_jwks": {"keys": []}}])
def test_without_any_key_nothing_is_written(fake_aws, given):
    assert "There is no key to publish" in str(refusal(fake_aws, **KEYLESS, **given))
    assert fake_aws.writes == []


def test_a_key_that_sts_refuses_is_named_as_the_clusters(fake_aws):
    (key,) = jwks_of(KEY)["keys"]
    refused = refusal(fake_aws, **KEYLESS, cluster_jwks={"keys": [{**key, "use": "enc"}]})
    assert str(refused).startswith(f"The API servers' key '{KEY.kid}' cannot be published: its use is 'enc'")
    assert fake_aws.writes == []


def test_a_key_of_its_own_is_published_before_those_of_the_cluster(fake_aws):
    done = ensure(fake_aws, cluster_jwks=jwks_of(OTHER_KEY)).values["issuer"]
    assert published_kids(fake_aws) == [KEY.kid, OTHER_KEY.kid]
    assert done["kid"] == KEY.kid and len(done["apiserver_flags"]) > 1


def test_an_issuer_without_a_bucket_publishes_public_keys_alone(fake_aws):
    given = {"bucket": None, "url": OWN_HOST, "connect_to": "127.0.0.1:1", "cluster_jwks": jwks_of(KEY)}
    done = ensure(fake_aws, **KEYLESS, **given)
    assert done.values["issuer"]["kid"] == KEY.kid
    assert json.loads(done.values["issuer"]["jwks_json"]) == jwks_of(KEY)
    assert fake_aws.writes == []
