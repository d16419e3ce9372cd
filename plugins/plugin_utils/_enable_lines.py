# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbook enable is about to do, and what it did, as lines for people.

Its results are those of its roles: ``issuer``, ``servers`` by name, ``injection``, ``accounts`` and, at the end,
``proof``, which is what module irsa_verify returned. A part that was not run is missing or empty. If no hosts are
known, ``by_hand`` lists the API servers instead. ``manifests`` says what is to be applied by hand, ``no_accounts``
what happens to the file with the accounts when none is left.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import restarts
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import (
    CHANGED,
    PLANNED,
    Line,
    fact,
    facts,
    next_step,
    prose,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import OK, SKIPPED, WARNING
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import (
    Checks,
    check_lines,
    finding_lines,
    findings,
    skipped_lines,
    verdict_line,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._by_hand_lines import (
    by_hand_lines,
    to_apply,
    unchanged_by_hand,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._issuer_lines import Result, grouped
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._recipe_lines import changed_servers

_RESTART = ":restart "
_MANAGER = "kube-controller-manager"
# The check whose finding is what remains to be done when everything else is right.
_UNSERVED_PODS = "pods-without-credentials"


def actions_of(results: Result) -> list[str]:
    """Return what all parts did or, in check mode, would do, in their order."""
    return [action for part in _parts(results) for action in part.get("actions") or []]


def would_change(results: Result) -> bool:
    """Whether any part changed something or, in check mode, would change something."""
    return any(part.get("changed") for part in _parts(results))


def plan_lines(results: Result, *, check_mode: bool = False) -> list[Line]:
    """What the run is about to do. Without anything to do there is no plan, and the result says so."""
    if not would_change(results):
        return []
    title = "would change" if check_mode else "plan"
    lines = [
        Line(text=f"{title}: {_number(actions_of(results), 'action')}", status=PLANNED),
        *_issuer_facts(results),
        *_restart_facts(results),
        *_account_facts(results),
        *facts("actions", grouped(actions_of(results))),
        *_warnings(results),
    ]
    return [*lines, next_step("run this again without --check.")] if check_mode else lines


def enable_lines(results: Result, *, check_mode: bool = False, verbose: bool = False) -> list[Line]:
    """What the run did, whether AWS accepts the tokens of the cluster, and what to do next."""
    checks = (results.get("proof") or {}).get("checks") or []
    return [
        _heading(results, check_mode),
        *_issuer_facts(results),
        *_server_facts(results),
        *_account_facts(results),
        *facts("actions", grouped(actions_of(results))),
        *_warnings(results),
        *(_proof(checks, verbose=verbose) if checks else [_no_proof(results)]),
        *(by_hand_lines(results) or [*_next(checks), *_later(results)]),
    ]


# --- parts


def _parts(results: Result) -> list[Result]:
    servers, accounts = results.get("servers") or {}, results.get("accounts") or []
    parts = [results.get("issuer"), *servers.values(), results.get("injection"), *accounts, results.get("no_accounts")]
    return [part for part in parts if part]


def _heading(results: Result, check_mode: bool) -> Line:
    if would_change(results):
        return Line(text=f"changed: {_number(actions_of(results), 'action')}", status=CHANGED)
    return Line(text=f"ok: nothing {'would change' if check_mode else 'had to change'}", status=OK)


def _issuer_facts(results: Result) -> list[Line]:
    issuer = results.get("issuer") or {}
    if not issuer:
        return []
    kids = [str(key["kid"]) for key in issuer.get("keys") or [] if key.get("kid")]
    return [
        fact("issuer", issuer["issuer"]),
        fact("provider", issuer.get("provider_arn") or "not registered, because the documents are not served yet"),
        *facts("key ID", list(dict.fromkeys(kids))),
    ]


def _restart_facts(results: Result) -> list[Line]:
    servers = changed_servers(results).values()
    restarted = [
        [action.partition(_RESTART)[2] for action in server.get("actions") or [] if _RESTART in action]
        for server in servers
    ]
    counts = [sum(name != _MANAGER for name in names) for names in restarted]
    managers = [_MANAGER in names for names in restarted]
    texts = []
    if number := sum(map(bool, counts)):
        twice = ", each of them twice: to accept the issuer, then to sign for it" if max(counts) > 1 else ""
        texts.append(restarts.of_servers(number) + twice)
    if number := sum(managers):
        texts.append(restarts.of_managers(number))
    if not texts:
        return [fact("restarts", "none")] if counts else []
    return [fact("restarts", "; ".join(texts), status=WARNING)]


def _server_facts(results: Result) -> list[Line]:
    own = (results.get("issuer") or {}).get("issuer")
    servers = {name: _accepted(server) for name, server in changed_servers(results).items()}
    servers |= {str(server["name"]): list(server["issuers"]) for server in results.get("by_hand") or []}
    return facts("servers", [f"{name}: {_signs_for(issuers, own)}" for name, issuers in servers.items()])


def _accepted(server: Result) -> list[str]:
    """The issuers that a server accepts now; it signs with the first one."""
    return list((server.get("issuers") or {}).get("after") or [])


def _signs_for(issuers: t.Sequence[str], own: str | None) -> str:
    if not issuers:
        return "its issuer is not known"
    return f"signs for {'this issuer' if issuers[0] == own else issuers[0]}"


def _account_facts(results: Result) -> list[Line]:
    injection, accounts = results.get("injection") or {}, results.get("accounts") or []
    lines = [fact("injection", _injection(injection))] if injection.get("method") else []
    with_role = {name_of(account) for account in accounts if account.get("state") != "absent"}
    shown = [each for each in accounts if each.get("state") != "absent" or name_of(each) not in with_role]
    return lines + facts("accounts", list(dict.fromkeys(map(_account, shown))))


def _injection(injection: Result) -> str:
    ends = (injection.get("certificates") or {}).get("certificate_ends")
    return f"{injection['method']}, with a certificate until {ends}" if ends else str(injection["method"])


def _account(account: Result) -> str:
    if account.get("state") == "absent":
        return f"{name_of(account)}: without a role"
    return f"{name_of(account)}: {account.get('role_arn') or account.get('role_name')}"


def name_of(account: Result) -> str:
    """Return the name of an account of the results, as NAMESPACE/NAME."""
    return f"{account['namespace']}/{account['name']}"


def _warnings(results: Result) -> list[Line]:
    texts = [text for part in _parts(results) for text in part.get("warnings") or []]
    return [Line(text=text, status=WARNING) for text in dict.fromkeys(map(str, texts))]


def _proof(checks: Checks, *, verbose: bool) -> list[Line]:
    others = [check for check in checks if check["id"] != _UNSERVED_PODS]
    verdict = verdict_line(others)
    return [
        fact("proof", verdict.text, status=verdict.status),
        *[fact("", check["seen"]) for check in others if check["id"] == "sts-assume" and check["status"] == OK],
        *(check_lines(others) if verbose else []),
        *finding_lines(others),
        *skipped_lines(others),
    ]


def _no_proof(results: Result) -> Line:
    if unchanged_by_hand(results):
        reason = "not every API server signs for the issuer"
    elif to_apply(results):
        reason = "the manifests are not applied"
    else:
        reason = "irsa_kubeconfig is not set"
    return fact("proof", f"none in this run, since {reason}", status=SKIPPED)


def _next(checks: Checks) -> list[Line]:
    """What to do next. Pods that have to be restarted come at the very end, since nothing else tells of them."""
    unserved = findings([check for check in checks if check["id"] == _UNSERVED_PODS])
    others = findings([check for check in checks if check["id"] != _UNSERVED_PODS])
    lines = []
    if others:
        lines.append(next_step("follow the remedies above, then run this again."))
    if unserved:
        lines.append(next_step("restart the pods that started before and have no credentials:"))
        lines += finding_lines(unserved)
    return lines or [next_step("nothing to do.")]


def _later(results: Result) -> list[Line]:
    """What the servers' plan says about the time after this run, such as the next upgrade."""
    servers = changed_servers(results).values()
    return [prose(text) for text in dict.fromkeys(text for server in servers for text in server.get("next") or [])]


def _number(items: t.Sequence[t.Any], name: str) -> str:
    return f"{len(items)} {name}{'' if len(items) == 1 else 's'}"
