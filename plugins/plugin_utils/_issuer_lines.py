# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What provision and teardown did, as lines for people. A result is ``irsa_issuer_result`` of a host."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import (
    CHANGED,
    PLANNED,
    Line,
    fact,
    facts,
    next_step,
    prose,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.statuses import ERROR, OK, SKIPPED
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DISCOVERY_PATH, JWKS_PATH
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report_lines import (
    check_lines,
    finding_lines,
    findings,
    skipped_lines,
    verdict_line,
)
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_lines import (
    about_running_clusters,
    flag_lines,
    key_file_lines,
    next_of_new,
)

Result = t.Mapping[str, t.Any]
Results = t.Mapping[str, Result]

# A block for each of more clusters than this would be longer than anyone reads.
MANY = 20

# With one of these the API server cannot know of the issuer yet.
_CREATIONS = frozenset({"s3:CreateBucket", "file:CreatePrivateKey", "iam:CreateOpenIDConnectProvider"})

# A key in the summary of hosts, by the status of their heading.
_COUNTED = {CHANGED: "changed", PLANNED: "would change", OK: "unchanged"}


def provision_lines(
    results: Results, *, check_mode: bool = False, verbose: bool = False, failed: t.Sequence[str] = ()
) -> list[Line]:
    """What was done to each cluster, and what to do next. ``verbose`` leaves nothing out; ``failed`` are the
    hosts without a result.
    """
    if len(results) == 1 and not failed:
        (result,) = results.values()
        return [
            _heading(result, check_mode),
            *_issuer_facts(result),
            *facts("actions", _named(result)),
            *_verification(result, verbose=verbose),
            *_next_of_one(result, check_mode=check_mode),
        ]
    lines: list[Line] = []
    for host, result in results.items():
        lines.append(_heading(result, check_mode, host))
        if verbose or len(results) <= MANY:
            lines += _block(result, verbose=verbose)
        else:
            lines += finding_lines(result.get("checks") or [])
    return [
        *lines,
        *_summary(results, check_mode, failed),
        *_next_of_fleet(results, failed, check_mode=check_mode, verbose=verbose),
    ]


def teardown_lines(result: Result, *, host: str = "", check_mode: bool = False, kept_key: str = "") -> list[Line]:
    """What was removed of one cluster, what was kept and why, and what to do next. ``kept_key`` is where the key stays,
    if it does.
    """
    kept = [
        f"{name}, so that nobody else can take its name (to delete it, set irsa_issuer_delete_bucket=true)"
        if name.startswith("bucket ")
        else f"{name}, since it may not be this issuer's (to delete it, set irsa_issuer_overwrite=true)"
        for name in result["kept"]
    ]
    if kept_key:
        kept.append(
            f"key {kept_key}, since API servers may still sign with it (to delete its files, set "
            "irsa_issuer_delete_key=true)"
        )
    removed = "would remove" if check_mode else "removed"
    return [
        _heading(result, check_mode, host),
        fact("issuer", result["issuer"]),
        fact("provider", result["provider_arn"]),
        *facts(removed, _named(result)),
        *facts("kept", kept),
        _next_after_teardown(result, check_mode),
    ]


# --- one cluster


def _heading(result: Result, check_mode: bool, host: str = "") -> Line:
    name = f"{host}: " if host else ""
    if not result["changed"]:
        return Line(text=f"{name}ok: nothing {'would change' if check_mode else 'had to change'}", status=OK)
    number = len(result["actions"])
    actions = f"{number} action{'' if number == 1 else 's'}"
    if check_mode:
        return Line(text=f"{name}would change: {actions}", status=PLANNED)
    return Line(text=f"{name}changed: {actions}", status=CHANGED)


def _issuer_facts(result: Result) -> list[Line]:
    lines = [
        fact("issuer", result["issuer"]),
        fact("provider", result["provider_arn"] or "not registered, because the documents are not served yet"),
        *facts("key ID", _kids(result) or ["not known until the key is created"]),
    ]
    if result.get("bucket"):
        lines.append(fact("bucket", result["bucket"]))
    return lines


def grouped(actions: t.Iterable[str]) -> list[str]:
    """Actions in their order, those that follow each other under the same name in one."""
    counted = [(name, len(list(same))) for name, same in itertools.groupby(actions)]
    return [name if number == 1 else f"{name} ({number} times)" for name, number in counted]


def _named(result: Result) -> list[str]:
    """The actions, those on objects with the keys of the objects."""
    keys = {
        "s3:PutObject": [document["key"] for document in result.get("documents") or [] if document["changed"]],
    }
    # The discovery document is removed first.
    keys["s3:DeleteObject"] = keys["s3:PutObject"][::-1]
    named = []
    for name, same in itertools.groupby(result["actions"]):
        number = len(list(same))
        objects = keys.get(name, [])
        # In a bucket that others write to as well, an action may have been repeated.
        named.append(f"{name} ({', '.join(objects)})" if len(objects) == number else grouped([name] * number)[0])
    return named


def _kids(result: Result) -> list[str]:
    """The kid of the signing key or, if it is not known which of several keys signs, all kids that were published."""
    if result["kid"]:
        return [result["kid"]]
    return [str(key["kid"]) for key in result.get("keys") or [] if not key["foreign"]]


def _keeps_keys(result: Result) -> bool:
    """Whether the cluster's own keys were published, without a key file."""
    return result.get("public_key", "") is None and bool(_kids(result))


def _verification(result: Result, *, verbose: bool) -> list[Line]:
    checks = result.get("checks")
    if not checks:
        return [fact("verified", "not in this run", status=SKIPPED)]
    verdict = verdict_line(checks)
    lines = [fact("verified", verdict.text, status=verdict.status)]
    return [*lines, *(check_lines(checks) if verbose else []), *finding_lines(checks), *skipped_lines(checks)]


def _next_of_one(result: Result, *, check_mode: bool) -> list[Line]:
    if not result["provider_arn"] and not (check_mode and result["changed"]):
        return _documents_to_serve(result)
    keeps_keys = _keeps_keys(result)
    if check_mode and result["changed"]:
        title = "run this again without --check. Then kube-apiserver needs these flags:"
        lines = [next_step(title), *flag_lines(result)]
    elif findings(result.get("checks") or []):
        title = "follow the remedies above, then run this again. kube-apiserver needs these flags:"
        lines = [next_step(title), *flag_lines(result)]
    elif _is_new(result):
        lines = next_of_new(result, keeps_keys=keeps_keys)
    else:
        lines = [next_step("nothing to do, if kube-apiserver has these flags:"), *flag_lines(result)]
    if _is_new(result):
        lines.append(about_running_clusters(result, keeps_keys=keeps_keys))
    return lines if check_mode or not result["changed"] else [*lines, *_how_to_verify(result)]


def _is_new(result: Result) -> bool:
    return not _CREATIONS.isdisjoint(result["actions"])


def _how_to_verify(result: Result) -> list[Line]:
    return [
        prose("Then check that AWS accepts a pod's token:"),
        Line(text="ansible-playbook selfhosted.irsa.verify \\", indent=2, whole=True),
        Line(text=f"-e irsa_verify_issuer={result['issuer']} \\", indent=4, whole=True),
        Line(text="-e irsa_verify_token_path=TOKEN -e irsa_verify_role_arn=ROLE \\", indent=4, whole=True),
        Line(text="-e irsa_verify_assume_role=true", indent=4, whole=True),
    ]


def _documents_to_serve(result: Result) -> list[Line]:
    folder = result.get("documents_path")
    what, jwks, discovery = "texts", "irsa_issuer_result.jwks_json", "irsa_issuer_result.discovery_json"
    if folder:
        what, jwks, discovery = "files", f"{folder}/{JWKS_PATH}", f"{folder}/{DISCOVERY_PATH}"
    lines = [
        next_step(f"serve these two {what} to everyone as application/json, then run this again:"),
        Line(text=f"{jwks} at", indent=2, whole=bool(folder)),
        Line(text=f"{result['issuer']}/{JWKS_PATH}", indent=4, whole=True),
        Line(text=f"{discovery} at", indent=2, whole=bool(folder)),
        Line(text=f"{result['issuer']}/{DISCOVERY_PATH}", indent=4, whole=True),
    ]
    if not folder:
        lines.append(prose("To get them as files, set irsa_issuer_documents_path to a folder on the controller."))
    return lines


def _next_after_teardown(result: Result, check_mode: bool) -> Line:
    if not result["changed"]:
        return next_step(
            "nothing to do, if this is the issuer that you meant. If not, correct irsa_issuer_bucket, "
            "irsa_issuer_prefix, irsa_issuer_region or irsa_issuer_url."
        )
    if check_mode:
        return next_step("run this again without --check.")
    return next_step(
        "remove the issuer from kube-apiserver's flags. AWS no longer accepts tokens of this issuer, so you can delete "
        "roles that trust only its provider."
    )


# --- many clusters


def _block(result: Result, *, verbose: bool) -> list[Line]:
    lines = _issuer_facts(result)
    if result["actions"]:
        lines.append(fact("actions", ", ".join(_named(result))))
    lines += _verification(result, verbose=verbose)
    if verbose or _is_new(result):
        files = key_file_lines(result)
        lines += [prose("key files for the API servers:"), *files] if files else []
        lines += [prose("flags of kube-apiserver:"), *flag_lines(result)]
    return lines


def _summary(results: Results, check_mode: bool, failed: t.Sequence[str]) -> list[Line]:
    lines = []
    if failed:
        lines.append(Line(text=f"failed: {', '.join(failed)} (see the errors above)", status=ERROR))
    statuses = [_heading(result, check_mode).status for result in results.values()]
    counts = [f"{statuses.count(status)} {word}" for status, word in _COUNTED.items() if status in statuses]
    if failed:
        counts.append(f"{len(failed)} failed")
    number = len(results) + len(failed)
    lines.append(
        Line(text=f"{number} clusters: {', '.join(counts)}", status=ERROR if failed else _common_status(statuses))
    )
    return lines


def _common_status(statuses: t.Sequence[str | None]) -> str | None:
    """The status for all of several headings: that something changed, if anything did."""
    return next((status for status in (CHANGED, PLANNED) if status in statuses), OK)


def _next_of_fleet(results: Results, failed: t.Sequence[str], *, check_mode: bool, verbose: bool) -> list[Line]:
    retry = [next_step(f"correct the errors of {', '.join(failed)}, then run this again.")] if failed else []
    if check_mode and any(result["changed"] for result in results.values()):
        return retry or [next_step("run this again without --check.")]
    unserved = [host for host, result in results.items() if not result["provider_arn"]]
    new = [host for host, result in results.items() if _is_new(result) and host not in unserved]
    wrong = [host for host, result in results.items() if findings(result.get("checks") or [])]
    lines = retry
    if unserved:
        lines.append(
            next_step(
                f"serve the documents of {', '.join(unserved)} as the warnings say. Their texts are jwks_json and "
                "discovery_json in irsa_issuer_result, and files with irsa_issuer_documents_path. Then run this again."
            )
        )
    if new:
        are = "above" if verbose or len(results) <= MANY else "in irsa_issuer_result.apiserver_flags of each host"
        lines.append(
            next_step(
                "copy the key files of each new cluster to its control-plane nodes, and start kube-apiserver with its "
                f"flags, which are {are}."
            )
        )
    if wrong:
        lines.append(next_step(f"follow the remedies above for {', '.join(wrong)}."))
    return lines or [next_step("nothing to do.")]
