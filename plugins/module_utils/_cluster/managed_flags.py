# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which flags a phase changes, and whether changed files give programs what is expected and leave the rest."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Programs
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

API_SERVER = (ISSUER, KEY_FILE, SIGNING_KEY_FILE)
CONTROLLER_MANAGER = (PRIVATE_KEY_FILE,)


def check_request(expected: Programs, before: Programs) -> None:
    """Raise Fault unless these programs differ only in what a phase may change."""
    if _others(expected) != _others(before):
        raise Fault("more than its issuers and its keys for service accounts would have to change")


def check_result(after: Programs, expected: Programs, before: Programs) -> None:
    """Raise Fault unless the changed files give the programs what is expected, and otherwise what they had."""
    if _values(after) != _values(expected) or _others(after) != _others(before):
        raise Fault("an edit of it would change something else, too. Its layout is not known here")


def _pairs(programs: Programs) -> tuple[tuple[Arguments, tuple[str, ...]], ...]:
    return (programs.api_server, API_SERVER), (programs.controller_manager, CONTROLLER_MANAGER)


def _values(programs: Programs) -> list[tuple[str, ...]]:
    """Return the values of the flags. How flags of different names are mixed makes no difference to a program."""
    return [arguments.values(name) for arguments, names in _pairs(programs) for name in names]


def _others(programs: Programs) -> list[tuple[str, ...]]:
    result = []
    for arguments, names in _pairs(programs):
        rest = arguments
        for name in names:
            for value in dict.fromkeys(arguments.values(name)):
                rest = rest.without(name, value)
        result.append(rest.texts)
    return result
