# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EKS pod identity webhooks of others, such as those of a chart, which are left."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_documents import CONFIGURATION
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import ownership
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import KINDS
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.objects import text_at
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.pod_identity_webhooks import webhooks_of

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


def configurations(api: ApiServer) -> list[t.Any]:
    """Return what API servers ask webhooks by, ours and those of others. Raises RequestFailed."""
    return api.list_items(KINDS[CONFIGURATION].list_path)


def warnings(found: t.Iterable[t.Any]) -> list[str]:
    """Return a warning for each of these configurations that is another's and injects."""
    return [
        f"MutatingWebhookConfiguration {quoted(text_at(each, 'metadata', 'name'))}, which this role did not create, "
        "gives pods credentials, too. It is left. Remove it together with its webhook if it is no longer needed: what "
        "injects first decides."
        for each in found
        if not ownership.is_ours(each) and webhooks_of(each)
    ]
