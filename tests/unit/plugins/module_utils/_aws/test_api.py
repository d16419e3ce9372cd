# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API calls and their failures, which say what was tried on what, what came back, what to do."""

from __future__ import annotations

import socket
import threading

import boto3
import pytest
from botocore import exceptions
from botocore.config import Config

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import ACCOUNT, REGION, FakeAws


@pytest.fixture
def free_port():
    """A port that nothing listens on, and that nothing else can take meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


OURS = {"Bucket": "irsa", "ExpectedBucketOwner": ACCOUNT}


def failed(aws: Aws, service: str = "s3", operation: str = "GetBucketPolicy", **params) -> CallFailed:
    params = params or OURS
    with pytest.raises(CallFailed) as caught:
        aws.call(service, operation, "bucket irsa", **params)
    return caught.value


class TestAnswers:
    def test_a_call_returns_its_answer_and_records_its_permission(self, aws):
        assert aws.call("sts", "GetCallerIdentity", "the credentials")["Account"] == ACCOUNT
        assert aws.call("iam", "ListOpenIDConnectProviders", "the account")["OpenIDConnectProviderList"] == []
        assert aws.permissions == {"iam:ListOpenIDConnectProviders"}

    def test_a_call_on_an_absent_target_returns_none(self, aws, fake_aws):
        assert aws.call("s3", "HeadBucket", "bucket irsa", absent_codes=("404",), **OURS) is None
        fake_aws.fail("s3:GetBucketPolicy", "NoSuchBucketPolicy", 404)
        assert aws.call("s3", "GetBucketPolicy", "bucket irsa", absent_codes=("NoSuchBucketPolicy",), **OURS) is None
        assert aws.permissions == {"s3:ListBucket", "s3:GetBucketPolicy"}

    def test_all_pages_of_a_list_are_read(self, aws, fake_aws):
        for number in range(3):
            fake_aws.quietly("iam").create_role(RoleName=f"role{number}", AssumeRolePolicyDocument="{}")
        pages = aws.pages("iam", "ListRoles", "the account", PaginationConfig={"PageSize": 2})
        assert [len(page["Roles"]) for page in pages] == [2, 1]
        assert aws.permissions == {"iam:ListRoles"}

    def test_given_iam_actions_replace_those_of_the_call_name(self, aws, fake_aws):
        fake_aws.fail("s3:PutBucketTagging", "AccessDenied", 403)
        with pytest.raises(CallFailed):
            aws.call("s3", "PutBucketTagging", "x", iam_actions=("s3:TagResource",), **OURS, Tagging={"TagSet": []})
        assert aws.permissions == {"s3:TagResource"}


class TestFailures:
    @pytest.mark.parametrize(
        "code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled"]
    )
    def test_a_denied_call_names_its_permission(self, aws, fake_aws, code):
        fake_aws.fail("s3:GetBucketEncryption", code, 403, message="no identity-based policy allows it")
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

    def test_a_denied_head_names_its_permission(self, aws, fake_aws):
        fake_aws.fail("s3:HeadBucket", "403", 403, message="Forbidden")
        failure = failed(aws, operation="HeadBucket")
        assert failure.denied and failure.details["missing_permissions"] == ["s3:ListBucket"]

    def test_a_denied_call_names_all_its_permissions(self, aws, fake_aws):
        fake_aws.fail("s3:GetObject", "AccessDenied", 403)
        failure = failed(aws, operation="GetObject", **OURS, Key="keys.json")
        assert "s3:GetObject and s3:ListBucket" in str(failure)

    def test_a_denied_call_without_permissions_names_none(self, aws, fake_aws):
        fake_aws.fail("sts:GetCallerIdentity", "AccessDenied", 403)
        with pytest.raises(CallFailed) as caught:
            aws.call("sts", "GetCallerIdentity", "the credentials")
        assert "permission" not in str(caught.value) and "missing_permissions" not in caught.value.details

    @pytest.mark.parametrize(
        "code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"]
    )
    def test_expired_credentials_are_explained(self, aws, fake_aws, code):
        fake_aws.fail("s3:GetBucketPolicy", code, 400)
        failure = failed(aws)
        assert "have expired" in str(failure) and not failure.denied

    @pytest.mark.parametrize(
        "code", ["InvalidClientTokenId", "InvalidAccessKeyId", "SignatureDoesNotMatch", "UnrecognizedClientException"]
    )
    def test_rejected_credentials_are_explained(self, aws, fake_aws, code):
        fake_aws.fail("s3:GetBucketPolicy", code, 403)
        failure = failed(aws)
        assert "does not accept these credentials" in str(failure) and not failure.denied

    @pytest.mark.parametrize(
        ("code", "status"), [("NotImplemented", 501), ("MethodNotAllowed", 405), ("", 405), ("InvalidAction", 400)]
    )
    def test_an_unsupported_call_is_recognized(self, aws, fake_aws, code, status):
        fake_aws.fail("s3:GetBucketPolicy", code, status)
        assert failed(aws).unsupported

    def test_required_thumbprints_are_explained(self, aws, fake_aws):
        fake_aws.fail(
            "iam:CreateOpenIDConnectProvider", "ValidationError", 400, message="Missing required element ThumbprintList"
        )
        assert "thumbprints: [auto]" in str(
            failed(aws, "iam", "CreateOpenIDConnectProvider", Url="https://irsa.example.com")
        )

    def test_an_issuer_that_iam_cannot_reach_is_explained(self, aws, fake_aws, pauses):
        fake_aws.fail("iam:CreateOpenIDConnectProvider", "OpenIdIdpCommunicationError", 400, times=20)
        message = str(failed(aws, "iam", "CreateOpenIDConnectProvider", Url="https://irsa.example.com"))
        assert "read anonymously" in message
        assert pauses  # it was retried, since documents that were just published may not be readable everywhere yet

    def test_a_failed_call_without_message_is_explained_in_a_sentence(self, aws, fake_aws):
        fake_aws.fail("s3:GetBucketPolicy", "Oddity", 400, message="")
        assert str(failed(aws)) == "s3:GetBucketPolicy on bucket irsa failed: Oddity: no message."

    def test_a_denied_list_names_its_permission(self, aws, fake_aws):
        fake_aws.fail("iam:ListRoles", "AccessDenied", 403)
        with pytest.raises(CallFailed) as caught:
            aws.pages("iam", "ListRoles", "the account")
        assert caught.value.details["missing_permissions"] == ["iam:ListRoles"]


class TestRetries:
    @pytest.mark.parametrize("code", ["ConcurrentModification", "ConcurrentModificationException", "Throttling"])
    def test_a_transient_failure_is_retried(self, aws, fake_aws, pauses, code):
        fake_aws.fail("iam:ListOpenIDConnectProviders", code, 409, times=2)
        assert aws.call("iam", "ListOpenIDConnectProviders", "the account")["OpenIDConnectProviderList"] == []
        assert len(fake_aws.calls) == 3 and len(pauses) == 2

    def test_a_transient_failure_of_a_page_is_retried(self, aws, fake_aws, pauses):
        for number in range(3):
            fake_aws.quietly("iam").create_role(RoleName=f"role{number}", AssumeRolePolicyDocument="{}")
        fake_aws.before("iam:ListRoles", lambda: None)
        fake_aws.before("iam:ListRoles", lambda: fake_aws.fail("iam:ListRoles", "Throttling"))
        pages = aws.pages("iam", "ListRoles", "the account", PaginationConfig={"PageSize": 2})
        assert sorted(role["RoleName"] for page in pages for role in page["Roles"]) == ["role0", "role1", "role2"]
        assert fake_aws.calls == ["iam:ListRoles"] * 4 and len(pauses) == 1

    def test_retries_of_a_call_end(self, aws, fake_aws, pauses):
        fake_aws.fail("iam:ListOpenIDConnectProviders", "ConcurrentModification", 409, times=50)
        with pytest.raises(CallFailed, match="ConcurrentModification"):
            aws.call("iam", "ListOpenIDConnectProviders", "the account")
        assert len(fake_aws.calls) == 10 and 5 < sum(pauses) < 15

    def test_retries_of_a_list_end(self, aws, fake_aws, pauses):
        fake_aws.fail("iam:ListRoles", "Throttling", 400, times=50)
        with pytest.raises(CallFailed, match="Throttling"):
            aws.pages("iam", "ListRoles", "the account")
        assert len(fake_aws.calls) == 10 and 5 < sum(pauses) < 15

    def test_a_denied_call_is_not_retried(self, aws, fake_aws, pauses):
        fake_aws.fail("iam:ListOpenIDConnectProviders", "AccessDenied", 403, times=50)
        with pytest.raises(CallFailed):
            aws.call("iam", "ListOpenIDConnectProviders", "the account")
        assert len(fake_aws.calls) == 1 and pauses == []


def client(service="sts", **settings):
    session = boto3.session.Session(
        aws_access_key_id=settings.pop("key", "AKID"),
        aws_secret_access_key=settings.pop("secret", "x"),
        aws_session_token=settings.pop("token", None),
        region_name=REGION,
    )
    config = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    return session.client(service, config=config, **settings)


class FailingClient:
    """A client of sts whose call ends with an exception."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_caller_identity(self):
        raise self.error


class TestWithoutAnAnswer:
    def explained(self, client, service="sts", operation="GetCallerIdentity", **params) -> str:
        with pytest.raises(CallFailed) as caught:
            Aws(ReadyClients({service: client})).call(service, operation, "the credentials", **params)
        assert caught.value.code == "" and not caught.value.denied and not caught.value.conflict
        return str(caught.value)

    def test_missing_credentials_are_explained(self):
        message = self.explained(client(key=None, secret=None))
        assert message.startswith("sts:GetCallerIdentity on the credentials could not be made: ")
        assert "AWS_PROFILE" in message and "AWS_ACCESS_KEY_ID" in message

    def test_an_unreachable_aws_endpoint_is_explained(self, free_port):
        message = self.explained(client(endpoint_url=f"http://127.0.0.1:{free_port}"))
        assert str(free_port) in message and "AWS_ENDPOINT_URL" in message and "HTTPS_PROXY" in message

    def test_an_unreachable_proxy_for_aws_is_explained(self, free_port, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port}")
        assert "HTTPS_PROXY" in self.explained(client())

    def test_a_call_parameter_that_botocore_does_not_know_is_explained(self):
        message = self.explained(client("s3"), "s3", "CreateBucket", Bucket="irsa", BucketOfTheFuture="yes")
        assert "too old" in message and "BucketOfTheFuture" in message

    def test_a_call_for_credentials_that_fails_is_not_taken_for_the_call_itself(self):
        """A profile with role_arn lets botocore call AssumeRole when the first call is made."""
        answer = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: sts:AssumeRole"}}
        message = self.explained(FailingClient(exceptions.ClientError(answer, "AssumeRole")))
        assert message == (
            "sts:GetCallerIdentity on the credentials could not be made: AssumeRole, which provides the credentials, "
            "failed: AccessDenied: not authorized to perform: sts:AssumeRole."
        )

    def test_expired_source_credentials_are_explained(self):
        answer = {"Error": {"Code": "ExpiredToken", "Message": "The security token is expired"}}
        assert "have expired" in self.explained(FailingClient(exceptions.ClientError(answer, "AssumeRole")))

    def test_a_profile_that_asks_for_an_mfa_code_is_explained(self):
        message = self.explained(FailingClient(EOFError("EOF when reading a line")))
        assert "MFA code" in message and "get-session-token" in message and "EOF" not in message

    def test_a_missing_web_identity_token_is_explained(self):
        error = FileNotFoundError(2, "No such file or directory", "/run/token")
        assert "No such file or directory: '/run/token'." in self.explained(FailingClient(error))

    @pytest.mark.parametrize("token", ["secret-token\n", "secret\ntoken"])
    def test_a_token_with_a_line_end_is_explained_and_not_disclosed(self, free_port, token):
        message = self.explained(client(endpoint_url=f"http://127.0.0.1:{free_port}", token=token))
        assert (
            "line end" in message
            and "session token" in message
            and "secret" not in message
            and "Signature" not in message
        )

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (AttributeError("'list' object has no attribute 'get'"), "'list' object has no attribute 'get'"),
            (exceptions.NoRegionError(), "You must specify a region. Set region, AWS_REGION, "),
            (exceptions.ProfileNotFound(profile="prod"), "The config profile (prod) could not be found."),
            (ValueError("Invalid endpoint: nonsense"), "Invalid endpoint: nonsense."),
            (FileNotFoundError(2, "No such file or directory", "get-token"), "No such file or directory: 'get-token'."),
        ],
        ids=["odd credential process", "no region", "no profile", "no endpoint", "no credential process"],
    )
    def test_a_client_that_cannot_be_created_is_explained(self, error, reason):
        class Clients(ReadyClients):
            def __missing__(self, service):
                raise error

            def anonymous_client(self, service, default_region):
                raise error

            def has_credentials(self):
                raise error

        aws = Aws(Clients())
        for act, tried in (
            (lambda: aws.client("s3"), "The client for s3 could not be created: "),
            (lambda: aws.anonymous("sts", "us-east-1"), "The client for sts could not be created: "),
            (aws.has_credentials, "The AWS credentials could not be read: "),
        ):
            with pytest.raises(CallFailed) as caught:
                act()
            assert str(caught.value).startswith(tried) and reason in str(caught.value)
            assert "call" not in caught.value.details


def test_reads_that_no_one_asked_for_end_with_the_fake_account(pauses):
    before = set(threading.enumerate())
    fake = FakeAws()
    aws = Aws(fake.clients)
    for number in range(20):
        aws.read("s3", "GetObject", "an object", **OURS, Key=str(number)).start()
    fake.stop()
    assert set(threading.enumerate()) == before
