# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key pairs on disk, one test for each thing that irsa_keypair promises. Runs under Python 3.9, too (tests/node)."""

from __future__ import annotations

import json
import os
import stat

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files, keypair, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

RSA, P256 = samples.RSA, samples.P256

each_kind = pytest.mark.parametrize("sample", samples.EACH_KIND.values(), ids=list(samples.EACH_KIND))

CREATE, REPLACE, REWRITE, REMOVE = (f"file:{verb}PrivateKey" for verb in ("Create", "Replace", "Rewrite", "Remove"))
WRITE_PEM, WRITE_OPENSSH = "file:WritePublicKey", "file:WriteOpensshPublicKey"
REMOVE_PEM, REMOVE_OPENSSH = "file:RemovePublicKey", "file:RemoveOpensshPublicKey"

NO_FACTS = dict.fromkeys(("kid", "algorithm", "fingerprint", "public_key", "openssh_public_key", "size", "curve"))


class Place:
    """A directory of key files, and the module's work on it with any options."""

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

    def all_three(self, **given):
        return self.options(public_key_path=str(self.pem), openssh_public_key_path=str(self.openssh), **given)

    def present(self, check_mode=False, **given):
        return keypair.KeyPair(self.options(**given), check_mode).ensure_present()

    def absent(self, check_mode=False, **given):
        return keypair.KeyPair(self.options(**given), check_mode).ensure_absent()

    def put(self, content: bytes, mode=0o600) -> None:
        self.key.write_bytes(content)
        self.key.chmod(mode)

    def state(self):
        """Everything that a run could change: names, bytes, modes, and which file it is."""
        return {
            path.name: (
                path.read_bytes() if path.is_file() else None,
                stat.S_IMODE(path.lstat().st_mode),
                path.lstat().st_ino,
            )
            for path in sorted(self.folder.iterdir())
        }


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "pki"
    folder.mkdir()
    folder.chmod(0o700)
    return Place(folder)


@pytest.fixture
def three_paths(place):
    return {"public_key_path": str(place.pem), "openssh_public_key_path": str(place.openssh)}


def refusal(place, *secrets: bytes, **given) -> str:
    """The message of a run that is refused; one that changed something, or repeats a key, fails the test."""
    before = place.state()
    with pytest.raises(IrsaError) as caught:
        place.present(**given)
    assert place.state() == before
    for secret in secrets:
        assert not any(line in str([caught.value, caught.value.details]) for line in samples.secret_lines(secret))
    return str(caught.value)


def assert_no_secret_of(private: bytes, shown) -> None:
    assert samples.traces_of(private, json.dumps(shown)) == []


def assert_as_foretold(place, given):
    """Run in check mode, then for real: the former writes nothing and lists what the latter does."""
    before = place.state()
    foretold = place.present(check_mode=True, **given)
    assert place.state() == before
    done = place.present(**given)
    assert foretold["actions"] == done["actions"]
    assert foretold["changed"] == done["changed"] == bool(done["actions"])
    return done


class TestMaking:
    def test_makes_an_rsa_key_and_its_public_forms(self, place, three_paths):
        result = assert_as_foretold(place, three_paths)
        assert result["actions"] == [CREATE, WRITE_PEM, WRITE_OPENSSH]
        private = place.key.read_bytes()
        assert private.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
        assert place.pem.read_bytes() == samples.public_pem(private)
        assert place.openssh.read_text() == samples.openssh_line(private) + "\n"
        assert [stat.S_IMODE(path.stat().st_mode) for path in (place.key, place.pem, place.openssh)] == [
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
        ids=["RSA 3072", "size alone", "ECDSA", "P-384", "P-521", "PKCS#8 EC", "PKCS#8 RSA"],
    )
    def test_makes_the_key_that_was_asked_for(self, place, given, first_line, algorithm, size_or_curve):
        result = place.present(**given)
        private = place.key.read_bytes()
        assert private.startswith(f"-----BEGIN {first_line}-----\n".encode())
        assert (result["algorithm"], result["size"] or result["curve"]) == (algorithm, size_or_curve)
        assert result["kid"] == samples.kid(private)

    def test_says_the_same_the_second_time_and_changes_nothing(self, place, three_paths):
        first = place.present(type="ECDSA", **three_paths)
        before = place.state()
        second = place.present(type="ECDSA", **three_paths)
        assert place.state() == before
        assert (second["changed"], second["actions"], second["warnings"]) == (False, [], [])
        assert second["diff"]["before"] == second["diff"]["after"]
        for name in (*NO_FACTS, "path", "exists"):
            assert second[name] == first[name]

    def test_knows_no_kid_in_check_mode(self, place, three_paths):
        result = place.present(check_mode=True, **three_paths)
        assert {name: result[name] for name in NO_FACTS} == NO_FACTS
        assert (result["changed"], result["exists"]) == (True, False)
        assert "known when the key has been made" in json.dumps(result["diff"]["after"])

    def test_makes_none_when_told_not_to(self, place, three_paths):
        result = assert_as_foretold(place, {"create": False, **three_paths})
        assert (result["changed"], result["exists"], result["actions"]) == (False, False, [])
        assert {name: result[name] for name in NO_FACTS} == NO_FACTS
        assert place.state() == {}

    def test_adopts_the_key_of_a_run_that_was_faster(self, place, three_paths, monkeypatch):
        real = key_files.create_private

        def be_late(path, content):
            place.put(RSA.traditional)
            return real(path, content)

        monkeypatch.setattr(key_files, "create_private", be_late)
        result = place.present(**three_paths)
        assert result["kid"] == samples.kid(RSA.traditional)
        assert result["actions"] == [WRITE_PEM, WRITE_OPENSSH]
        assert place.key.read_bytes() == RSA.traditional
        assert place.pem.read_bytes() == samples.public_pem(RSA.traditional)

    def test_refuses_the_key_of_a_faster_run_that_wanted_another_kind(self, place, monkeypatch):
        def be_late(path, content):
            place.put(RSA.traditional)
            return False

        monkeypatch.setattr(key_files, "create_private", be_late)
        with pytest.raises(IrsaError, match="its type is RSA, wanted is ECDSA"):
            place.present(type="ECDSA")
        assert place.key.read_bytes() == RSA.traditional

    def test_two_runs_at_once_end_with_one_key(self, place, three_paths):
        children = []
        for _number in range(2):
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    os.write(writing, json.dumps(place.present(type="ECDSA", **three_paths)["kid"]).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            children.append((child, reading))
        kids = []
        for child, reading in children:
            with os.fdopen(reading, "rb") as stream:
                kids.append(json.loads(stream.read()))
            os.waitpid(child, 0)
        assert set(kids) == {samples.kid(place.key.read_bytes())}
        assert place.pem.read_bytes() == samples.public_pem(place.key.read_bytes())


class TestAdopting:
    @each_kind
    @pytest.mark.parametrize("form", ["traditional", "pkcs8"])
    def test_adopts_any_usable_key_as_it_is(self, place, three_paths, sample, form):
        place.put(getattr(sample, form))
        before = place.state()
        result = assert_as_foretold(place, three_paths)
        assert result["actions"] == [WRITE_PEM, WRITE_OPENSSH]
        assert place.state()["sa-signer.key"] == before["sa-signer.key"]
        assert (result["kid"], result["algorithm"]) == (samples.kid(sample.pkcs8), sample.algorithm)
        assert (result["size"], result["curve"]) == (sample.size, sample.curve)
        assert place.pem.read_bytes() == samples.public_pem(sample.pkcs8)
        assert_no_secret_of(sample.pkcs8, result)
        assert_no_secret_of(sample.traditional, result)

    def test_adopts_with_create_false(self, place, three_paths):
        place.put(RSA.traditional)
        assert assert_as_foretold(place, {"create": False, **three_paths})["actions"] == [WRITE_PEM, WRITE_OPENSSH]

    @pytest.mark.parametrize("form", ["auto", "traditional", "pkcs8"])
    @pytest.mark.parametrize("present", ["traditional", "pkcs8"])
    @pytest.mark.parametrize("sample", [RSA, P256], ids=["RSA", "P-256"])
    def test_rewrites_the_form_only_where_it_is_asked_for(self, place, sample, present, form):
        place.put(getattr(sample, present), 0o640)
        result = assert_as_foretold(place, {"format": form, "mode": "0640"})
        wanted = present if form == "auto" else form
        assert result["actions"] == ([] if wanted == present else [REWRITE])
        assert place.key.read_bytes() == getattr(sample, wanted)
        assert stat.S_IMODE(place.key.stat().st_mode) == 0o640
        assert result["kid"] == samples.kid(sample.pkcs8)

    def test_never_lets_a_rewritten_key_become_readable_by_everybody(self, place):
        place.put(RSA.pkcs8, 0o644)
        place.present(format="traditional")
        assert stat.S_IMODE(place.key.stat().st_mode) == 0o640

    def test_warns_of_a_key_that_others_can_read(self, place):
        place.put(RSA.traditional, 0o644)
        assert any("has mode 0644" in warning for warning in place.present()["warnings"])
        assert place.present(mode="0600")["warnings"] == []

    def test_reads_a_key_through_a_symbolic_link(self, place):
        (place.folder / "real.key").write_bytes(RSA.traditional)
        (place.folder / "real.key").chmod(0o600)
        place.key.symlink_to("real.key")
        assert place.present()["kid"] == samples.kid(RSA.traditional)
        assert "never written through one" in refusal(place, RSA.traditional, format="pkcs8")

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "no PEM block"),
            (RSA.traditional[:500], "truncated"),
            (RSA.traditional + P256.traditional, "2 PEM blocks"),
            (samples.public_pem(RSA.pkcs8), "public part only"),
            (samples.openssl("pkcs8 -topk8 -passout pass:secret", RSA.pkcs8), "encrypted"),
            (samples.ssh_keygen("-t ecdsa")[0], "OpenSSH's own format"),
            (samples.openssl("genpkey -algorithm ed25519"), "Ed25519"),
            (samples.openssl("genrsa 1024"), "1024 bits"),
        ],
        ids=["empty", "truncated", "two keys", "public", "encrypted", "OpenSSH", "Ed25519", "RSA-1024"],
    )
    @pytest.mark.parametrize("regenerate", ["never", "fail"])
    def test_leaves_an_unusable_file_alone(self, place, three_paths, content, reason, regenerate):
        place.put(content)
        message = refusal(place, content, regenerate=regenerate, **three_paths)
        assert reason in message and str(place.key) in message and "left alone" in message
        assert refusal(place, content, check_mode=True, regenerate=regenerate, **three_paths) == message


class TestRegenerating:
    WISHES = pytest.mark.parametrize(
        ("sample", "wish"),
        [
            (RSA, {"size": 4096}),
            (RSA, {"type": "ECDSA"}),
            (P256, {"type": "RSA"}),
            (P256, {"type": "ECDSA", "curve": "P-384"}),
        ],
        ids=["larger", "ECDSA", "RSA", "other curve"],
    )

    @WISHES
    def test_fail_stops_at_a_key_of_another_kind(self, place, three_paths, sample, wish):
        place.put(sample.traditional)
        message = refusal(place, sample.traditional, **wish, **three_paths)
        assert "another than wanted" in message and "left alone" in message
        assert refusal(place, check_mode=True, **wish, **three_paths) == message

    @WISHES
    def test_never_keeps_it_with_a_warning(self, place, sample, wish):
        place.put(sample.traditional)
        result = assert_as_foretold(place, {"regenerate": "never", **wish})
        assert result["changed"] is False
        assert place.key.read_bytes() == sample.traditional
        assert len(result["warnings"]) == 1 and "kept although" in result["warnings"][0]

    def test_always_replaces_even_a_matching_key(self, place, three_paths):
        place.put(P256.traditional)
        result = assert_as_foretold(place, {"regenerate": "always", "type": "ECDSA", **three_paths})
        assert result["actions"] == [REPLACE, WRITE_PEM, WRITE_OPENSSH]
        assert result["kid"] == samples.kid(place.key.read_bytes()) != samples.kid(P256.traditional)
        assert stat.S_IMODE(place.key.stat().st_mode) == 0o600
        assert_no_secret_of(place.key.read_bytes(), result)
        assert_no_secret_of(P256.traditional, result)

    def test_always_makes_a_first_key(self, place):
        assert assert_as_foretold(place, {"regenerate": "always", "type": "ECDSA"})["actions"] == [CREATE]

    @pytest.mark.parametrize("content", [b"", b"no key", RSA.traditional[:300]], ids=["empty", "text", "truncated"])
    def test_always_replaces_an_unusable_file(self, place, content):
        place.put(content)
        result = assert_as_foretold(place, {"regenerate": "always", "type": "ECDSA"})
        assert result["actions"] == [REPLACE]
        assert result["kid"] == samples.kid(place.key.read_bytes())

    def test_always_without_create_replaces_nothing(self, place):
        place.put(P256.traditional)
        assert place.present(regenerate="always", create=False)["kid"] == samples.kid(P256.traditional)
        assert place.key.read_bytes() == P256.traditional

    def test_always_never_writes_through_a_symbolic_link(self, place):
        (place.folder / "real.key").write_bytes(P256.traditional)
        place.key.symlink_to("real.key")
        assert "symbolic link" in refusal(place, P256.traditional, regenerate="always", type="ECDSA")


class TestBackup:
    @pytest.mark.parametrize(
        ("given", "replaced"),
        [({"regenerate": "always", "type": "ECDSA"}, True), ({"format": "pkcs8"}, True), ({}, False)],
        ids=["replaced", "rewritten", "unchanged"],
    )
    def test_keeps_what_is_replaced_or_rewritten(self, place, given, replaced):
        place.put(P256.traditional)
        foretold = place.present(check_mode=True, backup=True, **given)
        assert "backup_file" not in foretold
        assert os.listdir(place.folder) == ["sa-signer.key"]
        result = place.present(backup=True, **given)
        assert ("backup_file" in result) == replaced
        if replaced:
            assert os.path.dirname(result["backup_file"]) == str(place.folder)
            with open(result["backup_file"], "rb") as stream:
                assert stream.read() == P256.traditional
            assert stat.S_IMODE(os.stat(result["backup_file"]).st_mode) == 0o600

    def test_keeps_what_is_removed(self, place):
        place.put(P256.traditional)
        result = place.absent(backup=True)
        assert os.listdir(place.folder) == [os.path.basename(result["backup_file"])]

    def test_keeps_none_unless_asked(self, place):
        place.put(P256.traditional)
        assert "backup_file" not in place.present(regenerate="always", type="ECDSA")
        assert os.listdir(place.folder) == ["sa-signer.key"]


class TestPublicFiles:
    def test_writes_a_missing_one_without_a_warning(self, place, three_paths):
        place.put(RSA.traditional)
        place.present(**three_paths)
        place.pem.unlink()
        result = assert_as_foretold(place, three_paths)
        assert (result["actions"], result["warnings"]) == ([WRITE_PEM], [])
        assert place.pem.read_bytes() == samples.public_pem(RSA.traditional)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (samples.public_pem(samples.OTHER_RSA.pkcs8), f"is of another key, {samples.kid(samples.OTHER_RSA.pkcs8)}"),
            (
                samples.openssh_line(samples.P256.traditional).encode(),
                f"is of another key, {samples.kid(samples.P256.pkcs8)}",
            ),
            (samples.public_pem(RSA.pkcs8)[:100], "truncated"),
            (b"", "0 public keys"),
            (b"\0\xff", "0 public keys"),
        ],
        ids=["another's", "another's line", "truncated", "empty", "bytes"],
    )
    @pytest.mark.parametrize("which", ["pem", "openssh"])
    def test_writes_a_wrong_one_anew_with_a_warning(self, place, three_paths, content, reason, which):
        place.put(RSA.traditional)
        place.present(**three_paths)
        file = getattr(place, which)
        right = file.read_bytes()
        file.write_bytes(content)
        result = assert_as_foretold(place, three_paths)
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
    def test_leaves_another_spelling_of_the_same_key_alone(self, place, content):
        place.put(RSA.traditional)
        place.pem.write_bytes(content)
        result = place.present(public_key_path=str(place.pem))
        assert (result["changed"], result["warnings"]) == (False, [])
        assert place.pem.read_bytes() == content

    @pytest.mark.parametrize("which", ["public_key_path", "openssh_public_key_path"])
    @pytest.mark.parametrize("key_is_there", [True, False], ids=["adopting", "making"])
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_never_overwrites_a_private_key(self, place, which, key_is_there, check_mode):
        if key_is_there:
            place.put(RSA.traditional)
        place.pem.write_bytes(samples.OTHER_RSA.traditional)
        with pytest.raises(IrsaError) as caught:
            place.present(check_mode=check_mode, **{which: str(place.pem)})
        assert "holds a private key" in str(caught.value)
        assert place.pem.read_bytes() == samples.OTHER_RSA.traditional
        assert_no_secret_of(samples.OTHER_RSA.traditional, [str(caught.value), caught.value.details])
        # A new key would be of no use to a run that cannot go on.
        assert place.key.exists() == key_is_there

    def test_writes_neither_when_one_of_them_cannot_be_written(self, place, three_paths):
        place.put(RSA.traditional)
        place.openssh.mkdir()
        assert "is a directory" in refusal(place, **three_paths)

    def test_leaves_the_form_of_the_private_key_when_a_public_file_cannot_be_written(self, place, three_paths):
        place.put(RSA.traditional)
        place.openssh.write_bytes(samples.OTHER_RSA.traditional)
        assert "holds a private key" in refusal(place, format="pkcs8", **three_paths)

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    def test_makes_no_key_when_a_public_file_cannot_be_written(self, place, check_mode):
        message = refusal(place, check_mode=check_mode, public_key_path=str(place.folder / "gone" / "sa.pub"))
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
    def test_refuses_what_does_not_go_together(self, place, given, reason):
        assert reason in refusal(place, **given)

    @pytest.mark.parametrize("one", ["path", "public_key_path"])
    def test_refuses_one_file_for_two_things(self, place, one):
        given = {"public_key_path": str(place.pem), "openssh_public_key_path": str(place.openssh)}
        taken = str(place.key) if one == "path" else str(place.pem)
        detour = os.path.join(os.path.dirname(taken), ".", os.path.basename(taken))
        assert "must name different files" in refusal(place, **{**given, "openssh_public_key_path": detour})

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize("create", [True, False], ids=["create", "no create"])
    def test_refuses_a_missing_directory(self, place, check_mode, create):
        message = refusal(place, check_mode=check_mode, create=create, path=str(place.folder / "gone" / "sa.key"))
        assert f"{place.folder / 'gone'} does not exist" in message

    def test_refuses_a_directory_that_others_can_write_to(self, place):
        place.folder.chmod(0o777)
        assert "others can write" in refusal(place)
        assert "others can write" in refusal(place, check_mode=True)

    def test_refuses_a_directory_for_a_file(self, place):
        place.key.mkdir()
        assert "is a directory" in refusal(place)
        assert "is a directory" in refusal(place, regenerate="always")

    def test_refuses_a_dangling_link(self, place):
        place.key.symlink_to("gone")
        assert "symbolic link" in refusal(place)


class TestAbsent:
    def test_removes_all_files_the_private_one_first(self, place, three_paths):
        place.present(type="ECDSA", **three_paths)
        before = place.state()
        foretold = place.absent(check_mode=True, **three_paths)
        assert place.state() == before
        done = place.absent(**three_paths)
        assert done["actions"] == foretold["actions"] == [REMOVE, REMOVE_PEM, REMOVE_OPENSSH]
        assert (done["changed"], done["exists"]) == (True, False)
        assert place.state() == {}
        again = place.absent(**three_paths)
        assert (again["changed"], again["actions"]) == (False, [])

    def test_leaves_files_alone_that_were_not_named(self, place, three_paths):
        place.present(type="ECDSA", **three_paths)
        place.absent()
        assert sorted(place.state()) == ["sa-signer-pkcs8.pub", "sa-signer.key.pub"]

    def test_removes_what_is_left_of_them(self, place, three_paths):
        place.present(type="ECDSA", **three_paths)
        place.key.unlink()
        assert place.absent(**three_paths)["actions"] == [REMOVE_PEM, REMOVE_OPENSSH]

    def test_removes_a_key_that_is_of_no_use(self, place):
        place.put(b"not a key")
        assert place.absent()["actions"] == [REMOVE]

    def test_removes_a_symbolic_link_and_not_what_it_points_to(self, place):
        (place.folder / "real.key").write_bytes(P256.traditional)
        place.key.symlink_to("real.key")
        place.absent()
        assert sorted(place.state()) == ["real.key"]

    def test_refuses_a_directory_and_then_removes_nothing(self, place):
        place.put(P256.traditional)
        place.pem.mkdir()
        before = place.state()
        with pytest.raises(IrsaError, match="is a directory"):
            place.absent(public_key_path=str(place.pem))
        assert place.state() == before


def test_check_mode_draws_the_key_that_would_be_replaced(place):
    place.put(P256.traditional)
    foretold = place.present(check_mode=True, regenerate="always", type="ECDSA")
    done = place.present(regenerate="always", type="ECDSA")
    assert foretold["diff"]["before"] == done["diff"]["before"]
    assert foretold["diff"]["before"]["key"]["kid"] == samples.kid(P256.traditional)


def test_the_key_that_is_generated_is_the_one_described(place, monkeypatch):
    """What is returned is read from the key that was written, not from another one made on the way."""
    made = []
    real = signing_key.generate
    monkeypatch.setattr(signing_key, "generate", lambda *arguments: made.append(real(*arguments)) or made[-1])
    result = place.present(type="ECDSA")
    assert len(made) == 1
    assert result["public_key"] == samples.public_pem(place.key.read_bytes()).decode()
