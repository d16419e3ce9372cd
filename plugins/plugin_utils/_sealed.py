# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private key on its way from a task of one host to a task of another, which no output can reveal.

It travels in a variable of the play, and callbacks, fact caches and ``-vvv`` see variables. So it is encrypted with a
key that exists only in this process and in the workers that are forked from it: the strategies of ansible-core import
an action plugin before they fork (``action_loader.get`` in plugins/strategy/linear.py and free.py).
"""

from __future__ import annotations

from cryptography import fernet

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

_BOX = fernet.Fernet(fernet.Fernet.generate_key())


def seal(text: str) -> str:
    """Return a text as only this run of ansible-playbook can read it."""
    return _BOX.encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """Return what was sealed. Raises IrsaError if another run has sealed it."""
    try:
        return _BOX.decrypt(sealed.encode()).decode()
    except fernet.InvalidToken:
        raise IrsaError(
            "The private key was not read by this run of ansible-playbook. Run the playbook again, from its beginning."
        ) from None
