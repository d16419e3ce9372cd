# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two runs at once make one issuer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts import Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files
from oracles import kid_of
from playbooks import PROVISION, Operator
from rehearsal import Rehearsal

pytestmark = pytest.mark.any_core

# What a run may end with that met another one: it says so, and that running again will do.
TOLD = "Run again when the other run has ended"


def test_two_concurrent_runs_create_one_issuer(operator: Operator, account: Account) -> None:
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


@pytest.fixture
def before_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, Callable[[], object]], None]]:
    """Has something happen once, right before the write of that number, be it to AWS or to a file."""
    pending: list[tuple[int, Callable[[], object]]] = []
    count = iter(range(1000))

    def watched(write: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(*arguments: Any, **options: Any) -> Any:
            if pending and next(count) == pending[0][0]:
                pending.pop()[1]()
            return write(*arguments, **options)

        return attempt

    monkeypatch.setattr(Aws, "write", watched(Aws.write))
    for name in ("create_private", "replace"):
        monkeypatch.setattr(key_files, name, watched(getattr(key_files, name)))
    yield lambda number, other: pending.append((number, other))
    assert not pending, "nothing happened: there was no write of that number"


@pytest.mark.parametrize("number", range(9))
def test_a_whole_run_may_precede_any_write_of_another(
    operator: Operator, account: Account, before_write: Callable[[int, Callable[[], object]], None], number: int
) -> None:
    one = Rehearsal(account, operator.key, "irsa-two", tags={"team": "platform"})
    other = Rehearsal(account, operator.key, "irsa-two", tags={"team": "platform"})
    before_write(number, other.run)

    one.run()

    assert other.actions[-1] == "iam:CreateOpenIDConnectProvider"
    assert [key["kid"] for key in account.document("irsa-two", "keys.json")["keys"]] == [kid_of(operator.key)]
    assert account.providers() == [one.arn]
    assert Rehearsal(account, operator.key, "irsa-two", tags={"team": "platform"}).run() == []
