# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key pairs on disk: one test for each promise of irsa_keypair. Also runs under Python 3.9."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files, keypair, signing_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

RSA, P256 = samples.RSA, samples.P256

each_kind = pytest.mark.parametrize("sample", samples.EACH_KIND.values(), ids=list(samples.EACH_KIND))

CREATE, REPLACE, REWRITE, REMOVE = (f"file:{verb}PrivateKey" for verb in ("Create", "Replace", "Rewrite", "Remove"))
WRITE_PEM, WRITE_OPENSSH = "file:WritePublicKey", "file:WriteOpensshPublicKey"
REMOVE_PEM, REMOVE_OPENSSH = "file:RemovePublicKey", "file:RemoveOpensshPublicKey"

NO_FACTS = dict.fromkeys(("kid", "algorithm", "fingerprint", "public_key", "openssh_public_key", "size", "curve"))


class KeyFolder:
    """A directory of key files, and runs of irsa_keypair in it with any options."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.key = folder / "sa-signer.key"
        self.pem = folder / "sa-signer-pkcs8.pub"
        self.openssh = folder / "sa-signer.key.pub"

    def options(self, **given):
        return {
            "path": str(self.key),
            "public_key_path": None,
            "openssh_public_key_path": None,
            "type": None,
            "size": None,
            "curve": None,
            "format": "auto",
            "regenerate": "fail",
            "create": True,
            "backup": False,
            "mode": None,
            **given,
        }

    def present(self, check_mode=False, **given):
        return keypair.KeyPair(self.options(**given), check_mode).ensure_present()

    def absent(self, check_mode=False, **given):
        return keypair.KeyPair(self.options(**given), check_mode).ensure_absent()

    def put(self, content: bytes, mode=0o600) -> None:
        self.key.write_bytes(content)
        self.key.chmod(mode)

    def state(self):
        """Return everything that a run could change: names, bytes, modes and inodes."""
        return {
            path.name: (
                path.read_bytes() if path.is_file() else None,
                stat.S_IMODE(path.lstat().st_mode),
                path.lstat().st_ino,
            )
            for path in sorted(self.folder.iterdir())
        }


@pytest.fixture
def key_folder(tmp_path):
    folder = tmp_path / "pki"
    folder.mkdir()
    folder.chmod(0o700)
    return KeyFolder(folder)


@pytest.fixture
def three_paths(key_folder):
    return {"public_key_path": str(key_folder.pem), "openssh_public_key_path": str(key_folder.openssh)}


def refusal(key_folder, *secrets: bytes, **given) -> str:
    """Return the message of a refused run; it must change nothing and repeat no key."""
    before = key_folder.state()
    with pytest.raises(IrsaError) as caught:
        key_folder.present(**given)
    assert key_folder.state() == before
    for secret in secrets:
        assert not any(line in str([caught.value, caught.value.details]) for line in samples.secret_lines(secret))
    return str(caught.value)


def assert_no_secret_of(private: bytes, shown) -> None:
    assert samples.traces_of(private, json.dumps(shown)) == []


def assert_as_announced(key_folder, given):
    """Run in check mode, then for real: the first writes nothing and announces what the second does."""
    before = key_folder.state()
    announced = key_folder.present(check_mode=True, **given)
    assert key_folder.state() == before
    done = key_folder.present(**given)
    assert announced["actions"] == done["actions"]
    assert announced["changed"] == done["changed"] == bool(done["actions"])
    return done


class TestCreating:
    def test_keypair_creates_an_rsa_key_and_its_public_forms(self, key_folder, three_paths):
        result = assert_as_announced(key_folder, three_paths)
        assert result["actions"] == [CREATE, WRITE_PEM, WRITE_OPENSSH]
        private = key_folder.key.read_bytes()
        assert private.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
        assert key_folder.pem.read_bytes() == samples.public_pem(private)
        assert key_folder.openssh.read_text() == samples.openssh_line(private) + "\n"
        assert [stat.S_IMODE(path.stat().st_mode) for path in (key_folder.key, key_folder.pem, key_folder.openssh)] == [
            0o600,
            0o644,
            0o644,
        ]
        assert result["kid"] == samples.kid(private)
        assert (result["exists"], result["algorithm"], result["size"], result["curve"]) == (True, "RS256", 2048, None)
        assert_no_secret_of(private, result)

    @pytest.mark.parametrize(
        ("given", "first_line", "algorithm", "size_or_curve"),
        [
            ({"type": "RSA", "size": 3072}, "RSA PRIVATE KEY", "RS256", 3072),
            ({"size": 3072}, "RSA PRIVATE KEY", "RS256", 3072),
            ({"type": "ECDSA"}, "EC PRIVATE KEY", "ES256", "P-256"),
            ({"type": "ECDSA", "curve": "P-384"}, "EC PRIVATE KEY", "ES384", "P-384"),
            ({"type": "ECDSA", "curve": "P-521", "format": "traditional"}, "EC PRIVATE KEY", "ES512", "P-521"),
            ({"type": "ECDSA", "format": "pkcs8"}, "PRIVATE KEY", "ES256", "P-256"),
            ({"format": "pkcs8"}, "PRIVATE KEY", "RS256", 2048),
        ],
        ids=["RSA 3072", "only size", "ECDSA", "P-384", "P-521", "PKCS#8 EC", "PKCS#8 RSA"],
    )
    def test_keypair_creates_a_key_of_the_given_type_size_curve_and_format(
        self, key_folder, given, first_line, algorithm, size_or_curve
    ):
        result = key_folder.present(**given)
        private = key_folder.key.read_bytes()
        assert private.startswith(f"-----BEGIN {first_line}-----\n".encode())
        assert (result["algorithm"], result["size"] or result["curve"]) == (algorithm, size_or_curve)
        assert result["kid"] == samples.kid(private)

    def test_a_second_run_returns_the_same_and_changes_nothing(self, key_folder, three_paths):
        first = key_folder.present(type="ECDSA", **three_paths)
        before = key_folder.state()
        second = key_folder.present(type="ECDSA", **three_paths)
        assert key_folder.state() == before
        assert (second["changed"], second["actions"], second["warnings"]) == (False, [], [])
        assert second["diff"]["before"] == second["diff"]["after"]
        for name in (*NO_FACTS, "path", "exists"):
            assert second[name] == first[name]

    def test_check_mode_returns_no_facts_of_a_new_key(self, key_folder, three_paths):
        result = key_folder.present(check_mode=True, **three_paths)
        assert {name: result[name] for name in NO_FACTS} == NO_FACTS
        assert (result["changed"], result["exists"]) == (True, False)
        assert "not known until the key is created" in json.dumps(result["diff"]["after"])

    @pytest.mark.parametrize(
        ("options", "kind"),
        [
            ({}, {"type": "RSA", "size": 2048}),
            ({"type": "RSA", "size": 4096}, {"type": "RSA", "size": 4096}),
            ({"type": "ECDSA"}, {"type": "ECDSA", "curve": "P-256"}),
            ({"type": "ECDSA", "curve": "P-384"}, {"type": "ECDSA", "curve": "P-384"}),
        ],
        ids=str,
    )
    def test_check_mode_says_of_what_kind_a_new_key_would_be(self, key_folder, three_paths, options, kind):
        diff = key_folder.present(check_mode=True, **three_paths, **options)["diff"]
        assert diff["before"]["key"] == "absent"
        assert kind.items() <= diff["after"]["key"].items() and len(diff["after"]["key"]["files"]) == 3

    def test_create_false_creates_no_key(self, key_folder, three_paths):
        result = assert_as_announced(key_folder, {"create": False, **three_paths})
        assert (result["changed"], result["exists"], result["actions"]) == (False, False, [])
        assert {name: result[name] for name in NO_FACTS} == NO_FACTS
        assert key_folder.state() == {}

    def test_keypair_adopts_the_key_of_a_faster_run(self, key_folder, three_paths, monkeypatch):
        real = key_files.create_private

        def lose_the_race(path, content):
            key_folder.put(RSA.traditional)
            return real(path, content)

        monkeypatch.setattr(key_files, "create_private", lose_the_race)
        result = key_folder.present(**three_paths)
        assert result["kid"] == samples.kid(RSA.traditional)
        assert result["actions"] == [WRITE_PEM, WRITE_OPENSSH]
        assert key_folder.key.read_bytes() == RSA.traditional
        assert key_folder.pem.read_bytes() == samples.public_pem(RSA.traditional)

    def test_keypair_refuses_the_key_of_a_faster_run_with_other_options(self, key_folder, monkeypatch):
        def lose_the_race(path, content):
            key_folder.put(RSA.traditional)
            return False

        monkeypatch.setattr(key_files, "create_private", lose_the_race)
        with pytest.raises(IrsaError, match="its type is RSA, not ECDSA"):
            key_folder.present(type="ECDSA")
        assert key_folder.key.read_bytes() == RSA.traditional

    def test_two_runs_at_once_end_with_one_key(self, key_folder, three_paths):
        children = []
        for _number in range(2):
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    os.write(writing, json.dumps(key_folder.present(type="ECDSA", **three_paths)["kid"]).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            children.append((child, reading))
        kids = []
        for child, reading in children:
            with os.fdopen(reading, "rb") as stream:
                kids.append(json.loads(stream.read()))
            os.waitpid(child, 0)
        assert set(kids) == {samples.kid(key_folder.key.read_bytes())}
        assert key_folder.pem.read_bytes() == samples.public_pem(key_folder.key.read_bytes())


class TestAdopting:
    @each_kind
    @pytest.mark.parametrize("form", ["traditional", "pkcs8"])
    def test_keypair_adopts_any_usable_key_unchanged(self, key_folder, three_paths, sample, form):
        key_folder.put(getattr(sample, form))
        before = key_folder.state()
        result = assert_as_announced(key_folder, three_paths)
        assert result["actions"] == [WRITE_PEM, WRITE_OPENSSH]
        assert key_folder.state()["sa-signer.key"] == before["sa-signer.key"]
        assert (result["kid"], result["algorithm"]) == (samples.kid(sample.pkcs8), sample.algorithm)
        assert (result["size"], result["curve"]) == (sample.size, sample.curve)
        assert key_folder.pem.read_bytes() == samples.public_pem(sample.pkcs8)
        assert_no_secret_of(sample.pkcs8, result)
        assert_no_secret_of(sample.traditional, result)

    def test_create_false_adopts_an_existing_key(self, key_folder, three_paths):
        key_folder.put(RSA.traditional)
        assert assert_as_announced(key_folder, {"create": False, **three_paths})["actions"] == [
            WRITE_PEM,
            WRITE_OPENSSH,
        ]

    @pytest.mark.parametrize("form", ["auto", "traditional", "pkcs8"])
    @pytest.mark.parametrize("present", ["traditional", "pkcs8"])
    @pytest.mark.parametrize("sample", [RSA, P256], ids=["RSA", "P-256"])
    def test_keypair_rewrites_the_private_key_only_for_a_different_format(self, key_folder, sample, present, form):
        key_folder.put(getattr(sample, present), 0o640)
        result = assert_as_announced(key_folder, {"format": form, "mode": "0640"})
        desired = present if form == "auto" else form
        assert result["actions"] == ([] if desired == present else [REWRITE])
        assert key_folder.key.read_bytes() == getattr(sample, desired)
        assert stat.S_IMODE(key_folder.key.stat().st_mode) == 0o640
        assert result["kid"] == samples.kid(sample.pkcs8)

    def test_rewritten_private_key_is_never_world_readable(self, key_folder):
        key_folder.put(RSA.pkcs8, 0o644)
        key_folder.present(format="traditional")
        assert stat.S_IMODE(key_folder.key.stat().st_mode) == 0o640

    def test_keypair_warns_of_a_key_that_others_can_read(self, key_folder):
        key_folder.put(RSA.traditional, 0o644)
        assert any("has mode 0644" in warning for warning in key_folder.present()["warnings"])
        assert key_folder.present(mode="0600")["warnings"] == []

    def test_keypair_reads_a_key_through_a_symbolic_link(self, key_folder):
        (key_folder.folder / "real.key").write_bytes(RSA.traditional)
        (key_folder.folder / "real.key").chmod(0o600)
        key_folder.key.symlink_to("real.key")
        assert key_folder.present()["kid"] == samples.kid(RSA.traditional)
        assert "never written through one" in refusal(key_folder, RSA.traditional, format="pkcs8")

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "it is empty"),
            (RSA.traditional[:500], "truncated"),
            (samples.public_pem(RSA.pkcs8), "only a public part"),
            (samples.openssl("pkcs8 -topk8 -passout pass:secret", RSA.pkcs8), "encrypted"),
            (samples.ssh_keygen("-t ecdsa")[0], "OpenSSH's own format"),
            (samples.openssl("genpkey -algorithm ed25519"), "Ed25519"),
            (samples.openssl("genrsa 1024"), "1024 bits"),
        ],
        ids=["empty", "truncated", "public", "encrypted", "OpenSSH", "Ed25519", "RSA-1024"],
    )
    @pytest.mark.parametrize("regenerate", ["never", "fail"])
    def test_unusable_private_key_file_is_not_changed(self, key_folder, three_paths, content, reason, regenerate):
        key_folder.put(content)
        message = refusal(key_folder, content, regenerate=regenerate, **three_paths)
        assert reason in message and str(key_folder.key) in message and "not changed" in message
        assert refusal(key_folder, content, check_mode=True, regenerate=regenerate, **three_paths) == message


class TestRegenerating:
    MISMATCHES = pytest.mark.parametrize(
        ("sample", "given"),
        [
            (RSA, {"size": 4096}),
            (RSA, {"type": "ECDSA"}),
            (P256, {"type": "RSA"}),
            (P256, {"type": "ECDSA", "curve": "P-384"}),
        ],
        ids=["larger", "ECDSA", "RSA", "other curve"],
    )

    @MISMATCHES
    def test_regenerate_fail_refuses_a_key_that_does_not_match(self, key_folder, three_paths, sample, given):
        key_folder.put(sample.traditional)
        message = refusal(key_folder, sample.traditional, **given, **three_paths)
        assert "does not match the options" in message and "not changed" in message
        assert refusal(key_folder, check_mode=True, **given, **three_paths) == message

    @MISMATCHES
    def test_regenerate_never_keeps_a_key_that_does_not_match_with_a_warning(self, key_folder, sample, given):
        key_folder.put(sample.traditional)
        result = assert_as_announced(key_folder, {"regenerate": "never", **given})
        assert result["changed"] is False
        assert key_folder.key.read_bytes() == sample.traditional
        assert len(result["warnings"]) == 1 and "kept although" in result["warnings"][0]

    def test_regenerate_always_replaces_even_a_matching_key(self, key_folder, three_paths):
        key_folder.put(P256.traditional)
        result = assert_as_announced(key_folder, {"regenerate": "always", "type": "ECDSA", **three_paths})
        assert result["actions"] == [REPLACE, WRITE_PEM, WRITE_OPENSSH]
        assert result["kid"] == samples.kid(key_folder.key.read_bytes()) != samples.kid(P256.traditional)
        assert stat.S_IMODE(key_folder.key.stat().st_mode) == 0o600
        assert_no_secret_of(key_folder.key.read_bytes(), result)
        assert_no_secret_of(P256.traditional, result)

    def test_regenerate_always_creates_a_first_key(self, key_folder):
        assert assert_as_announced(key_folder, {"regenerate": "always", "type": "ECDSA"})["actions"] == [CREATE]

    @pytest.mark.parametrize(
        "content",
        [b"", bytes(512), RSA.traditional[:300], RSA.pkcs8[:-5], RSA.traditional[:400] + RSA.traditional[480:]],
        ids=["empty", "null", "truncated", "cut in END", "damaged"],
    )
    def test_regenerate_always_replaces_an_unusable_file(self, key_folder, content):
        key_folder.put(content)
        result = assert_as_announced(key_folder, {"regenerate": "always", "type": "ECDSA"})
        assert result["actions"] == [REPLACE]
        assert result["kid"] == samples.kid(key_folder.key.read_bytes())

    def test_regenerate_always_with_create_false_replaces_nothing(self, key_folder):
        key_folder.put(P256.traditional)
        assert key_folder.present(regenerate="always", create=False)["kid"] == samples.kid(P256.traditional)
        assert key_folder.key.read_bytes() == P256.traditional

    def test_regenerate_always_never_writes_through_a_symbolic_link(self, key_folder):
        (key_folder.folder / "real.key").write_bytes(P256.traditional)
        key_folder.key.symlink_to("real.key")
        assert "symbolic link" in refusal(key_folder, P256.traditional, regenerate="always", type="ECDSA")


class TestBackup:
    @pytest.mark.parametrize(
        ("given", "replaced"),
        [({"regenerate": "always", "type": "ECDSA"}, True), ({"format": "pkcs8"}, True), ({}, False)],
        ids=["replaced", "rewritten", "unchanged"],
    )
    def test_backup_keeps_a_key_that_is_replaced_or_rewritten(self, key_folder, given, replaced):
        key_folder.put(P256.traditional)
        announced = key_folder.present(check_mode=True, backup=True, **given)
        assert "backup_file" not in announced
        assert os.listdir(key_folder.folder) == ["sa-signer.key"]
        result = key_folder.present(backup=True, **given)
        assert ("backup_file" in result) == replaced
        if replaced:
            assert os.path.dirname(result["backup_file"]) == str(key_folder.folder)
            with open(result["backup_file"], "rb") as stream:
                assert stream.read() == P256.traditional
            assert stat.S_IMODE(os.stat(result["backup_file"]).st_mode) == 0o600

    def test_backup_keeps_a_key_that_is_removed(self, key_folder):
        key_folder.put(P256.traditional)
        result = key_folder.absent(backup=True)
        assert os.listdir(key_folder.folder) == [os.path.basename(result["backup_file"])]

    def test_no_backup_by_default(self, key_folder):
        key_folder.put(P256.traditional)
        assert "backup_file" not in key_folder.present(regenerate="always", type="ECDSA")
        assert os.listdir(key_folder.folder) == ["sa-signer.key"]


class TestPublicFiles:
    def test_keypair_writes_a_missing_public_file_without_a_warning(self, key_folder, three_paths):
        key_folder.put(RSA.traditional)
        key_folder.present(**three_paths)
        key_folder.pem.unlink()
        result = assert_as_announced(key_folder, three_paths)
        assert (result["actions"], result["warnings"]) == ([WRITE_PEM], [])
        assert key_folder.pem.read_bytes() == samples.public_pem(RSA.traditional)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (
                samples.public_pem(samples.OTHER_RSA.pkcs8),
                f"contains a different key, {samples.kid(samples.OTHER_RSA.pkcs8)}",
            ),
            (
                samples.openssh_line(samples.P256.traditional).encode(),
                f"contains a different key, {samples.kid(samples.P256.pkcs8)}",
            ),
            (samples.public_pem(RSA.pkcs8)[:100], "truncated"),
            (samples.public_pem(RSA.pkcs8).replace(b"-----END PUBLIC KEY-----\n", b"-----END"), "truncated"),
            (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "damaged"),
            (b"ssh-rsa AAAA\n", "damaged"),
            (b"", "it is empty"),
            (bytes(512), "null bytes"),
        ],
        ids=["another's", "another's line", "truncated", "cut in END", "damaged", "damaged line", "empty", "null"],
    )
    @pytest.mark.parametrize("which", ["pem", "openssh"])
    def test_keypair_rewrites_a_wrong_public_file_with_a_warning(self, key_folder, three_paths, content, reason, which):
        key_folder.put(RSA.traditional)
        key_folder.present(**three_paths)
        file = getattr(key_folder, which)
        right = file.read_bytes()
        file.write_bytes(content)
        result = assert_as_announced(key_folder, three_paths)
        assert result["actions"] == [WRITE_PEM if which == "pem" else WRITE_OPENSSH]
        assert file.read_bytes() == right
        assert len(result["warnings"]) == 1 and str(file) in result["warnings"][0] and reason in result["warnings"][0]

    @pytest.mark.parametrize(
        "content",
        [
            samples.public_pem(RSA.pkcs8).replace(b"\n", b"\r\n"),
            samples.openssl("rsa -RSAPublicKey_out", RSA.pkcs8),
            samples.certificate(RSA.pkcs8),
            samples.openssh_line(RSA.traditional).encode() + b" root@control-plane\n",
        ],
        ids=["CRLF", "PKCS#1", "certificate", "OpenSSH with a comment"],
    )
    def test_public_file_with_the_same_key_in_another_form_is_not_changed(self, key_folder, content):
        key_folder.put(RSA.traditional)
        key_folder.pem.write_bytes(content)
        result = key_folder.present(public_key_path=str(key_folder.pem))
        assert (result["changed"], result["warnings"]) == (False, [])
        assert key_folder.pem.read_bytes() == content

    @pytest.mark.parametrize("which", ["public_key_path", "openssh_public_key_path"])
    @pytest.mark.parametrize("key_is_there", [True, False], ids=["adopting", "creating"])
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_public_file_never_overwrites_a_private_key(self, key_folder, which, key_is_there, check_mode):
        if key_is_there:
            key_folder.put(RSA.traditional)
        key_folder.pem.write_bytes(samples.OTHER_RSA.traditional)
        with pytest.raises(IrsaError) as caught:
            key_folder.present(check_mode=check_mode, **{which: str(key_folder.pem)})
        assert "contains a private key" in str(caught.value)
        assert key_folder.pem.read_bytes() == samples.OTHER_RSA.traditional
        assert_no_secret_of(samples.OTHER_RSA.traditional, [str(caught.value), caught.value.details])
        # A run that cannot continue creates no key.
        assert key_folder.key.exists() == key_is_there

    def test_keypair_writes_no_public_file_when_one_of_them_cannot_be_written(self, key_folder, three_paths):
        key_folder.put(RSA.traditional)
        key_folder.openssh.mkdir()
        assert "is a directory" in refusal(key_folder, **three_paths)

    def test_private_key_is_not_rewritten_when_a_public_file_cannot_be_written(self, key_folder, three_paths):
        key_folder.put(RSA.traditional)
        key_folder.openssh.write_bytes(samples.OTHER_RSA.traditional)
        assert "contains a private key" in refusal(key_folder, format="pkcs8", **three_paths)

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_keypair_creates_no_key_when_a_public_file_cannot_be_written(self, key_folder, check_mode):
        message = refusal(key_folder, check_mode=check_mode, public_key_path=str(key_folder.folder / "gone" / "sa.pub"))
        assert "does not exist" in message


class TestOptions:
    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"type": "ECDSA", "size": 2048}, "size is for RSA keys"),
            ({"type": "RSA", "curve": "P-256"}, "curve is for ECDSA keys"),
            ({"curve": "P-256"}, "curve is for ECDSA keys"),
            ({"path": ""}, "path is empty"),
        ],
        ids=["size of ECDSA", "curve of RSA", "curve of nothing", "no path"],
    )
    def test_keypair_refuses_options_that_contradict_each_other(self, key_folder, given, reason):
        assert reason in refusal(key_folder, **given)

    @pytest.mark.parametrize("one", ["path", "public_key_path"])
    def test_keypair_refuses_one_path_for_two_files(self, key_folder, one):
        given = {"public_key_path": str(key_folder.pem), "openssh_public_key_path": str(key_folder.openssh)}
        taken = str(key_folder.key) if one == "path" else str(key_folder.pem)
        detour = os.path.join(os.path.dirname(taken), ".", os.path.basename(taken))
        assert "must name different files" in refusal(key_folder, **{**given, "openssh_public_key_path": detour})

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize("create", [True, False], ids=["create", "no create"])
    def test_keypair_refuses_a_directory_whose_parent_is_missing(self, key_folder, check_mode, create):
        gone = key_folder.folder / "gone"
        message = refusal(key_folder, check_mode=check_mode, create=create, path=str(gone / "pki" / "sa.key"))
        assert str(gone / "pki" / "sa.key") in message and f"Create {gone} first" in message

    def test_keypair_refuses_a_directory_that_others_can_write_to(self, key_folder):
        key_folder.folder.chmod(0o777)
        assert "others can write" in refusal(key_folder)
        assert "others can write" in refusal(key_folder, check_mode=True)

    def test_keypair_refuses_a_directory_at_the_path_of_the_key(self, key_folder):
        key_folder.key.mkdir()
        assert "is a directory" in refusal(key_folder)
        assert "is a directory" in refusal(key_folder, regenerate="always")

    def test_keypair_refuses_a_dangling_link_at_the_path_of_the_key(self, key_folder):
        key_folder.key.symlink_to("gone")
        assert "symbolic link" in refusal(key_folder)


class TestAbsent:
    def test_absent_removes_all_files_the_private_one_last(self, key_folder, three_paths):
        key_folder.present(type="ECDSA", **three_paths)
        before = key_folder.state()
        announced = key_folder.absent(check_mode=True, **three_paths)
        assert key_folder.state() == before
        done = key_folder.absent(**three_paths)
        assert done["actions"] == announced["actions"] == [REMOVE_PEM, REMOVE_OPENSSH, REMOVE]
        assert (done["changed"], done["exists"]) == (True, False)
        assert key_folder.state() == {}
        again = key_folder.absent(**three_paths)
        assert (again["changed"], again["actions"]) == (False, [])

    def test_absent_keeps_files_that_are_not_named(self, key_folder, three_paths):
        key_folder.present(type="ECDSA", **three_paths)
        key_folder.absent()
        assert sorted(key_folder.state()) == ["sa-signer-pkcs8.pub", "sa-signer.key.pub"]

    def test_absent_finishes_a_removal_that_was_interrupted(self, key_folder, three_paths):
        key_folder.present(type="ECDSA", **three_paths)
        os.unlink(three_paths["public_key_path"])
        assert key_folder.absent(**three_paths)["actions"] == [REMOVE_OPENSSH, REMOVE]

    @pytest.mark.parametrize("content", [b"", RSA.traditional[:300]], ids=["empty", "truncated"])
    def test_absent_removes_what_is_left_of_a_key(self, key_folder, content):
        key_folder.put(content)
        assert key_folder.absent()["actions"] == [REMOVE]

    def test_absent_removes_a_symbolic_link_and_not_its_target(self, key_folder):
        (key_folder.folder / "real.key").write_bytes(P256.traditional)
        key_folder.key.symlink_to("real.key")
        key_folder.absent()
        assert sorted(key_folder.state()) == ["real.key"]

    def test_absent_removes_nothing_when_a_path_is_a_directory(self, key_folder):
        key_folder.put(P256.traditional)
        key_folder.pem.mkdir()
        before = key_folder.state()
        with pytest.raises(IrsaError, match="is a directory"):
            key_folder.absent(public_key_path=str(key_folder.pem))
        assert key_folder.state() == before

    @pytest.mark.parametrize("check_mode", [True, False])
    @pytest.mark.parametrize("option", ["public_key_path", "openssh_public_key_path"])
    @pytest.mark.parametrize("content", [RSA.traditional, RSA.traditional[:500]], ids=["whole", "truncated"])
    @pytest.mark.parametrize("own_key", [True, False])
    def test_absent_removes_nothing_when_a_public_path_has_a_private_key(
        self, key_folder, three_paths, check_mode, option, content, own_key
    ):
        """It may be the only copy of another cluster's key."""
        if own_key:
            key_folder.present(type="ECDSA", **three_paths)
        other = Path(three_paths[option])
        other.write_bytes(content)
        before = key_folder.state()
        with pytest.raises(IrsaError) as caught:
            key_folder.absent(check_mode=check_mode, **three_paths)
        assert key_folder.state() == before
        assert f"{other} contains a private key" in str(caught.value) and option in str(caught.value)
        assert str(key_folder.key) in str(caught.value) and "Nothing was removed" in str(caught.value)
        assert samples.traces_of(RSA.traditional, str(caught.value)) == []

    def test_absent_removes_a_dangling_link_at_a_public_path(self, key_folder):
        key_folder.pem.symlink_to("gone")
        assert key_folder.absent(public_key_path=str(key_folder.pem))["actions"] == [REMOVE_PEM]
        assert key_folder.state() == {}


def test_check_mode_diff_shows_the_key_that_would_be_replaced(key_folder):
    key_folder.put(P256.traditional)
    announced = key_folder.present(check_mode=True, regenerate="always", type="ECDSA")
    done = key_folder.present(regenerate="always", type="ECDSA")
    assert announced["diff"]["before"] == done["diff"]["before"]
    assert announced["diff"]["before"]["key"]["kid"] == samples.kid(P256.traditional)


def test_result_describes_the_generated_key(key_folder, monkeypatch):
    """The result is read from the key that was written, not from a second generated one."""
    created = []
    real = signing_key.generate
    monkeypatch.setattr(signing_key, "generate", lambda *arguments: created.append(real(*arguments)) or created[-1])
    result = key_folder.present(type="ECDSA")
    assert len(created) == 1
    assert result["public_key"] == samples.public_pem(key_folder.key.read_bytes()).decode()
