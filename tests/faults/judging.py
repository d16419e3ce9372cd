# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a run, judged by what it did and not by what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from . import account_state
from .account_state import State
from .module_runs import Run
from .wire import Exchange

FILE_ACTIONS = "file:"
# How a state names the files that a run may make, and the action that makes each.
FILES = {
    "file sa-signer.key": "file:CreatePrivateKey",
    "file sa-signer-pkcs8.pub": "file:WritePublicKey",
    "file sa-signer.key.pub": "file:WriteOpensshPublicKey",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seen:
    """A run, and what was true before and after it.

    :ivar secrets: what its output must not hold
    """

    run: Run
    exchanges: Sequence[Exchange]
    before: State
    after: State
    secrets: Sequence[str]

    @property
    def effects(self) -> list[str]:
        """:return: the writes that changed something, in order, and then the files that did"""
        calls = [exchange.action for exchange in self.exchanges if exchange.took_effect]
        files = [action for name, action in FILES.items() if self.before.get(name) != self.after.get(name)]
        return [*calls, *files]

    @property
    def told(self) -> list[str]:
        """:return: the actions of the results, in the same order"""
        actions = self.run.actions
        calls = [action for action in actions if not action.startswith(FILE_ACTIONS)]
        return [*calls, *(action for action in FILES.values() if action in actions)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """What the run comes to when nothing goes wrong.

    :ivar kept: names of what others have there before and after it
    """

    goal: State
    verdicts: list[str]
    kept: frozenset[str]


def faults_of_any(seen: Seen) -> Iterator[str]:
    """What is wrong with a run whatever happened to it.

    What a module of another collection says of its failure is its own, and it made only a part of what was planned.
    """
    run = seen.run
    if run.ended_elsewhere:
        pass
    elif run.broke is not None:
        yield f"exception: {run.broke.strip().splitlines()[-1][:200]}"
    elif "Traceback" in run.printed:
        yield "a traceback is printed"
    if any(secret in run.printed or secret in (run.broke or "") for secret in seen.secrets):
        yield "a secret is printed"
    if run.ended_elsewhere:
        return
    told, effects = (sorted(each) if run.is_planned else each for each in (seen.told, seen.effects))
    if run.broke is None and told != effects:
        yield f"actions are {_short(seen.told)}, but these took effect: {_short(seen.effects)}"
    if run.broke is None and run.changed != bool(seen.effects):
        yield f"changed is {run.changed}, but {len(seen.effects)} writes took effect"


def faults_of_disturbed(seen: Seen, undisturbed: Undisturbed, *, must_survive: bool) -> Iterator[str]:
    """What is wrong with a run that something happened to."""
    yield from faults_of_any(seen)
    lost = [name for name in undisturbed.kept if seen.after.get(name) != undisturbed.goal[name]]
    if lost:
        yield f"lost of others': {_short(sorted(lost))}"
    if "overwrite" in seen.run.message:
        yield f"advises to overwrite: {seen.run.message[:200]}"
    if not seen.run.failed:
        yield from faults_of_success(seen, undisturbed, must_agree=must_survive)
    elif seen.run.ended_elsewhere:
        return
    elif must_survive and seen.run.broke is None:
        yield f"not survived: {seen.run.message[:300]}"
    elif seen.run.broke is None and not seen.run.message.strip():
        yield "no message"


def faults_of_success(seen: Seen, undisturbed: Undisturbed, *, must_agree: bool = True) -> Iterator[str]:
    """What is wrong with the outcome of a run that says that it succeeded.

    :param must_agree: whether irsa_verify has to find the same as without a fault, and not that it could not look
    """
    differences = account_state.differences(seen.after, undisturbed.goal)
    if differences:
        yield f"says that it succeeded, but these are not as they should be: {_short(differences)}"
    if seen.run.verdicts != undisturbed.verdicts and must_agree:
        yield f"finds {seen.run.verdicts}, and {undisturbed.verdicts} without a fault"
    # What no one could look at may leave a verdict open, but must not turn a broken issuer into a sound one.
    if "ok" in seen.run.verdicts and "broken" in undisturbed.verdicts:
        yield "finds that a broken issuer works"


def faults_of_next(seen: Seen, undisturbed: Undisturbed) -> Iterator[str]:
    """What is wrong with the run after it, to which nothing happened."""
    if seen.run.failed:
        yield f"the next run fails: {(seen.run.broke or seen.run.message).strip().splitlines()[-1][:300]}"
    yield from (f"the next run: {fault}" for fault in faults_of_any(seen))
    yield from (f"the next run {fault}" for fault in faults_of_success(seen, undisturbed))


def faults_of_last(seen: Seen) -> Iterator[str]:
    """What is wrong with the run after that, for which there is nothing left to do."""
    if seen.run.failed or seen.run.changed or seen.effects:
        yield f"a run with nothing to do: failed {seen.run.failed}, actions {_short(seen.told)}"


def _short(names: Sequence[str]) -> str:
    return (", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")) or "none"
