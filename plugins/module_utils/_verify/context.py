# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the checks of cluster, provider, token and role share."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.identity import Identity
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report


@dataclasses.dataclass(frozen=True, kw_only=True)
class Context:
    """The report to add to, the issuer, what is known of the identity, and what was fetched anonymously.

    ``aws`` is None without boto3. ``unreadable_reason`` says why it cannot be used for reads, such as for lack of
    credentials; empty if it can. ``published`` are the published keys, None if they are unknown. ``chain`` is the
    certificate chain of the JWKS host (DER, the leaf first), empty if it is unknown; ``private_ca`` means that it was
    verified with a CA that is not generally trusted.
    """

    report: Report
    issuer: str
    identity: Identity
    aws: Aws | None = None
    unreadable_reason: str = ""
    published: t.Sequence[jwk.Jwk] | None = None
    chain: t.Sequence[bytes] = ()
    private_ca: bool = False

    @property
    def readable_aws(self) -> Aws | None:
        """The API for reads, None if it cannot be used."""
        return None if self.unreadable_reason else self.aws
