# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is masked of a private key that was given instead of a public one."""

from __future__ import annotations

import base64
import json

import hypothesis
import hypothesis.strategies as st
import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking, signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

PRIVATE_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "public-number-x",
    "y": "public-number-y",
    "d": "private-number-d",
    "kid": "the kid",
}


def mask(text: str, secrets: set[str]) -> str:
    """Return a text as Ansible shows it; the order of a set does not matter."""
    for secret in sorted(secrets):
        text = text.replace(secret, "********")
    return text


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text,
        lambda text: text.strip(),
        lambda text: "\n".join("    " + line for line in text.splitlines()),
        lambda text: text.replace("\n", "\\n"),
        lambda text: text.replace("\n", " "),
        lambda text: text[:500],
        lambda text: "".join(text.splitlines()[1:-1]),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: text + samples.public_pem(samples.RSA.pkcs8).decode(),
    ],
    ids=[
        "as it is",
        "stripped",
        "indented",
        "escaped",
        "on one line",
        "truncated",
        "only the body",
        "base64 of it",
        "with a public one",
    ],
)
@pytest.mark.parametrize("form", ["traditional", "pkcs8"])
@pytest.mark.parametrize("name", ["RSA", "P-256"])
def test_masking_hides_a_private_key_in_any_form(name, form, spell):
    text = spell(getattr(samples.EACH_KIND[name], form).decode())
    secrets = masking.in_public_key(text)
    assert text in secrets
    shown = mask(f"it was {text} there", secrets)
    assert samples.traces_of(samples.EACH_KIND[name].pkcs8, shown) == []
    assert not any(line in shown for line in samples.secret_lines(samples.EACH_KIND[name].pkcs8))


def test_masking_hides_each_line_of_a_private_key():
    text = samples.RSA.pkcs8.decode()
    secrets = masking.in_public_key(text)
    for line in text.splitlines()[1:-1]:
        assert len(line) < 8 or line in secrets


@pytest.mark.parametrize("sample", samples.EACH_KIND.values(), ids=list(samples.EACH_KIND))
def test_masking_hides_nothing_of_a_public_key(sample):
    for text in (
        samples.public_pem(sample.pkcs8).decode(),
        samples.openssh_line(sample.traditional),
        samples.certificate(sample.pkcs8).decode(),
    ):
        assert masking.in_public_key(text) == set()


def test_masking_hides_everything_without_the_cryptography_library(monkeypatch):
    monkeypatch.setattr(signing_key, "CRYPTOGRAPHY_IMPORT_ERROR", ImportError("no cryptography"))
    assert samples.RSA.pkcs8.decode() in masking.in_public_key(samples.RSA.pkcs8.decode())


@pytest.mark.parametrize(
    "document",
    [
        PRIVATE_JWK,
        {"keys": [PRIVATE_JWK]},
        {"keys": [{"kty": "RSA"}, PRIVATE_JWK]},
        [{"keys": [PRIVATE_JWK]}],
        {"keys": {"one": PRIVATE_JWK}},
        {"deeper": [[{"oth": [{"r": "prime", "d": "private-number-d", "t": "x"}]}]]},
    ],
    ids=["JWK", "JWKS", "second key", "list of JWKS", "no list", "further primes"],
)
def test_masking_hides_only_private_members_at_any_depth(document):
    for secrets in (masking.in_value(document), masking.in_json(json.dumps(document))):
        assert secrets == {"private-number-d"}


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "k", "priv"])
def test_masking_hides_each_private_member(member):
    assert masking.in_value({"keys": [{member: "private-number"}]}) == {"private-number"}


def test_masking_hides_nothing_of_public_documents():
    assert (
        masking.in_json(
            json.dumps({"keys": [{"kty": "RSA", "n": "modulus-modulus", "e": "AQAB", "kid": "a key's own id"}]})
        )
        == set()
    )
    assert masking.in_json("") == set()


def test_masking_hides_a_private_key_given_as_the_text_of_a_document():
    text = samples.RSA.traditional.decode()
    assert samples.traces_of(samples.RSA.pkcs8, mask(text, masking.in_json(text))) == []


def test_masking_leaves_short_texts():
    assert masking.in_value({"d": "a", "p": "", "q": 5, "k": None}) == set()


@pytest.mark.parametrize(
    "value",
    [
        {"keys": [PRIVATE_JWK]},
        [{"keys": [PRIVATE_JWK]}],
        json.dumps({"keys": [PRIVATE_JWK]}),
        "  " + json.dumps([PRIVATE_JWK]),
        [json.dumps(PRIVATE_JWK)],
    ],
    ids=["document", "documents", "text", "indented text", "texts"],
)
def test_masking_hides_private_members_in_an_option_of_any_form(value):
    assert masking.in_public_key_option(value) == {"private-number-d"}


@pytest.mark.parametrize(
    "value", [None, 5, True, [], {}, "", [None, 5], samples.public_pem(samples.RSA.pkcs8).decode()], ids=range(8)
)
def test_masking_hides_nothing_of_options_without_a_key(value):
    assert masking.in_public_key_option(value) == set()


@hypothesis.given(st.text(st.characters()))
def test_masking_accepts_any_text(text):
    masking.in_public_key(text)
    masking.in_json(text)


def test_the_end_of_a_key_that_ansible_has_read_as_the_name_of_a_member_is_private():
    """Of the lines of a key in a list of dictionaries, ansible-core keeps only the last one, which has a ``=``."""
    end = "q8pXlzWgyh0SxkvTnRr2bJ4cUoE/mFd"
    for padding in ("", "="):
        assert masking.in_options({"jwks": [{end: padding}]}, ("jwks",)) == {end}
        assert masking.in_options({"accounts": [{end: padding}]}) == {end}
    assert masking.in_options({"jwks": [{"keys": []}]}, ("jwks",)) == set()
    assert masking.in_options({"accounts": [{"namespace": ""}, {end: "", "name": ""}]}) == set()
