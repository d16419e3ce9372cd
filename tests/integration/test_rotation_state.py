# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a rotation in the bucket, from the first beside another one to the end of the issuer."""

from __future__ import annotations

import json
from typing import Any

from accounts import Account
from fetching import Anonymous
from oracles import kid_of, new_key, openssl
from playbooks import Operator, Run
from rehearsal import Rehearsal


def rotate(operator: Operator, issuer: Rehearsal, *arguments: str, **options: Any) -> Run:
    """Run the module once with these options."""
    task = {"selfhosted.irsa.irsa_rotation_state": {"bucket": issuer.name, "issuer": issuer.issuer, **options}}
    return operator.play([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}], *arguments).ok()


def test_a_key_joins_and_another_one_leaves(operator: Operator, account: Account, fetch: Anonymous) -> None:
    old, new = (new_key(operator.keys / f"{name}.key", "-algorithm", "RSA") for name in ("old", "new"))
    issuer = Rehearsal(account, old, "irsa-rotated")
    issuer.run()
    public = openssl("pkey", "-in", str(new), "-pubout").decode()

    assert rotate(operator, issuer, "--check", publish=[public]).writes == []
    assert rotate(operator, issuer, publish=[public], by="ci").writes == ["s3:PutObject"] * 2
    assert rotate(operator, issuer, publish=[public]).writes == []
    assert {each["kid"] for each in json.loads(fetch(f"{issuer.issuer}/keys.json").body)["keys"]} == {
        kid_of(old),
        kid_of(new),
    }
    assert fetch(f"{issuer.issuer}/rotation.json").code == "AccessDenied"

    # A job that runs with the variables from before, and even with those that remove all other keys, changes nothing.
    for purges in (False, True):
        during = operator.provision(variables={**issuer.variables, "irsa_issuer_purge_keys": purges}).ok()
        assert during.writes == []
    assert rotate(operator, issuer, withdraw=[kid_of(old)]).writes == ["s3:PutObject"] * 2
    assert [each["kid"] for each in account.document(issuer.name, "keys.json")["keys"]] == [kid_of(new)]
    events = account.document(issuer.name, "rotation.json")["events"]
    assert {(each["kind"], each["kid"]) for each in events} == {
        ("published", kid_of(new)),
        ("withdrawn", kid_of(old)),
    }

    again = operator.provision(variables=issuer.variables)
    assert kid_of(old) in again.failure and again.writes == []

    operator.teardown(variables={**issuer.variables, "irsa_issuer_delete_bucket": True}).ok()
    assert account.buckets() == []
