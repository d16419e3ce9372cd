# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of others at the paths of a key pair: neither overwritten nor removed. Also runs under Python 3.9."""

from __future__ import annotations

import base64
import errno
import os

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files, keypair
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

RSA, OTHER, P256, P384 = samples.RSA, samples.OTHER_RSA, samples.P256, samples.P384
OWN_PEM, OTHER_PEM = samples.public_pem(RSA.pkcs8), samples.public_pem(OTHER.pkcs8)
OWN_LINE, OTHER_LINE = (samples.openssh_line(sample.traditional).encode() for sample in (RSA, OTHER))
OTHER_CERTIFICATE = samples.certificate(OTHER.pkcs8)
OTHER_DER = base64.b64decode(b"".join(OTHER_PEM.splitlines()[1:-1]))
KUBECONFIG = b"apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    client-key-data: " + base64.b64encode(
    OTHER.pkcs8
)

# What holds our public key is right as it is.
WITH_OWN = {
    "a bundle": OTHER_PEM + OWN_PEM,
    "a bundle, ours first": OWN_PEM + OTHER_PEM,
    "a bundle with text": b"# old\n" + OTHER_PEM + b"# new\n" + OWN_PEM + b"\n",
    "a bundle with CRLF": (OTHER_PEM + OWN_PEM).replace(b"\n", b"\r\n"),
    "a bundle with a certificate": OTHER_CERTIFICATE + OWN_PEM,
    "a bundle with a key of another kind": samples.public_pem(samples.openssl("genpkey -algorithm ed25519")) + OWN_PEM,
    "a bundle that ends in half a key": OWN_PEM + OTHER_PEM[:100],
    "a certificate": samples.certificate(RSA.pkcs8),
    "an OpenSSH line with a comment": OWN_LINE + b" root@control-plane\n",
    "an OpenSSH line with options": b'restrict,command="echo a b" ' + OWN_LINE + b" root@control-plane\n",
    "several OpenSSH lines": b"# keys\n" + OTHER_LINE + b" bob\n" + OWN_LINE + b" alice\n",
}

# What does not belongs to another user.
OF_OTHERS = {
    "a bundle": (OTHER_PEM + samples.public_pem(P256.pkcs8), "2 public keys"),
    "a bundle that ends in half a key": (OTHER_PEM + OTHER_PEM[:100], "the public key"),
    "a certificate": (OTHER_CERTIFICATE, "a certificate"),
    "an OpenSSH line with a comment": (OTHER_LINE + b" bob@laptop\n", "the public key"),
    "an OpenSSH line with options": (b"restrict " + OTHER_LINE + b"\n", "the public key"),
    "several OpenSSH lines": (OTHER_LINE + b"\n" + samples.openssh_line(P256.traditional).encode() + b"\n", "2 public"),
    "our line in a comment": (b"# " + OWN_LINE + b"\n", "something other"),
    "another form of a single key": (samples.openssl("rsa -RSAPublicKey_out", OTHER.pkcs8), "the public key"),
    "a key with text": (b"# of the old cluster\n" + OTHER_PEM, "the public key"),
    "a key of another kind": (samples.public_pem(samples.openssl("genpkey -algorithm ed25519")), "something other"),
    "a line of another kind": (samples.ssh_keygen("-t ed25519")[1], "something other"),
    "a short key": (samples.public_pem(samples.openssl("genrsa 1024")), "something other"),
    "DER": (OTHER_DER, "something other"),
    "a kubeconfig": (KUBECONFIG, "something other"),
    "a JWKS": (b'{"keys": []}\n', "something other"),
    "text": (b"do not delete\n", "something other"),
    "bytes": (b"\0\xff", "something other"),
}

with_own = pytest.mark.parametrize("content", WITH_OWN.values(), ids=list(WITH_OWN))
of_others = pytest.mark.parametrize(("content", "what"), OF_OTHERS.values(), ids=list(OF_OTHERS))
each_option = pytest.mark.parametrize("option", ["public_key_path", "openssh_public_key_path"])
each_mode = pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])


class Folder:
    """A directory with a private key in it, and a file at a public path of each kind."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.key = folder / "sa-signer.key"
        self.public = folder / "sa.pub"

    def run(self, check_mode=False, state="present", **given):
        options = {
            **dict.fromkeys(("public_key_path", "openssh_public_key_path", "type", "size", "curve")),
            "path": str(self.key),
            "format": "auto",
            "regenerate": "fail",
            "create": True,
            "backup": False,
            "mode": "0600",
            **given,
        }
        pair = keypair.KeyPair(options, check_mode)
        return pair.ensure_absent() if state == "absent" else pair.ensure_present()

    def state(self):
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}

    def refusal(self, *arguments, **given) -> str:
        before = self.state()
        with pytest.raises(IrsaError) as caught:
            self.run(*arguments, **given)
        assert self.state() == before
        for sample in (RSA, OTHER):
            assert not any(
                line in str([caught.value, caught.value.details]) for line in samples.secret_lines(sample.pkcs8)
            )
        return str(caught.value)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pki").mkdir(mode=0o700)
    return Folder(tmp_path / "pki")


class TestPublicPaths:
    @each_mode
    @each_option
    @with_own
    def test_a_file_with_our_key_stays_as_it_is(self, folder, option, content, check_mode):
        folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(content)
        before = folder.state()
        result = folder.run(check_mode, **{option: str(folder.public)})
        assert (result["changed"], result["actions"], result["warnings"]) == (False, [], [])
        assert folder.state() == before

    @each_mode
    @each_option
    @of_others
    def test_a_file_of_others_is_refused_before_any_write(self, folder, option, content, what, check_mode):
        folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(content)
        for given in ({}, {"format": "pkcs8"}, {"regenerate": "always"}):
            message = folder.refusal(check_mode, **{option: str(folder.public), **given})
            assert str(folder.public) in message and what in message and f"irsa_issuer_{option}" in message

    @each_mode
    @pytest.mark.parametrize("create", [True, False])
    @of_others
    def test_no_key_is_created_beside_a_file_of_others(self, folder, content, what, check_mode, create):
        folder.public.write_bytes(content)
        message = folder.refusal(check_mode, create=create, public_key_path=str(folder.public))
        assert str(folder.public) in message and what in message

    @each_mode
    @each_option
    def test_one_file_of_others_keeps_the_other_form_from_being_written(self, folder, option, check_mode):
        folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(OTHER_CERTIFICATE)
        both = dict.fromkeys(("public_key_path", "openssh_public_key_path"), str(folder.folder / "new.pub"))
        folder.refusal(check_mode, **{**both, option: str(folder.public)})

    @each_mode
    @each_option
    @pytest.mark.parametrize("name", ["sa.key", "sa", "sa.pem"])
    def test_the_public_key_of_the_private_key_beside_it_is_not_ours(self, folder, option, name, check_mode):
        folder.key.write_bytes(RSA.traditional)
        (folder.folder / name).write_bytes(OTHER.traditional)
        folder.public.write_bytes(OTHER_PEM)
        assert "the public key" in folder.refusal(check_mode, **{option: str(folder.public)})
        folder.run(check_mode, state="absent", **{option: str(folder.public)})
        assert folder.public.read_bytes() == OTHER_PEM

    @each_mode
    def test_a_named_pipe_is_refused(self, folder, check_mode):
        folder.key.write_bytes(RSA.traditional)
        os.mkfifo(folder.public)
        assert "named pipe" in folder.refusal(check_mode, public_key_path=str(folder.public))
        assert "named pipe" in folder.refusal(check_mode, path=str(folder.public))

    @pytest.mark.parametrize("filling", [b"\n", b" ", b"- ", b"ssh-rsa ", b"# "], ids=repr)
    @pytest.mark.parametrize("start", [b"", b"-----BEGIN PUBLIC KEY-----\n", b"-----BEGIN PRIVATE KEY-----\n-"])
    def test_a_large_file_is_refused_as_a_small_one(self, folder, start, filling):
        """No pattern looks at a file again and again."""
        content = start + filling * ((1 << 18) // len(filling)) + b"!"
        folder.key.write_bytes(content)
        folder.refusal(state="absent")
        folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(content)
        folder.refusal(public_key_path=str(folder.public))

    @pytest.mark.parametrize("state", ["no key", "another key", "always"])
    def test_check_mode_warns_of_a_public_key_that_is_replaced(self, folder, state):
        if state != "no key":
            folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(OTHER_PEM)
        given = {"public_key_path": str(folder.public), "regenerate": "always" if state == "always" else "fail"}
        planned, done = folder.run(check_mode=True, **given), folder.run(**given)
        assert planned["actions"] == done["actions"] and planned["warnings"] == done["warnings"]
        assert "a different key" in planned["warnings"][0]


class TestAbsent:
    @each_mode
    @each_option
    @pytest.mark.parametrize(
        "content",
        [*WITH_OWN.values(), *(content for content, dummy in OF_OTHERS.values()), OTHER_PEM, OTHER_LINE + b"\n"],
        ids=[*(f"ours in {name}" for name in WITH_OWN), *OF_OTHERS, "another's PEM", "another's line"],
    )
    def test_absent_removes_only_what_holds_nothing_else(self, folder, option, content, check_mode):
        folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(content)
        result = folder.run(check_mode, state="absent", **{option: str(folder.public)})
        assert result["actions"] == ["file:RemovePrivateKey"]
        (warning,) = result["warnings"]
        assert f"{folder.public} was not removed" in warning
        assert folder.public.read_bytes() == content
        assert folder.key.exists() == check_mode

    @pytest.mark.parametrize("content", [OTHER_PEM + OWN_PEM, OTHER_PEM, OTHER_LINE + b"\n"], ids=range(3))
    def test_absent_twice_changes_nothing_more(self, folder, content):
        folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(content)
        folder.run(state="absent", public_key_path=str(folder.public))
        again = folder.run(state="absent", public_key_path=str(folder.public))
        assert (again["changed"], len(again["warnings"])) == (False, 1)

    @each_option
    @pytest.mark.parametrize(
        "content",
        [OWN_PEM, OWN_LINE + b"\n", OWN_PEM.replace(b"\n", b"\r\n"), b"", OWN_PEM[:99]],
        ids=["PEM", "OpenSSH", "CRLF", "empty", "truncated"],
    )
    def test_absent_removes_our_own_form(self, folder, option, content):
        folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(content)
        assert len(folder.run(state="absent", **{option: str(folder.public)})["actions"]) == 2
        assert folder.state() == {}

    @each_mode
    def test_absent_keeps_a_public_key_whose_private_key_is_gone(self, folder, check_mode):
        folder.public.write_bytes(OWN_PEM)
        result = folder.run(check_mode, state="absent", public_key_path=str(folder.public))
        assert (result["changed"], folder.public.read_bytes()) == (False, OWN_PEM)
        assert f"no usable private key {folder.key}" in result["warnings"][0]


# What is not one private key, and what may be of use to another user.
NOT_OURS = {
    "a private key and a half": (RSA.traditional + OTHER.traditional[:300], "it "),
    "a certificate": (OTHER_CERTIFICATE, "only a public part"),
    "a public key": (OTHER_PEM, "only a public part"),
    "a kubeconfig": (KUBECONFIG, "it is a kubeconfig"),
    "text": (b"not a key\n", "no PEM block"),
    "an encrypted key": (samples.openssl("pkcs8 -topk8 -passout pass:secret", OTHER.pkcs8), "encrypted"),
    "an OpenSSH key": (samples.ssh_keygen("-t ecdsa")[0], "OpenSSH"),
    "a key of another kind": (samples.openssl("genpkey -algorithm ed25519"), "Ed25519"),
    "a short key": (samples.openssl("genrsa 1024"), "1024 bits"),
}
# What is adopted as it is, and neither rewritten nor removed.
BUNDLES = {
    "two private keys": RSA.traditional + OTHER.traditional,
    "a private key and its certificate": RSA.traditional + samples.certificate(RSA.pkcs8),
}
WITH_TEXT = b"key: |\n" + OTHER.traditional + b"other: value\n"


class TestPrivatePath:
    @each_mode
    @pytest.mark.parametrize(
        "given",
        [{"regenerate": "always", "type": "ECDSA"}, {"format": "pkcs8"}, {}, {"state": "absent"}],
        ids=["regenerate", "format", "adopt", "absent"],
    )
    @pytest.mark.parametrize(("content", "reason"), NOT_OURS.values(), ids=list(NOT_OURS))
    def test_a_file_that_is_not_one_private_key_stays(self, folder, given, content, reason, check_mode):
        folder.key.write_bytes(content)
        message = folder.refusal(check_mode, **given)
        assert str(folder.key) in message and reason in message and "not changed" in message

    @each_mode
    @pytest.mark.parametrize(
        "given",
        [{"regenerate": "always"}, {"format": "pkcs8"}, {"state": "absent"}],
        ids=["regenerate", "format", "absent"],
    )
    @pytest.mark.parametrize("content", BUNDLES.values(), ids=list(BUNDLES))
    def test_a_file_of_several_blocks_is_never_changed(self, folder, given, content, check_mode):
        folder.key.write_bytes(content)
        message = folder.refusal(check_mode, **given)
        assert str(folder.key) in message and "2 PEM blocks" in message and "not changed" in message

    @each_mode
    @pytest.mark.parametrize(
        "given",
        [{"regenerate": "always"}, {"format": "pkcs8"}, {"state": "absent"}],
        ids=["regenerate", "format", "absent"],
    )
    def test_text_beside_the_key_stays(self, folder, given, check_mode):
        folder.key.write_bytes(WITH_TEXT)
        assert "something else beside the private key" in folder.refusal(check_mode, **given)
        assert folder.run()["changed"] is False

    @pytest.mark.parametrize("given", [{"format": "pkcs8"}, {"state": "absent"}], ids=["format", "absent"])
    def test_the_parameters_of_openssl_are_no_text(self, folder, given):
        folder.key.write_bytes(samples.self_made_ec("prime256v1"))
        assert len(folder.run(**given)["actions"]) == 1

    @each_mode
    @pytest.mark.parametrize("given", [{}, {"create": False}, {"regenerate": "always"}, {"format": "pkcs8"}])
    def test_a_key_in_an_open_directory_is_not_adopted(self, folder, given, check_mode):
        folder.key.write_bytes(RSA.traditional)
        folder.folder.chmod(0o1777)
        message = folder.refusal(check_mode, **given)
        assert str(folder.key) in message and "every user may create files" in message

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    @each_mode
    def test_a_key_of_another_user_is_adopted_only_if_owner_says_so(self, folder, check_mode):
        folder.key.write_bytes(RSA.traditional)
        os.chown(folder.key, 54321, 54321)
        assert "belongs to 54321" in folder.refusal(check_mode)
        assert folder.run(check_mode, owner="54321")["kid"] == samples.kid(RSA.pkcs8)


class TestFailures:
    """A failed result says what was done before the failure."""

    def failure(self, folder, monkeypatch, failing, **given):
        """Run while the disk is full for what the file name says."""
        real = getattr(key_files, failing)

        def fail(path, *arguments, **options):
            if path == given.get("fails", str(folder.public)):
                raise IrsaError(f"{path} cannot be written: {os.strerror(errno.ENOSPC)}.")
            return real(path, *arguments, **options)

        monkeypatch.setattr(key_files, failing, fail)
        with pytest.raises(IrsaError) as caught:
            folder.run(**{name: value for name, value in given.items() if name != "fails"})
        return caught.value

    @pytest.mark.parametrize(
        ("given", "before", "action", "done"),
        [
            ({}, None, "file:CreatePrivateKey", "created"),
            ({"regenerate": "always"}, P384.traditional, "file:ReplacePrivateKey", "replaced"),
            ({"format": "pkcs8"}, P384.traditional, "file:RewritePrivateKey", "rewritten"),
        ],
        ids=["create", "replace", "rewrite"],
    )
    def test_a_full_disk_behind_the_private_key_names_it(self, folder, monkeypatch, given, before, action, done):
        if before:
            folder.key.write_bytes(before)
        options = {"type": "ECDSA", "curve": "P-384", "public_key_path": str(folder.public), **given}
        failure = self.failure(folder, monkeypatch, "replace", fails=str(folder.public), **options)
        assert f"the private key {folder.key} was {done}" in str(failure)
        assert (failure.details["changed"], failure.details["actions"]) == (True, [action])
        assert failure.details["diff"]["after"]["actions"] == [action.split(":")[1]]
        assert os.strerror(errno.ENOSPC) in str(failure)

    def test_a_failure_before_the_first_write_has_no_actions(self, folder, monkeypatch):
        failure = self.failure(folder, monkeypatch, "create_private", fails=str(folder.key), type="ECDSA")
        assert (failure.details["changed"], failure.details["actions"]) == (False, [])
        assert folder.state() == {}

    def test_a_removal_that_stops_names_what_is_gone(self, folder, monkeypatch):
        folder.key.write_bytes(RSA.traditional)
        folder.public.write_bytes(OWN_PEM)
        given = {"state": "absent", "backup": True, "public_key_path": str(folder.public)}
        failure = self.failure(folder, monkeypatch, "remove", fails=str(folder.key), **given)
        assert failure.details["actions"] == ["file:RemovePublicKey"]
        assert folder.key.exists() and not folder.public.exists()
        assert os.path.exists(failure.details["backup_file"])

    def test_any_error_of_the_system_names_a_file(self, folder, monkeypatch):
        folder.key.write_bytes(RSA.traditional)

        def fail(path):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)

        with monkeypatch.context() as patch:
            patch.setattr(keypair.os, "stat", fail)
            with pytest.raises(IrsaError) as caught:
                folder.run()
        assert str(folder.key) in str(caught.value) and os.strerror(errno.ESTALE) in str(caught.value)

    @each_mode
    @pytest.mark.parametrize("option", ["path", "public_key_path", "openssh_public_key_path"])
    @pytest.mark.parametrize(
        ("name", "reason"), [("a\0b", "null character"), ("\ud800", "encoded"), ("k" * 256, "name too long")]
    )
    def test_a_path_that_no_file_can_have_is_refused(self, folder, option, name, reason, check_mode):
        folder.key.write_bytes(RSA.traditional)
        assert reason in folder.refusal(check_mode, **{option: f"{folder.folder}/{name}"})
        if name != "k" * 256:  # that file cannot exist, so it is absent
            assert reason in folder.refusal(check_mode, state="absent", **{option: f"{folder.folder}/{name}"})

    def test_the_next_run_removes_what_a_killed_one_left(self, folder):
        folder.key.write_bytes(RSA.traditional)
        left = folder.folder / ".selfhosted-irsa-0123456789abcdef.tmp"
        left.write_bytes(RSA.pkcs8)
        folder.run(check_mode=True)
        assert left.exists()
        assert folder.run()["changed"] is False
        assert not left.exists()
