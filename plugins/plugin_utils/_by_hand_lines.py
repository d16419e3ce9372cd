# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people have to do after a run of playbook enable that could not do everything itself.

``by_hand`` in its results lists the API servers whose hosts it cannot reach, as ``accepted_issuers`` knows them:
``name``, ``issuers``, of which the first one signs, ``is_complete`` and ``is_front``. ``manifests`` has ``to_apply``,
the files that the cluster does not have yet, and what it is known to be ``lacking`` because of that.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import Line, next_step, prose
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.manifest_files import apply_command
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._issuer_lines import Result
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._recipe_lines import recipe_lines, recipe_of

_FLAG = "--service-account-issuer"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Phase:
    """A step that every server takes before any takes the next one.

    ``issuers`` returns those that a server then has. ``partly`` says what to do with the flag of ours on a server whose
    other flags are not known.
    """

    title: str
    issuers: t.Callable[[t.Sequence[str], str], list[str]]
    partly: str


_ACCEPT = _Phase(
    title="to accept the issuer",
    issuers=lambda present, own: [*present, *([] if own in present else [own])],
    partly="keep its flags, and add this one after them, unless it is there",
)
_SIGN = _Phase(
    title="to sign for it",
    issuers=lambda present, own: [own, *(other for other in present if other != own)],
    partly="keep its flags, and make this one the first",
)


def unchanged_by_hand(results: Result) -> list[Result]:
    """Return the API servers that do not sign with the issuer yet, and that the playbook cannot change.

    Of those that do not answer from here, this is not known. They count as long as one is known that does not sign.
    """
    servers, own = results.get("by_hand") or [], _own_issuer(results)
    known = [server for server in servers if server["issuers"]]
    if known and all(server["issuers"][0] == own for server in known):
        return []
    return [server for server in servers if list(server["issuers"][:1]) != [own]]


def to_apply(results: Result) -> list[str]:
    """Return the manifests that the cluster does not have yet."""
    return list((results.get("manifests") or {}).get("to_apply") or [])


def by_hand_lines(results: Result) -> list[Line]:
    """What has to be done before anything can be proved; nothing if all is. Pods come last, as in other runs."""
    lines = [*_server_lines(results), *_manifest_lines(results)]
    return [*lines, prose("Then run this again: it proves that AWS accepts the tokens.")] if lines else []


def _manifest_lines(results: Result) -> list[Line]:
    files = to_apply(results)
    if not files:
        return []
    lacking = (results.get("manifests") or {}).get("lacking")
    is_later = "when every API server signs for the issuer, " if unchanged_by_hand(results) else ""
    return [
        next_step(f"{is_later}apply the manifests, or have them applied. Their first lines say more."),
        *[Line(text=apply_command(file), indent=2, whole=True) for file in files],
        *([prose(f"The cluster lacks {', '.join(lacking)}.")] if lacking else []),
    ]


def _server_lines(results: Result) -> list[Line]:
    """What has to be done on the servers, in the order that refuses no token; nothing if all sign."""
    to_do, recipe = unchanged_by_hand(results), recipe_of(results)
    if to_do and recipe:
        return recipe_lines(recipe)
    servers = [server for server in to_do if not server["is_front"]] or to_do
    if not servers:
        return []
    own, listed = _own_issuer(results), [server for server in results["by_hand"] if not server["is_front"]]
    # A server may learn to accept and to sign at once if no other one could refuse its tokens: if it is the only one
    # that the cluster lists, and was itself asked.
    several = len(listed) != 1 or not listed[0]["issuers"]
    lines = [_heading(servers)]
    for phase in (_ACCEPT, _SIGN) if several else (_SIGN,):
        steps = [line for server in servers for line in _step(server, phase, own)]
        if steps and several:
            lines.append(prose(f"{phase.title}, one server after the other:"))
        lines += steps
    if several:
        lines.append(
            prose(
                "Begin with the second part when every server has done the first. Otherwise the servers that lag "
                "behind refuse the tokens of the others."
                + ("" if len(listed) > 1 else " If there is only one API server, the second part is enough.")
            )
        )
    return lines


def _own_issuer(results: Result) -> str:
    return str((results.get("issuer") or {}).get("issuer", ""))


def _heading(servers: t.Sequence[Result]) -> Line:
    if all(server["is_complete"] for server in servers):
        return next_step(f"replace every {_FLAG} of kube-apiserver by these flags.")
    # https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubeapiserver/options/authentication.go
    return next_step(
        f"change {_FLAG} of kube-apiserver. From here, not all flags of each server are known. A server that is given "
        "an issuer twice does not start."
    )


def _step(server: Result, phase: _Phase, own: str) -> list[Line]:
    """What a server has to do in a phase; nothing if it has done that."""
    name = f"each server behind {server['name']}" if server["is_front"] else server["name"]
    if server["is_complete"]:
        issuers = phase.issuers(server["issuers"], own)
        if issuers == list(server["issuers"]):
            return []
        title = f"{name}:"
    else:
        issuers, title = [own], f"{name}: {phase.partly}:"
    return [Line(text=title, indent=2), *(Line(text=f"{_FLAG}={each}", indent=4, whole=True) for each in issuers)]
