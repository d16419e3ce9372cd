# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is foreseen of the store is what the module leaves there, with as many writes."""

from __future__ import annotations

import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation import store
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.publication import StateSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _foreseen_store
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.fake_aws import REGION
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

BUCKET = "irsa-prod"
ISSUER = f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
JWKS, DISCOVERY = "keys.json", ".well-known/openid-configuration"
ALGORITHMS = "id_token_signing_alg_values_supported"
OLD, OF_OTHER_TYPE, OF_SAME_TYPE = samples.RSA, samples.P256, samples.OTHER_RSA
RUN = "ann@desk"


def pem(sample):
    return samples.public_pem(sample.pkcs8).decode()


def kid(sample):
    return jwk_of(sample)["kid"]


def put(s3, key, document):
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document, indent=2, sort_keys=True) + "\n", **HEADERS)


HEADERS = {"ContentType": "application/json", "CacheControl": "max-age=300"}


def documents():
    return document_set.texts(ISSUER, document_set.from_pem("key", pem(OLD).encode()))


@pytest.fixture
def s3(fake_aws):
    client = fake_aws.quietly("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key, name in ((JWKS, "jwks_json"), (DISCOVERY, "discovery_json")):
        put(client, key, json.loads(documents()[name]))
    return client


def ensure(fake_aws, **item):
    return store.ensure_state(Aws(fake_aws.clients), StateSpec(bucket=BUCKET, issuer=ISSUER, **item), False)


def item(**given):
    return {"publish": [], "withdraw": [], "events": [], **given}


def event(kind, minute, **more):
    return {"kind": kind, "at": f"2026-01-01T00:{minute:02}:00Z", **more}


def items(new):
    return [
        item(events=[event("began", 1, kid="", by=RUN), event("accepted", 1, kid=kid(OLD), server="node1")]),
        item(publish=[pem(new)], events=[event("ended", 2, kid=kid(new), by=RUN)]),
        item(events=[event("told", 3, kid=kid(new), party="vault")]),
        item(withdraw=[kid(OLD)]),
        # Nothing is left to do.
        item(withdraw=[kid(OLD)]),
        item(events=[event("told", 3, kid=kid(new), party="vault")]),
    ]


def remembered(text):
    """The events of a record without times of the store."""
    return {(each.kind, each.kid, each.server, each.party, each.by) for each in Record.parse(text).events}


@pytest.mark.parametrize("new", [OF_OTHER_TYPE, OF_SAME_TYPE], ids=["ECDSA", "RSA"])
@pytest.mark.parametrize("edit", ["as it is", "gone", "more algorithms", "other members"])
def test_each_write_of_a_rotation_is_foreseen(fake_aws, s3, new, edit):
    discovery = json.loads(documents()["discovery_json"])
    if edit == "gone":
        s3.delete_object(Bucket=BUCKET, Key=DISCOVERY)
    if edit == "more algorithms":
        put(s3, DISCOVERY, {**discovery, ALGORITHMS: ["RS256", "ES256"]})
    if edit == "other members":
        put(s3, DISCOVERY, {**discovery, "token_endpoint": "https://example.com/token"})
    foreseen = ensure(fake_aws).values
    for number, given in enumerate(items(new)):
        foreseen, actions = _foreseen_store.after(foreseen, given, by=RUN)
        done = ensure(fake_aws, **given, by=RUN)
        assert (number, actions) == (number, done.actions)
        assert foreseen["published"] == done.values["published"]
        assert remembered(foreseen["record"]) == remembered(done.values["record"])
    assert foreseen["algorithms"] == ensure(fake_aws).values["algorithms"]
