# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Condition keys of trust policies that were meant to be about a token of an issuer, and what is wrong with them.

STS has the keys HOST:sub and HOST:aud, where HOST is the issuer without https://. It takes any other name for a key
that the request does not have, without a word:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_difference import difference

# What people call the two claims.
_CLAIMS = {"sub": "sub", "subject": "sub", "aud": "aud", "audience": "aud", "audiences": "aud"}

# Keys of AWS itself and of SAML, whose names only look like those of a token: saml:sub, saml:aud.
_OF_AWS = ("aws:", "sts:", "saml:")

SCHEME = re.compile("^(?:https?:/*|//)", re.IGNORECASE)
_ARN = re.compile("^(?:arn:[^/]*:)?oidc-provider/", re.IGNORECASE)
# Of a template, of a shell or of a guide, such as ${OIDC_PROVIDER}:sub.
PLACEHOLDER = re.compile(r"[<>{}$]|\b(?:OIDC_|ISSUER_|AWS_|YOUR[_-])?(?:PROVIDER|ISSUER|HOST|URL|ACCOUNT_ID)\b")
_SUBJECT_START = "system:serviceaccount"

# Longer than any key with an issuer. The time that a longer one takes would grow with the square of its length.
_MAX_CHARACTERS = 1000

# The end of a key that has no colon in front of its claim, such as HOST/sub.
_CLAIM_AT_END = re.compile(r"^(.*?)(?:[/._#| -]+)?\b(sub|subject|aud|audiences?)$", re.IGNORECASE)


class _Parts(t.NamedTuple):
    """A key taken apart: what stands for the issuer, the colon if there is one, and the claim."""

    issuer: str
    colon: str
    claim: str


def is_of_aws(key: str) -> bool:
    """Whether a key is one of AWS itself or of SAML, and so about no token."""
    return key.lower().startswith(_OF_AWS)


def claim_of(key: str) -> str | None:
    """Return the claim that a key is about, or was meant to be: ``sub`` or ``aud``; None for another one."""
    if is_of_aws(key):
        return None
    if _SUBJECT_START in key.lower():
        return "sub"
    return _CLAIMS.get(_parts_of(key).claim.lower())


def flaw_of(key: str, host_path: str) -> str | None:
    """Say what is wrong with a key that was meant to be about a token of an issuer, given without ``https://``.

    None for a right key, for a key of AWS, and for one whose meaning is unknown.
    """
    parts, claim = _parts_of(key), claim_of(key)
    right = f"{host_path}:{claim}"
    if key.lower() == right.lower() or is_of_aws(key):
        return None
    faults = [*_faults_of_text(key), *_faults_of_claim(parts, claim, host_path), *_faults_of_issuer(parts, host_path)]
    if not faults:
        return None
    return f"{' '.join(faults)} {_how_to_write(claim, host_path)}"


def may_mean(key: str, host_path: str) -> bool:
    """Whether a key may have been meant to be about a token of an issuer, rather than of another one."""
    issuer = _bare(_parts_of(key).issuer)
    return issuer.lower() == host_path.lower() or not (
        key.lower().startswith(_OF_AWS) or "." in issuer.partition("/")[0]
    )


def _how_to_write(claim: str | None, host_path: str) -> str:
    keys = [claim] if claim else ["sub", "aud"]
    return f"STS knows it only as {' and '.join(quoted(f'{host_path}:{each}') for each in keys)}."


def _parts_of(key: str) -> _Parts:
    """Take a key apart at its last colon, but not at that of a scheme, an ARN or a port."""
    text = key.strip()
    issuer, colon, claim = text.rpartition(":")
    if colon and "/" not in claim and "." not in claim and not claim.isdigit():
        return _Parts(issuer.strip(), colon, claim.strip())
    at_end = _CLAIM_AT_END.match(text) if len(text) <= _MAX_CHARACTERS else None
    return _Parts(at_end[1], "", at_end[2]) if at_end else _Parts(text, "", "")


def _faults_of_text(key: str) -> t.Iterator[str]:
    if key != "".join(key.split()):
        yield "It has a space in it."
    if PLACEHOLDER.search(key):
        yield "It has a placeholder that was never replaced."


def _faults_of_claim(parts: _Parts, claim: str | None, host_path: str) -> t.Iterator[str]:
    text = f"{parts.issuer}{parts.colon}{parts.claim}".lower()
    if _SUBJECT_START in text:
        yield f"It has {_SUBJECT_START} in the key, which belongs in the value."
    elif not parts.colon and claim and parts.issuer:
        yield f"It has no colon before {claim}."
    elif not parts.colon and _bare(parts.issuer).lower() == host_path.lower():
        yield "It names no claim: it does not end with :sub or :aud."
    elif claim and parts.claim.lower() != claim:
        yield f"It ends with {quoted(parts.claim)}; the claim of a token is called {claim}."


def _faults_of_issuer(parts: _Parts, host_path: str) -> t.Iterator[str]:
    issuer, bare = parts.issuer, _bare(parts.issuer)
    if _SUBJECT_START in f"{issuer}:{parts.claim}".lower() or PLACEHOLDER.search(issuer):
        return
    if _ARN.match(issuer):
        yield "It begins with the ARN of the provider; condition keys begin with what follows oidc-provider/."
    scheme = SCHEME.match(issuer) or SCHEME.match(_ARN.sub("", issuer))
    if scheme:
        yield f"It begins with {scheme[0].lower()}, which condition keys do not have."
    if bare.lower() == host_path.lower():
        return
    how = difference(host_path, bare)
    if not bare:
        yield "It does not name the issuer."
    elif how:
        yield f"It begins with {quoted(bare)}, not with {host_path}. {how}"
    elif "." in bare.partition("/")[0]:
        yield f"It belongs to another issuer: {quoted(bare)}, not {host_path}."
    elif parts.claim.lower() in _CLAIMS:
        yield f"{quoted(bare)} is not the issuer."


def _bare(issuer: str) -> str:
    """Return what stands for the issuer without an ARN and a scheme in front of it."""
    return SCHEME.sub("", _ARN.sub("", issuer.strip()))
