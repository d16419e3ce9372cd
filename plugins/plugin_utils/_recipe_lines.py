# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A recipe of role irsa_apiserver as lines for people: what to apply, in which order, and what restarts.

A recipe is the one entry in ``irsa_apiserver_result`` of a distribution that the role does not change itself.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.lines import Line, next_step, prose

Result = t.Mapping[str, t.Any]

_TITLES = {
    "new": "to create the cluster",
    "accept": "to accept the issuer",
    "sign": "to sign for the issuer",
    "sign_back": "to sign for the former issuer again",
    "forget": "to forget the issuer",
}


def recipe_of(results: Result) -> Result | None:
    """Return the recipe among the results of playbook enable; None if the API servers are changed on their hosts."""
    return next((each for each in (results.get("servers") or {}).values() if each.get("recipe")), None)


def changed_servers(results: Result) -> dict[str, Result]:
    """Return the API servers among the results that are changed on their hosts, by name."""
    return {name: each for name, each in (results.get("servers") or {}).items() if "recipe" not in each}


def recipe_lines(recipe: Result) -> list[Line]:
    """What to do on the API servers. The text of a file is shown if it was not written to a folder."""
    written = {os.path.basename(file["path"]): file["path"] for file in recipe["files"]}
    lines = [next_step(f"change the API servers yourself ({recipe['distribution']}).")]
    for part in recipe["recipe"]:
        lines.append(prose(f"{_TITLES[part['phase']]}:"))
        for file in part["files"]:
            lines += _file_lines(file, written.get(file["name"]))
        lines += [prose(part["use"])] if part["use"] else []
        lines += [Line(text=command, indent=2, whole=True) for command in part["commands"]]
        lines += [prose(part["restarts"])] if part["restarts"] else []
    return [*lines, *map(prose, recipe["next"])]


def _file_lines(file: Result, path: str | None) -> list[Line]:
    if path:
        return [Line(text=path, indent=2, hanging=4, whole=True)]
    texts = str(file["text"]).rstrip("\n").split("\n")
    return [
        Line(text=f"{file['name']}:", indent=2, whole=True),
        *(Line(text=text, indent=4, whole=True) for text in texts),
    ]
