# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run can be killed at any write: the next one goes on from there, and check mode says beforehand how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts import Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import tries
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_files
from playbooks import Operator
from rehearsal import Rehearsal
from tests.sandbox import Sandbox

pytestmark = pytest.mark.any_core

WRITES = [
    "s3:CreateBucket",
    "s3:PutPublicAccessBlock",
    "s3:PutBucketPolicy",
    "file:CreatePrivateKey",
    "file:WritePublicKey",
    "file:WriteOpensshPublicKey",
    "s3:PutObject",
    "s3:PutObject",
    "iam:CreateOpenIDConnectProvider",
]
REMOVALS = [
    "iam:DeleteOpenIDConnectProvider",
    "s3:DeleteObjects",
    "s3:DeleteBucket",
    "file:RemovePublicKey",
    "file:RemoveOpensshPublicKey",
    "file:RemovePrivateKey",
]


def aws(actions: list[str]) -> list[str]:
    return [action for action in actions if not action.startswith("file:")]


class Killed(BaseException):
    """The process is gone, in the middle of writing files."""


def kill_after(sandbox: Sandbox, patch: pytest.MonkeyPatch, writes: list[str], number: int) -> None:
    """Lets `number` of the `writes` happen, and kills the process that makes the next one."""
    if not writes[number].startswith("file:"):
        if number and writes[number - 1].startswith("file:"):
            # The endpoint sees no file, so it cannot count up to here.
            sandbox.fail(writes[number])
        else:
            sandbox.fail(after_writes=len(aws(writes[:number])))
        return
    left = iter([True] * (number - next(index for index, write in enumerate(writes) if write.startswith("file:"))))

    def mortal(write: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(*arguments: Any, **options: Any) -> Any:
            if not next(left, False):
                raise Killed
            return write(*arguments, **options)

        return attempt

    for name in ("create_private", "replace", "remove"):
        patch.setattr(key_files, name, mortal(getattr(key_files, name)))


def interrupt(sandbox: Sandbox, run: Callable[[], object], writes: list[str], number: int) -> None:
    """Runs something that makes these `writes`, until it is killed after `number` of them."""
    with pytest.MonkeyPatch.context() as patch:
        kill_after(sandbox, patch, writes, number)
        mark = sandbox.mark()
        with pytest.raises((IrsaError, Killed)):
            run()
        made = [f"{call['service']}:{call['operation']}" for call in sandbox.log(mark) if call["write"]]
        sandbox.clear_faults()
    done = aws(writes[:number])
    # Each try of the write that was not executed is in the log, too.
    assert made[: len(done)] == done and set(made[len(done) :]) <= {writes[number]}


def logged(sandbox: Sandbox, run: Callable[[], list[str]]) -> tuple[list[str], list[str]]:
    """:return: the actions of a run, and the writes that the endpoint saw"""
    mark = sandbox.mark()
    actions = run()
    return actions, [f"{call['service']}:{call['operation']}" for call in sandbox.log(mark) if call["write"]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that has gone stays away, so pauses between tries would only be waited out."""
    monkeypatch.setattr(tries, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(tries, "_MAX_PAUSE", 0.001)


@pytest.fixture
def issuer(operator: Operator, account: Account) -> Rehearsal:
    return Rehearsal(account, operator.key, "irsa-interrupted", tags={"team": "platform"})


@pytest.mark.parametrize("number", range(len(WRITES)))
def test_a_run_completes_a_killed_run(sandbox: Sandbox, issuer: Rehearsal, number: int) -> None:
    interrupt(sandbox, issuer.run, WRITES, number)
    check, written_in_check_mode = logged(sandbox, lambda: issuer.run(check_mode=True))
    run, written = logged(sandbox, issuer.run)
    assert written_in_check_mode == []
    assert check == run == WRITES[number:]
    assert written == aws(run)
    assert logged(sandbox, issuer.run) == ([], [])


@pytest.mark.parametrize("number", range(len(REMOVALS)))
def test_a_removal_completes_a_killed_removal(sandbox: Sandbox, issuer: Rehearsal, number: int) -> None:
    issuer.run()
    interrupt(sandbox, issuer.remove, REMOVALS, number)
    check, written_in_check_mode = logged(sandbox, lambda: issuer.remove(check_mode=True))
    run, written = logged(sandbox, issuer.remove)
    assert written_in_check_mode == []
    assert check == run == REMOVALS[number:]
    assert written == aws(run)
    assert logged(sandbox, issuer.remove) == ([], [])


# What is rehearsed above, by the role itself: one state of each kind.
BY_THE_ROLE = {"policy": 2, "public-key": 4, "discovery": 7}


def test_the_role_completes_a_killed_run(operator: Operator, account: Account, sandbox: Sandbox) -> None:
    issuers = {
        name: Rehearsal(account, operator.keys / f"{name}.key", f"irsa-{name}", tags={"team": "platform"})
        for name in BY_THE_ROLE
    }
    for name, number in BY_THE_ROLE.items():
        interrupt(sandbox, issuers[name].run, WRITES, number)
    hosts = {name: issuer.variables for name, issuer in issuers.items()}

    check = operator.provision("--check", hosts=hosts).ok()
    run = operator.provision(hosts=hosts).ok()
    again = operator.provision(hosts=hosts).ok()

    assert check.writes == []
    for name, number in BY_THE_ROLE.items():
        assert check.results[name]["actions"] == run.results[name]["actions"] == WRITES[number:]
        s3_actions = [action for action in WRITES[number:] if action.startswith("s3:")]
        assert run.writes_to(issuers[name].name) == s3_actions
    assert run.writes.count("iam:CreateOpenIDConnectProvider") == len(BY_THE_ROLE)
    assert again.changed == dict.fromkeys(BY_THE_ROLE, 0)
    assert again.writes == []


def test_the_role_says_why_it_could_not_complete(operator: Operator, account: Account, sandbox: Sandbox) -> None:
    issuer = Rehearsal(account, operator.key, "irsa-interrupted", tags={"team": "platform"})
    sandbox.fail(after_writes=2)
    killed = operator.provision(variables=issuer.variables)
    assert killed.failure.startswith("s3:PutBucketPolicy on bucket irsa-interrupted ")
    assert "Whether it took effect is not known" in killed.failure
    assert "the network" in killed.failure
    sandbox.clear_faults()
    assert issuer.run(check_mode=True) == WRITES[2:]
