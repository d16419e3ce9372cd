# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module's main() does around its room: libraries, results, errors."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.warnings import warn

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError


class CarefulModule(AnsibleModule):
    """A module some of whose options hold public keys, so that a private one may be given there by mistake.

    Its result repeats the options, also when they are refused for something else; what may be private is masked first.
    """

    public_key_options: tuple[str, ...] = ()

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        self._mask()
        super().exit_json(**result)

    def fail_json(self, msg: str, **result: t.Any) -> t.NoReturn:
        self._mask()
        super().fail_json(msg, **result)

    def _mask(self) -> None:
        for option in self.public_key_options:
            self.no_log_values.update(masking.in_option(self.params.get(option)))


def require(module: t.Any, library: str, import_error: t.Optional[ImportError]) -> None:
    """End the module with a message when a library could not be imported; it says what usually is the cause."""
    if import_error is None:
        return
    module.fail_json(
        msg=(
            f"{missing_required_lib(library).rstrip('.')}. Where this is meant to be the controller, Ansible found "
            "another Python than its own: it does so when localhost is written into an inventory. Set "
            "ansible_connection: local and "
            'ansible_python_interpreter: "{{ ansible_playbook_python }}" for it there.'
        )
    )


def conclude(module: t.Any, work: t.Callable[[], dict[str, t.Any]]) -> t.NoReturn:
    """End the module with what ``work`` returns (``warnings`` given as such), or with its IrsaError's message."""
    try:
        result = work()
    except IrsaError as error:
        for warning in error.warnings:
            warn(warning)
        module.fail_json(msg=str(error), **error.details)
    for warning in result.pop("warnings", []):
        warn(warning)
    module.exit_json(**result)
