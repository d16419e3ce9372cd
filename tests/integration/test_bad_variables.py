# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wrong variables are reported by name, all at once, and before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from playbooks import Operator, Run

# Variables set beside a good bucket and key path, and what the message must say: the variable, and what would be right.
SINGLE: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "dots": ({"irsa_issuer_bucket": "irsa.prod"}, ("irsa_issuer_bucket: ", "'irsa.prod' has a dot")),
    "capitals": ({"irsa_issuer_bucket": "Irsa-Prod"}, ("irsa_issuer_bucket: ", "in lower case")),
    "short": ({"irsa_issuer_bucket": "ir"}, ("irsa_issuer_bucket: ", "S3 accepts 3 to 63")),
    "long": ({"irsa_issuer_bucket": "i" * 64}, ("irsa_issuer_bucket: ", "S3 accepts 3 to 63")),
    "underscore": (
        {"irsa_issuer_bucket": "irsa_prod"},
        ("irsa_issuer_bucket: ", "lower-case letters, digits and hyphens"),
    ),
    "reserved": ({"irsa_issuer_bucket": "xn--irsa"}, ("irsa_issuer_bucket: ", "S3 reserves")),
    "regional": (
        {"irsa_issuer_bucket_namespace": "account-regional"},
        ("irsa_issuer_bucket: ", "<prefix>-<account ID>-<region>-an"),
    ),
    "http": ({"irsa_issuer_url": "http://issuer.example"}, ("irsa_issuer_url: ", "must begin with https://")),
    "query": ({"irsa_issuer_url": "https://issuer.example?a=b"}, ("irsa_issuer_url: ", "has a query", "Leave it out")),
    "fragment": (
        {"irsa_issuer_url": "https://issuer.example#a"},
        ("irsa_issuer_url: ", "has a fragment", "Leave it out"),
    ),
    "port": (
        {"irsa_issuer_url": "https://issuer.example:8443"},
        ("irsa_issuer_url: ", "has a port", "leave the port out"),
    ),
    "port-443": ({"irsa_issuer_url": "https://issuer.example:443"}, ("irsa_issuer_url: ", "has a port")),
    "slash": (
        {"irsa_issuer_url": "https://issuer.example/"},
        ("irsa_issuer_url: ", "ends with a slash", "Leave it out"),
    ),
    "path-slash": ({"irsa_issuer_url": "https://issuer.example/prod/"}, ("irsa_issuer_url: ", "ends with a slash")),
    "long-url": ({"irsa_issuer_url": f"https://issuer.example/{'x' * 240}"}, ("irsa_issuer_url: ", "at most 255")),
    "user": ({"irsa_issuer_url": "https://me@issuer.example"}, ("irsa_issuer_url: ", "user name")),
    "no-host": ({"irsa_issuer_url": "https:///path"}, ("irsa_issuer_url: ", "no valid host name")),
    "elsewhere": (
        {"irsa_issuer_url": "https://irsa-fine.s3.eu-west-1.amazonaws.com/other", "irsa_issuer_prefix": "prod"},
        ("irsa_issuer_url: ", "under 'other'", "under 'prod'", "irsa_issuer_prefix"),
    ),
    "document": (
        {"irsa_issuer_url": "https://issuer.example/.well-known/openid-configuration"},
        ("irsa_issuer_url: ", "address of the discovery document", "the issuer is 'https://issuer.example'"),
    ),
    "jwks-address": (
        {"irsa_issuer_url": "https://issuer.example/prod/openid/v1/jwks", "irsa_issuer_bucket": ""},
        ("irsa_issuer_url: ", "address of the JWKS", "the issuer is 'https://issuer.example/prod'"),
    ),
    "website": (
        {"irsa_issuer_url": "https://irsa-fine.s3-website-eu-west-1.amazonaws.com"},
        ("irsa_issuer_url: ", "no HTTPS", "the issuer is 'https://irsa-fine.s3.eu-west-1.amazonaws.com'"),
    ),
    "internal": (
        {"irsa_issuer_url": "https://kubernetes.default.svc.cluster.local", "irsa_issuer_bucket": ""},
        ("irsa_issuer_url", "is internal, and AWS can never reach it", "another --service-account-issuer"),
    ),
    "internal-address": (
        {"irsa_issuer_url": "https://10.0.0.1/prod", "irsa_issuer_bucket": "irsa-internal"},
        ("irsa_issuer_url", "is internal, and AWS can never reach it", "Nothing was changed"),
    ),
    "global-host": (
        {"irsa_issuer_url": "https://irsa-fine.s3.amazonaws.com", "irsa_issuer_region": "eu-west-1"},
        ("irsa_issuer_url: ", "in eu-west-1", "Use 'https://irsa-fine.s3.eu-west-1.amazonaws.com'"),
    ),
    "other-region": (
        {"irsa_issuer_url": "https://irsa-fine.s3-eu-central-1.amazonaws.com", "irsa_issuer_region": "eu-west-1"},
        ("irsa_issuer_url: ", "of eu-central-1", "in eu-west-1"),
    ),
    "other-bucket": (
        {"irsa_issuer_url": "https://irsa-other.s3.eu-west-1.amazonaws.com"},
        ("irsa_issuer_url: ", "the address of the bucket 'irsa-other'", "irsa_issuer_bucket"),
    ),
    "prefix": ({"irsa_issuer_prefix": "/prod/"}, ("irsa_issuer_prefix: ", "for example 'prod' or 'clusters/prod'")),
    "long-prefix": (
        {"irsa_issuer_prefix": "x" * 230},
        ("irsa_issuer_prefix makes the issuer longer", "255 characters"),
    ),
    "thumbprints": (
        {"irsa_issuer_thumbprints": ["0" * 40] * 6},
        ("irsa_issuer_thumbprints has ", "6 entries", "5 at most"),
    ),
    "no-hex": ({"irsa_issuer_thumbprints": ["x" * 40]}, ("irsa_issuer_thumbprints has ", "40 hexadecimal digits")),
    "auto-and": (
        {"irsa_issuer_thumbprints": ["auto", "0" * 40]},
        ("irsa_issuer_thumbprints has ", "either only 'auto'"),
    ),
    "audiences": (
        {"irsa_issuer_audiences": [f"audience-{number}" for number in range(101)]},
        ("irsa_issuer_audiences has ", "101 entries", "1 to 100"),
    ),
    "no-audience": ({"irsa_issuer_audiences": []}, ("irsa_issuer_audiences is empty", "sts.amazonaws.com")),
    "long-audience": ({"irsa_issuer_audiences": ["a" * 256]}, ("irsa_issuer_audiences has ", "1 to 255")),
    "account": ({"irsa_issuer_account_id": "1234"}, ("irsa_issuer_account_id is ", "twelve digits")),
    "bucket-account": ({"irsa_issuer_bucket_account_id": "me"}, ("irsa_issuer_bucket_account_id is ", "twelve digits")),
    "reserved-tag": (
        {"irsa_issuer_tags": {"aws:mine": "1"}},
        ("irsa_issuer_tags: ", "the tag 'aws:mine' begins with aws:", "reserves"),
    ),
    "all-public": (
        {"irsa_issuer_bucket_public_paths": ["*"]},
        ("irsa_issuer_bucket_public_paths: ", "'*' opens objects of any name", "'*/keys.json'"),
    ),
    "kms": ({"irsa_issuer_bucket_encryption": "aws:kms"}, ("irsa_issuer_bucket_encryption: ", "must be AES256")),
    "connect": (
        {"irsa_issuer_connect_to": "host:port"},
        ("irsa_issuer_connect_to: ", "host:port, for example 192.0.2.10:8443"),
    ),
    "backup": ({"irsa_issuer_key_backup": "private/keys"}, ("irsa_issuer_key_backup: ", "s3://bucket/prefix")),
    "public-backup": (
        {"irsa_issuer_key_backup": "s3://irsa-fine/keys"},
        ("irsa_issuer_key_backup is in the public bucket irsa-fine", "Choose a private one"),
    ),
    "jwks": (
        {"irsa_issuer_extra_jwks": [{"key": "RSA"}]},
        ("irsa_issuer_extra_jwks: document 1 cannot be used", "kubectl get --raw /openid/v1/jwks"),
    ),
    "curve": ({"irsa_issuer_key_curve": "P-256"}, ("irsa_issuer_key_curve is for ECDSA keys", "key_type: ECDSA")),
    "size": (
        {"irsa_issuer_key_type": "ECDSA", "irsa_issuer_key_size": 2048},
        ("irsa_issuer_key_size is for RSA keys", "irsa_issuer_key_curve"),
    ),
    "remote-backup": (
        {"irsa_issuer_key_host": "dots", "irsa_issuer_key_backup": "s3://irsa-private/keys"},
        ("irsa_issuer_key_backup is for a key on the controller",),
    ),
    "remote-relative": (
        {"irsa_issuer_key_host": "dots", "irsa_issuer_key_path": "keys/sa-signer.key"},
        ("irsa_issuer_key_path", "must be absolute on irsa_issuer_key_host"),
    ),
    "same-file": (
        {"irsa_issuer_public_key_path": "{{ irsa_issuer_key_path }}"},
        ("irsa_issuer_public_key_path", "must name different files"),
    ),
    "nothing": ({"irsa_issuer_bucket": ""}, ("Neither irsa_issuer_bucket nor irsa_issuer_url is set",)),
    "bucket-only": (
        {"irsa_issuer_bucket": "", "irsa_issuer_url": "https://issuer.example", "irsa_issuer_delete_bucket": True},
        ("irsa_issuer_delete_bucket is set, but irsa_issuer_bucket is not",),
    ),
    "others-bucket": (
        {"irsa_issuer_delete_bucket": True, "irsa_issuer_manage_bucket": False},
        ("irsa_issuer_delete_bucket is set, but irsa_issuer_manage_bucket",),
    ),
    # Refused by the argument spec.
    "no-key": ({"irsa_issuer_key_path": None}, ("irsa_issuer_key_path",)),
    "type": ({"irsa_issuer_key_type": "DSA"}, ("irsa_issuer_key_type", "RSA, ECDSA")),
    "small": ({"irsa_issuer_key_size": 1024}, ("irsa_issuer_key_size", "2048, 3072, 4096")),
    "regenerate": ({"irsa_issuer_key_regenerate": "always"}, ("irsa_issuer_key_regenerate", "never, fail")),
}

MANY: dict[str, Any] = {
    "irsa_issuer_bucket": "Irsa.Prod",
    "irsa_issuer_url": "http://issuer.example",
    "irsa_issuer_prefix": "/prod",
    "irsa_issuer_thumbprints": ["x"],
    "irsa_issuer_audiences": [],
    "irsa_issuer_account_id": "1234",
    "irsa_issuer_connect_to": ":",
    "irsa_issuer_key_curve": "P-256",
    "irsa_issuer_key_backup": "keys",
    "irsa_issuer_bucket_encryption": "aws:kms",
}


@pytest.fixture(scope="module")
def operator(new_operator: Callable[[], Operator]) -> Operator:
    return new_operator()


@pytest.fixture(scope="module")
def run(operator: Operator) -> Run:
    misspelt = {"irsa_issuer_audience": ["sts.amazonaws.com"], "irsa_mycompany_bucket": "mine"}
    good = {"irsa_issuer_bucket": "irsa-fine", "irsa_issuer_key_path": str(operator.key), **misspelt}
    wrong = {**{name: variables for name, (variables, dummy) in SINGLE.items()}, "many": MANY}
    return operator.provision(hosts={name: {**good, **variables} for name, variables in wrong.items()})


@pytest.mark.parametrize("name", SINGLE)
def test_wrong_variable_is_named_with_what_would_be_right(run: Run, name: str) -> None:
    parts = SINGLE[name][1]
    for part in parts:
        assert part in run.failures[name]


def test_all_wrong_variables_are_reported_in_one_message(run: Run) -> None:
    lines = run.failures["many"].splitlines()
    assert "nothing was changed" in lines[0]
    reported = {line[2:].partition(":")[0].partition(" ")[0] for line in lines[1:]}
    assert reported == MANY.keys()
    assert len(lines) == 1 + len(MANY)


def test_wrong_variables_change_nothing(run: Run, operator: Operator) -> None:
    assert run.calls == []
    assert list(operator.key_files()) == []
    assert run.changed == dict.fromkeys([*SINGLE, "many"], 0)


def test_failures_have_no_internals(run: Run) -> None:
    failed = [record.result for record in run.records if record.status == "failed"]
    names = {name for result in failed for name in result if not name.startswith("_ansible")}
    # These are Ansible's own; core 2.19 has the invocation of an action that failed.
    assert names - {"exception", "warnings", "invocation"} == {"actions", "changed", "msg"}


def test_good_variables_are_accepted(operator: Operator) -> None:
    good = {"irsa_issuer_bucket": "irsa-fine", "irsa_issuer_key_path": str(operator.key)}
    run = operator.provision("--check", variables={**good, "irsa_issuer_purge_key": True})
    assert run.ok().result["issuer"] == "https://irsa-fine.s3.eu-west-1.amazonaws.com"
    (warning,) = run.warnings
    assert warning.endswith("has a variable irsa_issuer_purge_key. Did you mean irsa_issuer_purge_keys?")


def test_a_misspelt_variable_is_told_once_for_all_hosts(run: Run) -> None:
    assert "irsa_mycompany_bucket" not in run.output
    told = " ".join(run.output.split())
    assert told.count("a variable irsa_issuer_audience. Did you mean irsa_issuer_audiences?") == 1
