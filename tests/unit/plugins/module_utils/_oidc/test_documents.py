# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two documents, byte for byte, and the keys that they may contain."""

from __future__ import annotations

import json

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"

# The public half of the key of RFC 7515, appendix A.2; its kid was computed with openssl and coreutils:
#   openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | basenc --base64url
FIXED_KEY = b"""-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPWwOWvG6b32690r2jZ47soMZo
9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbqYsLA9e+SXwUQAC+ZDyZDhkr
pnM9GWcGUI3Nd9r+X+A5nJ+uRXpXUSzNAWGqm9bBZ2jpsDdGOf5eMpX5eNGiPqJO
V6oSX5Fkg5QJuSc3cRxwfo4lnZC7/ADqEqAVd3EYqQmz0Bm8hvLCqQlpcyCDf4Zj
swIDAQAB
-----END PUBLIC KEY-----
"""

GOLDEN_JWKS = """{
  "keys": [
    {
      "alg": "RS256",
      "e": "AQAB",
      "kid": "HKS_5IByjN06Klpi85EfRN2uquYFAx7Y2nw3iZF32Dw",
      "kty": "RSA",
      "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd\
2lZS-pCgNMsD1W_YpRPWwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbqYsLA9e-SXwUQAC-ZDyZDhkrpnM9GWcGUI3Nd9r-\
X-A5nJ-uRXpXUSzNAWGqm9bBZ2jpsDdGOf5eMpX5eNGiPqJOV6oSX5Fkg5QJuSc3cRxwfo4lnZC7_ADqEqAVd3EYqQmz0Bm8hvLCqQlpcyCDf4Zjsw",
      "use": "sig"
    }
  ]
}
"""

GOLDEN_DISCOVERY = """{
  "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
  "claims_supported": [
    "sub",
    "iss"
  ],
  "id_token_signing_alg_values_supported": [
    "RS256"
  ],
  "issuer": "https://irsa-prod.s3.eu-west-1.amazonaws.com",
  "jwks_uri": "https://irsa-prod.s3.eu-west-1.amazonaws.com/keys.json",
  "response_types_supported": [
    "id_token"
  ],
  "subject_types_supported": [
    "public"
  ]
}
"""


RSA, OTHER_RSA, P256 = map(jwk_of, (samples.RSA, samples.OTHER_RSA, samples.P256))


def refusal(call, *arguments) -> str:
    with pytest.raises(IrsaError) as caught:
        call(*arguments)
    return str(caught.value)


class TestBytes:
    def test_jwks_text_is_unchanged(self):
        key = jwk.from_public_key(signing_key.load_public(FIXED_KEY))
        assert documents.render(documents.jwks([key])) == GOLDEN_JWKS

    def test_discovery_document_text_is_unchanged(self):
        assert documents.render(documents.discovery(ISSUER, f"{ISSUER}/keys.json", ["RS256"])) == GOLDEN_DISCOVERY

    def test_discovery_document_has_the_fields_of_the_shell_procedure(self):
        """As SELF_HOSTED_SETUP.md of the EKS pod identity webhook has them."""
        assert set(documents.discovery(ISSUER, f"{ISSUER}/keys.json", ["RS256"])) == {
            "issuer",
            "jwks_uri",
            "authorization_endpoint",
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
            "claims_supported",
        }

    def test_discovery_document_lists_each_algorithm_once_in_order(self):
        document = documents.discovery(ISSUER, f"{ISSUER}/keys.json", ["RS256", "ES384", "RS256", "ES256"])
        assert document["id_token_signing_alg_values_supported"] == ["ES256", "ES384", "RS256"]

    def test_algorithms_of_returns_those_of_the_keys(self):
        keys = [RSA, P256, OTHER_RSA, {"kty": "weird"}, {**RSA, "use": "enc", "alg": "RSA-OAEP"}]
        assert documents.algorithms_of(keys) == ["ES256", "RS256"]

    @hypothesis.given(
        st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text()), max_size=6), st.randoms()
    )
    def test_render_returns_the_same_ascii_text_for_any_order(self, document, random):
        shuffled = list(document.items())
        random.shuffle(shuffled)
        text = documents.render(document)
        assert documents.render(dict(shuffled)) == text
        assert text.isascii() and text.endswith("}\n")
        assert json.loads(text) == document


def sourced(**keys: jwk.Jwk) -> list[documents.SourcedKey]:
    return [documents.SourcedKey(source, key) for source, key in keys.items()]


class TestMerging:
    def test_merge_keys_keeps_the_order_and_one_key_for_each_kid(self):
        keys = sourced(a=P256, b=RSA, c={**P256, "alg": "ES256"}, d=OTHER_RSA, e=RSA)
        assert documents.merge_keys(keys) == [P256, RSA, OTHER_RSA]

    def test_merge_keys_keeps_one_key_with_two_kids(self):
        keys = sourced(a=RSA, b={**RSA, "kid": "the old name"})
        assert [key["kid"] for key in documents.merge_keys(keys)] == [RSA["kid"], "the old name"]

    def test_merge_keys_refuses_two_keys_with_one_kid(self):
        message = refusal(documents.merge_keys, sourced(first=RSA, second={**OTHER_RSA, "kid": RSA["kid"]}))
        assert message.startswith("second has the kid") and RSA["kid"] in message

    def test_merge_keys_refuses_two_algorithms_of_one_kid(self):
        message = refusal(documents.merge_keys, sourced(first=RSA, second={**RSA, "alg": "RS512"}))
        assert message.startswith("second has the kid") and "RS512" in message and "RS256" in message
        without = {name: value for name, value in RSA.items() if name != "alg"}
        assert documents.merge_keys(sourced(first={**RSA, "alg": "RS512"}, second=without))[0]["alg"] == "RS512"

    def test_merge_keys_names_the_key_that_cannot_be_published(self):
        message = refusal(documents.merge_keys, sourced(first=RSA, third={**P256, "use": "enc"}))
        assert message.startswith("third cannot be published: its use is 'enc'")

    def test_merge_keys_accepts_no_keys(self):
        assert documents.merge_keys([]) == []


class TestLegacyEmptyKid:
    def test_legacy_empty_kid_equals_the_recipe_with_jq(self):
        """jq '.keys += [.keys[0]] | .keys[1].kid = ""'"""
        document = {"keys": [RSA]}
        document["keys"] = document["keys"] + [dict(document["keys"][0])]
        document["keys"][1]["kid"] = ""
        assert documents.jwks([RSA], legacy_empty_kid=True) == document

    def test_legacy_empty_kid_comes_last_and_copies_the_first_key(self):
        assert documents.jwks([RSA, P256], legacy_empty_kid=True)["keys"] == [RSA, P256, {**RSA, "kid": ""}]

    def test_legacy_empty_kid_is_off_by_default(self):
        assert documents.jwks([RSA, P256]) == {"keys": [RSA, P256]}

    def test_legacy_empty_kid_counts_as_a_key(self):
        hundred = [{**RSA, "kid": str(number)} for number in range(100)]
        assert len(documents.jwks(hundred)["keys"]) == 100
        assert "101 RSA keys" in refusal(documents.jwks, hundred, True)


def test_jwks_accepts_a_hundred_keys_of_each_type():
    many = [{**key, "kid": f"{key['kty']}{number}"} for key in (RSA, P256) for number in range(100)]
    assert len(documents.jwks(many)["keys"]) == 200
    assert "101 EC keys" in refusal(documents.jwks, [*many, {**P256, "kid": "one more"}])
