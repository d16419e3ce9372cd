# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both documents from keys of any source, and their files in a directory."""

from __future__ import annotations

import json
import os
import stat

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import document_set
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of

ISSUER = "https://irsa-prod.s3.eu-west-1.amazonaws.com"
DISCOVERY = ".well-known/openid-configuration"
RSA, OTHER_RSA, P256, P384 = samples.RSA, samples.OTHER_RSA, samples.P256, samples.P384


def public(sample: samples.Sample) -> str:
    return samples.public_pem(sample.pkcs8).decode()


def options(**given):
    return {
        "issuer": ISSUER,
        "jwks_uri": None,
        "public_keys": [],
        "public_key_paths": [],
        "jwks": [],
        "legacy_empty_kid": False,
        "dest": None,
        "overwrite": False,
        **given,
    }


def build(check_mode=False, **given):
    return document_set.build(options(**given), check_mode)


def refusal(check_mode=False, **given) -> str:
    with pytest.raises(IrsaError) as caught:
        build(check_mode, **given)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path):
    created = tmp_path / "www"
    created.mkdir()
    created.chmod(0o755)
    return created


class TestSources:
    def test_keys_have_the_order_of_the_options(self, folder):
        (folder / "sa.pub").write_text(public(P256))
        result = build(
            public_keys=[public(RSA)],
            public_key_paths=[str(folder / "sa.pub")],
            jwks=[{"keys": [jwk_of(P384)]}, {"keys": [jwk_of(RSA), {**jwk_of(OTHER_RSA), "kid": "theirs"}]}],
        )
        kids = [samples.kid(sample.pkcs8) for sample in (RSA, P256, P384)] + ["theirs"]
        assert result["kids"] == kids == [key["kid"] for key in json.loads(result["jwks_json"])["keys"]]
        assert result["published_keys"] == [
            {"kid": kid, "algorithm": algorithm, "foreign": False}
            for kid, algorithm in zip(kids, ("RS256", "ES256", "ES384", "RS256"), strict=True)
        ]
        assert json.loads(result["discovery_json"])["id_token_signing_alg_values_supported"] == [
            "ES256",
            "ES384",
            "RS256",
        ]

    def test_keys_for_another_purpose_are_left_out_with_a_warning(self):
        """Keycloak publishes an encryption key beside the signing key, https://github.com/jpadilla/pyjwt/issues/722."""
        others = [
            {**jwk_of(OTHER_RSA), "kid": "enc", "use": "enc", "alg": "RSA-OAEP"},
            {"kid": "no-use", "kty": "EC", "crv": "P-256", "alg": "ECDH-ES+A256KW", "x": "AA", "y": "AA"},
            {**jwk_of(OTHER_RSA), "kid": "pss", "alg": "PS256"},
            {"kid": "okp", "kty": "OKP", "crv": "Ed25519", "x": "AA", "use": "sig", "alg": "EdDSA"},
            {"kid": "k1", "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "use": "sig"},
        ]
        result = build(jwks={"keys": [*others, jwk_of(RSA)]})
        assert result["kids"] == [samples.kid(RSA.pkcs8)]
        assert [text.split(" is not published")[0] for text in result["warnings"]] == [
            f"jwks: key '{key['kid']}'" for key in others
        ]
        # What cannot be meant so is refused as before: a key alone, a typing error, a private key.
        assert "key 'enc' cannot be published: its use is 'enc'" in refusal(jwks={"keys": others})
        for wrong in ({"use": "SIG"}, {"alg": "rs256"}, {"kty": "rsa"}, {"use": "enc", "d": "AQAB"}):
            assert " cannot be published: " in refusal(jwks={"keys": [{**jwk_of(OTHER_RSA), **wrong}, jwk_of(RSA)]})

    def test_all_keys_of_a_bundle_are_published(self, folder):
        (folder / "sa.pub").write_text(public(RSA) + "# the former key\n" + public(P256))
        kids = [samples.kid(sample.pkcs8) for sample in (RSA, P256)]
        assert build(public_key_paths=[str(folder / "sa.pub")])["kids"] == kids
        assert build(public_keys=[public(RSA) + public(P256)])["kids"] == kids

    def test_a_jwks_may_be_an_object_text_or_a_list(self):
        jwks = {"keys": [jwk_of(RSA), jwk_of(P256)]}
        expected = build(jwks=[jwks])
        for given in (jwks, json.dumps(jwks), [json.dumps(jwks)], jwks["keys"]):
            assert build(jwks=given) == expected

    @pytest.mark.parametrize(
        "text",
        [
            public(RSA),
            samples.openssl("rsa -RSAPublicKey_out", RSA.pkcs8).decode(),
            samples.certificate(RSA.pkcs8).decode(),
            samples.openssh_line(RSA.traditional) + " root@node\n",
        ],
        ids=["PKIX", "PKCS#1", "certificate", "OpenSSH"],
    )
    def test_a_key_in_any_form_results_in_the_same_bytes(self, folder, text):
        (folder / "key").write_text(text)
        expected = build(public_keys=[public(RSA)])
        assert build(public_keys=[text]) == expected
        assert build(public_key_paths=[str(folder / "key")]) == expected
        assert build(jwks=[{"keys": [jwk_of(RSA)]}]) == expected

    def test_build_returns_the_documents_and_their_text(self):
        result = build(public_keys=[public(RSA)])
        assert json.loads(result["jwks_json"]) == result["jwks"]
        assert json.loads(result["discovery_json"]) == result["discovery"]
        assert (result["discovery"]["issuer"], result["discovery"]["jwks_uri"]) == (ISSUER, f"{ISSUER}/keys.json")
        assert (result["changed"], result["actions"]) == (False, [])

    def test_an_internal_issuer_is_warned_of_since_another_store_may_reach_it(self):
        (warning,) = build(public_keys=[public(RSA)], issuer="https://oidc.lan")["warnings"]
        assert "The issuer 'https://oidc.lan' is internal, and AWS can never reach it" in warning

    def test_jwks_uri_may_be_another_url(self):
        result = build(public_keys=[public(RSA)], jwks_uri="https://keys.example.com:8443/jwks?x=1")
        assert result["discovery"]["jwks_uri"] == "https://keys.example.com:8443/jwks?x=1"

    def test_legacy_empty_kid_adds_a_key(self):
        result = build(public_keys=[public(RSA), public(P256)], legacy_empty_kid=True)
        assert result["kids"] == [samples.kid(RSA.pkcs8), samples.kid(P256.pkcs8), ""]


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "named", "reason"),
        [
            ({"issuer": "http://irsa.example.com"}, "'http://irsa.example.com'", "https://"),
            ({"jwks_uri": "http://irsa.example.com/keys.json"}, "jwks_uri", "https://"),
            ({"jwks_uri": "https://"}, "jwks_uri", "https://"),
            ({"jwks_uri": "https://[::1/keys"}, "jwks_uri", "https://"),
            ({"jwks_uri": "https://10.0.0.1:6443/openid/v1/jwks"}, "jwks_uri", "AWS can never reach it"),
            ({"issuer": f"{ISSUER}/openid/v1/jwks"}, "the address of the JWKS", f"the issuer is '{ISSUER}'"),
            ({"jwks_uri": "https://irsa.example.com/keys json"}, "jwks_uri", "https://"),
            ({"public_keys": [public(RSA), "nonsense"]}, "public_keys: key 2", "no public key"),
            ({"public_keys": [""]}, "public_keys: key 1", "it is empty"),
            ({"public_keys": ["\ud800"]}, "public_keys: key 1", "no public key"),
            ({"public_keys": [RSA.pkcs8.decode()]}, "public_keys: key 1", "private key"),
            ({"public_key_paths": ["/no/such/key.pub"]}, "public_key_paths: /no/such/key.pub", "does not exist"),
            ({"public_key_paths": ["/"]}, "/", "is a directory"),
            ({"jwks": [{"keys": []}, {"key": "RSA"}]}, "jwks: document 2", "not a JWKS"),
            ({"jwks": [{"keys": [{**jwk_of(RSA), "key_ops": ["verify"]}]}]}, samples.kid(RSA.pkcs8), "key_ops"),
            ({"jwks": [{"keys": [{**jwk_of(RSA), "d": "AQAB"}]}]}, "jwks: document 1", "private members"),
            (
                {
                    "public_keys": [public(RSA)],
                    "jwks": [{"keys": [{**jwk_of(OTHER_RSA), "kid": samples.kid(RSA.pkcs8)}]}],
                },
                "jwks: document 1",
                "a different key has too",
            ),
            ({"public_keys": []}, "public_keys", "No key was given"),
            (
                {"jwks": [{"keys": [{**jwk_of(RSA), "kid": str(number)} for number in range(101)]}]},
                "JWKS",
                "101 RSA keys",
            ),
        ],
        ids=[
            "issuer",
            "jwks_uri http",
            "jwks_uri without a host",
            "jwks_uri not a URL",
            "jwks_uri internal",
            "issuer is a document",
            "jwks_uri with a space",
            "no key",
            "empty key",
            "not text",
            "private key",
            "no file",
            "directory",
            "not a JWKS",
            "key_ops",
            "private JWK",
            "one kid twice",
            "nothing",
            "too many",
        ],
    )
    def test_a_refusal_names_the_option_and_the_reason(self, given, named, reason):
        message = refusal(**given)
        assert named in message and reason in message

    def test_build_refuses_a_private_key_file_without_repeating_it(self, folder):
        (folder / "sa.key").write_bytes(RSA.traditional)
        message = refusal(public_key_paths=[str(folder / "sa.key")])
        assert str(folder / "sa.key") in message and "private key" in message
        assert samples.traces_of(RSA.traditional, message) == []


def test_a_key_file_that_another_user_could_replace_has_a_warning(folder):
    (folder / "sa.pub").write_text(public(P256))
    given = {"public_key_paths": [str(folder / "sa.pub")]}
    assert build(**given)["warnings"] == []
    folder.chmod(0o777)
    for check_mode in (True, False):
        (warning,) = build(check_mode, **given)["warnings"]
        assert str(folder / "sa.pub") in warning and "others can write to the directory" in warning


@pytest.mark.parametrize(
    ("name", "reason"), [("pipe", "is a named pipe"), ("a\0b", "null character"), ("k" * 256, "name too long")]
)
def test_a_public_key_path_that_cannot_be_read_is_refused(folder, name, reason):
    os.mkfifo(folder / "pipe")
    assert reason in refusal(public_key_paths=[f"{folder}/{name}"])


class TestWithoutAKey:
    def test_check_mode_without_a_key_returns_no_documents(self):
        result = build(check_mode=True)
        assert [result[name] for name in ("jwks", "discovery", "jwks_json", "discovery_json")] == [None] * 4
        assert (result["kids"], result["published_keys"], result["changed"], result["actions"]) == ([], [], False, [])

    def test_check_mode_without_a_key_announces_the_files(self, folder):
        result = build(check_mode=True, dest=str(folder))
        assert (result["changed"], result["actions"]) == (True, ["file:WriteDocument"] * 2)
        assert all("not known until the key is created" in entry["after"] for entry in result["diff"])
        assert os.listdir(folder) == []


class TestDest:
    def test_build_writes_both_files_and_only_once(self, folder):
        given = {"public_keys": [public(RSA)], "dest": str(folder)}
        announced = build(check_mode=True, **given)
        assert os.listdir(folder) == []
        done = build(**given)
        assert announced == done
        assert (done["changed"], done["actions"]) == (True, ["file:WriteDocument"] * 2)
        jwks, discovery = folder / "keys.json", folder / ".well-known" / "openid-configuration"
        assert [entry["after_header"] for entry in done["diff"]] == [str(jwks), str(discovery)]
        assert (jwks.read_text(), discovery.read_text()) == (done["jwks_json"], done["discovery_json"])
        assert [stat.S_IMODE(path.stat().st_mode) for path in (jwks, discovery)] == [0o644, 0o644]
        before = [path.stat().st_ino for path in (jwks, discovery)]
        again = build(**given)
        assert (again["changed"], again["actions"], again["diff"]) == (False, [], [])
        assert [path.stat().st_ino for path in (jwks, discovery)] == before

    def test_build_creates_the_directory(self, folder):
        build(public_keys=[public(P256)], dest=str(folder / "a" / "b"))
        assert (folder / "a" / "b" / "keys.json").exists()

    def test_build_repairs_only_the_file_that_differs_and_shows_the_diff(self, folder):
        given = {"public_keys": [public(RSA)], "dest": str(folder)}
        build(**given)
        (folder / "keys.json").write_bytes(b"\xff edited")
        done = build(**given, overwrite=True)
        assert done["actions"] == ["file:WriteDocument"]
        assert done["diff"][0]["before"] == "\ufffd edited"
        assert (folder / "keys.json").read_text() == done["jwks_json"] == done["diff"][0]["after"]

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize(
        ("prepare", "reason"),
        [
            (lambda folder: folder.chmod(0o777), "others can write"),
            (lambda folder: (folder / "keys.json").symlink_to("elsewhere"), "symbolic link"),
            (lambda folder: (folder / "keys.json").mkdir(), "is a directory"),
            (lambda folder: (folder / ".well-known").write_text("a file"), "is a file, not a directory"),
            (lambda folder: (folder / ".well-known").symlink_to(folder.parent), "leads out of"),
            (lambda folder: (folder / ".well-known").symlink_to("../gone"), "leads out of"),
            (lambda folder: (folder / ".well-known").symlink_to(".well-known"), "symbolic links"),
            (
                lambda folder: ((folder / ".well-known").mkdir(), (folder / ".well-known").chmod(0o777)),
                "others can write",
            ),
            (lambda folder: os.mkfifo(folder / "keys.json"), "is a named pipe"),
        ],
        ids=[
            "open directory",
            "link",
            "directory",
            "file for a directory",
            "link to another directory",
            "link to a missing directory",
            "link to itself",
            "open directory below",
            "named pipe",
        ],
    )
    def test_build_writes_nothing_when_one_file_cannot_be_written(self, folder, prepare, reason, check_mode):
        prepare(folder)
        before = sorted(os.listdir(folder))
        assert reason in refusal(check_mode, public_keys=[public(P256)], dest=str(folder))
        assert sorted(os.listdir(folder)) == before

    def test_build_follows_a_link_that_stays_in_the_directory(self, folder):
        (folder / "known").mkdir(mode=0o755)
        (folder / ".well-known").symlink_to("known")
        build(public_keys=[public(P256)], dest=str(folder))
        assert (folder / "known" / "openid-configuration").exists()

    @pytest.mark.parametrize("name", ["a\0b", "\ud800", "d" * 256], ids=["null", "no character", "too long"])
    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize("given", [{"public_keys": [public(P256)]}, {}], ids=["key", "no key yet"])
    def test_build_refuses_a_directory_that_cannot_exist(self, folder, name, check_mode, given):
        refusal(check_mode, dest=f"{folder}/{name}", **given)
        assert os.listdir(folder) == []

    def test_check_mode_without_a_key_refuses_the_same_directories(self, folder):
        folder.chmod(0o777)
        assert "others can write" in refusal(True, dest=str(folder / "new"))

    def test_a_failure_says_what_was_written_before_it(self, folder, monkeypatch):
        real = key_files.replace

        def fail(path, *arguments, **options):
            if path.endswith("openid-configuration"):
                raise IrsaError(f"{path} cannot be written: No space left on device.")
            real(path, *arguments, **options)

        monkeypatch.setattr(key_files, "replace", fail)
        with pytest.raises(IrsaError) as caught:
            build(public_keys=[public(P256)], dest=str(folder))
        assert (caught.value.details["changed"], caught.value.details["actions"]) == (True, ["file:WriteDocument"])
        assert (folder / "keys.json").exists()

    def test_build_removes_what_a_killed_run_left(self, folder):
        left = folder / ".selfhosted-irsa-0123456789abcdef.tmp"
        left.write_text("half a document")
        build(check_mode=True, public_keys=[public(P256)], dest=str(folder))
        assert left.exists()
        build(public_keys=[public(P256)], dest=str(folder))
        assert not left.exists()

    def test_build_reports_a_directory_that_cannot_be_created(self, folder):
        (folder / "file").write_text("")
        assert "a part of its path is a file" in refusal(public_keys=[public(P256)], dest=str(folder / "file"))


class TestPresentFiles:
    """What a directory holds already is not replaced without a word."""

    @pytest.fixture
    def put(self, folder):
        def store(name, document):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(document if isinstance(document, str) else json.dumps(document))

        return store

    @pytest.mark.parametrize("check_mode", [True, False], ids=["check mode", "real run"])
    @pytest.mark.parametrize(
        ("name", "document", "words"),
        [
            (
                DISCOVERY,
                {"issuer": "https://other.example.com"},
                "another issuer: it names 'https://other.example.com'",
            ),
            (DISCOVERY, "<html>", "is not JSON"),
            (DISCOVERY, [], "another issuer: it names null"),
            (
                DISCOVERY,
                {"issuer": ISSUER, "jwks_uri": "https://cdn.example.com/jwks"},
                "'https://cdn.example.com/jwks'",
            ),
            (DISCOVERY, {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/../jwks"}, "not in this directory"),
            (DISCOVERY, {"issuer": ISSUER, "jwks_uri": "HTTPS://cdn.example.com/jwks"}, "not in this directory"),
            (DISCOVERY, {"issuer": ISSUER, "jwks_uri": "http://cdn.example.com/jwks"}, "not in this directory"),
            ("keys.json", "<html>", "is not JSON"),
            ("keys.json", {"keys": "none"}, "is not a JWKS"),
            ("keys.json", {"keys": [{**jwk_of(P256), "kid": "theirs"}]}, "not given: 'theirs'"),
            ("keys.json", {"keys": [{**jwk_of(P256), "kid": samples.kid(RSA.pkcs8)}]}, "under a published kid"),
        ],
        # Without the documents, whose keys differ from one worker of pytest-xdist to the next.
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_files_of_others_are_replaced_only_with_overwrite(self, folder, put, name, document, words, check_mode):
        put(name, document)
        before = (folder / name).read_text()
        given = {"public_keys": [public(RSA)], "dest": str(folder)}
        message = refusal(check_mode, **given)
        assert words in message and "set overwrite" in message
        assert (folder / name).read_text() == before
        assert build(**given, overwrite=True)["changed"]
        assert not build(**given)["changed"]

    def test_keys_of_the_file_that_the_discovery_document_names_are_looked_at(self, folder, put):
        put(DISCOVERY, {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/openid/v1/jwks"})
        put("openid/v1/jwks", {"keys": [{**jwk_of(P256), "kid": "theirs"}, jwk_of(RSA)]})
        given = {"public_keys": [public(RSA)], "dest": str(folder)}
        assert "'theirs'" in refusal(**given)
        assert build(**given, jwks=[{"keys": [{**jwk_of(P256), "kid": "theirs"}]}])["changed"]

    def test_published_keys_stop_check_mode_without_a_key(self, folder, put):
        put("keys.json", {"keys": [jwk_of(P256)]})
        assert samples.kid(P256.pkcs8) in refusal(check_mode=True, dest=str(folder))
