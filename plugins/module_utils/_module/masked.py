# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module whose options may contain a private key by mistake: its result repeats the options, masked."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking


class MaskedModule(AnsibleModule):
    """A module with options for public keys, where a user may give a private key by mistake.

    It masks what may be private before it ends, also when its options are refused for another reason. A subclass lists
    the options in ``public_key_options``.
    """

    public_key_options: tuple[str, ...] = ()

    def exit_json(self, **result: t.Any) -> None:
        self._mask()
        super().exit_json(**result)

    def fail_json(self, msg: str, **result: t.Any) -> None:
        self._mask()
        super().fail_json(msg, **result)

    def _mask(self) -> None:
        for option in self.public_key_options:
            self.no_log_values.update(masking.in_option(self.params.get(option)))
