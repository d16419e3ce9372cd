# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module's main() does around its logic: libraries, results, errors. Ships to nodes with irsa_keypair."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common import warnings

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import shown
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule


def require(module: AnsibleModule, library: str, import_error: ImportError | None) -> None:
    """End the module if a library could not be imported, with a message that names the usual cause."""
    if import_error is None:
        return
    module.fail_json(
        msg=(
            f"{missing_required_lib(library).rstrip('.')}. If this host is the controller, the module runs "
            "with a different Python than Ansible itself; this happens if localhost is listed in an inventory. In that "
            "inventory, set ansible_connection: local and ansible_python_interpreter: "
            '"{{ ansible_playbook_python }}" for it.'
        )
    )


def warn(module: MaskedModule, text: str) -> None:
    """Show a warning, without what may be private in the options."""
    warnings.warn(shown(module.masked(text)))


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
    module.fail_json(msg=str(failure), **result)
