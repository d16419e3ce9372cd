# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps STS from using a published key, and at which check that shows."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import cut, json_type, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

# A fault quotes from the key, whose members may be of any length.
_MAX_CHARACTERS = 400


class KeyFault(t.NamedTuple):
    """The id of a check, and what it finds in a key, as a clause; cause and remedy if not those of the check."""

    check: str
    text: str
    cause: str | None = None
    remedy: str | None = None


_NAMES = (
    "The JWKS was written by hand, or by a program with names of its own.",
    (
        "Publish the JWKS that irsa_jwks generates from the public key, or correct the name. The key itself is sound, "
        "so there is no need for another one."
    ),
)


def faults_of(key: jwk.Jwk) -> list[KeyFault]:
    """Return what is wrong with a published key, at most once for each check.

    Nothing more is said of a key that is not for signatures: what it must be is up to those who encrypt with it.
    """
    faults = []
    if not isinstance(key.get("kid"), str):
        faults.append(
            KeyFault(
                "jwk-kid", f"its kid is {json_type(key['kid'])}, not a string" if "kid" in key else "it has no kid"
            )
        )
    if "key_ops" in key:
        faults.append(KeyFault("jwk-key-ops", "it has key_ops"))
    if key.get("use", "sig") != "sig":
        return [*faults, KeyFault("jwk-use", f"its use is {quoted(key['use'])}, not 'sig'")]
    return faults + _faults_of_content(key)


def _faults_of_content(key: jwk.Jwk) -> list[KeyFault]:
    try:
        public_key = jwk.public_key_of(key)
    except jwk.BadNumber as fault:
        return [_fault("jwk-numbers", fault)]
    except jwk.WrongName as fault:
        return [KeyFault("jwk-strength", cut(str(fault), _MAX_CHARACTERS), *_NAMES)]
    except Fault as fault:
        return [_fault("jwk-strength", fault)]
    faults = []
    try:
        jwk.check_numbers(key, public_key)
    except Fault as fault:
        faults.append(_fault("jwk-numbers", fault))
    try:
        if "x5c" in key:
            jwk.check_certificate(key, public_key)
    except Fault as fault:
        faults.append(_fault("jwk-certificate", fault))
    try:
        jwk.check_algorithm(key)
    except Fault as fault:
        faults.append(_fault("algorithms", fault))
    return faults


def _fault(check: str, fault: Fault) -> KeyFault:
    return KeyFault(check, cut(str(fault), _MAX_CHARACTERS))


def named(key: jwk.Jwk, position: int) -> str:
    """Return a key's kid for a message; its position in the JWKS, from 1 on, if it has none."""
    kid = key.get("kid")
    return quoted(kid) if isinstance(kid, str) and kid else f"at position {position}"


def blame(report: Report, key: jwk.Jwk, whose: str) -> KeyFault | None:
    """Report what is wrong with a published key as an error, since ``whose`` key it is: STS will look for it.

    Returns the fault, None if there is none.
    """
    fault = next(iter(faults_of(key)), None)
    if fault is not None:
        seen = f"STS cannot use the key {quoted(key.get('kid'))}, {whose}: {fault.text}."
        report.worsen(fault.check, seen, fault.cause, remedy=fault.remedy)
    return fault
