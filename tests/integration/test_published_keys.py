# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that are published already: none is lost, none is replaced, none of others is removed, without a word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts import Account
from oracles import kid_of, new_key
from playbooks import Operator
from rehearsal import Rehearsal

pytestmark = pytest.mark.any_core

DISCOVERY = ".well-known/openid-configuration"
HEADERS = {"ContentType": "application/json", "CacheControl": "no-cache"}


def put(account: Account, bucket: str, key: str, document: Any, **headers: str) -> None:
    account.s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode(), **headers)


def issuer_of(operator: Operator, account: Account, name: str) -> Rehearsal:
    """An issuer whose key exists."""
    issuer = Rehearsal(account, operator.keys / f"{name}.key", f"irsa-{name}")
    new_key(issuer.key, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    return issuer


def keys_of(operator: Operator, account: Account, name: str) -> list[dict[str, Any]]:
    """The keys that the issuer of another key publishes."""
    other = issuer_of(operator, account, name)
    other.run()
    keys: list[dict[str, Any]] = account.document(other.name, "keys.json")["keys"]
    return keys


def followed(account: Account, issuer: Rehearsal) -> list[str]:
    """The kids that relying parties find from the discovery document on."""
    url = account.document(issuer.name, DISCOVERY)["jwks_uri"]
    assert url.startswith(f"{issuer.issuer}/")
    return [key["kid"] for key in account.document(issuer.name, url.removeprefix(f"{issuer.issuer}/"))["keys"]]


def test_keys_that_another_program_published_elsewhere_are_kept_or_stop_the_run(
    operator: Operator, account: Account
) -> None:
    (previous,) = keys_of(operator, account, "previous")
    issuers = {name: issuer_of(operator, account, name) for name in ("moved", "distant", "broken")}
    urls = {
        "moved": f"{issuers['moved'].issuer}/openid/v1/jwks",
        "distant": "https://cdn.example.com/keys.json",
        "broken": f"https://s3.amazonaws.com/{issuers['broken'].name}/jwks",
    }
    for name, issuer in issuers.items():
        account.make_bucket(issuer.name)
        put(account, issuer.name, DISCOVERY, {"issuer": issuer.issuer, "jwks_uri": urls[name]})
    # Beside keys that STS cannot use and nobody signs with, which are kept and are no reason to fail or to wait.
    of_no_use = [{**previous, "kid": "enc", "use": "enc"}, {**previous, "kid": "odd", "x": f"{previous['x']}="}]
    theirs = {"keys": [previous, *of_no_use]}
    put(account, "irsa-moved", "openid/v1/jwks", theirs)
    put(account, "irsa-broken", "jwks", ["no JWKS"])
    hosts = {name: issuer.variables for name, issuer in issuers.items()}

    check = operator.provision("--check", "--diff", hosts=hosts)
    run = operator.provision(hosts=hosts)

    for each in (check, run):
        assert each.failures.keys() == {"distant", "broken"}
        assert "https://cdn.example.com/keys.json" in each.failures["distant"]
        assert "irsa_issuer_overwrite" in each.failures["distant"]
        assert "s3://irsa-broken/jwks is damaged" in each.failures["broken"]
        assert any(previous["kid"] in warning for warning in each.warnings_of("moved"))
    assert previous["kid"] in check.drawn("moved")["s3://irsa-moved/keys.json (document)"]["after"]
    assert check.writes == [] and {*run.writes_to("irsa-distant"), *run.writes_to("irsa-broken")} == set()
    moved = issuers["moved"]
    assert followed(account, moved) == [kid_of(moved.key), previous["kid"], "enc", "odd"]
    assert account.document(moved.name, "openid/v1/jwks") == theirs
    assert {(each["id"], each["status"]) for each in run.results["moved"]["checks"] if each["status"] != "ok"} >= {
        ("jwk-use", "warning"),
        ("jwk-numbers", "warning"),
    }
    again = operator.provision(hosts={"moved": moved.variables}).ok()
    assert again.writes == [] and again.changed == {"moved": 0}


def test_a_different_key_under_a_published_kid_is_refused(operator: Operator, account: Account) -> None:
    (before,), (after,) = keys_of(operator, account, "before"), keys_of(operator, account, "after")
    issuer = issuer_of(operator, account, "constant")
    account.make_bucket(issuer.name)
    put(account, issuer.name, "keys.json", {"keys": [{**before, "kid": "oidc-1"}]})
    variables = {**issuer.variables, "irsa_issuer_extra_jwks": [{"keys": [{**after, "kid": "oidc-1"}]}]}

    for arguments in (["--check"], []):
        run = operator.provision(*arguments, hosts={"constant": variables})
        assert "'oidc-1'" in run.failures["constant"] and "irsa_issuer_purge_keys" in run.failures["constant"]
        assert run.writes == []

    operator.provision(hosts={"constant": {**variables, "irsa_issuer_purge_keys": True}}).ok()
    published = account.document(issuer.name, "keys.json")["keys"]
    assert {**after, "kid": "oidc-1"} in published and len(published) == 2


def test_two_publishers_in_turn_settle(operator: Operator, account: Account) -> None:
    one, two = issuer_of(operator, account, "one"), issuer_of(operator, account, "two")
    shared = {"irsa_issuer_bucket": "irsa-shared"}
    runs = [
        operator.provision(variables={**issuer.variables, **shared, "irsa_issuer_legacy_empty_kid": True}).ok()
        for issuer in (one, two, one, two)
    ]
    assert [bool(run.writes) for run in runs] == [True, True, False, False]
    kids = [key["kid"] for key in account.document("irsa-shared", "keys.json")["keys"]]
    assert kids == [kid_of(two.key), kid_of(one.key), ""]
    assert any("irsa_issuer_legacy_empty_kid" in warning for warning in runs[1].warnings)


@pytest.mark.parametrize("key", ["keys.json", DISCOVERY])
def test_a_document_that_is_served_as_something_else_is_repaired(
    operator: Operator, account: Account, key: str
) -> None:
    issuer = issuer_of(operator, account, "encoded")
    issuer.run()
    text = account.s3.get_object(Bucket=issuer.name, Key=key)["Body"].read()
    account.s3.put_object(Bucket=issuer.name, Key=key, Body=text, **HEADERS, ContentEncoding="gzip")
    run = operator.provision("--diff", hosts={"encoded": issuer.variables}).ok()
    assert run.writes == ["s3:PutObject"]
    assert "Content-Encoding: gzip" in run.drawn("encoded")[f"s3://{issuer.name}/{key} (document)"]["before"]
    assert "ContentEncoding" not in account.s3.get_object(Bucket=issuer.name, Key=key)
    assert operator.provision(hosts={"encoded": issuer.variables}).ok().writes == []


def test_teardown_removes_only_a_jwks_that_is_the_issuers(operator: Operator, account: Account) -> None:
    (theirs,) = keys_of(operator, account, "theirs")
    issuers = {name: issuer_of(operator, account, name) for name in ("unknown", "deleted", "interrupted")}
    for name in ("unknown", "deleted"):
        account.make_bucket(f"irsa-{name}")
        put(account, f"irsa-{name}", "keys.json", {"keys": [theirs]})
    issuers["interrupted"].run()
    account.s3.delete_object(Bucket="irsa-interrupted", Key=DISCOVERY)
    hosts = {name: issuer.variables for name, issuer in issuers.items()}
    hosts["deleted"]["irsa_issuer_delete_bucket"] = True

    check, run = (operator.teardown(*arguments, hosts=hosts) for arguments in (["--check"], []))

    for each in (check, run):
        assert each.failures.keys() == {"deleted"}
        assert theirs["kid"] in each.failures["deleted"] and "irsa_issuer_overwrite" in each.failures["deleted"]
        (warning,) = each.warnings_of("unknown")
        assert "s3://irsa-unknown/keys.json stays" in warning and theirs["kid"] in warning
    assert check.writes == []
    assert run.results["interrupted"]["actions"] == ["iam:DeleteOpenIDConnectProvider", "s3:DeleteObject"]
    for name in ("unknown", "deleted"):
        assert account.document(f"irsa-{name}", "keys.json") == {"keys": [theirs]}
    hosts["unknown"]["irsa_issuer_overwrite"] = True
    del hosts["deleted"]
    assert operator.teardown(hosts=hosts).ok().writes == ["s3:DeleteObject"]
