# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must never happen silently: a run stops, or warns, and says what to do."""

from __future__ import annotations

import json

import pytest

from accounts import Account
from oracles import kid_of
from playbooks import Operator
from rehearsal import Rehearsal

pytestmark = pytest.mark.any_core

DISCOVERY = ".well-known/openid-configuration"


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["run", "check"])
def test_a_lost_key_of_an_issuer_in_use_is_not_replaced(
    operator: Operator, account: Account, arguments: list[str]
) -> None:
    in_use = Rehearsal(account, operator.keys / "in-use.key", "irsa-in-use")
    unused = Rehearsal(account, operator.keys / "unused.key", "irsa-unused")
    for issuer in (in_use, unused):
        issuer.run()
    kid = kid_of(in_use.key)
    for path in operator.key_files():
        path.unlink()
    # Without published keys the provider accepts nothing, so no pod can break.
    for key in ("keys.json", DISCOVERY):
        account.s3.delete_object(Bucket=unused.name, Key=key)

    run = operator.provision(*arguments, hosts={"in-use": in_use.variables, "unused": unused.variables})

    assert run.failures.keys() == {"in-use"}
    for part in (str(in_use.key), "localhost", in_use.issuer, in_use.arn, kid, "Restore the key file"):
        assert part in run.failures["in-use"]
    assert run.writes_to(in_use.name) == []
    assert not in_use.key.exists()
    assert run.results["unused"]["actions"] == [
        "file:CreatePrivateKey",
        "file:WritePublicKey",
        "file:WriteOpensshPublicKey",
        "s3:PutObject",
        "s3:PutObject",
    ]
    assert unused.key.exists() == (not arguments)


OTHERS_DOCUMENTS = {
    "another-issuer": {DISCOVERY: json.dumps({"issuer": "https://issuer.example"})},
    "no-json": {DISCOVERY: "<html>Hello</html>"},
    "no-object": {DISCOVERY: "[1, 2]"},
    "no-jwks": {"keys.json": json.dumps({"keys": "none"})},
    "no-json-jwks": {"keys.json": "<html>Hello</html>"},
}


def test_documents_of_others_are_overwritten_only_on_request(operator: Operator, account: Account) -> None:
    issuers = {}
    for name, documents in OTHERS_DOCUMENTS.items():
        # A bucket that was never ours: it is not to be opened to the public either.
        account.make_bucket(f"irsa-{name}")
        for key, text in documents.items():
            account.s3.put_object(Bucket=f"irsa-{name}", Key=key, Body=text.encode())
        issuers[name] = Rehearsal(account, operator.keys / f"{name}.key", f"irsa-{name}")
    hosts = {name: issuer.variables for name, issuer in issuers.items()}

    refused = operator.provision(hosts=hosts)

    assert refused.failures.keys() == OTHERS_DOCUMENTS.keys()
    for name, documents in OTHERS_DOCUMENTS.items():
        (key,) = documents
        assert f"s3://irsa-{name}/{key}" in refused.failures[name]
        assert "irsa_issuer_overwrite" in refused.failures[name]
    assert "https://issuer.example" in refused.failures["another-issuer"]
    assert "is not JSON" in refused.failures["no-json"]
    assert "set irsa_issuer_overwrite." in refused.failures["no-json"]  # and not the option of the module
    assert "is not JSON" in refused.failures["no-json-jwks"]
    assert refused.writes == []
    assert list(operator.key_files()) == []

    overwritten = operator.provision(hosts=hosts, variables={"irsa_issuer_overwrite": True}).ok()

    assert overwritten.results.keys() == hosts.keys()
    for issuer in issuers.values():
        assert account.document(issuer.name, DISCOVERY)["issuer"] == issuer.issuer
        assert [key["kid"] for key in account.document(issuer.name, "keys.json")["keys"]] == [kid_of(issuer.key)]
        assert issuer.run() == []


def test_audiences_that_others_added_stay(operator: Operator, account: Account) -> None:
    issuer = Rehearsal(account, operator.key, "irsa-audience")
    issuer.run()
    provider = {"OpenIDConnectProviderArn": issuer.arn}
    account.iam.add_client_id_to_open_id_connect_provider(ClientID="vault.example", **provider)
    account.iam.remove_client_id_from_open_id_connect_provider(ClientID="sts.amazonaws.com", **provider)
    operator.variables = issuer.variables

    check = operator.provision("--check").ok()
    run = operator.provision().ok()

    assert check.actions == run.actions == run.writes == ["iam:AddClientIDToOpenIDConnectProvider"]
    assert sorted(account.provider(issuer.arn)["ClientIDList"]) == ["sts.amazonaws.com", "vault.example"]
    assert run.warnings == []
    again = operator.provision().ok()
    assert (again.writes, again.changed) == ([], {"localhost": 0})


def test_an_audience_missing_in_the_variables_is_named(operator: Operator, account: Account) -> None:
    issuer = Rehearsal(account, operator.key, "irsa-audience")
    issuer.run()
    account.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=issuer.arn, ClientID="vault.example")
    operator.variables = {**issuer.variables, "irsa_issuer_purge_audiences": True}

    run = operator.provision(variables={"irsa_issuer_audiences": ["vault.example", "sts.example"]}).ok()

    (warning,) = run.warnings
    assert issuer.arn in warning and "sts.amazonaws.com" in warning and "vault.example" not in warning
    assert run.writes == ["iam:AddClientIDToOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider"]
    assert run.actions == run.writes
    assert sorted(account.provider(issuer.arn)["ClientIDList"]) == ["sts.example", "vault.example"]
