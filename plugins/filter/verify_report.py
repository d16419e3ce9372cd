# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that formats results of irsa_verify as a report."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import render


def _verify_report(results: t.Any, form: str, fail_on: str = "error") -> str:
    if not isinstance(results, t.Mapping):
        raise AnsibleFilterError(
            f"verify_report expects one result of irsa_verify, or several by name; got {type(results).__name__}."
        )
    by_name = {"": results} if "checks" in results or "msg" in results else results
    try:
        return render.render(by_name, form, fail_on)
    except IrsaError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"verify_report": _verify_report}
