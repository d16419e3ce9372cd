# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What main() does around the logic of a module for nodes that have nothing but Python 3.9."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError


def conclude(work: t.Callable[[dict[str, t.Any], bool], dict[str, t.Any]], **options: t.Any) -> None:
    """Take the module's options, and end it with the result of ``work`` or with the message of its IrsaError.

    ``work`` gets the options and whether this is check mode; ``options`` are those of AnsibleModule.
    """
    module = AnsibleModule(supports_check_mode=True, **options)
    failure: dict[str, t.Any] = {}
    result: dict[str, t.Any] = {}
    try:
        result = work(module.params, module.check_mode)
    except IrsaError as error:
        failure = {"msg": str(error), **error.details}
    if not failure:
        module.exit_json(**result)
    # Not while the exception is handled: ansible-core would take it for one that the module did not expect.
    module.fail_json(**failure)
