# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM OIDC provider of an issuer: what registering and removing it have in common."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import account_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.aws_resource import AwsResource
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider import (
    Provider,
    arn_of,
    parse_answer,
    read_of,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import (
    DEFAULT_AUDIENCE,
    parse_registered,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProviderSpec:
    """The desired state of a provider. ``thumbprints`` None: AWS decides, and current ones stay."""

    url: str
    client_ids: t.Sequence[str] = (DEFAULT_AUDIENCE,)
    purge_client_ids: bool = True
    thumbprints: t.Sequence[str] | None = None
    tags: dict[str, str] | None = None
    purge_tags: bool = False
    account_id: str | None = None
    confirm_account: bool = True
    ignore_role_trust: bool = False


class ProviderResource(AwsResource):
    """A provider as a resource, by the ARN that it has or would have."""

    def __init__(self, aws: Aws, spec: ProviderSpec) -> None:
        """Raises IrsaError for an issuer that IAM does not accept, and if there is no account."""
        parse_registered(spec.url)
        super().__init__(aws)
        self.spec = spec
        self.account_id = account_of(aws, spec.account_id)
        self.arn = arn_of(aws, spec.url, self.account_id)
        self._current_read = read_of(aws, self.arn)
        self._assumed_absent = False

    def start(self) -> None:
        """Start reading the provider, in parallel with other reads. Raises CallFailed if there is no client."""
        self._current_read.start()

    def assume_absent(self) -> None:
        """Let the first plan assume, without reading, that the provider is still absent, as it was a moment ago.

        If that is wrong, IAM refuses a second provider with the same URL, and the next plan reads it.
        """
        self._assumed_absent = True

    def read(self) -> Provider | None:
        """Return the current provider. Raises IrsaError, which says so if the account may not be the credentials'."""
        self.warnings.clear()
        if self._assumed_absent:
            self._assumed_absent = False
            return None
        try:
            return parse_answer(self.arn, self._current_read.result())
        except CallFailed as failure:
            if failure.denied and self.spec.account_id:
                raise IrsaError(
                    f"{failure} If account {self.account_id} is not the credentials' own, correct account_id.",
                    **failure.details,
                ) from None
            raise

    def change(
        self,
        operation: str,
        part: str,
        *,
        params: t.Mapping[str, t.Any],
        before: t.Any = None,
        after: t.Any = None,
        iam_actions: tuple[str, ...] | None = None,
        done_codes: tuple[str, ...] = (),
        item: str = "",
    ) -> ApiCall:
        """Return a write to this provider."""
        return ApiCall(
            service="iam",
            operation=operation,
            params=params,
            target=f"provider {self.arn}",
            part=part,
            before=before,
            after=after,
            iam_actions=iam_actions,
            done_codes=done_codes,
            item=item,
        )

    @property
    def id_params(self) -> dict[str, str]:
        """The parameter that names this provider in API calls."""
        return {"OpenIDConnectProviderArn": self.arn}
