# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which texts may be key material or credentials, and which are ordinary values of options."""

from __future__ import annotations

import json

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.misplaced_secrets import SHAPES
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_documents import DISCOVERY
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

PUBLIC = samples.public_pem(samples.RSA.pkcs8).decode()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "place",
    [
        lambda text: {"option": text},
        lambda text: {text: 1},
        lambda text: {"tags": {"team": text}},
        lambda text: {"jwks": [{"keys": [{"kty": "RSA", "kid": text}]}]},
        lambda text: {"role_arn": f"arn:aws:iam::123456789012:role/{text}"},
        lambda text: {"list": text.splitlines()},
        lambda text: {"text": str([{"member": text}])},
    ],
    ids=["text", "name", "tag", "kid", "part of a text", "lines", "text of a list"],
)
def test_a_secret_is_recognized_wherever_it_is(shape, place):
    options = place(SHAPES[shape].text)
    shown = json.dumps(Redaction(masking.in_options(options)).over(options))
    assert SHAPES[shape].traces_in(shown) == []


@pytest.mark.parametrize(
    "options",
    [
        {"name": "irsa-prod-123456789012-eu-west-1-an"},
        {"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"},
        {"url": "https://irsa-prod.s3.ap-southeast-5.amazonaws.com/clusters/production/eu-west-1/blue"},
        {"key_path": "/var/lib/kubernetes/clusters/Production-2/eu-west-1/pki/service-account/sa-signer.key"},
        {"role_arn": "arn:aws:iam::123456789012:role/service/AmazonEKSClusterAutoscalerServiceAccountRole"},
        {"role_arn": "arn:aws:iam::123456789012:role/MyAppIAMRoleForS3AccessV2Prod"},
        {"public_paths": ["keys.json", ".well-known/openid-configuration", "*/keys.json"]},
        {"cache_control": "public, max-age=300, must-revalidate, stale-while-revalidate=60"},
        {"tags": {"commit": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "d": "a-department", "token": "not-one"}},
        {"tags": {"id": "550e8400-e29b-41d4-a716-446655440000/7d444840-9dc0-11d1-b245-5ffdce74fad2"}},
        {"tags": {"created": "2026-01-15T10:00:00+00:00", "by": "Terraform v1.9.8 in pipeline 12345 of team A"}},
        {"thumbprints": ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]},
        {"thumbprints": ["9E:99:A4:8A:99:60:B1:49:26:BB:7F:3B:02:E2:2D:A2:B0:AB:72:80"]},
        {"expected_kids": [samples.kid(samples.RSA.pkcs8), "da39a3ee5e6b4b0d3255bfef95601890afd80709"]},
        {"endpoint_url": "https://vpce-0a1b2c3d4e5f6a7b8-abcd1234.s3.eu-west-1.vpce.amazonaws.com"},
        {"connect_to": "[2001:db8:85a3:0000:0000:8a2e:0370:7334]:8443"},
        {"public_keys": [PUBLIC, samples.openssh_line(samples.RSA.traditional), PUBLIC * 2]},
        {"public_keys": [samples.certificate(samples.RSA.pkcs8).decode()]},
        {"jwks": [{"keys": [jwk_of(sample) for sample in samples.EACH_KIND.values()]}]},
        {"jwks_json": json.dumps({"keys": [jwk_of(samples.RSA)]}), "discovery_json": DISCOVERY},
        {
            "key": {
                "public_key": PUBLIC,
                "kid": samples.kid(samples.RSA.pkcs8),
                "fingerprint": "SHA256:" + "aB3/" * 10 + "abc",
            }
        },
        {"size": 4096, "timeout": 2.5, "verify": True, "mode": None, "account_id": "123456789012"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_ordinary_values_are_no_secrets(options):
    assert masking.in_options(options, ("public_keys", "jwks_json", "discovery_json")) == set()


@pytest.mark.parametrize("member", ["password", "client-key-data", "SecretAccessKey", "session_token", "d", "oth"])
def test_a_member_for_a_secret_is_one_whatever_it_looks_like(member):
    options = {"cluster_jwks": {"users": [{"name": "the admin", "user": {member: "correct horse"}}]}}
    assert masking.in_options(options) == {"correct horse"}


def test_a_certificate_in_a_jwk_is_no_secret():
    body = "".join(samples.certificate(samples.RSA.pkcs8).decode().splitlines()[1:-1])
    key = {**jwk_of(samples.RSA), "x5c": [body], "x5t": "dGhpcyBpcyBhIHRodW1icHJpbnQ"}
    assert masking.in_options({"jwks": [{"keys": [key]}]}) == set()


@hypothesis.given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_value_can_be_judged(value):
    assert isinstance(masking.in_options({"option": value}, ("option",)), set)
