# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each odd file in the place of a key is called by its name, and none of it is shown. Also runs under Python 3.9."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.key_file_samples import body_of

RSA, P256 = samples.RSA, samples.P256
TEXT = RSA.traditional
PUBLIC = samples.public_pem(RSA.pkcs8)
BASE64 = base64.b64encode(TEXT)
ENCRYPTED = samples.openssl("pkcs8 -topk8 -outform DER -passout pass:secret", RSA.pkcs8)
REQUEST = samples.openssl("req -new -subj /CN=sa -newkey rsa:2048 -nodes -keyout /dev/null")
PKCS12 = samples.openssl("pkcs12 -export -nocerts -passout pass:secret", RSA.pkcs8)
JWK = b'{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB", "kid": "a"}'
VAULT = b"$ANSIBLE_VAULT;1.1;AES256\n" + b"6636666564363263323535336234656633536438653432313156\n" * 9
YAML = b"  key: |\n    " + TEXT.replace(b"\n", b"\n    ")

# What is no private key to use, and what the message calls it.
ODD = {
    "nothing": (b"", "it is empty"),
    "blanks": (b" \n\t\r\n", "nothing but blanks"),
    "null bytes": (bytes(4096), "null bytes"),
    "ansible-vault": (VAULT, "ansible-vault"),
    "ansible-vault behind a line": (b"\n" + VAULT, "ansible-vault"),
    "ansible-vault in YAML": (b"sa_key: !vault |\n  " + VAULT.replace(b"\n", b"\n  "), "ansible-vault"),
    "SOPS": (b'{"data": "ENC[AES256_GCM,data:Tr7o,iv:1,tag:k,type:str]", "sops": {"age": []}}', "SOPS"),
    "SOPS in YAML": (b"key: ENC[AES256_GCM,data:Tr7o=]\nsops:\n  age: []\n", "SOPS"),
    "age": (b"age-encryption.org/v1\n-> X25519 abc\n\0\xff", "encrypted with age"),
    "age in PEM": (
        b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n",
        "encrypted with age",
    ),
    "OpenPGP": (b"-----BEGIN PGP MESSAGE-----\n\nhQEM\n=abcd\n-----END PGP MESSAGE-----\n", "OpenPGP"),
    "OpenPGP key": (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----\n", "OpenPGP"),
    "eyaml": (b"key: ENC[PKCS7,MIIBygYJKoZIhvc]\n", "hiera-eyaml"),
    "Vault of HashiCorp": (b"vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==", "HashiCorp Vault"),
    "git-crypt": (b"\0GITCRYPT\0\xde\xad\xbe\xef", "git-crypt"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1679\n", "Git LFS"),
    "openssl enc": (b"Salted__\xde\xad\xbe\xef", "openssl enc"),
    "gzip": (b"\x1f\x8b\x08\0", "compressed"),
    "base64 of PEM": (BASE64, "base64"),
    "base64 of PEM in lines": (base64.encodebytes(TEXT), "base64"),
    "base64 of DER": (base64.encodebytes(body_of(RSA.pkcs8)), "a private key (PKCS#8) in base64"),
    "PKCS#1 in DER": (body_of(RSA.traditional), "an RSA private key (PKCS#1) in DER"),
    "PKCS#8 in DER": (body_of(RSA.pkcs8), "a private key (PKCS#8) in DER"),
    "SEC1 in DER": (body_of(P256.traditional), "an EC private key (SEC1) in DER"),
    "an encrypted key in DER": (ENCRYPTED, "an encrypted private key (PKCS#8) in DER"),
    "a public key in DER": (body_of(PUBLIC), "a public key in DER"),
    "a PKCS#1 public key in DER": (body_of(samples.openssl("rsa -RSAPublicKey_out", RSA.pkcs8)), "PKCS#1) in DER"),
    "a certificate in DER": (body_of(samples.certificate(RSA.pkcs8)), "a certificate in DER"),
    "a request in DER": (body_of(REQUEST), "a certificate request (CSR) in DER"),
    "PKCS#12": (PKCS12, "a PKCS#12 archive"),
    "PKCS#12 of Java": (b"\x30\x80\x02\x01\x03\x30\x80", "a PKCS#12 archive"),
    "JKS": (b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1", "Java keystore"),
    "JCEKS": (b"\xce\xce\xce\xce\0\0\0\2", "Java keystore"),
    "an OpenSSH key": (samples.ssh_keygen("-t rsa")[0], "OpenSSH's own format"),
    "PuTTY": (b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nPrivate-Lines: 14\n", "PuTTY"),
    "an OpenSSH public key": (samples.ssh_keygen("-t ed25519")[1], "an OpenSSH public key"),
    "an SSH2 public key": (b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n", "SSH public key"),
    "a JWK": (JWK, "a JWK (JSON)"),
    "a JWKS": (b'{"keys": [' + JWK + b"]}\n", "a JWKS (JSON)"),
    "JSON": (b'{"a": 1}', "it is JSON"),
    "a key of Google": (
        json.dumps({"type": "service_account", "private_key": TEXT.decode()}).encode(),
        r"written as \n",
    ),
    "an indented block": (YAML.split(b"|\n")[1], "indented"),
    "a block in YAML": (YAML, "indented"),
    "a byte order mark": (b"\xef\xbb\xbf" + TEXT, "byte order mark"),
    "UTF-16": (TEXT.decode().encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": (TEXT.decode().encode("utf-16-le"), "UTF-16"),
    "UTF-16, other order": (TEXT.decode().encode("utf-16-be"), "UTF-16"),
    r"literal \n": (TEXT.replace(b"\n", b"\\n"), r"written as \n"),
    "one line": (TEXT.replace(b"\n", b" "), "one line"),
    "CR": (TEXT.replace(b"\n", b"\r"), "CR alone"),
    "quoted": (b'"' + TEXT.rstrip() + b'"\n', "before '-----BEGIN'"),
    "a shell variable": (b"KEY='" + TEXT + b"'", "before '-----BEGIN'"),
    "a mail": (b"> " + TEXT.replace(b"\n", b"\n> "), "before '-----BEGIN'"),
    "four hyphens": (TEXT.replace(b"-----", b"----"), "five hyphens"),
    "a request": (REQUEST, "certificate request"),
    "a certificate": (samples.certificate(RSA.pkcs8), "only a public part (CERTIFICATE)"),
    "a public key": (PUBLIC, "only a public part (PUBLIC KEY)"),
    "parameters": (samples.openssl("ecparam -name prime256v1"), "parameters of an elliptic curve"),
    "another block": (b"-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n", "only X509 CRL"),
    "an encrypted key": (samples.openssl("pkcs8 -topk8 -passout pass:secret", RSA.pkcs8), "it is encrypted"),
    "an encrypted key of old": (
        samples.openssl("rsa -aes128 -traditional -passout pass:secret", RSA.pkcs8),
        "it is encrypted",
    ),
    "a kubeconfig": (b"apiVersion: v1\nkind: Config\nusers:\n- user:\n    client-key-data: " + BASE64, "a kubeconfig"),
    "a kubeconfig in JSON": (b'{\n  "kind": "Config",\n  "clusters": []}', "a kubeconfig"),
    "a Secret": (b"apiVersion: v1\nkind: Secret\ndata:\n  sa.key: " + BASE64, "a Kubernetes Secret"),
    "a Secret with text": (b"kind: Secret\nstringData:\n" + YAML, "a Kubernetes Secret"),
    "a SealedSecret": (b"kind: SealedSecret\nspec: {}\n", "a SealedSecret"),
    "a token": (b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwcyJ9.c2ln", "a token"),
    "a page": (b"<!DOCTYPE html><title>Login</title>", "an HTML page"),
    "XML": (b"<RSAKeyValue><Modulus>AQAB</Modulus></RSAKeyValue>", "XML"),
    "credentials": (b"[default]\naws_access_key_id = AKIA\naws_secret_access_key = abc\n", "AWS credentials"),
    "text": (b"not a key\n", "no PEM block"),
}


def _assert_nothing_of(content: bytes, message: str) -> None:
    parts = [line.strip().decode("latin-1") for line in content.splitlines()]
    assert not any(part[start : start + 12] in message for part in parts for start in range(0, len(part) - 40, 12))
    assert len(message) < 400


@pytest.mark.parametrize(("content", "name"), ODD.values(), ids=list(ODD))
def test_an_odd_file_in_place_of_a_private_key_is_called_by_its_name(content, name):
    with pytest.raises(Fault) as caught:
        signing_key.load_private(content)
    message = str(caught.value)
    assert name in message
    _assert_nothing_of(content, message)


PUBLIC_ODD = {
    "nothing": (b"", "it is empty"),
    "ansible-vault": (VAULT, "ansible-vault"),
    "base64": (base64.b64encode(PUBLIC), "base64"),
    "DER": (body_of(PUBLIC), "a public key in DER"),
    "a JWKS": (b'{"keys": []}', "a JWKS (JSON)"),
    "indented": (b"  " + PUBLIC.replace(b"\n", b"\n  "), "indented"),
    "a byte order mark": (b"\xef\xbb\xbf" + PUBLIC, "byte order mark"),
    r"literal \n": (PUBLIC.replace(b"\n", b"\\n"), r"written as \n"),
    "UTF-16": (PUBLIC.decode().encode("utf-16"), "UTF-16"),
    "a request": (REQUEST, "certificate request"),
    "OpenSSH options": (b"restrict " + samples.openssh_line(RSA.traditional).encode(), "no public key"),
}


@pytest.mark.parametrize(("content", "name"), PUBLIC_ODD.values(), ids=list(PUBLIC_ODD))
def test_an_odd_text_in_place_of_a_public_key_is_called_by_its_name(content, name):
    with pytest.raises(Fault) as caught:
        signing_key.load_public_keys(content)
    assert name in str(caught.value) and "expected a public key in PEM" in str(caught.value)
