# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key files that kube-apiserver reads or refuses, as tests/e2e/test_key_files.py shows. Also runs under Python 3.9."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.key_file_samples import PRIVATE, PUBLIC, KeyFile

RSA, P256 = samples.RSA, samples.P256
OTHER = samples.OTHER_RSA


def _refusal(read, file: KeyFile) -> str | None:
    """Return why a file is refused; None if it is not."""
    try:
        read(file.content)
    except Fault as fault:
        return str(fault)
    return None


def _assert_as_expected(read, file: KeyFile) -> None:
    message = _refusal(read, file)
    if file.refusal is None:
        assert message is None and file.is_read
    else:
        assert message is not None and file.refusal in message
        assert not any(line.decode("latin-1") in message for line in file.content.splitlines() if len(line) > 40)


@pytest.mark.parametrize("file", PRIVATE.values(), ids=list(PRIVATE))
def test_a_private_key_file_is_adopted_only_if_kube_apiserver_reads_it(file):
    _assert_as_expected(signing_key.load_private, file)


@pytest.mark.parametrize("file", PUBLIC.values(), ids=list(PUBLIC))
def test_a_public_key_file_is_taken_only_if_kube_apiserver_reads_it(file):
    _assert_as_expected(signing_key.load_public_keys, file)


def test_a_certificate_with_explicit_parameters_is_refused():
    key = samples.openssl("ecparam -name prime256v1 -genkey -noout -param_enc explicit")
    assert "explicit parameters" in (
        _refusal(signing_key.load_public_keys, KeyFile(samples.certificate(key), False)) or ""
    )


class TestBundles:
    """The first private key signs, and the public keys of all count."""

    @pytest.mark.parametrize(
        ("content", "further"),
        [
            (RSA.traditional + OTHER.traditional, [OTHER]),
            (RSA.traditional + b"# old\n" + P256.pkcs8 + OTHER.pkcs8, [P256, OTHER]),
            (RSA.traditional + RSA.pkcs8, []),
            (RSA.traditional + samples.public_pem(RSA.pkcs8), []),
            (samples.public_pem(RSA.pkcs8) + RSA.traditional, []),
            (RSA.traditional + samples.public_pem(OTHER.pkcs8), [OTHER]),
            (samples.certificate(RSA.pkcs8) + RSA.traditional, []),
            (RSA.traditional + samples.certificate(OTHER.pkcs8) + OTHER.traditional, [OTHER]),
        ],
        ids=["two", "three", "twice", "and public", "public first", "another public", "certificate first", "each"],
    )
    def test_all_keys_of_a_file_count_once(self, content, further):
        found = signing_key.load_private(content)
        assert [key_facts.kid(key) for key in found.public_keys] == [
            samples.kid(sample.pkcs8) for sample in (RSA, *further)
        ]
        assert found.unused == ()

    @pytest.mark.parametrize(
        ("other", "reason"),
        [
            (samples.certificate(OTHER.pkcs8), "of another key"),
            (samples.openssl("genrsa 1024"), "1024 bits"),
            (samples.openssl("pkcs8 -topk8 -passout pass:secret", OTHER.pkcs8), "encrypted"),
            (samples.openssl("genpkey -algorithm ed25519"), "Ed25519"),
            (samples.ssh_keygen("-t ecdsa")[0], "OpenSSH"),
        ],
        ids=["certificate", "short", "encrypted", "Ed25519", "OpenSSH"],
    )
    def test_what_cannot_be_published_is_named(self, other, reason):
        found = signing_key.load_private(RSA.traditional + other)
        assert len(found.public_keys) == 1
        assert len(found.unused) == 1 and reason in found.unused[0]

    def test_all_public_keys_of_a_file_are_read(self):
        text = samples.public_pem(P256.pkcs8) + samples.certificate(RSA.pkcs8) + samples.public_pem(P256.pkcs8)
        kids = [key_facts.kid(key) for key in signing_key.load_public_keys(text)]
        assert kids == [samples.kid(P256.pkcs8), samples.kid(RSA.pkcs8)]

    def test_all_openssh_lines_of_a_file_are_read(self):
        text = (
            f"{samples.openssh_line(RSA.traditional)} a\n# b\n\n{samples.openssh_line(P256.traditional)} c\n".encode()
        )
        kids = [key_facts.kid(key) for key in signing_key.load_public_keys(text)]
        assert kids == [samples.kid(RSA.pkcs8), samples.kid(P256.pkcs8)]

    def test_an_unusable_public_key_among_others_is_named(self):
        text = samples.public_pem(RSA.pkcs8) + samples.public_pem(samples.openssl("genrsa 1024"))
        with pytest.raises(Fault, match=r"public key 2 of 2: it is an RSA key of 1024 bits"):
            signing_key.load_public_keys(text)

    def test_the_key_of_an_authority_is_not_taken_for_a_signing_key(self, tmp_path):
        (tmp_path / "ca.key").write_bytes(OTHER.pkcs8)
        authority = samples.certificate(OTHER.pkcs8, "/CN=authority")
        (tmp_path / "ca.crt").write_bytes(authority)
        (tmp_path / "sa.key").write_bytes(RSA.pkcs8)
        request = samples.openssl(f"req -new -subj /CN=sa -key {tmp_path / 'sa.key'}")
        issued = samples.openssl(
            f"x509 -req -days 30 -CA {tmp_path / 'ca.crt'} -CAkey {tmp_path / 'ca.key'} -set_serial 7", request
        )
        for chain in (issued + authority, authority + issued):
            with pytest.raises(Fault, match="with that of its authority"):
                signing_key.load_public_keys(chain)
        assert len(signing_key.load_public_keys(issued)) == 1
