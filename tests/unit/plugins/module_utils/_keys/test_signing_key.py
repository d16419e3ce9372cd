# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys against openssl and ssh-keygen. Also runs under Python 3.9 and cryptography 3.4."""

from __future__ import annotations

import base64
import math
import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys.pem import holds_private_key
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

RSA, P256 = samples.RSA, samples.P256

each_kind = pytest.mark.parametrize("sample", samples.EACH_KIND.values(), ids=list(samples.EACH_KIND))


def pem(label: str, der: bytes) -> bytes:
    lines = base64.encodebytes(der)
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (label.encode(), lines, label.encode())


def der_of(text: bytes) -> bytes:
    return base64.b64decode(b"".join(line for line in text.splitlines() if not line.startswith(b"-----")))


def refusal(read, text: bytes) -> str:
    with pytest.raises(Fault) as caught:
        read(text)
    message = str(caught.value)
    for line in samples.secret_lines(text) if text.isascii() else ():
        assert line not in message
    return message


# RFC 9881: SEQUENCE { INTEGER 0, SEQUENCE { OID id-ml-dsa-65 }, OCTET STRING { [0] seed } }, and the public one.
ML_DSA_PRIVATE = pem("PRIVATE KEY", bytes.fromhex("3034020100300b060960864801650304031204228020") + bytes(range(32)))
ML_DSA_PUBLIC = pem("PUBLIC KEY", bytes.fromhex("308207b2300b0609608648016503040312038207a100") + bytes(1952))


class TestLoadPrivate:
    @each_kind
    @pytest.mark.parametrize("form", ["traditional", "pkcs8"])
    def test_load_private_reads_keys_of_openssl(self, sample, form):
        text = getattr(sample, form)
        loaded = signing_key.load_private(text)
        assert loaded.format == form
        public_key = loaded.key.public_key()
        assert key_facts.kid(public_key) == samples.kid(text)
        assert key_facts.algorithm(public_key) == sample.algorithm
        assert key_facts.public_pem(public_key).encode() == samples.public_pem(text)

    @pytest.mark.parametrize("options", ["-t rsa -b 2048 -m pem", "-t ecdsa -b 521 -m pem", "-t ecdsa -b 256 -m pkcs8"])
    def test_load_private_reads_keys_of_ssh_keygen(self, options):
        private, public_line = samples.ssh_keygen(options)
        loaded = signing_key.load_private(private)
        assert loaded.format == ("pkcs8" if "pkcs8" in options else "traditional")
        assert key_facts.openssh_line(loaded.key.public_key()) == public_line.decode().strip()

    @pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
    def test_load_private_ignores_the_parameters_that_openssl_ecparam_writes_first(self, curve):
        text = samples.self_made_ec(curve)
        assert text.startswith(b"-----BEGIN EC PARAMETERS-----")
        assert key_facts.kid(signing_key.load_private(text).key.public_key()) == samples.kid(text)

    @pytest.mark.parametrize(
        "framed",
        [
            RSA.traditional.replace(b"\n", b"\r\n"),
            b"Bag Attributes\n    friendlyName: sa\nKey Attributes: <No Attributes>\n"
            + RSA.traditional
            + b"\ntrailing words\n",
            b"\n\n" + RSA.traditional.strip(),
            b"\xef\xbb\xbf# a comment\n" + RSA.traditional,
        ],
        ids=["CRLF", "text around it", "no newline at the end", "byte order mark"],
    )
    def test_load_private_ignores_text_around_the_key(self, framed):
        assert key_facts.kid(signing_key.load_private(framed).key.public_key()) == samples.kid(RSA.traditional)

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda: samples.openssl("pkcs8 -topk8 -passout pass:secret", RSA.pkcs8), "encrypted"),
            (lambda: samples.openssl("rsa -aes128 -traditional -passout pass:secret", RSA.pkcs8), "encrypted"),
            (lambda: samples.openssl("ec -aes128 -passout pass:secret", P256.traditional), "encrypted"),
            (lambda: samples.ssh_keygen("-t ecdsa")[0], "OpenSSH's own format"),
            (lambda: samples.openssl("genpkey -algorithm ed25519"), "type Ed25519"),
            (lambda: samples.openssl("genpkey -algorithm x25519"), "type X25519"),
            (lambda: samples.self_made_ec("secp256k1"), "secp256k1"),
            (lambda: samples.pkcs8(samples.self_made_ec("secp224r1")), "secp224r1"),
            (lambda: samples.openssl("genrsa 1024"), "RSA key of 1024 bits"),
            (lambda: samples.pkcs8(samples.openssl("genrsa 1024")), "RSA key of 1024 bits"),
            (lambda: ML_DSA_PRIVATE, "ML-DSA"),
            (lambda: samples.openssl("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048"), "RSASSA-PSS"),
        ],
        ids=[
            "PKCS#8 encrypted",
            "PKCS#1 encrypted",
            "SEC1 encrypted",
            "OpenSSH",
            "Ed25519",
            "X25519",
            "secp256k1",
            "P-224",
            "RSA-1024",
            "RSA-1024 PKCS#8",
            "ML-DSA",
            "RSA-PSS",
        ],
    )
    def test_load_private_refuses_a_key_that_kubernetes_or_sts_cannot_use(self, make, reason):
        message = refusal(signing_key.load_private, make())
        assert reason in message
        # The message says what would be right, or what to do.
        assert "RSA of at least 2048 bits" in message or "decrypt" in message or "convert" in message

    def test_load_private_refuses_an_ml_dsa_key_of_the_library(self):
        mldsa = pytest.importorskip(
            "cryptography.hazmat.primitives.asymmetric.mldsa", reason="this version of cryptography has no ML-DSA keys"
        )
        key = mldsa.MLDSA65PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert "ML-DSA" in refusal(signing_key.load_private, private)
        assert "ML-DSA" in refusal(signing_key.load_public, public)

    def test_load_private_refuses_dsa(self):
        parameters = samples.openssl("dsaparam 1024")
        created = samples.openssl("gendsa /dev/stdin", parameters)
        for text in (samples.traditional(created), samples.pkcs8(created)):
            assert "expected RSA of at least 2048 bits" in refusal(signing_key.load_private, text)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (b"", "it is empty"),
            (b"\0" * 4096, "null bytes"),
            (der_of(RSA.pkcs8), "in DER"),
            (RSA.traditional[:700], "truncated"),
            (RSA.pkcs8[: RSA.pkcs8.index(b"-----END")], "truncated"),
            (RSA.pkcs8.replace(b"END PRIVATE KEY", b"END PUBLIC KEY"), "truncated"),
            (pem("RSA PRIVATE KEY", der_of(RSA.traditional)[:-200]), "damaged"),
            (pem("PRIVATE KEY", b"not DER at all"), "damaged"),
            (b"-----BEGIN PRIVATE KEY-----\n!!!! not base64 !!!!\n-----END PRIVATE KEY-----\n", "damaged"),
            (b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "damaged"),
            (samples.public_pem(RSA.pkcs8), "only a public part (PUBLIC KEY)"),
            (samples.openssl("rsa -RSAPublicKey_out", RSA.pkcs8), "only a public part (RSA PUBLIC KEY)"),
            (samples.certificate(RSA.pkcs8), "only a public part (CERTIFICATE)"),
            (pem("EC PARAMETERS", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"), "parameters of an elliptic curve"),
        ],
        ids=[
            "empty",
            "zeros",
            "DER",
            "half a file",
            "no END line",
            "another END line",
            "body cut",
            "body not DER",
            "body not base64",
            "no body",
            "SPKI",
            "PKCS#1 public",
            "certificate",
            "only parameters",
        ],
    )
    def test_load_private_refuses_anything_without_a_whole_private_key(self, text, reason):
        assert reason in refusal(signing_key.load_private, text)

    def test_load_private_refuses_a_key_whose_parameters_do_not_belong_together(self):
        der = bytearray(der_of(RSA.traditional))
        middle = der.index(b"\x02\x03\x01\x00\x01") + 100  # within the private exponent, which follows 65537
        der[middle] ^= 0xFF
        assert "damaged" in refusal(signing_key.load_private, pem("RSA PRIVATE KEY", bytes(der)))

    def test_load_private_never_trusts_the_public_point_in_the_file(self):
        own, foreign = (der_of(sample.traditional) for sample in (P256, samples.OTHER_P256))
        point = b"\x03\x42\x00\x04"
        mixed = pem("EC PRIVATE KEY", own[: own.index(point)] + foreign[foreign.index(point) :])
        assert "damaged" in refusal(signing_key.load_private, mixed)


def der(tag: int, content: bytes) -> bytes:
    """Return one DER value."""
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 + len(octets)]) + octets) + content


# RSAPrivateKey of RFC 8017, behind its version.
MEMBERS = ("n", "e", "d", "p", "q", "dp", "dq", "qi")


def numbers_of(private: bytes) -> dict:
    """Return the members of an RSA key, as openssl reads them."""
    listed = samples.openssl("asn1parse", private).decode().splitlines()
    numbers = [int(line.rpartition(":")[2], 16) for line in listed if " INTEGER " in line]
    return {member: numbers[index] for index, member in enumerate(MEMBERS, start=1)}


def rsa_pem(form: str, numbers: dict) -> bytes:
    """Return a key file with these members, right or wrong."""
    integers = (0, *(numbers[name] for name in MEMBERS))
    pkcs1 = der(0x30, b"".join(der(2, each.to_bytes(each.bit_length() // 8 + 1, "big")) for each in integers))
    if form == "traditional":
        return pem("RSA PRIVATE KEY", pkcs1)
    rsa_encryption = bytes.fromhex("300d06092a864886f70d0101010500")
    return pem("PRIVATE KEY", der(0x30, der(2, b"\0") + rsa_encryption + der(4, pkcs1)))


def openssl_finds_sound(text: bytes) -> bool:
    checked = subprocess.run(
        ["openssl", "rsa", "-check", "-noout"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return b"RSA key ok" in checked.stdout


SOUND = numbers_of(RSA.traditional)
OTHER = numbers_of(samples.OTHER_RSA.traditional)
LAMBDA = (SOUND["p"] - 1) * (SOUND["q"] - 1) // math.gcd(SOUND["p"] - 1, SOUND["q"] - 1)


@pytest.mark.parametrize("form", ["traditional", "pkcs8"])
class TestRsaNumbers:
    @pytest.mark.parametrize(
        "changed",
        [
            {},
            {"d": SOUND["d"] % LAMBDA},
            {"d": SOUND["d"] % LAMBDA + LAMBDA},
            {
                "p": SOUND["q"],
                "q": SOUND["p"],
                "dp": SOUND["dq"],
                "dq": SOUND["dp"],
                "qi": pow(SOUND["p"], -1, SOUND["q"]),
            },
        ],
        ids=["as created", "the smallest d", "a larger d", "primes the other way round"],
    )
    def test_rsa_numbers_that_belong_together_are_accepted(self, form, changed):
        text = rsa_pem(form, {**SOUND, **changed})
        assert openssl_finds_sound(text)
        assert key_facts.kid(signing_key.load_private(text).key.public_key()) == samples.kid(RSA.traditional)

    @pytest.mark.parametrize(
        "changed",
        [
            *({name: SOUND[name] ^ (1 << bit)} for name in MEMBERS for bit in (1, SOUND[name].bit_length() - 2)),
            *({name: OTHER[name]} for name in MEMBERS if name != "e"),
            {"n": OTHER["n"], "d": OTHER["d"]},
            {"p": OTHER["p"], "q": OTHER["q"]},
            {"p": SOUND["q"], "q": SOUND["p"]},
            {"p": SOUND["n"], "q": 1},
            {"p": 1, "q": SOUND["n"]},
            {"dp": SOUND["dq"], "dq": SOUND["dp"]},
            {"dp": SOUND["dp"] + SOUND["p"] - 1},
            {"qi": pow(SOUND["p"], -1, SOUND["q"])},
            *({name: 0} for name in ("d", "p", "q", "dp", "dq", "qi")),
        ],
        ids="-".join,
    )
    def test_rsa_numbers_that_openssl_refuses_are_refused(self, form, changed):
        text = rsa_pem(form, {**SOUND, **changed})
        assert not openssl_finds_sound(text)
        message = refusal(signing_key.load_private, text)
        assert "damaged" in message
        assert samples.traces_of(RSA.traditional, message) == []


class TestLoadPublic:
    @each_kind
    def test_load_public_reads_every_form(self, sample):
        private = sample.pkcs8
        forms = [
            samples.public_pem(private),
            samples.certificate(private),
            samples.openssh_line(private).encode() + b" a comment\n",
        ]
        if sample is RSA:
            forms.append(samples.openssl("rsa -RSAPublicKey_out", private))
        for text in forms:
            assert key_facts.kid(signing_key.load_public(text)) == samples.kid(private)

    @pytest.mark.parametrize(
        "text",
        [
            RSA.traditional,
            RSA.pkcs8,
            P256.traditional,
            RSA.traditional[:300],
            samples.public_pem(RSA.pkcs8) + RSA.pkcs8,
            samples.openssl("pkcs8 -topk8 -passout pass:secret", RSA.pkcs8),
            samples.ssh_keygen("-t ecdsa")[0],
            b"-----BEGIN DSA PRIVATE KEY-----\n",
        ],
        ids=[
            "PKCS#1",
            "PKCS#8",
            "SEC1",
            "half of one",
            "behind a public one",
            "encrypted",
            "OpenSSH",
            "only a first line",
        ],
    )
    def test_load_public_refuses_a_private_key_as_disclosed(self, text):
        assert holds_private_key(text)
        assert "disclosed" in refusal(signing_key.load_public, text)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (b"", "it is empty"),
            (samples.public_pem(RSA.pkcs8) + samples.public_pem(P256.pkcs8), "2 public keys"),
            (samples.certificate(RSA.pkcs8) + samples.certificate(P256.pkcs8), "2 public keys"),
            (samples.public_pem(RSA.pkcs8)[:200], "truncated"),
            (pem("PUBLIC KEY", b"not DER"), "damaged"),
            (pem("CERTIFICATE", b"not DER"), "damaged"),
            (b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB", "damaged"),
            (b"ssh-rsa \xff\xfe", "damaged"),
            (samples.ssh_keygen("-t ed25519")[1], "expected RSA"),
            (ML_DSA_PUBLIC, "ML-DSA"),
            (samples.public_pem(samples.self_made_ec("secp256k1")), "secp256k1"),
            (samples.public_pem(samples.openssl("genrsa 1024")), "1024 bits"),
            (samples.openssl("pkey -pubout", samples.openssl("genpkey -algorithm ed25519")), "Ed25519"),
        ],
        ids=[
            "empty",
            "two",
            "two certificates",
            "cut",
            "not DER",
            "certificate not DER",
            "OpenSSH cut",
            "OpenSSH not base64",
            "OpenSSH Ed25519",
            "ML-DSA",
            "secp256k1",
            "RSA-1024",
            "Ed25519",
        ],
    )
    def test_load_public_refuses_anything_but_one_usable_public_key(self, text, reason):
        assert not holds_private_key(text)
        assert reason in refusal(signing_key.load_public, text)

    def test_load_public_refuses_a_certificate_of_an_unknown_version(self):
        der = samples.openssl("x509 -outform DER", samples.certificate(RSA.pkcs8))
        odd = pem("CERTIFICATE", samples.with_unknown_version(der))
        assert "damaged" in refusal(signing_key.load_public, odd)


def test_load_public_refuses_an_openssh_line_with_a_compressed_point():
    kind, blob = samples.openssh_line(P256.traditional).split()[:2]
    point = base64.b64decode(blob)
    compressed = point[:-65] + b"\x02" + point[-64:]
    assert "damaged" in refusal(signing_key.load_public, f"{kind} {base64.b64encode(compressed).decode()}".encode())


class TestGenerate:
    @pytest.mark.parametrize(
        ("arguments", "algorithm", "described"),
        [
            (("RSA",), "RS256", "Private-Key: (2048 bit"),
            (("RSA", 3072), "RS256", "Private-Key: (3072 bit"),
            (("RSA", 4096), "RS256", "Private-Key: (4096 bit"),
            (("ECDSA",), "ES256", "NIST CURVE: P-256"),
            (("ECDSA", None, "P-384"), "ES384", "NIST CURVE: P-384"),
            (("ECDSA", None, "P-521"), "ES512", "NIST CURVE: P-521"),
        ],
        ids=["RSA", "RSA 3072", "RSA 4096", "ECDSA", "P-384", "P-521"],
    )
    def test_generate_creates_keys_that_openssl_finds_sound(self, arguments, algorithm, described):
        created = signing_key.generate(*arguments)
        assert key_facts.algorithm(created.public_key()) == algorithm
        for form, labels in (("traditional", (b"RSA PRIVATE KEY", b"EC PRIVATE KEY")), ("pkcs8", (b"PRIVATE KEY",))):
            text = signing_key.private_pem(created, form)
            assert text.splitlines()[0] in [b"-----BEGIN " + label + b"-----" for label in labels]
            seen = samples.openssl("pkey -check -noout -text", text).decode()
            assert "is valid" in seen and described in seen
            assert signing_key.load_private(text).format == form
        if arguments[0] == "RSA":
            assert "publicExponent: 65537" in seen

    def test_generate_creates_a_different_key_each_time(self):
        assert key_facts.kid(signing_key.generate("ECDSA").public_key()) != key_facts.kid(
            signing_key.generate("ECDSA").public_key()
        )
