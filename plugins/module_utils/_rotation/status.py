# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rotation stands, as data and as a table for people."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import duration, moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import decide, refusals_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.key_refusals import published_since
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.refusals import earliest
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import (
    RETIRE_ACCEPTED,
    RETIRE_PUBLISHED,
    STATUS,
    Settings,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import (
    Stage,
    accepted_anywhere,
    published,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.work import Work

COMMAND = "ansible-playbook selfhosted.irsa.rotate -e irsa_rotate_phase="

_COLUMNS = ("KEY", "ALGORITHM", "ROLE", "PUBLISHED SINCE", "ACCEPTED BY", "SIGNING ON", "MAY RETIRE")


def status(facts: Facts, record: Record, settings: Settings) -> dict[str, t.Any]:
    """Return where the rotation stands.

    ``keys``: each with kid, algorithm, role (signing, next, old, lost or other), published_since, accepted_by,
    signing_on, staged_on, may_retire_at and why_not_yet; ``age`` of the signing key as a sentence; ``next_phase``,
    ``next_at``, ``next_command`` and ``why_not_yet`` of the phase that is due; ``servers`` that could not be read;
    ``reasons``. Times are as people write them, and null is a time that has come or is not known.
    """
    decision = decide(STATUS, facts, record, settings=settings)
    stage, refused = decision.stage, bool(decision.refusals)
    phase = decision.phase if refused or not decision.work.is_nothing else None
    return {
        "keys": [_key(kid, facts, record=record, stage=stage, settings=settings) for kid in _kids(facts, stage)],
        "age": _age(facts, record, stage),
        "under_way": stage.is_under_way,
        "next_phase": phase,
        "next_at": _time(decision.next_at) if refused else None,
        "next_command": f"{COMMAND}{phase}" if phase else None,
        "why_not_yet": [refusal.message(facts.now) for refusal in decision.refusals],
        "forced": [refusal.warning() for refusal in decision.forced],
        "reasons": list(decision.reasons),
        "servers": [server.name for server in facts.servers],
        "unread_servers": [server.name for server in facts.servers if server.accepted is None or not server.signing],
        "now": moment(facts.now),
    }


def table(found: t.Mapping[str, t.Any]) -> list[str]:
    """Return what ``status`` returned as lines of text: a table of keys, the key's age, and what comes next."""
    rows = [_COLUMNS, *(_row(key, len(found["servers"])) for key in found["keys"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.append(found["age"])
    lines += [f"{name} could not be read." for name in found["unread_servers"]]
    lines += [
        f"{key['kid']} may not retire yet. {reason}"
        for key in found["keys"]
        for reason in key["why_not_yet"]
        if reason not in found["why_not_yet"]
    ]
    lines += found["reasons"]
    if found["next_phase"]:
        when = f"not before {found['next_at']}" if found["next_at"] else "not yet" if found["why_not_yet"] else "now"
        lines.append(f"Next: {found['next_phase']}, {when}.")
        lines += found["why_not_yet"]
        lines.append(found["next_command"])
    return lines


def _kids(facts: Facts, stage: Stage) -> list[str]:
    """Return all keys, those of the rotation first."""
    first = [kid for kid in (stage.current, *stage.others, stage.next, *stage.old) if kid]
    rest = sorted((published(facts) | accepted_anywhere(facts)) - set(first))
    return [*first, *rest]


def _key(kid: str, facts: Facts, *, record: Record, stage: Stage, settings: Settings) -> dict[str, t.Any]:
    waits = []
    work = _retirement(kid, facts, stage)
    if work:
        waits = list(refusals_of(work, facts, record, stage=stage, settings=settings))
    return {
        "kid": kid,
        "algorithm": next((key.algorithm for key in facts.published if key.kid == kid), None),
        "role": _role(kid, stage),
        "published_since": _time(published_since(kid, facts, record)),
        "accepted_by": [server.name for server in facts.servers if kid in (server.accepted or ())],
        "signing_on": [server.name for server in facts.servers if server.signing == kid],
        "staged_on": facts.staged.get(kid),
        "may_retire": bool(work) and not waits,
        "may_retire_at": _time(earliest(waits)),
        "why_not_yet": [wait.message(facts.now) for wait in waits],
    }


def _retirement(kid: str, facts: Facts, stage: Stage) -> Work | None:
    """Return what retires an old key next, first from the JWKS."""
    if kid not in stage.old:
        return None
    if kid in published(facts):
        return Work(phase=RETIRE_PUBLISHED, withdraw=(kid,))
    return Work(phase=RETIRE_ACCEPTED, drop=(kid,), changes_servers=True)


def _role(kid: str, stage: Stage) -> str:
    if kid in (stage.current, *stage.others):
        return "signing"
    if kid in stage.lost:
        return "lost"
    return "next" if kid == stage.next else "old" if kid in stage.old else "other"


def _row(key: t.Mapping[str, t.Any], servers: int) -> tuple[str, ...]:
    retires: str = "now" if key["may_retire"] else key["may_retire_at"] or ("not yet" if key["why_not_yet"] else "-")
    return (
        key["kid"],
        key["algorithm"] or "-",
        key["role"],
        key["published_since"] or "-",
        _share(key["accepted_by"], servers),
        _share(key["signing_on"], servers),
        retires,
    )


def _share(names: t.Sequence[str], count: int) -> str:
    """Return servers as a table shows them: all of them by their number, some of them by name."""
    if not names:
        return "-"
    return f"all {count}" if len(names) == count and count > 1 else ", ".join(names)


def _age(facts: Facts, record: Record, stage: Stage) -> str:
    """Return a sentence about the age of the key that signs."""
    if stage.current is None:
        return "No API server could be read, so that the signing key is not known."
    known = (record.signed_from(stage.current), published_since(stage.current, facts, record))
    since = min((at for at in known if at is not None), default=None)
    if since is None:
        return f"It is not known since when {stage.current} signs."
    return f"{stage.current} signs; it is at least {duration(facts.now - since)} old."


def _time(at: float | None) -> str | None:
    return None if at is None else moment(at)
