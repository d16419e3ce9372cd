# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real boto3 clients whose calls are recorded, and can be made to fail or be preceded by another process's, before they
reach moto.

botocore still checks every parameter against AWS's own model of the call. Where moto lacks something that these tests
need, the answer given here is AWS's.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import email.utils
import json
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import boto3
import moto
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.models import RESPONSES_METHODS
from moto.iam.models import iam_backends
from moto.s3.models import S3Backend, s3_backends

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import ReadyClients
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

ACCOUNT = DEFAULT_ACCOUNT_ID
REGION = "eu-west-1"
SERVICES = ("s3", "s3control", "iam", "sts")

WRITES = ("Create", "Put", "Delete", "Add", "Remove", "Update", "Tag", "Untag")


def _clients(region: str, key: str) -> ReadyClients:
    session = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key="x", region_name=region)
    config = Config(retries={"total_max_attempts": 1})
    return ReadyClients({service: session.client(service, config=config) for service in SERVICES})


# For each account, moto would register more than a thousand URLs with a fake of the library requests, which botocore
# does not use. It takes longer than most tests do.
RESPONSES_METHODS.clear()

# For each request, moto would load its list of S3's URLs again, in case the environment has changed, and build the URLs
# of all partitions from it.
S3Backend.urls = S3Backend(REGION, ACCOUNT).urls


# Creating them costs more than most tests, so they are created at import: ansible-test runs each test in its own
# process. Calls of another process's clients are neither recorded nor made to fail.
_OURS = {region: _clients(region, "AKIDEXAMPLE") for region in (REGION, "us-east-1")}
_OTHERS = _clients(REGION, "AKIDOTHER")

# Ours, for tests that need clients and no account.
CLIENTS = _OURS[REGION]


class FakeAws:
    """An empty account. ``clients`` are for ``Aws``; ``calls`` lists the calls, for example ``s3:HeadBucket``."""

    def __init__(self, region: str = REGION) -> None:
        self._mock = moto.mock_aws()
        self._mock.start()
        self.clients = _OURS[region]
        self.calls: list[str] = []
        self.params: list[tuple[str, dict[str, t.Any]]] = []
        self._call = threading.local()  # reads come from several threads
        self._failures: dict[str, list[tuple[str, int, str]]] = {}
        self._before: dict[str, list[t.Callable[[], None]]] = {}
        self._pools: list[ThreadPoolExecutor] = []
        self._patch = mock.patch.object(concurrent.futures, "ThreadPoolExecutor", self._new_pool)
        self._patch.start()
        for client in self.clients.values():
            client.meta.events.register("provide-client-params", self._remember)
            client.meta.events.register_first("before-call", self._arrive)
        self.clients["s3"].meta.events.register("after-call.s3.CreateBucket", self._complete_bucket)
        self.clients["s3"].meta.events.register("after-call.s3.GetObject", _add_length)
        for operation in ("GetObject", "PutObject"):
            self.clients["s3"].meta.events.register(f"after-call.s3.{operation}", _add_date)

    def stop(self) -> None:
        # A read that was started and that no one asked for must not reach the next test's account, or the real AWS. It
        # may still wait for its thread.
        self._patch.stop()
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)
        for client in self.clients.values():
            client.meta.events.unregister("provide-client-params", self._remember)
            client.meta.events.unregister("before-call", self._arrive)
        self.clients["s3"].meta.events.unregister("after-call.s3.CreateBucket", self._complete_bucket)
        self.clients["s3"].meta.events.unregister("after-call.s3.GetObject", _add_length)
        for operation in ("GetObject", "PutObject"):
            self.clients["s3"].meta.events.unregister(f"after-call.s3.{operation}", _add_date)
        self._mock.stop()

    def _new_pool(self, *arguments: t.Any, **named: t.Any) -> ThreadPoolExecutor:
        pool = ThreadPoolExecutor(*arguments, **named)
        self._pools.append(pool)
        return pool

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if call.partition(":")[2].startswith(WRITES)]

    def params_of(self, call: str) -> list[dict[str, t.Any]]:
        """The parameters of each such call, in order."""
        return [params for name, params in self.params if name == call]

    def fail(self, call: str, code: str, status: int = 400, *, message: str = "a message", times: int = 1) -> None:
        """Make the next calls of this name fail."""
        self._failures.setdefault(call, []).extend([(code, status, message)] * times)

    @contextlib.contextmanager
    def answers_lost(self, call: str, times: int = 1) -> t.Iterator[None]:
        """Let the next calls of this name take effect, and the connection break before the answer."""
        left = [times]

        def lose(**ignored: t.Any) -> None:
            if left[0]:
                left[0] -= 1
                raise ConnectionClosedError(endpoint_url="https://aws.invalid")

        with self._on_answers(call, lose):
            yield

    def before(self, call: str, act: t.Callable[[], None]) -> None:
        """Let another process act just before the next call of this name arrives."""
        self._before.setdefault(call, []).append(act)

    def quietly(self, service: str) -> t.Any:
        """A client of another process, whose calls are neither recorded nor made to fail."""
        return _OTHERS[service]

    @contextlib.contextmanager
    def altered(self, call: str, **members: t.Any) -> t.Iterator[None]:
        """Give the answers to such calls other members, as AWS itself would not."""

        def alter(parsed: dict[str, t.Any], **ignored: t.Any) -> None:
            parsed.update(members)

        with self._on_answers(call, alter):
            yield

    @contextlib.contextmanager
    def _on_answers(self, call: str, act: t.Callable[..., None]) -> t.Iterator[None]:
        """Let a function handle the answers to such calls, after all others that do."""
        service, dummy, operation = call.partition(":")
        events, event = self.clients[service].meta.events, f"after-call.{service}.{operation}"
        events.register_last(event, act)
        try:
            yield
        finally:
            events.unregister(event, act)

    def _remember(self, params: dict[str, t.Any], model: t.Any, **ignored: t.Any) -> None:
        service = model.service_model.service_name
        self.params.append((f"{service}:{model.name}", params))
        # The name may be that of others, who have taken it meanwhile or have written it into a document.
        if "Bucket" in params and model.name != "CreateBucket":
            assert "ExpectedBucketOwner" in params, f"{service}:{model.name} does not say whose bucket it means"
        self._call.params = params

    def _arrive(self, model: t.Any, **ignored: t.Any) -> tuple[t.Any, dict[str, t.Any]] | None:
        call = f"{model.service_model.service_name}:{model.name}"
        self.calls.append(call)
        if self._before.get(call):
            self._before[call].pop(0)()
        if self._failures.get(call):
            return _failure(*self._failures[call].pop(0))
        params = self._call.params
        if self._is_others(params) or self._blocks(call, params):
            return _failure("403" if call == "s3:HeadBucket" else "AccessDenied", 403, "Access Denied")
        answer = _LACKING.get(call)
        return answer(params) if answer else None

    def _is_others(self, params: dict[str, t.Any]) -> bool:
        """Whether the expected owner of a bucket is another account, which moto does not check."""
        expected = params.get("ExpectedBucketOwner", ACCOUNT)
        return expected != ACCOUNT and params["Bucket"] in s3_backends[ACCOUNT]["aws"].buckets

    def _blocks(self, call: str, params: dict[str, t.Any]) -> bool:
        """Whether Block Public Access refuses a policy, which moto does not enforce."""
        if call != "s3:PutBucketPolicy":
            return False
        block = s3_backends[ACCOUNT]["aws"].get_bucket(params["Bucket"]).public_access_block
        return block is not None and block.block_public_policy

    def _complete_bucket(self, http_response: t.Any, parsed: dict[str, t.Any], **ignored: t.Any) -> None:
        """Give a new bucket what AWS gives it: all public access blocked, encryption, and the requested tags."""
        if http_response.status_code != 200:
            return
        params = self.params_of("s3:CreateBucket")[-1]
        other = self.quietly("s3")
        block = dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        )
        other.put_public_access_block(Bucket=params["Bucket"], PublicAccessBlockConfiguration=block)
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        other.put_bucket_encryption(Bucket=params["Bucket"], ServerSideEncryptionConfiguration={"Rules": [rule]})
        tags = params.get("CreateBucketConfiguration", {}).get("Tags")
        if tags:
            other.put_bucket_tagging(Bucket=params["Bucket"], Tagging={"TagSet": tags})


def _failure(code: str, status: int, message: str) -> tuple[t.Any, dict[str, t.Any]]:
    response = AWSResponse("https://aws.invalid", status, {}, None)
    return response, {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0},
    }


def _add_length(http_response: t.Any, parsed: dict[str, t.Any], **ignored: t.Any) -> None:
    """Give an object its Content-Length, which moto leaves to its server."""
    if http_response.status_code == 200:
        parsed.setdefault("ContentLength", len(http_response.raw.getvalue()))


def _add_date(parsed: dict[str, t.Any], **ignored: t.Any) -> None:
    """Give an answer its Date, which moto leaves to its server, too."""
    headers = parsed.get("ResponseMetadata", {}).get("HTTPHeaders")
    if headers is not None:
        headers.setdefault("date", email.utils.formatdate(usegmt=True))


def _success() -> tuple[t.Any, dict[str, t.Any]]:
    return AWSResponse("https://aws.invalid", 200, {}, None), {"ResponseMetadata": {"HTTPStatusCode": 200}}


def _change_client_ids(
    params: dict[str, t.Any], change: t.Callable[[list[str], str], t.Any]
) -> tuple[t.Any, dict[str, t.Any]]:
    providers = iam_backends[ACCOUNT]["aws"].open_id_providers
    provider = providers.get(params["OpenIDConnectProviderArn"])
    if provider is None:
        return _failure("NoSuchEntity", 404, "no such provider")
    change(provider.client_id_list, params["ClientID"])
    return _success()


def _add(client_ids: list[str], client_id: str) -> None:
    if client_id not in client_ids:
        client_ids.append(client_id)


def _remove(client_ids: list[str], client_id: str) -> None:
    if client_id in client_ids:
        client_ids.remove(client_id)


def _check_removal(params: dict[str, t.Any]) -> tuple[t.Any, dict[str, t.Any]] | None:
    """Refuse to remove an object that is not the one that a condition names."""
    if "IfMatch" not in params:
        return None
    found = s3_backends[ACCOUNT]["aws"].get_object(params["Bucket"], params["Key"])
    if found is None:
        return _failure("NoSuchKey", 404, "no such key")
    return None if found.etag == params["IfMatch"] else _failure("PreconditionFailed", 412, "If-Match")


# What moto 5.2 lacks.
_LACKING: dict[str, t.Callable[[dict[str, t.Any]], tuple[t.Any, dict[str, t.Any]] | None]] = {
    "s3:DeleteObject": _check_removal,
    "iam:AddClientIDToOpenIDConnectProvider": lambda params: _change_client_ids(params, _add),
    "iam:RemoveClientIDFromOpenIDConnectProvider": lambda params: _change_client_ids(params, _remove),
}


def policy_of(aws: FakeAws, bucket: str) -> dict[str, t.Any]:
    """A bucket's policy, read by another process."""
    return json.loads(aws.quietly("s3").get_bucket_policy(Bucket=bucket)["Policy"])


def refusal(aws: FakeAws, act: t.Callable[..., t.Any], *arguments: t.Any, **given: t.Any) -> str:
    """The message of the IrsaError that ``act(aws, ...)`` raises before it writes anything."""
    with pytest.raises(IrsaError) as caught:
        act(aws, *arguments, **given)
    assert aws.writes == []
    return str(caught.value)


def _warm_up() -> None:
    """Call each service once, since the first call imports a second's worth of moto."""
    fake = FakeAws("us-east-1")
    fake.clients["s3"].create_bucket(Bucket="warm-up")
    fake.clients["s3"].put_object(Bucket="warm-up", ExpectedBucketOwner=ACCOUNT, Key="key", Body=b"")
    fake.clients["s3control"].delete_public_access_block(AccountId=ACCOUNT)
    fake.clients["iam"].create_open_id_connect_provider(Url="https://warm-up.example", ThumbprintList=["0" * 40])
    fake.clients["sts"].get_caller_identity()
    endpoint_of(fake.clients["s3"])
    fake.stop()


_warm_up()
