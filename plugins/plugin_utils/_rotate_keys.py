# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The new key of a rotation on the controller: one that was handed over, or one that is made in memory.

Neither is ever written here.
"""

from __future__ import annotations

import base64
import dataclasses
import secrets
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key

# Longer than the PEM of any key that STS can use; an RSA key of 4096 bits has 3.3 kB.
_PAD_BYTES = 16384

# Of a new RSA key. A present key of another size gets a successor of the next larger one.
SIZES = (2048, 3072, 4096)

# Asks for the content of a file on a host, hidden by a pad. Raises IrsaError.
AskForKey = t.Callable[[str, str], t.Mapping[str, t.Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key with what may be shown of it. ``private`` may not."""

    kid: str
    public_key: str
    private: str = dataclasses.field(repr=False)

    @classmethod
    def of(cls, text: str, where: str) -> NewKey:
        """Return the key in a PEM file. Raises IrsaError if an API server or STS cannot use it."""
        try:
            key = signing_key.load_private(text.encode())
        except Fault as fault:
            raise IrsaError(f"The key {where} cannot be used: {fault}.") from None
        facts = key_facts.describe(key.public_key)
        return cls(kid=facts["kid"], public_key=facts["public_key"], private=text)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GivenKey:
    """What may be shown of a key that is given, or why it cannot be used; nothing if there is none."""

    kid: str | None = None
    public_key: str | None = None
    error: IrsaError | None = None


def given(path: str | None, ask: AskForKey) -> GivenKey:
    """Return the key in irsa_rotate_key_path. That it cannot be used is no error yet: not every phase needs it."""
    if not path:
        return GivenKey()
    try:
        return shown(handed_over(path, ask))
    except IrsaError as error:
        return GivenKey(error=error)


def shown(key: NewKey) -> GivenKey:
    """Return what may be shown of a key."""
    return GivenKey(kid=key.kid, public_key=key.public_key)


def made(kind: t.Mapping[str, t.Any]) -> NewKey:
    """Return a new key of a kind: ``key_type``, ``key_size`` and ``key_curve``, as module irsa_node takes them."""
    key = signing_key.generate(kind["key_type"], kind.get("key_size"), kind.get("key_curve"))
    return NewKey.of(signing_key.private_pem(key, "traditional").decode(), "that was made")


def handed_over(path: str, ask: AskForKey) -> NewKey:
    """Return the key in irsa_rotate_key_path: read on the controller if it exists there, otherwise on the task's host.

    Raises IrsaError.
    """
    content = files.read(path)
    text = fetched(path, ask) if content is None else content.decode("utf-8", "replace")
    return NewKey.of(text, f"{quoted(path)} in irsa_rotate_key_path")


def fetched(path: str, ask: AskForKey) -> str:
    """Return a key file of the task's host. Raises IrsaError.

    The host's answer is hidden by a pad, which Ansible does not print, so that no callback can print the key.
    """
    pad = secrets.token_bytes(_PAD_BYTES)
    answer = ask(path, base64.b64encode(pad).decode())
    hidden = base64.b64decode(answer["sealed"])
    return bytes(one ^ other for one, other in zip(hidden, pad, strict=False)).decode("utf-8", "replace")


def kind_of_new(options: t.Mapping[str, t.Any], present: key_facts.PublicKey | None) -> dict[str, t.Any]:
    """Return the kind of a key that is to be made: what the user says of it, and for the rest that of the present key.

    Raises IrsaError for a size of a key that is not RSA, or a curve of one that is.
    """
    facts: t.Mapping[str, t.Any] = key_facts.describe(present) if present else {}
    key_type = options["key_type"] or ("ECDSA" if facts.get("curve") else "RSA")
    wrong = {"RSA": "key_curve", "ECDSA": "key_size"}[key_type]
    if options[wrong]:
        raise IrsaError(f"irsa_rotate_{wrong} is set, but the new key is of type {key_type}. Set irsa_rotate_key_type.")
    if key_type == "ECDSA":
        return {"key_type": key_type, "key_curve": options["key_curve"] or facts.get("curve") or "P-256"}
    size = options["key_size"] or facts.get("size") or 0
    return {"key_type": key_type, "key_size": next((each for each in SIZES if each >= size), SIZES[-1])}
