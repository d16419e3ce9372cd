# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The AWS-compatible endpoint that the environment names, reached with boto3 and, anonymously, with urllib."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

PATH_STYLE = "path-style"
HOST_STYLE = "host-style"
DOCUMENTS = ("keys.json", ".well-known/openid-configuration")

Result = TypeVar("Result")


def setting(name: str, purpose: str) -> str:
    """A variable of the environment. Without it the test is skipped, saying what to set and why."""
    value = os.environ.get(name)
    if not value:
        pytest.skip(f"set {name}: {purpose}")
    return value


def eventually(attempt: Callable[[], Result], failure: type[Exception], seconds: float = 60) -> Result:
    """What an attempt returns once it no longer raises ``failure``, which is raised after so many seconds.

    IAM's changes take a while to be seen everywhere:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except failure:
            if time.monotonic() > deadline:
                raise
        threading.Event().wait(1)


@dataclass(frozen=True)
class Fetched:
    """What an anonymous client got."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Site:
    """Where a test publishes: its own bucket, and the issuer of that bucket."""

    bucket: str
    issuer: str
    # The role computes the URL of a bucket's own host; every other URL must be set.
    default_issuer: bool

    @property
    def documents(self) -> tuple[str, str]:
        """The URLs of the JWKS and of the discovery document."""
        return f"{self.issuer}/{DOCUMENTS[0]}", f"{self.issuer}/{DOCUMENTS[1]}"

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of role irsa_issuer that publish here."""
        variables: dict[str, Any] = {"irsa_issuer_bucket": self.bucket, "irsa_issuer_key_path": "sa-signer.key"}
        if not self.default_issuer:
            variables["irsa_issuer_url"] = self.issuer
        if account_id := os.environ.get("IRSA_E2E_ACCOUNT_ID"):
            variables["irsa_issuer_account_id"] = account_id
        if thumbprints := os.environ.get("IRSA_E2E_THUMBPRINTS"):
            variables["irsa_issuer_thumbprints"] = thumbprints.split(",")
        if ca_path := os.environ.get("AWS_CA_BUNDLE"):
            variables["irsa_issuer_ca_path"] = ca_path
        return variables


class Endpoint:
    """The endpoint as the tests use it themselves, without the collection."""

    def __init__(self) -> None:
        self.session = boto3.session.Session()
        self.ca_path = os.environ.get("AWS_CA_BUNDLE")
        self._trust = ssl.create_default_context(cafile=self.ca_path)

    @functools.cached_property
    def s3(self) -> Any:
        # Other stores rarely have a DNS name for each bucket; AWS accepts both forms.
        return self.session.client("s3", config=Config(s3={"addressing_style": "path"}))

    @functools.cached_property
    def iam(self) -> Any:
        return self.session.client("iam")

    @functools.cached_property
    def sts(self) -> Any:
        """STS as a pod calls it: without credentials."""
        return self.session.client("sts", config=Config(signature_version=UNSIGNED))

    @property
    def is_aws(self) -> bool:
        return str(urlsplit(self.s3.meta.endpoint_url).hostname).endswith(".amazonaws.com")

    def knows(self, service: str, operation: str, **params: Any) -> bool:
        """Whether the endpoint supports a call, whatever it answers."""
        try:
            getattr(self.session.client(service), operation)(**params)
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"] not in (405, 501)
        return True

    def fetch(self, url: str) -> Fetched:
        """Fetch a URL anonymously."""
        try:
            answer = urllib.request.urlopen(url, context=self._trust, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return Fetched(answer.status, {name.lower(): text for name, text in answer.headers.items()}, answer.read())

    @contextlib.contextmanager
    def site(self, style: str) -> Iterator[Site]:
        """An empty site; what is there afterwards is removed."""
        site = self._new_site(style)
        if self.has_bucket(site.bucket):
            pytest.fail(f"the bucket {site.bucket} exists already, and the tests delete what is in their buckets")
        try:
            yield site
        finally:
            self.delete_provider(site.issuer)
            self.delete_bucket(site.bucket)

    def _new_site(self, style: str) -> Site:
        random_name = f"irsa-e2e-{secrets.token_hex(5)}"
        if style == PATH_STYLE:
            base = setting(
                "IRSA_E2E_ISSUER_BASE", "what path-style issuers begin with, for example https://s3.example.com"
            )
            return Site(random_name, f"{base.rstrip('/')}/{random_name}", False)
        base = setting(
            "IRSA_E2E_HOST_STYLE_BASE", "what follows the bucket in host-style issuers, for example s3.example.com"
        )
        bucket = os.environ.get("IRSA_E2E_HOST_BUCKET") or random_name
        return Site(bucket, f"https://{bucket}.{base}", urlsplit(self.s3.meta.endpoint_url).hostname == base)

    def has_bucket(self, bucket: str) -> bool:
        try:
            self.s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def make_bucket(self, bucket: str) -> None:
        """Create a private bucket with the SDK."""
        region = self.s3.meta.region_name
        elsewhere = self.is_aws and region != "us-east-1"
        location = {"CreateBucketConfiguration": {"LocationConstraint": region}} if elsewhere else {}
        self.s3.create_bucket(Bucket=bucket, **location)

    def delete_bucket(self, bucket: str) -> None:
        """Delete a bucket with everything in it, if it exists."""
        if not self.has_bucket(bucket):
            return
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                self.s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        self.s3.delete_bucket(Bucket=bucket)

    def provider(self, issuer: str) -> dict[str, Any] | None:
        """The provider of an issuer with its ARN, found among all providers of the account."""
        for listed in self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            if listed["Arn"].endswith(":oidc-provider/" + issuer.removeprefix("https://")):
                answer = self.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=listed["Arn"])
                return {"Arn": listed["Arn"], **answer}
        return None

    def delete_provider(self, issuer: str) -> None:
        provider = self.provider(issuer)
        if provider:
            self.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])

    @contextlib.contextmanager
    def role_removed(self, name: str) -> Iterator[None]:
        """Remove a role in the end, if there is one, with the inline policies that it has."""
        try:
            yield
        finally:
            with contextlib.suppress(self.iam.exceptions.NoSuchEntityException):
                for policy in self.iam.list_role_policies(RoleName=name)["PolicyNames"]:
                    self.iam.delete_role_policy(RoleName=name, PolicyName=policy)
                self.iam.delete_role(RoleName=name)
