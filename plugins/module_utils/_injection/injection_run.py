# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injection as a whole: the run that installs it in a cluster by the method that is right for it."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import Ledger
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import policy_run
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.method import chosen
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.steps import InjectionSpec, Steps

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


class Installation:
    """Ensures that pods get their credentials, each step proved before the next depends on it."""

    def __init__(self, api: ApiServer, spec: InjectionSpec, *, check_mode: bool) -> None:
        self._api = api
        self._spec = spec
        self._ledger = Ledger(check_mode)

    def run(self) -> dict[str, t.Any]:
        """Return the result. Raises IrsaError, with what was done before."""
        with self._ledger.reported_on_failure():
            servers = chosen(self._api, self._spec.method)
            self._ledger.warn(servers.warnings)
            install = _webhook_installation() if servers.method == "webhook" else policy_run.install
            return install(Steps(self._api, self._spec, servers=servers, ledger=self._ledger))


def _webhook_installation() -> t.Callable[[Steps], dict[str, t.Any]]:
    # cryptography takes long to import, and policies need no certificate.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import webhook_run  # noqa: PLC0415

    return webhook_run.install
