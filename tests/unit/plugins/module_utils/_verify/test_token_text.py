# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people give in place of a token is named, without any part of it."""

from __future__ import annotations

import base64
import json
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import identity, token_parsing


def encoded(value) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def a_token(subject="system:serviceaccount:shop:cart") -> str:
    """The form of a token, with a signature as long as that of RSA with 2048 bits. It has - and _ in it."""
    claims = {
        "iss": "https://irsa.example.com",
        "sub": subject,
        "aud": ["sts.amazonaws.com"],
        "jti": "unlike-any-other",
    }
    return ".".join((encoded({"alg": "RS256", "kid": "k" * 43}), encoded(claims), encoded(b"\xfb\xff\xbe" * 85 + b"x")))


TOKEN, OTHER = a_token(), a_token("system:serviceaccount:shop:till")
HEADER, CLAIMS, SIGNATURE = TOKEN.split(".")
REQUEST = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "status": {"token": TOKEN}}
KUBECONFIG = f"apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    token: {TOKEN}\n"
PRIVATE = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"
ERROR = 'Error from server (NotFound): serviceaccounts "cart" not found'


def explained(text: str) -> str:
    """The message and the remedy, neither of which has a part of the text that could be secret."""
    with pytest.raises(token_parsing.NotAToken) as refused:
        token_parsing.parse_token(text)
    message = f"{refused.value} {refused.value.remedy or ''}"
    for secret in (HEADER, CLAIMS, SIGNATURE, *TOKEN.split("."), base64_of(TOKEN)):
        assert not any(secret[at : at + 12] in message for at in range(len(secret) - 12))
    return message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # The token with something around it
        (f"{TOKEN} 11:11:49.782386   40364 v3.go:79] EOF", "log line after it"),
        (f"2026-11-26T10:10:10Z INFO token={TOKEN}", "log line in front of it"),
        (f"Bearer {TOKEN}", "the word Bearer"),
        (f"bearer  {TOKEN}", "the word Bearer"),
        (f"Authorization: Bearer {TOKEN}", "the word Bearer"),
        (f'curl -H "Authorization: Bearer {TOKEN}"', "the word Bearer"),
        (f'"{TOKEN}"', "quotes"),
        (f"'{TOKEN}'", "quotes"),
        (f"\u201c{TOKEN}\u201d", "quotes"),
        (f"{TOKEN},", "punctuation after it"),
        (f'"{TOKEN}",', "punctuation"),
        (f"{TOKEN}%", "some shells mark a missing line end"),
        (f"export TOKEN={TOKEN}", "name of a variable"),
        (f'AWS_TOKEN="{TOKEN}"', "name of a variable"),
        (f"kubectl get pods --token {TOKEN}", "option of a command"),
        (f"token: {TOKEN}", "a name and a colon"),
        (f"Name: x\nType: kubernetes.io/service-account-token\ntoken:  {TOKEN}", "a name and a colon"),
        (f"# of cart\n{TOKEN}", "a comment in front of it"),
        (f"{TOKEN} # of cart", "a comment after it"),
        (f"{TOKEN} cart", "4 other characters after it"),
        (f"{TOKEN}\n{OTHER}", "2 tokens"),
        # The token in another form
        ("\n".join(textwrap.wrap(TOKEN, 64)), "a line end, a space or an invisible character within"),
        ("\r\n".join(textwrap.wrap(TOKEN, 500)), "a line end, a space or an invisible character within"),
        (f"{TOKEN[:-40]}\n{TOKEN[-40:]}", "a line end, a space or an invisible character within"),
        (f"{TOKEN[:90]} {TOKEN[90:]}", "a line end, a space or an invisible character within"),
        (f"{TOKEN[:90]}\\n{TOKEN[90:]}", "a line end, a space or an invisible character within"),
        (f"{TOKEN[:90]}\u200b{TOKEN[90:]}", "an invisible character within"),
        (f"{TOKEN[:-9]}\u00ad{TOKEN[-9:]}", "an invisible character within"),
        (f"\u200b{TOKEN}", "an invisible character in front of it"),
        (f"{TOKEN}\u2060", "an invisible character after it"),
        (f"\ufeff{TOKEN}", "byte order mark"),
        (f"{TOKEN}=", "no padding"),
        (TOKEN.replace("-", "+").replace("_", "/"), "not base64url"),
        (TOKEN.replace(".", "%2E"), "encoded for a URL"),
        (HEADER, "only the header"),
        (CLAIMS, "only the claims"),
        (f"{HEADER}.{CLAIMS}", "2 parts instead of 3"),
        (".".join((encoded({"alg": "RSA-OAEP", "enc": "A256GCM"}), "AAAA", "BBBB", "CCCC", "DDDD")), "encrypted (JWE)"),
        # JSON and YAML with a token in it
        (json.dumps(REQUEST), "status.token"),
        (json.dumps({"kind": "ExecCredential", "status": {"token": TOKEN}}), "jq -r .status.token"),
        (json.dumps({"access_token": TOKEN, "token_type": "Bearer"}), "access_token"),
        (json.dumps({"access_token": TOKEN, "id_token": OTHER}), "2 tokens"),
        (json.dumps({"kind": "Config", "users": [{"name": "a", "user": {"token": TOKEN}}]}), "users[0].user.token"),
        (json.dumps({"kind": "Secret", "data": {"token": base64_of(TOKEN)}}), "data.token, in base64"),
        (json.dumps({"hunter2hunter2": TOKEN}), "in one of its members"),
        (json.dumps([TOKEN]), "[0]"),
        (str(REQUEST), "a name and a colon"),
        (json.dumps(REQUEST)[:-20], "a name and a colon"),
        (KUBECONFIG, "kubeconfig"),
        (f"kind: TokenRequest\nstatus:\n  token: {TOKEN}\n", "TokenRequest"),
        # base64
        (base64_of(TOKEN), "a token in base64"),
        ("\n".join(textwrap.wrap(base64_of(TOKEN), 76)), "a token in base64"),
        (base64_of(json.dumps(REQUEST)), "status.token"),
        (base64_of(PRIVATE), "private key"),
        # Something else
        ("", "is empty"),
        (" \n", "is empty"),
        (PRIVATE, "PEM (RSA PRIVATE KEY)"),
        ("-----BEGIN PUBLIC KEY-----\nMIIB", "PEM (PUBLIC KEY)"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", "PEM (CERTIFICATE)"),
        ("ssh-ed25519 AAAAC3Nz x@y", "SSH"),
        ("AKIAIOSFODNN7EXAMPLE", "access key of AWS"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret access key of AWS"),
        ("[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", "credentials file of AWS"),
        ("IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJ", "AWS session token"),
        (json.dumps({"Credentials": {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE"}}), "STS"),
        (json.dumps({"Version": 1, "AccessKeyId": "ASIAIOSFODNN7EXAMPLE"}), "AWS credentials"),
        ("<!DOCTYPE html><html><body>Log in</body></html>", "HTML page"),
        ("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", "XML"),
        (ERROR, "error of kubectl"),
        ("The connection to the server localhost:8080 was refused", "error of kubectl"),
        (json.dumps({"kind": "Status", "message": "no"}), "error of an API server"),
        (json.dumps({"iss": "x", "sub": "y", "aud": []}), "decoded claims"),
        (json.dumps({"alg": "RS256", "kid": "x"}), "decoded header"),
        (json.dumps({"payload": "x", "protected": "y", "signature": "z"}), "JSON form of JWS"),
        (json.dumps({"keys": []}), "JWKS"),
        (json.dumps({"issuer": "x", "jwks_uri": "y"}), "discovery document"),
        ("apiVersion: v1\nkind: Config\nusers: []\n", "kubeconfig"),
        ("$ANSIBLE_VAULT;1.1;AES256\n3333", "ansible-vault"),
        ("k8s-aws-v1.aHR0cHM6Ly9zdHM", "eks get-token"),
        ("07401b.f395accd246ae52d", "bootstrap token"),
        (f"K10{'ab' * 32}::server:hunter2", "k3s"),
        ("sha256~hunter2hunter2hunter2", "OAuth token of OpenShift"),
        ("hvs.CAESIhunter2", "another service"),
        ("ghp_hunter2hunter2", "another service"),
        ("c3RyaW5nLW9mLWJ5dGVz", "1 part instead of 3"),
        ("/var/run/secrets/eks.amazonaws.com/serviceaccount/token", "token_path"),
        ("./token", "token_path"),
        ("https://example.com/token", "URL"),
        ("arn:aws:iam::111122223333:role/cart", "ARN"),
        ("system:serviceaccount:shop:cart", "name of a service account"),
        ("{{ token }}", "template or a variable"),
        ("${TOKEN}", "template or a variable"),
        ("<token>", "template or a variable"),
        ("password", "1 part instead of 3"),
        ("a.b.c.d.e", "5 parts instead of 3"),
        ("10.0.0.1", "4 parts instead of 3"),
        ("\u00e4.\u00f6.\u00fc", "base64url"),
        ("not a token", "base64url"),
    ],
)
def test_what_is_given_in_place_of_a_token_is_named(text, said):
    assert said in explained(text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{TOKEN}\r\n".encode(), None),
        (TOKEN.encode("utf-8-sig"), "byte order mark"),
        (TOKEN.encode("utf-16"), "UTF-16"),
        (TOKEN.encode("utf-16-le"), "UTF-16"),
        (b"\x1f\x8b\x08\x00\x00\xff\xfe", "binary"),
    ],
)
def test_a_file_in_another_encoding_is_named(tmp_path, content, said):
    file = tmp_path / "token"
    file.write_bytes(content)
    usual = dict.fromkeys(
        ("token", "service_account", "role_arn", "account_id", "bucket_account_id", "kubeconfig", "cluster_issuer")
    )
    options = {**usual, "token_path": str(file), "assume_role": False, "cluster_jwks": None, "provider": "auto"}
    text = identity.identity_of({**options, "audiences": []}).token
    if said is None:
        assert token_parsing.parse_token(text).text == TOKEN
    else:
        assert said in explained(text)


def refusal_of(text: str) -> str:
    try:
        token_parsing.parse_token(text)
    except IrsaError as refused:
        return str(refused)
    return ""


PIECES = st.sampled_from([TOKEN, HEADER, base64_of(TOKEN), json.dumps(REQUEST), PRIVATE, "-----BEGIN X-----", ""])


@given(st.text(), PIECES, st.text())
def test_any_text_around_anything_is_explained_in_one_line_without_a_part_of_the_token(before, piece, after):
    message = refusal_of(before + piece + after)
    assert len(message) < 400 and message.isprintable()
    assert HEADER[:12] not in message and SIGNATURE[:12] not in message
