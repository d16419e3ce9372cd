# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other parties that hold a copy of an issuer's keys: how they are told of a change, and what they confirm.

A party is ``name`` and one of ``command`` (run on the controller), ``url`` (gets a POST) and ``confirm`` (the IDs of
the keys that a person has given it).
"""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from urllib.error import HTTPError

from ansible.module_utils.urls import open_url

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import cut, quoted, shown

WAYS = ("command", "url", "confirm")
_MAX_SHOWN = 500

Party = t.Mapping[str, t.Any]


def problems(parties: t.Sequence[Party]) -> t.Iterator[str]:
    """Yield what is wrong with irsa_rotate_relying_parties."""
    names = [party["name"] for party in parties]
    for party in parties:
        given = [way for way in WAYS if party.get(way) is not None]
        if len(given) != 1:
            what = "none of them" if not given else " and ".join(given)
            yield (
                f"The party {quoted(party['name'])} of irsa_rotate_relying_parties must have one of command, url and "
                f"confirm; it has {what}."
            )
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"irsa_rotate_relying_parties has {quoted(name)} twice."


def tell(party: Party, message: t.Mapping[str, t.Any], timeout: float) -> None:
    """Tell a party of the keys as they are now. Raises IrsaError if it does not take them."""
    text = json.dumps(message, sort_keys=True)
    try:
        if party.get("command") is not None:
            _run(party["command"], text, timeout)
        else:
            _post(party["url"], text, timeout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise _untold(party, shown(str(error), _MAX_SHOWN)) from None


def _run(command: t.Sequence[str], text: str, timeout: float) -> None:
    """Run a command, with the message as its input. Raises OSError, or SubprocessError."""
    ended = subprocess.run(
        list(command), input=text, capture_output=True, text=True, timeout=timeout, check=False, env=dict(os.environ)
    )
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip() or "nothing"
        raise OSError(f"it ended with code {ended.returncode} and said: {cut(said, _MAX_SHOWN)}")


def _post(url: str, text: str, timeout: float) -> None:
    """Raises OSError, for every answer but a success: urllib follows a redirect of a POST without what it says."""
    headers = {"Content-Type": "application/json"}
    try:
        open_url(url, method="POST", data=text, headers=headers, timeout=timeout, follow_redirects="none")
    except HTTPError as error:
        answer, place = f"it answered {error.code} {error.reason}", error.headers.get("Location")
        error.close()
        if not place:
            raise OSError(answer) from None
        raise OSError(f"{answer}, which leads to {quoted(place)}. Set url to where the keys are taken") from None


def _untold(party: Party, reason: str) -> IrsaError:
    way = "command" if party.get("command") is not None else "url"
    return IrsaError(
        f"The party {quoted(party['name'])} of irsa_rotate_relying_parties was not told of the keys, since its {way} "
        f"failed: {reason.rstrip('.')}. Repair it, and run the phase again."
    )


def message(issuer: str | None, phase: str, state: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a party is told, given what module irsa_rotation_state returned."""
    return {
        "issuer": issuer,
        "phase": phase,
        "kids": [key["kid"] for key in state["published"]],
        "jwks": json.loads(state["jwks_json"]) if state["jwks_json"] else None,
    }
