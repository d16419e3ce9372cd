# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key file of several keys, such as service.key of k3s. Also runs under Python 3.9."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import keypair
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

NEW, OLD, OLDER = samples.P256, samples.RSA, samples.OTHER_RSA
WRITE_PEM, WRITE_OPENSSH = "file:WritePublicKey", "file:WriteOpensshPublicKey"
PEMS = [samples.public_pem(sample.pkcs8) for sample in (NEW, OLD)]
KIDS = [samples.kid(sample.pkcs8) for sample in (NEW, OLD)]


@pytest.fixture
def bundle(tmp_path):
    """A folder with service.key: the new key, then the old one."""
    tmp_path.chmod(0o700)
    (tmp_path / "service.key").touch(mode=0o600)
    (tmp_path / "service.key").write_bytes(NEW.traditional + OLD.traditional)
    return tmp_path


def run(folder, check_mode=False, **given):
    options = {
        **dict.fromkeys(("type", "size", "curve", "mode")),
        "path": str(folder / "service.key"),
        "public_key_path": str(folder / "service.pub"),
        "openssh_public_key_path": str(folder / "service.key.pub"),
        "format": "auto",
        "regenerate": "fail",
        "create": True,
        "backup": False,
        **given,
    }
    return keypair.KeyPair(options, check_mode).ensure_present()


def test_the_first_key_signs_and_all_are_in_the_result(bundle):
    before = (bundle / "service.key").read_bytes()
    planned, done = run(bundle, check_mode=True), run(bundle)
    assert planned["actions"] == done["actions"] == [WRITE_PEM, WRITE_OPENSSH]
    for result in (planned, done):
        assert (result["kid"], result["algorithm"], result["kids"]) == (KIDS[0], "ES256", KIDS)
        assert [text.encode() for text in result["public_keys"]] == PEMS
        assert (result["public_key"].encode(), result["warnings"]) == (PEMS[0], [])
        assert result["diff"]["after"]["key"]["further_kids"] == KIDS[1:]
    # API servers have to accept the tokens of both; an OpenSSH line is that of the key that signs.
    assert (bundle / "service.pub").read_bytes() == b"".join(PEMS)
    assert (bundle / "service.key.pub").read_text() == samples.openssh_line(NEW.traditional) + "\n"
    again = run(bundle)
    assert (again["changed"], again["warnings"], again["kids"]) == (False, [], KIDS)
    assert (bundle / "service.key").read_bytes() == before


def test_a_public_file_follows_a_rotation(bundle):
    """Before, during and after it, as k3s does it."""
    (bundle / "service.key").write_bytes(OLD.traditional)
    run(bundle, openssh_public_key_path=None)
    (bundle / "service.key").write_bytes(NEW.traditional + OLD.traditional)
    result = run(bundle, openssh_public_key_path=None)
    assert (result["actions"], (bundle / "service.pub").read_bytes()) == ([WRITE_PEM], b"".join(PEMS))
    (bundle / "service.key").write_bytes(NEW.traditional)
    result = run(bundle, openssh_public_key_path=None)
    assert (result["changed"], (bundle / "service.pub").read_bytes()) == (False, b"".join(PEMS))


def test_a_public_file_that_lacks_a_key_is_written_anew(bundle):
    (bundle / "service.pub").write_bytes(PEMS[0])
    result = run(bundle, openssh_public_key_path=None)
    assert result["actions"] == [WRITE_PEM]
    assert "it lacks keys that" in result["warnings"][0]
    assert (bundle / "service.pub").read_bytes() == b"".join(PEMS)


@pytest.mark.parametrize("content", [PEMS[0] + samples.public_pem(OLDER.pkcs8), samples.certificate(NEW.pkcs8)])
def test_a_public_file_that_others_wrote_stays_if_it_has_the_key_that_signs(bundle, content):
    (bundle / "service.pub").write_bytes(content)
    assert run(bundle, openssh_public_key_path=None)["changed"] is False
    assert (bundle / "service.pub").read_bytes() == content


def test_a_public_file_of_other_keys_stops_the_run(bundle):
    content = PEMS[1] + samples.public_pem(OLDER.pkcs8)
    (bundle / "service.pub").write_bytes(content)
    with pytest.raises(IrsaError, match="2 public keys, and not the public key of"):
        run(bundle, openssh_public_key_path=None)
    assert (bundle / "service.pub").read_bytes() == content


def test_what_is_not_published_is_warned_of(bundle):
    with (bundle / "service.key").open("ab") as file:
        file.write(samples.certificate(OLDER.pkcs8))
    result = run(bundle)
    assert (result["kids"], len(result["warnings"])) == (KIDS, 1)
    assert "CERTIFICATE: it is of another key" in result["warnings"][0]


# What kube-apiserver reads as --service-account-key-file (client-go, util/keyutil/key.go): no ECDSA key in PKCS#8.
@pytest.mark.parametrize(
    ("content", "is_readable"),
    [
        (NEW.pkcs8, False),
        (NEW.traditional, True),
        (OLD.pkcs8, True),
        (NEW.pkcs8 + samples.public_pem(NEW.pkcs8), True),
        (samples.public_pem(NEW.pkcs8) + NEW.pkcs8, True),
        (NEW.pkcs8 + NEW.traditional, True),
        (NEW.pkcs8 + OLD.traditional, False),
        (OLD.traditional + NEW.pkcs8, False),
    ],
    ids=["pkcs8", "sec1", "rsa", "with-public", "after-public", "both-forms", "old-rsa", "old-pkcs8"],
)
def test_a_key_that_shows_no_public_key_to_api_servers_needs_a_file_with_it(bundle, content, is_readable):
    (bundle / "service.key").write_bytes(content)
    for check_mode in (True, False):
        alone = run(bundle, check_mode=check_mode, public_key_path=None, openssh_public_key_path=None)
        assert [("public_key_path" in text) for text in alone["warnings"]] == ([] if is_readable else [True])
        assert (alone["changed"], (bundle / "service.key").read_bytes()) == (False, content)
    assert run(bundle)["warnings"] == []
