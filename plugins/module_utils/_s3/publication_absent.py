# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the two documents of an issuer from their bucket, the discovery document first."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.publication_base import Documents, PublicationSpec


def ensure_absent(aws: Aws, spec: PublicationSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Remove the documents. Raises IrsaError, also for those of another issuer."""
    return ensure(AbsentDocuments(aws, spec), aws, check_mode)


class AbsentDocuments(Documents):
    """The documents as a resource whose desired state is absent."""

    def plan(self) -> list[ApiCall]:
        jwks, discovery = self.read()
        self.published = self.foreign = self.parse_keys(jwks)
        stored = ((self.discovery_key, discovery), (self.jwks_key, jwks))
        return [self.store.delete(key, current) for key, current in stored if current is not None]
