# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API calls that fail, and what a user is told: what was tried on what, what came back, what to do."""

from __future__ import annotations

import socket

import boto3
import pytest
from botocore import exceptions
from botocore.config import Config

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION


@pytest.fixture
def free_port():
    """A port that nothing listens at, and nothing else takes meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def aws(fake_aws):
    return Aws(fake_aws.clients)


def failed(aws: Aws, service: str = "s3", operation: str = "GetBucketPolicy", **params) -> CallFailed:
    params = params or {"Bucket": "irsa"}
    with pytest.raises(CallFailed) as caught:
        aws.call(service, operation, "bucket irsa", **params)
    return caught.value


class TestAnswers:
    def test_gives_the_answer_and_keeps_the_permission(self, aws):
        assert aws.call("sts", "GetCallerIdentity", "the credentials")["Account"] == ACCOUNT
        assert aws.call("iam", "ListOpenIDConnectProviders", "the account")["OpenIDConnectProviderList"] == []
        assert aws.permissions == {"iam:ListOpenIDConnectProviders"}

    def test_gives_none_for_what_may_be_absent(self, aws, fake_aws):
        assert aws.call("s3", "HeadBucket", "bucket irsa", absent_codes=("404",), Bucket="irsa") is None
        fake_aws.fail("s3:GetBucketPolicy", "NoSuchBucketPolicy", 404)
        assert (
            aws.call("s3", "GetBucketPolicy", "bucket irsa", absent_codes=("NoSuchBucketPolicy",), Bucket="irsa")
            is None
        )
        assert aws.permissions == {"s3:ListBucket", "s3:GetBucketPolicy"}

    def test_gives_the_answers_of_all_pages(self, aws, fake_aws):
        for number in range(3):
            fake_aws.quietly("iam").create_role(RoleName=f"role{number}", AssumeRolePolicyDocument="{}")
        pages = list(aws.pages("iam", "ListRoles", "the account", PaginationConfig={"PageSize": 2}))
        assert [len(page["Roles"]) for page in pages] == [2, 1]
        assert aws.permissions == {"iam:ListRoles"}

    def test_keeps_the_permissions_that_a_call_needs_beyond_its_name(self, aws, fake_aws):
        fake_aws.fail("s3:PutBucketTagging", "AccessDenied", 403)
        with pytest.raises(CallFailed):
            aws.call(
                "s3", "PutBucketTagging", "x", iam_actions=("s3:TagResource",), Bucket="irsa", Tagging={"TagSet": []}
            )
        assert aws.permissions == {"s3:TagResource"}


class TestRefusals:
    @pytest.mark.parametrize(
        "code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "403"]
    )
    def test_names_the_permission_of_a_denied_call(self, aws, fake_aws, code):
        fake_aws.fail("s3:GetBucketEncryption", code, 403, "no identity-based policy allows it")
        failure = failed(aws, operation="GetBucketEncryption")
        assert failure.denied and not failure.unsupported and not failure.conflict
        assert str(failure).startswith(
            f"s3:GetBucketEncryption on bucket irsa failed: {code}: no identity-based policy allows it. "
        )
        assert "permission s3:GetEncryptionConfiguration" in str(failure)
        assert failure.details == {
            "call": "s3:GetBucketEncryption",
            "error": {"code": code, "message": "no identity-based policy allows it"},
            "missing_permissions": ["s3:GetEncryptionConfiguration"],
        }

    def test_names_all_permissions_of_a_call_that_needs_several(self, aws, fake_aws):
        fake_aws.fail("s3:GetObject", "AccessDenied", 403)
        failure = failed(aws, operation="GetObject", Bucket="irsa", Key="keys.json")
        assert "s3:GetObject and s3:ListBucket" in str(failure)

    def test_names_none_for_a_call_that_needs_none(self, aws, fake_aws):
        fake_aws.fail("sts:GetCallerIdentity", "AccessDenied", 403)
        with pytest.raises(CallFailed) as caught:
            aws.call("sts", "GetCallerIdentity", "the credentials")
        assert "permission" not in str(caught.value) and "missing_permissions" not in caught.value.details

    @pytest.mark.parametrize(
        "code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"]
    )
    def test_says_when_credentials_have_expired(self, aws, fake_aws, code):
        fake_aws.fail("s3:GetBucketPolicy", code, 400)
        failure = failed(aws)
        assert "have expired" in str(failure) and not failure.denied

    @pytest.mark.parametrize(
        "code", ["InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException"]
    )
    def test_says_when_credentials_are_unknown(self, aws, fake_aws, code):
        fake_aws.fail("s3:GetBucketPolicy", code, 403)
        failure = failed(aws)
        assert "does not accept these credentials" in str(failure) and not failure.denied

    @pytest.mark.parametrize(
        ("code", "status"), [("NotImplemented", 501), ("MethodNotAllowed", 405), ("", 405), ("InvalidAction", 400)]
    )
    def test_knows_what_an_endpoint_does_not_know(self, aws, fake_aws, code, status):
        fake_aws.fail("s3:GetBucketPolicy", code, status)
        assert failed(aws).unsupported

    def test_says_what_to_do_where_thumbprints_are_wanted(self, aws, fake_aws):
        fake_aws.fail(
            "iam:CreateOpenIDConnectProvider", "ValidationError", 400, "Missing required element ThumbprintList"
        )
        assert "thumbprints: [auto]" in str(
            failed(aws, "iam", "CreateOpenIDConnectProvider", Url="https://irsa.example.com")
        )

    def test_says_what_to_do_where_iam_cannot_reach_the_issuer(self, aws, fake_aws, pauses):
        fake_aws.fail("iam:CreateOpenIDConnectProvider", "OpenIdIdpCommunicationError", 400, times=20)
        message = str(failed(aws, "iam", "CreateOpenIDConnectProvider", Url="https://irsa.example.com"))
        assert "readable by anybody" in message
        assert pauses  # it was tried again, since what was just published may not be readable everywhere yet

    def test_has_a_sentence_for_a_failure_without_message(self, aws, fake_aws):
        fake_aws.fail("s3:GetBucketPolicy", "Oddity", 400, "")
        assert str(failed(aws)) == "s3:GetBucketPolicy on bucket irsa failed: Oddity: no message."

    def test_explains_failures_of_pages_too(self, aws, fake_aws):
        fake_aws.fail("iam:ListRoles", "AccessDenied", 403)
        with pytest.raises(CallFailed) as caught:
            list(aws.pages("iam", "ListRoles", "the account"))
        assert caught.value.details["missing_permissions"] == ["iam:ListRoles"]


class TestRepeating:
    @pytest.mark.parametrize("code", ["ConcurrentModification", "ConcurrentModificationException", "Throttling"])
    def test_tries_again_where_aws_asks_for_it(self, aws, fake_aws, pauses, code):
        fake_aws.fail("iam:ListOpenIDConnectProviders", code, 409, times=2)
        assert aws.call("iam", "ListOpenIDConnectProviders", "the account")["OpenIDConnectProviderList"] == []
        assert len(fake_aws.calls) == 3 and len(pauses) == 2

    def test_gives_up_in_the_end(self, aws, fake_aws, pauses):
        fake_aws.fail("iam:ListOpenIDConnectProviders", "ConcurrentModification", 409, times=50)
        with pytest.raises(CallFailed, match="ConcurrentModification"):
            aws.call("iam", "ListOpenIDConnectProviders", "the account")
        assert len(fake_aws.calls) < 10 and sum(pauses) < 60

    def test_tries_a_denied_call_once(self, aws, fake_aws, pauses):
        fake_aws.fail("iam:ListOpenIDConnectProviders", "AccessDenied", 403, times=50)
        with pytest.raises(CallFailed):
            aws.call("iam", "ListOpenIDConnectProviders", "the account")
        assert len(fake_aws.calls) == 1 and pauses == []


def client(service="sts", **settings):
    session = boto3.session.Session(
        aws_access_key_id=settings.pop("key", "AKID"),
        aws_secret_access_key=settings.pop("secret", "x"),
        region_name=REGION,
    )
    config = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    return session.client(service, config=config, **settings)


class TestWithoutAnAnswer:
    def explained(self, made, service="sts", operation="GetCallerIdentity", **params) -> str:
        with pytest.raises(CallFailed) as caught:
            Aws(ReadyClients({service: made})).call(service, operation, "the credentials", **params)
        assert caught.value.code == "" and not caught.value.denied and not caught.value.conflict
        return str(caught.value)

    def test_says_what_to_do_without_credentials(self):
        message = self.explained(client(key=None, secret=None))
        assert message.startswith("sts:GetCallerIdentity on the credentials could not be made: ")
        assert "AWS_PROFILE" in message and "AWS_ACCESS_KEY_ID" in message

    def test_says_what_to_do_where_nothing_listens(self, free_port):
        message = self.explained(client(endpoint_url=f"http://127.0.0.1:{free_port}"))
        assert str(free_port) in message and "AWS_ENDPOINT_URL" in message and "HTTPS_PROXY" in message

    def test_says_what_to_do_where_the_proxy_is_gone(self, free_port, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port}")
        assert "HTTPS_PROXY" in self.explained(client())

    def test_says_when_botocore_does_not_know_a_parameter(self):
        made = client("s3")
        message = self.explained(made, "s3", "CreateBucket", Bucket="irsa", BucketOfTheFuture="yes")
        assert "too old" in message and "BucketOfTheFuture" in message

    def test_says_when_no_client_can_be_made(self):
        class NoRegion(ReadyClients):
            def __missing__(self, service):
                raise exceptions.NoRegionError()

        class NoProfile(ReadyClients):
            def __missing__(self, service):
                raise exceptions.ProfileNotFound(profile="prod")

        class NoEndpoint(ReadyClients):
            def __missing__(self, service):
                raise ValueError("Invalid endpoint: nonsense")

        for clients, words in ((NoRegion(), "AWS_REGION"), (NoProfile(), "prod"), (NoEndpoint(), "nonsense")):
            with pytest.raises(IrsaError) as caught:
                Aws(clients).client("s3")
            assert words in str(caught.value)
