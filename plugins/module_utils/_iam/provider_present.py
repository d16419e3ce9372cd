# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Register the IAM OIDC provider of an issuer, or repair it. It is never deleted and created again."""

from __future__ import annotations

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    compare_aws_tags,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import confirm_account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api_call import ApiCall
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.tags import MAX_TAGS, as_text, refuse_too_many
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import Outcome, ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider import Provider
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_base import ProviderResource, ProviderSpec
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import (
    MAX_CLIENT_IDS,
    check_client_ids,
    check_thumbprints,
    placeholders_in,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import parse
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.public_issuer import require_public

_NONE_YET: Provider = {"client_ids": [], "thumbprints": [], "tags": {}, "create_date": None}


def ensure_present(aws: Aws, spec: ProviderSpec, check_mode: bool) -> Outcome[ApiCall]:
    """Register the provider, or repair it. Needs the clients iam and sts. ``auto`` must be resolved in
    ``spec.thumbprints``.

    The outcome's values are ``arn``, ``url``, ``client_ids``, ``thumbprints``, ``tags``, ``create_date`` and
    ``account_id``. Raises IrsaError.
    """
    return ensure(PresentProvider(aws, spec), aws, check_mode)


class PresentProvider(ProviderResource):
    """The provider as a resource whose desired state is present."""

    def __init__(self, aws: Aws, spec: ProviderSpec) -> None:
        check_client_ids(spec.client_ids)
        check_thumbprints(spec.thumbprints or [])
        issuer = parse(spec.url)
        super().__init__(aws, spec)
        require_public(issuer, aws, "iam")
        self.client_ids = list(dict.fromkeys(spec.client_ids))
        self.thumbprints = sorted({thumbprint.lower() for thumbprint in spec.thumbprints or []})
        self.tags = None if spec.tags is None else as_text(spec.tags)
        self._current = _NONE_YET

    def plan(self) -> list[ApiCall]:
        current = self.read()
        self._current = current or _NONE_YET
        self._warn_of_placeholders()
        if current is not None:
            return [
                *self._client_id_changes(current["client_ids"]),
                *self._thumbprint_change(current["thumbprints"]),
                *self._tag_changes(current["tags"]),
            ]
        is_given = self.spec.account_id is not None and self.spec.confirm_account
        confirm_account(self.aws, "iam", self.account_id, given=is_given)
        return [self._creation()]

    def after_write(self, change: ApiCall, answer: t.Mapping[str, t.Any]) -> None:
        self.arn = answer.get("OpenIDConnectProviderArn", self.arn)

    def values(self, changes: t.Sequence[ApiCall] = ()) -> dict[str, t.Any]:
        """Return the provider as the plan leaves it.

        What only AWS knows of a new one (date, fetched thumbprint) is null.
        """
        current = self._current
        to_set, to_unset = self._tag_difference(current["tags"])
        kept = [] if self.spec.purge_client_ids else current["client_ids"]
        return {
            "arn": self.arn,
            "url": self.spec.url,
            "client_ids": sorted({*self.client_ids, *kept}),
            "thumbprints": self.thumbprints or current["thumbprints"],
            "tags": {name: value for name, value in {**current["tags"], **to_set}.items() if name not in to_unset},
            "create_date": current["create_date"],
            "account_id": self.account_id,
        }

    def _warn_of_placeholders(self) -> None:
        if found := placeholders_in(self.thumbprints):
            self.warnings.append(
                f"The thumbprint {listed(found)} is a placeholder: no certificate has it. It does no harm for a host "
                "with a certificate of a public CA, such as S3, since AWS does not look at it. For any other host, STS "
                "would refuse all tokens. Leave thumbprints (irsa_issuer_thumbprints) out, or set [auto]."
            )

    def _creation(self) -> ApiCall:
        tags = self.tags or {}
        if tags:
            self._require_tags()
        params: dict[str, t.Any] = {"Url": self.spec.url, "ClientIDList": self.client_ids}
        after: dict[str, t.Any] = {"url": self.spec.url, "client_ids": self.client_ids}
        if self.thumbprints:
            params["ThumbprintList"] = after["thumbprints"] = self.thumbprints
        if tags:
            params["Tags"] = ansible_dict_to_boto3_tag_list(tags)
            after["tags"] = tags
        iam_actions = permissions.needed_to_create_provider(bool(tags))
        return self.change(
            "CreateOpenIDConnectProvider", "provider", after=after, iam_actions=iam_actions, params=params
        )

    def _require_tags(self) -> None:
        """Raise IrsaError if the endpoint has no tags on providers.

        Ceph drops a new provider's tags silently and knows no call for them, so it is asked before one is created
        without them, in check mode, too.
        """
        if endpoint_of(self.aws.client("iam")).is_aws:
            return
        try:
            self.aws.call(
                "iam",
                "ListOpenIDConnectProviderTags",
                self.arn,
                absent_codes=("NoSuchEntity",),
                OpenIDConnectProviderArn=self.arn,
            )
        except CallFailed as failure:
            if failure.unsupported:
                raise IrsaError(
                    f"{failure} This endpoint has no tags on providers. Leave tags out.", **failure.details
                ) from None
            raise

    def _client_id_changes(self, current: list[str]) -> list[ApiCall]:
        added = [client_id for client_id in self.client_ids if client_id not in current]
        removed = [client_id for client_id in current if client_id not in self.client_ids]
        if not self.spec.purge_client_ids:
            self._require_room(added, beside=current)
            removed = []
        if removed:
            self.warnings.append(
                f"The provider {self.arn} no longer accepts the audience {listed(removed)}: pods whose tokens are "
                "for that audience lose access."
            )
        additions = [self._client_id_change("AddClientIDToOpenIDConnectProvider", each, after=each) for each in added]
        removals = [
            self._client_id_change("RemoveClientIDFromOpenIDConnectProvider", each, before=each) for each in removed
        ]
        # Additions first, so that at no moment fewer audiences work than before or after. If they would not all fit,
        # as many removals as are needed come before them.
        first = max(0, len(current) + len(added) - MAX_CLIENT_IDS)
        return removals[:first] + additions + removals[first:]

    def _require_room(self, added: list[str], *, beside: list[str]) -> None:
        """Raise IrsaError if IAM does not accept the client IDs in addition to those that stay."""
        if added and len(beside) + len(added) > MAX_CLIENT_IDS:
            raise IrsaError(
                f"The provider {self.arn} accepts {len(beside)} audiences, and {listed(added)} would make "
                f"{len(beside) + len(added)}; IAM accepts {MAX_CLIENT_IDS} client IDs. Remove those that are not "
                "needed any more, or set purge_client_ids (irsa_issuer_purge_audiences) to remove all that are not "
                "listed."
            )

    def _client_id_change(
        self, operation: str, client_id: str, *, before: str | None = None, after: str | None = None
    ) -> ApiCall:
        return self.change(
            operation,
            "client ID",
            params={**self.id_params, "ClientID": client_id},
            before=before,
            after=after,
            item=client_id,
        )

    def _thumbprint_change(self, current: list[str]) -> list[ApiCall]:
        # IAM has no way back to "AWS decides", so if none are desired, current ones stay out of the comparison.
        if not self.thumbprints or self.thumbprints == sorted({thumbprint.lower() for thumbprint in current}):
            return []
        return [
            self.change(
                "UpdateOpenIDConnectProviderThumbprint",
                "thumbprints",
                params={**self.id_params, "ThumbprintList": self.thumbprints},
                before=current,
                after=self.thumbprints,
            )
        ]

    def _tag_difference(self, current: dict[str, str]) -> tuple[dict[str, str], list[str]]:
        if self.tags is None:
            return {}, []
        to_set, to_unset = compare_aws_tags(current, self.tags, self.spec.purge_tags)
        return to_set, to_unset

    def _tag_changes(self, current: dict[str, str]) -> list[ApiCall]:
        to_set, to_unset = self._tag_difference(current)
        additions, removals = [], []
        if to_set:
            refuse_too_many({*current, *to_set} - {*to_unset}, f"provider {self.arn}")
            self._require_tags()
            before = {name: current[name] for name in to_set if name in current}
            params = {**self.id_params, "Tags": ansible_dict_to_boto3_tag_list(to_set)}
            additions = [self.change("TagOpenIDConnectProvider", "tags", params=params, before=before, after=to_set)]
        if to_unset:
            before = {name: current[name] for name in to_unset}
            params = {**self.id_params, "TagKeys": sorted(to_unset)}
            removals = [self.change("UntagOpenIDConnectProvider", "tags", params=params, before=before, after={})]
        # Additions first, unless they would not fit beside those that are to be removed.
        return additions + removals if len({*current, *to_set}) <= MAX_TAGS else removals + additions
