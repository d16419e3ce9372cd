# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key on its way from a task of one host to a task of another, which no output can reveal.

It travels in a variable of the play, and callbacks, fact caches and ``-vvv`` see variables. So it is encrypted with a
key that exists only in this process and in the workers that are forked from it: the strategies of ansible-core import
an action plugin before they fork (``action_loader.get`` in plugins/strategy/linear.py and free.py).
"""

from __future__ import annotations

import base64
import secrets
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

if t.TYPE_CHECKING:
    from cryptography.fernet import Fernet

# Made when this file is imported, so that all workers have the same. https://github.com/fernet/spec says what it is.
_KEY = base64.urlsafe_b64encode(secrets.token_bytes(32))


def seal(text: str) -> str:
    """Return a text as only this run of ansible-playbook can read it."""
    return _box().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Return what was sealed. Raises IrsaError if another run has sealed it."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415

    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise IrsaError(
            "The private key was not read by this run of ansible-playbook. Run the playbook again, from its beginning."
        ) from None


def _box() -> Fernet:
    # Not before: a plugin must be importable without libraries, and hardly any task carries a key.
    from cryptography.fernet import Fernet  # noqa: PLC0415

    return Fernet(_KEY)
