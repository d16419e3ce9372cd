# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies in buckets in place of JSON, made by the programs that people make it with."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import zipfile
import zlib

import hypothesis
import hypothesis.strategies as st
import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import not_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

DOCUMENT = {"issuer": "https://irsa.example.test", "keys": [{"kid": "a", "name": "Gerät"}]}
TEXT = json.dumps(DOCUMENT, ensure_ascii=False, indent=2)
JSON = TEXT.encode()

# "OK" as the program brotli compresses it, which ends in the mark of an empty last block.
BROTLI = b"\x0b\x00\x80OK\x03\xff"
ZSTD = b"\x28\xb5\x2f\xfd\x04\x00\x11\x00\x00OK"


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("keys.json", JSON)
    return content.getvalue()


KINDS = {
    "nothing": (b"", "empty"),
    "white space": (b" \r\n\t", "empty"),
    "gzip": (gzip.compress(JSON), "compressed with gzip"),
    "zstd": (ZSTD, "compressed with zstd"),
    "bzip2": (bz2.compress(JSON), "compressed with bzip2"),
    "xz": (lzma.compress(JSON), "compressed with xz"),
    **{f"deflate {level}": (zlib.compress(JSON, level), "compressed with deflate") for level in (0, 1, 6, 9)},
    "brotli": (BROTLI, "may be compressed, for example with brotli"),
    "ZIP": (zipped(), "a ZIP archive"),
    "UTF-16": (TEXT.encode("utf-16"), "UTF-16"),
    "UTF-16, other order": (b"\xfe\xff" + TEXT.encode("utf-16-be"), "UTF-16"),
    "UTF-16 without a mark": (TEXT.encode("utf-16-le"), "UTF-16"),
    "UTF-16 without a mark, other order": (TEXT.encode("utf-16-be"), "UTF-16"),
    "UTF-32": (TEXT.encode("utf-32"), "UTF-32"),
    "byte order mark": (TEXT.encode("utf-8-sig"), "byte order mark"),
    "Latin-1": (TEXT.encode("latin-1"), "another charset than UTF-8"),
    "HTML": (b"<!DOCTYPE html>\n<html><head><title> Log in \n</title>", "an HTML page with the title 'Log in'"),
    "HTML without a title": (b"\n<html><body>", "an HTML page."),
    "XML of S3": (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>no</Message></Error>',
        "an error of S3 in XML: NoSuchKey",
    ),
    "XML": (b'<?xml version="1.0"?><rss/>', "XML"),
    "public PEM": (samples.public_pem(samples.RSA.pkcs8), "PEM (PUBLIC KEY)"),
    "private PEM": (samples.RSA.pkcs8, "a private key in PEM"),
    "certificate": (samples.certificate(samples.P256.pkcs8), "PEM (CERTIFICATE)"),
    "DER": (base64.b64decode(b"".join(samples.public_pem(samples.RSA.pkcs8).splitlines()[1:-1])), "DER"),
    "base64 of JSON": (base64.b64encode(JSON), "base64 of JSON"),
    "base64 of JSON in lines": (base64.encodebytes(JSON * 3), "base64 of JSON"),
    "base64 of DER": (b"".join(samples.public_pem(samples.RSA.pkcs8).splitlines()[1:-1]), "base64 of DER"),
    "OpenSSH": (b"ssh-rsa AAAAB3NzaC1yc2E pod@host", "OpenSSH"),
    "a token": (b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "a token"),
    "YAML": (yaml.safe_dump(DOCUMENT).encode(), "YAML"),
    "YAML with a start": (yaml.safe_dump(DOCUMENT, explicit_start=True).encode(), "YAML"),
    "Python": (repr(DOCUMENT).encode(), "single quotes"),
    "comments": (b"{\n  // the keys\n}", "comments"),
    "template": (b"{{ jwks | to_json }}", "a template that was not rendered"),
    "ansible-vault": (b"$ANSIBLE_VAULT;1.1;AES256\n6135", "encrypted with ansible-vault"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "Git LFS"),
    "text": (b"404: Not Found", "plain text"),
    "cut": (JSON[:-9], "ends in the middle"),
    "cut in a string": (b'{"issuer": "https://irsa', "ends in the middle"),
    "no comma": (b'{"keys": []\n "issuer": ""}', "from line 2, column 2 on"),
    "two documents": (JSON + JSON, "from line 9, column 2 on"),
    "NUL": (b'{"a": "\x00"}', "binary data"),
}


@pytest.mark.parametrize(("content", "kind"), KINDS.values(), ids=list(KINDS))
def test_what_is_not_json_is_named(content, kind):
    assert documents.object_in(content) is None
    said = f"{not_json(content)}."
    assert said.startswith("is not JSON") and kind in said
    assert said.isprintable() and len(said) < 300
    # Whatever it is, none of it is repeated: it may be a private key.
    assert not any(content[at : at + 24].decode("utf-8", "replace") in said for at in range(len(content) - 24))


@hypothesis.given(
    st.binary() | st.text(st.sampled_from("{}[]\"'<>:-eyJ.=\n MIb\ufeff")).map(str.encode),
    st.sampled_from([b"", b"{", b"\x1f\x8b", b"x\x9c", b"eyJ", b"-----BEGIN ", b"<", b"MII", b"\xff\xfe", b"\x30\x82"]),
)
def test_any_bytes_are_described_in_one_short_line(content, start):
    said = not_json(start + content)
    assert said.startswith("is not JSON") and said.isprintable() and len(said) < 300
