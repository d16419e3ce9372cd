# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that publishes an issuer does not bring back a key that a rotation has withdrawn."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import issuer_present
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import store
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.publication import StateSpec
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import REGION
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

BUCKET = "irsa-prod"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
OLD, NEW, THIRD = samples.RSA, samples.P256, samples.OTHER_RSA
PUT = "s3:PutObject"


def ensure(fake_aws, check_mode=False, **given):
    spec = IssuerSpec(bucket=BUCKET, verify=False, **given)
    return issuer_present.ensure_present(Aws(fake_aws.clients), spec, check_mode)


def cluster(*keys):
    """The options of an issuer whose keys are those that the API servers serve."""
    return {"keyless": True, "cluster_jwks": {"keys": [jwk_of(key) for key in keys]}}


def rotate(fake_aws, **given):
    store.ensure_state(Aws(fake_aws.clients), StateSpec(bucket=BUCKET, issuer=ISSUER, **given), False)


def pem(key):
    return samples.public_pem(key.pkcs8).decode()


def kid(key):
    return samples.kid(key.pkcs8)


def published(fake_aws):
    text = fake_aws.quietly("s3").get_object(Bucket=BUCKET, Key="keys.json")["Body"].read()
    return {key["kid"] for key in json.loads(text)["keys"]}


@pytest.fixture
def rotated(fake_aws):
    """An issuer whose first key was rotated away."""
    ensure(fake_aws, **cluster(OLD))
    rotate(fake_aws, publish=[pem(NEW)])
    ensure(fake_aws, **cluster(OLD, NEW))
    rotate(fake_aws, withdraw=[kid(OLD)])
    fake_aws.calls.clear()


def test_a_key_that_api_servers_still_accept_stays_away(fake_aws, rotated):
    planned = ensure(fake_aws, check_mode=True, **cluster(OLD, NEW))
    done = ensure(fake_aws, **cluster(OLD, NEW))
    assert planned.actions == done.actions == fake_aws.writes == []
    assert published(fake_aws) == {kid(NEW)}
    (warning,) = done.warnings
    assert kid(OLD) in warning and "not published again" in warning


def test_a_new_key_of_the_cluster_is_published_all_the_same(fake_aws, rotated):
    ensure(fake_aws, **cluster(OLD, NEW, THIRD))
    assert published(fake_aws) == {kid(NEW), kid(THIRD)}


@pytest.mark.parametrize("which", ["the only key of the cluster", "a key file", "extra keys"])
def test_a_withdrawn_key_that_a_run_is_given_is_refused(fake_aws, rotated, which):
    given = {
        "the only key of the cluster": cluster(OLD),
        "a key file": {"key": SigningKey(exists=True, public_key=pem(OLD), kid=kid(OLD))},
        "extra keys": {**cluster(NEW), "extra_jwks": [{"keys": [jwk_of(OLD)]}]},
    }[which]
    with pytest.raises(IrsaError, match="irsa_rotation_state") as refused:
        ensure(fake_aws, **given)
    assert kid(OLD) in str(refused.value) and fake_aws.writes == []


def test_a_key_that_was_published_again_is_like_any_other(fake_aws, rotated):
    rotate(fake_aws, publish=[pem(OLD)])
    assert ensure(fake_aws, **cluster(OLD, NEW)).actions == []
    assert published(fake_aws) == {kid(OLD), kid(NEW)}


def test_a_key_that_is_withdrawn_while_a_run_writes_stays_away(fake_aws):
    ensure(fake_aws, **cluster(OLD))
    rotate(fake_aws, publish=[pem(NEW)])
    fake_aws.before(PUT, lambda: rotate(fake_aws, withdraw=[kid(OLD)]))
    with pytest.raises(IrsaError, match="has withdrawn"):
        ensure(fake_aws, **cluster(OLD, NEW, THIRD))
    assert published(fake_aws) == {kid(NEW)}


@pytest.fixture
def prepared(fake_aws):
    """An issuer whose next key was published by a rotation, which remembers the one that signs, too."""
    ensure(fake_aws, **cluster(OLD))
    rotate(fake_aws, publish=[pem(NEW)], events=[{"kind": "published", "kid": kid(OLD)}])
    fake_aws.calls.clear()


@pytest.mark.parametrize("given", ["the cluster", "the old key file", "the new key file"])
@pytest.mark.parametrize("check_mode", [True, False])
def test_keys_of_a_rotation_stay_although_a_run_purges_keys(fake_aws, prepared, given, check_mode):
    options = {
        "the cluster": cluster(OLD),
        "the old key file": {"key": SigningKey(exists=True, public_key=pem(OLD), kid=kid(OLD))},
        "the new key file": {"key": SigningKey(exists=True, public_key=pem(NEW), kid=kid(NEW))},
    }[given]
    done = ensure(fake_aws, check_mode=check_mode, purge_keys=True, **options)
    assert published(fake_aws) == {kid(OLD), kid(NEW)} and fake_aws.writes == []
    [warning] = [text for text in done.warnings if "rotation" in text]
    assert "irsa_rotate_revoke_kid" in warning and kid(OLD if given == "the new key file" else NEW) in warning


def test_a_key_that_no_rotation_knows_is_purged_all_the_same(fake_aws, rotated):
    ensure(fake_aws, **cluster(NEW, THIRD))
    ensure(fake_aws, purge_keys=True, **cluster(NEW))
    assert published(fake_aws) == {kid(NEW)}


def test_a_run_without_new_keys_does_not_read_the_record(fake_aws, rotated):
    ensure(fake_aws, **cluster(NEW))
    assert fake_aws.calls.count("s3:GetObject") == 2
