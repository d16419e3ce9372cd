# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module's main() does around its logic: libraries, results, errors. Ships to nodes with irsa_keypair."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common import warnings

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import as_called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule


def require(module: AnsibleModule, libraries: t.Mapping[str, ImportError | None]) -> None:
    """End the module if libraries could not be imported, with the command that installs all of them.

    ``libraries`` has the error of each import, if any, by the requirement for pip.
    """
    missing = {requirement: error for requirement, error in libraries.items() if error is not None}
    if missing:
        # Not loaded by a run that lacks nothing.
        from ansible_collections.selfhosted.irsa.plugins.module_utils._module import libraries as message  # noqa: PLC0415

        module.fail_json(msg=message.missing(missing))


def warn(module: MaskedModule, text: str) -> None:
    """Show a warning, without what may be private in the options."""
    warnings.warn(shown(module.masked(as_called(text))))


def conclude(module: MaskedModule, work: t.Callable[[], dict[str, t.Any]], *, only_reads: bool = False) -> None:
    """End the module with the result of ``work``, or with the message of its IrsaError; both may carry warnings.

    A failed result says, too, what was done: nothing, unless the error knows of something.
    """
    failure: IrsaError | None = None
    try:
        result = work()
    except IrsaError as error:
        failure = error
        result = {
            "changed": False,
            "warnings": error.warnings,
            **({} if only_reads else {"actions": []}),
            **error.details,
        }
    for warning in result.pop("warnings", []):
        warn(module, warning)
    if failure is None:
        module.exit_json(**result)
    # Not while the exception is handled: ansible-core would take it for one that the module did not expect.
    module.fail_json(msg=as_called(str(failure)), **result)
