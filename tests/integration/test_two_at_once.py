# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs at once make one issuer."""

from __future__ import annotations

from accounts import Account
from oracles import kid_of
from playbooks import PROVISION, Operator

# What a run may end with that met another one: it says so, and that running again will do.
TOLD = "Run again when the other run has ended"


def test_two_runs_on_the_same_new_key_and_bucket_make_one_issuer(operator: Operator, account: Account) -> None:
    operator.variables = {
        "irsa_issuer_bucket": "irsa-two",
        "irsa_issuer_key_path": str(operator.key),
        "irsa_issuer_tags": {"team": "platform"},
    }
    both = [operator.start(PROVISION) for dummy in range(2)]
    runs = [running.wait() for running in both]

    for run in runs:
        assert run.exit_code == 0 or TOLD in run.failure, run.output
    assert any(run.exit_code == 0 for run in runs)
    kid = kid_of(operator.key)
    assert {run.result["kid"] for run in runs if run.exit_code == 0} == {kid}
    assert {path.name for path in operator.key_files()} == {"sa-signer.key", "sa-signer.key.pub", "sa-signer-pkcs8.pub"}
    assert [key["kid"] for key in account.document("irsa-two", "keys.json")["keys"]] == [kid]
    assert len(account.providers()) == 1

    after = operator.provision().ok()
    assert after.changed == {"localhost": 0}
    assert after.writes == []
