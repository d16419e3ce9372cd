# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A write whose answer is lost is in the result, once, if and only if it took effect."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import provider_absent, provider_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_base import ProviderSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import (
    bucket_absent,
    bucket_present,
    publication_absent,
    publication_present,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_settings import BucketSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import PublicationSpec
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import FakeAws
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

BUCKET = "irsa-prod"
URL = f"https://{BUCKET}.s3.eu-west-1.amazonaws.com"
TEXTS = {
    "jwks_json": documents.render({"keys": [jwk_of(samples.P256)]}),
    "discovery_json": documents.render(documents.discovery(URL, f"{URL}/keys.json", ["ES256"])),
}
BUCKET_SPEC = BucketSpec(name=BUCKET, tags={"team": "one"}, versioning=True)
DOCUMENTS = PublicationSpec(bucket=BUCKET, issuer=URL, **TEXTS)
PROVIDER = ProviderSpec(url=URL, tags={"team": "one"})
CHANGED_PROVIDER = ProviderSpec(url=URL, client_ids=["a", "b"], tags={"team": "two"}, thumbprints=["a" * 40])

Act: t.TypeAlias = "t.Callable[[FakeAws], Outcome[t.Any]]"


def bucket(fake: FakeAws) -> Outcome[t.Any]:
    return bucket_present.ensure_present(Aws(fake.clients), BUCKET_SPEC, False)


def no_bucket(fake: FakeAws) -> Outcome[t.Any]:
    return bucket_absent.ensure_absent(Aws(fake.clients), BUCKET_SPEC, False)


def publication(fake: FakeAws) -> Outcome[t.Any]:
    return publication_present.ensure_present(Aws(fake.clients), DOCUMENTS, False)


def no_publication(fake: FakeAws) -> Outcome[t.Any]:
    return publication_absent.ensure_absent(Aws(fake.clients), DOCUMENTS, False)


def provider(fake: FakeAws, spec: ProviderSpec = PROVIDER) -> Outcome[t.Any]:
    return provider_present.ensure_present(Aws(fake.clients), spec, False)


def changed_provider(fake: FakeAws) -> Outcome[t.Any]:
    return provider(fake, CHANGED_PROVIDER)


def no_provider(fake: FakeAws) -> Outcome[t.Any]:
    return provider_absent.ensure_absent(Aws(fake.clients), ProviderSpec(url=URL), False)


# What is run, what was run before it, and the writes of which each is lost.
RUNS: dict[str, tuple[Act, t.Sequence[Act], t.Sequence[str]]] = {
    "bucket": (
        bucket,
        (),
        ("s3:CreateBucket", "s3:PutPublicAccessBlock", "s3:PutBucketPolicy", "s3:PutBucketVersioning"),
    ),
    "documents": (publication, (bucket,), ("s3:PutObject",)),
    "provider": (provider, (), ("iam:CreateOpenIDConnectProvider",)),
    "changed provider": (
        changed_provider,
        (provider,),
        (
            "iam:AddClientIDToOpenIDConnectProvider",
            "iam:RemoveClientIDFromOpenIDConnectProvider",
            "iam:UpdateOpenIDConnectProviderThumbprint",
            "iam:TagOpenIDConnectProvider",
        ),
    ),
    "no provider": (no_provider, (provider,), ("iam:DeleteOpenIDConnectProvider",)),
    "no documents": (no_publication, (bucket, publication), ("s3:DeleteObject",)),
    "no bucket": (no_bucket, (bucket, publication), ("s3:DeleteObjects", "s3:DeleteBucket")),
}
EACH = pytest.mark.parametrize(
    ("run", "write"), [(run, write) for run, (act, before, writes) in RUNS.items() for write in writes]
)


def expected_of(run: str) -> list[str]:
    """The actions of the same run without a fault, in an account of its own."""
    act, before, dummy = RUNS[run]
    fake = FakeAws()
    try:
        for each in before:
            each(fake)
        return act(fake).actions
    finally:
        fake.stop()


@EACH
@pytest.mark.parametrize("times", [1, 10], ids=["one try", "all tries"])
def test_a_write_whose_answer_was_lost_is_in_the_result_once(run, write, times):
    expected = expected_of(run)
    fake = FakeAws()
    try:
        act, before, dummy = RUNS[run]
        for each in before:
            each(fake)
        with fake.answers_lost(write, times):
            done = act(fake)
        assert sorted(done.actions) == sorted(expected) and done.changed
        assert len(done.diff) == len(expected)
        assert act(fake).actions == []
    finally:
        fake.stop()


@EACH
def test_a_write_that_never_took_effect_is_not_in_the_result(run, write):
    fake = FakeAws()
    try:
        act, before, dummy = RUNS[run]
        for each in before:
            each(fake)
        fake.fail(write, "InternalError", 500, times=1000)
        with pytest.raises(CallFailed) as caught:
            act(fake)
        assert write not in caught.value.details["actions"]
        assert caught.value.details["changed"] == bool(caught.value.details["actions"])
        assert fake.calls.count(write) == 20
    finally:
        fake.stop()


def test_what_another_run_created_is_not_ours(fake_aws):
    def create() -> None:
        fake_aws.quietly("iam").create_open_id_connect_provider(
            Url=URL, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
        )

    fake_aws.before("iam:CreateOpenIDConnectProvider", create)
    fake_aws.fail("iam:CreateOpenIDConnectProvider", "EntityAlreadyExists", 409)
    spec = ProviderSpec(url=URL)
    assert provider(fake_aws, spec).actions == []


def test_a_throttled_write_leaves_no_doubt(fake_aws):
    """Throttling refuses a call before it takes effect, so what is there then is another's."""

    def create() -> None:
        fake_aws.quietly("iam").create_open_id_connect_provider(
            Url=URL, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
        )

    fake_aws.before("iam:CreateOpenIDConnectProvider", lambda: None)
    fake_aws.before("iam:CreateOpenIDConnectProvider", create)
    fake_aws.fail("iam:CreateOpenIDConnectProvider", "Throttling", 400)
    fake_aws.fail("iam:CreateOpenIDConnectProvider", "EntityAlreadyExists", 409)
    assert provider(fake_aws, ProviderSpec(url=URL)).actions == []


def test_a_failure_after_lost_answers_says_that_the_effect_is_unknown(fake_aws):
    with fake_aws.answers_lost("iam:CreateOpenIDConnectProvider", 10):
        fake_aws.before(
            "iam:CreateOpenIDConnectProvider",
            lambda: fake_aws.fail("iam:GetOpenIDConnectProvider", "AccessDenied", 403, times=50),
        )
        with pytest.raises(CallFailed, match="Whether it took effect is not known") as caught:
            provider(fake_aws)
    assert caught.value.call == "iam:CreateOpenIDConnectProvider"
