# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the endpoint that is to trust an issuer may be able to reach it."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import Issuer, check_public
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.internal_hosts import internal_reason


def require_public(issuer: Issuer, aws: Aws | None, service: str) -> None:
    """Raise IssuerRefused for an issuer that is internal by its form, unless a store other than AWS has this service.

    A store such as Ceph may be in the same private network as the issuer. What stands in for AWS on this machine is no
    such store.
    """
    if internal_reason(issuer.host) is not None and not _is_other_store(aws, service):
        check_public(issuer)


def _is_other_store(aws: Aws | None, service: str) -> bool:
    try:
        return aws is not None and endpoint_of(aws.client(service)).is_other_store
    except IrsaError:
        return False
