# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes back is no answer of AWS, or not all of it: the call is made again, and in the end told in a sentence that
quotes nothing of it.
"""

from __future__ import annotations

import traceback
import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.tests.unit.plugins.module_utils._aws.faulty_endpoint import (
    RESET,
    FaultyEndpoint,
    answer,
    cut,
    page,
)

SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
IAM = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'
METADATA = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"


def result(operation: str, members: str, namespace: str = IAM) -> bytes:
    return (
        f"<{operation}Response {namespace}><{operation}Result>{members}</{operation}Result>{METADATA}"
        f"</{operation}Response>"
    ).encode()


IDENTITY = result("GetCallerIdentity", "<Account>123456789012</Account>")
PROVIDER = result(
    "GetOpenIDConnectProvider", "<Url>irsa.example.com</Url><ClientIDList><member>sts</member></ClientIDList>"
)
NO_PROVIDER = result("GetOpenIDConnectProvider", "<Url>irsa.example.com</Url>")
CREDENTIALS = result(
    "AssumeRoleWithWebIdentity",
    f"<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
    "<SessionToken>token</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration></Credentials>",
)
TAGS = b"<Tagging><TagSet><Tag><Key>team</Key><Value>one</Value></Tag></TagSet></Tagging>"
HALF_A_TAG = b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"
POLICY = b'{"Version": "2012-10-17", "Statement": []}'
VERSIONS = b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>"
NO_POLICY = b"<Error><Code>NoSuchBucketPolicy</Code><Message>none</Message></Error>"
DOCUMENT = b'{"keys": [{"kid": "one"}, {"kid": "two"}]}'

BUCKET: dict[str, t.Any] = {"Bucket": "irsa"}
OBJECT: dict[str, t.Any] = {**BUCKET, "Key": "keys.json"}
ARN = {"OpenIDConnectProviderArn": "arn:aws:iam::123456789012:oidc-provider/irsa.example.com"}
ROLE = {"RoleArn": "arn:aws:iam::123456789012:role/app", "RoleSessionName": "name", "WebIdentityToken": "t.o.k"}

# Each kind of call: service, operation, parameters, its good answer.
PAGE = "Please sign in"

CALLS: dict[str, tuple[str, str, dict[str, t.Any], bytes]] = {
    "query": ("sts", "GetCallerIdentity", {}, answer(IDENTITY, media_type="text/xml")),
    "query with parameters": ("iam", "GetOpenIDConnectProvider", ARN, answer(PROVIDER, media_type="text/xml")),
    "secret": ("sts", "AssumeRoleWithWebIdentity", ROLE, answer(CREDENTIALS, media_type="text/xml")),
    "XML": ("s3", "GetBucketTagging", BUCKET, answer(TAGS)),
    "JSON": ("s3", "GetBucketPolicy", BUCKET, answer(POLICY, media_type="application/json")),
}


@pytest.fixture
def endpoint():
    """Starts an endpoint with a script."""
    started: list[FaultyEndpoint] = []

    def start(*script: bytes) -> FaultyEndpoint:
        started.append(FaultyEndpoint(*script))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def call(endpoint: FaultyEndpoint, kind: str) -> t.Any:
    service, operation, params, dummy = CALLS[kind]
    return endpoint.aws.call(service, operation, "it", **params)


def failure_of(act: t.Callable[[], t.Any]) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        act()
    everything = "".join(traceback.format_exception(caught.value)) + repr(caught.value.details)
    assert SECRET not in everything and PAGE not in everything
    assert caught.value.__context__ is None and caught.value.__cause__ is None
    return caught.value


FAULTS: dict[str, t.Callable[[bytes], bytes]] = {
    "cut": lambda good: cut(good, 30),
    "cut behind the secret": lambda good: good.partition(b"</SessionToken>")[0] if SECRET.encode() in good else RESET,
    "empty": lambda good: answer(b""),
    "page": lambda good: page(),
    "well-formed page": lambda good: page(body=b"<html><body>Please sign in</body></html>"),
    "page with 403": lambda good: page("403 Forbidden"),
    "page with 502": lambda good: page("502 Bad Gateway"),
    "JSON": lambda good: page(body=b'{"error": "Please sign in"}', media_type="application/json"),
    "403 without body": lambda good: answer(b"", status="403 Forbidden"),
    "503": lambda good: answer(b"<x/>", status="503 Slow Down"),
    "reset": lambda good: RESET,
    "no HTTP": lambda good: b"Please sign in\r\n",
    "half a header": lambda good: good[:40],
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", CALLS)
class TestEveryCall:
    def test_a_fault_that_passes_is_survived(self, endpoint, kind, fault):
        good = CALLS[kind][3]
        bad = FAULTS[fault](good)
        started = endpoint(bad, bad, bad, bad, good)
        assert "ResponseMetadata" in call(started, kind)
        assert len(started.requests) == 5

    def test_a_fault_that_stays_names_the_call_and_quotes_nothing(self, endpoint, kind, fault, pauses):
        started = endpoint(FAULTS[fault](CALLS[kind][3]))
        failure = failure_of(lambda: call(started, kind))
        service, operation, *_rest = CALLS[kind]
        assert str(failure).startswith(f"{service}:{operation} on it ")
        assert not failure.denied
        assert len(started.requests) == 10 and sum(pauses) < 15


class TestMembers:
    @pytest.mark.parametrize(
        ("service", "operation", "params", "body", "member"),
        [
            ("iam", "GetOpenIDConnectProvider", ARN, NO_PROVIDER, "ClientIDList"),
            ("sts", "GetCallerIdentity", {}, result("GetCallerIdentity", ""), "Account"),
            ("sts", "AssumeRoleWithWebIdentity", ROLE, result("AssumeRoleWithWebIdentity", ""), "Credentials"),
            ("s3", "GetBucketTagging", BUCKET, b"<Tagging/>", "TagSet.Key"),
            (
                "s3",
                "GetBucketTagging",
                BUCKET,
                HALF_A_TAG,
                "TagSet.Value",
            ),
            ("s3", "GetPublicAccessBlock", BUCKET, b"<x/>", "PublicAccessBlockConfiguration"),
            ("s3", "GetBucketEncryption", BUCKET, b"<x/>", "ServerSideEncryptionConfiguration"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_an_answer_that_lacks_what_aws_always_sends_is_none(
        self, endpoint, service, operation, params, body, member
    ):
        started = endpoint(answer(body))
        failure = failure_of(lambda: started.aws.call(service, operation, "it", **params))
        assert f"it lacks {member}" in str(failure) and len(started.requests) == 10

    @pytest.mark.parametrize("policy", [b"{}", b"[]", b'"Statement"', b"page"])
    def test_a_policy_that_s3_would_not_have_stored_is_none(self, endpoint, policy):
        started = endpoint(answer(policy), answer(POLICY))
        assert started.aws.call("s3", "GetBucketPolicy", "it", **BUCKET)["Policy"] == POLICY.decode()
        assert len(started.requests) == 2

    def test_a_list_that_lacks_what_aws_always_sends_is_none(self, endpoint):
        started = endpoint(answer(b""), answer(VERSIONS))
        assert len(started.aws.pages("s3", "ListObjectVersions", "it", **BUCKET)) == 1
        assert len(started.requests) == 2

    def test_a_bucket_without_versioning_has_an_answer_without_members(self, endpoint):
        started = endpoint(answer(b""), answer(b"<VersioningConfiguration/>"))
        assert "Status" not in started.aws.call("s3", "GetBucketVersioning", "it", **BUCKET)
        assert len(started.requests) == 2


class TestErrors:
    def test_an_error_of_aws_is_not_repeated(self, endpoint, pauses):
        started = endpoint(answer(NO_POLICY, status="404 Not Found"))
        assert started.aws.call("s3", "GetBucketPolicy", "it", absent_codes=("NoSuchBucketPolicy",), **BUCKET) is None
        assert len(started.requests) == 1 and pauses == []

    @pytest.mark.parametrize(
        "code", ["AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ValidationError"]
    )
    def test_what_time_cannot_mend_fails_at_once(self, endpoint, pauses, code):
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        started = endpoint(answer(body, status="403 Forbidden"))
        assert failure_of(lambda: started.aws.call("s3", "GetBucketPolicy", "it", **BUCKET)).code == code
        assert len(started.requests) == 1 and pauses == []

    @pytest.mark.parametrize("kind", CALLS)
    def test_a_redirect_to_a_page_is_no_answer(self, endpoint, kind):
        started = endpoint(page("302 Found"), CALLS[kind][3])
        assert "ResponseMetadata" in call(started, kind)
        assert len(started.requests) == 2

    def test_an_error_that_broke_off_is_not_taken_for_an_absence(self, endpoint):
        whole = answer(NO_POLICY, status="404 Not Found")
        started = endpoint(cut(whole, 30), whole)
        assert started.aws.call("s3", "GetBucketPolicy", "it", absent_codes=("NoSuchBucketPolicy",), **BUCKET) is None
        assert len(started.requests) == 2

    @pytest.mark.parametrize("status", ["400 Bad Request", "503 Slow Down", "500 Oops", "429 Too Many"])
    def test_a_fault_of_head_that_may_pass_is_survived(self, endpoint, status):
        bad = answer(b"", status=status)
        started = endpoint(*[bad] * 4, answer(b""))
        assert started.aws.call("s3", "HeadBucket", "it", **BUCKET)
        assert len(started.requests) == 5

    @pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "200 OK", "302 Found"])
    def test_the_page_of_a_proxy_is_no_answer_to_head(self, endpoint, status):
        started = endpoint(page(status, body=b""))
        failure = failure_of(lambda: started.aws.call("s3", "HeadBucket", "it", absent_codes=("404",), **BUCKET))
        assert "a page (text/html, status " in str(failure) and "proxy" in str(failure)

    @pytest.mark.parametrize("name", ["x-amz-request-id", "x-amzn-requestid"])
    @pytest.mark.parametrize("media_type", ["application/xml", "text/html"])
    def test_a_missing_bucket_is_an_answer_to_head(self, endpoint, name, media_type):
        # As moto says it, which servers for tests are built on.
        head = f"HTTP/1.1 404 Not Found\r\n{name}: 1\r\nContent-Type: {media_type}\r\nContent-Length: 0\r\n\r\n"
        started = endpoint(head.encode())
        assert started.aws.call("s3", "HeadBucket", "it", absent_codes=("404",), **BUCKET) is None


class TestObjects:
    def read(self, started: FaultyEndpoint, max_body: int = 1000) -> t.Any:
        read = started.aws.read("s3", "GetObject", "it", absent_codes=("NoSuchKey",), max_body=max_body, **OBJECT)
        return read.start().result()

    def good(self) -> bytes:
        return answer(DOCUMENT).replace(b"x-amz-request-id", b'ETag: "etag"\r\nx-amz-request-id')

    def test_an_object_is_read_whole(self, endpoint):
        assert self.read(endpoint(self.good()))["Body"] == DOCUMENT

    def test_a_larger_object_is_read_to_the_limit(self, endpoint):
        assert self.read(endpoint(self.good()), 10)["Body"] == DOCUMENT[:11]

    @pytest.mark.parametrize(
        "fault",
        [
            lambda good: cut(good, 12),
            lambda good: cut(good, len(DOCUMENT)),
            lambda good: page(),
            lambda good: answer(b""),
            lambda good: good.replace(b"ETag", b"x-tag"),
            lambda good: good.replace(b"Content-Length", b"x-length"),
            lambda good: good.replace(b"x-amz-request-id", b"x-amz-checksum-crc32: AAAAAA==\r\nx-amz-request-id"),
            lambda good: cut(answer(b"<Error><Code>NoSuchKey</Code></Error>", status="404 Not Found"), 20),
        ],
        ids=["cut", "no body", "page", "empty", "no ETag", "no length", "checksum", "cut error"],
    )
    def test_a_part_of_an_object_is_evidence_of_nothing(self, endpoint, fault):
        bad = fault(self.good())
        started = endpoint(bad, bad, bad, self.good())
        assert self.read(started)["Body"] == DOCUMENT
        assert len(started.requests) == 4
        started = endpoint(bad)
        assert "s3:GetObject on it got " in str(failure_of(lambda: self.read(started)))

    def test_a_body_in_chunks_needs_no_length(self, endpoint):
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(DOCUMENT), DOCUMENT)
        head = self.good().partition(b"\r\n\r\n")[0]
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        whole = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", chunks])
        started = endpoint(cut(whole, 12), whole)
        assert self.read(started)["Body"] == DOCUMENT
        assert len(started.requests) == 2


class TestTime:
    @pytest.fixture
    def clock(self, monkeypatch):
        """Time that passes only when a request is sent: 20 seconds for each."""
        now = [0.0]
        monkeypatch.setattr("time.monotonic", lambda: now[0])
        return now

    def test_an_endpoint_that_does_not_answer_is_given_a_minute(self, endpoint, monkeypatch, clock):
        from botocore.exceptions import ReadTimeoutError  # noqa: PLC0415
        from botocore.httpsession import URLLib3Session  # noqa: PLC0415

        sent = []

        def send(session, request):
            sent.append(request.url)
            clock[0] += 20
            raise ReadTimeoutError(endpoint_url=request.url)

        monkeypatch.setattr(URLLib3Session, "send", send)
        started = endpoint(RESET)
        failure = failure_of(lambda: call(started, "query"))
        assert len(sent) == 3 and "Read timeout" in str(failure)
        # What is asked next does not wait for another minute.
        failure_of(lambda: call(started, "XML"))
        assert len(sent) == 4
