# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module that shows no secret: any of its options may contain a private key or a credential by mistake.

Its result repeats the options (``invocation``), its messages quote them, and the system's log has all of them.
"""

from __future__ import annotations

import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking


class MaskedModule(AnsibleModule):
    """Masks what may be private in its options before it ends, also if its options are refused.

    A subclass lists the options for public keys in ``public_key_options``: in those, everything that is not public is
    masked.
    """

    params: dict[str, t.Any]
    public_key_options: tuple[str, ...] = ()

    def private_texts(self) -> set[str]:
        """Return what may be private in the options."""
        return masking.in_options(self.params, self.public_key_options)

    def masked(self, value: t.Any) -> t.Any:
        """Return a value without what may be private in the options."""
        return self._redaction.over(value)

    @functools.cached_property
    def _redaction(self) -> Redaction:
        return Redaction(self.private_texts())

    def exit_json(self, **result: t.Any) -> None:
        self._mask_options()
        super().exit_json(**self.masked(result))

    def fail_json(self, msg: str, **result: t.Any) -> None:
        self._mask_options()
        # Core masks what is never shown, such as a token, only where it is shown whole.
        redaction = Redaction(self.no_log_values)
        super().fail_json(shown(redaction.over(str(msg))), **redaction.over(result))

    def log(self, msg: str, log_args: t.Any = None) -> None:
        super().log(self.masked(msg), self.masked(log_args))

    def _mask_options(self) -> None:
        """Mask what core adds to a result: the options, and the text of an exception."""
        self.no_log_values.update(self._redaction.secrets)
        self.params = self.masked(self.params)
