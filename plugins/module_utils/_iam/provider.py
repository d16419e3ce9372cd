# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM OIDC provider of an issuer: registered, reconciled in place, or gone."""

from __future__ import annotations

import abc
import dataclasses
import re
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
    compare_aws_tags,
)

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import permissions
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account import account_of, confirm_account
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws, CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import (
    DEFAULT_AUDIENCE,
    parse,
    provider_arn,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import place_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.plan import Change, Outcome, carry_out
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import (
    MOST_CLIENT_IDS,
    check_client_ids,
    check_thumbprints,
)

_ARN = re.compile(r"^arn:[a-z-]+:iam::[A-Za-z0-9]*:oidc-provider/.+$")

Provider = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class ProviderWish:
    """What is wanted of a provider. ``thumbprints`` None: AWS decides, and what is there stays."""

    url: str
    client_ids: t.Sequence[str] = (DEFAULT_AUDIENCE,)
    purge_client_ids: bool = True
    thumbprints: t.Optional[t.Sequence[str]] = None
    tags: t.Optional[dict[str, str]] = None
    purge_tags: bool = False
    account_id: t.Optional[str] = None
    confirm_account: bool = True
    ignore_role_trust: bool = False


def ensure_present(aws: Aws, wish: ProviderWish, check_mode: bool) -> Outcome:
    """Register the provider, or repair it in place. Needs the clients iam and sts. ``wish.thumbprints`` must not be
    ``auto`` any more.

    The outcome's values are ``arn``, ``url``, ``client_ids``, ``thumbprints``, ``tags``, ``create_date`` and
    ``account_id``. Raises IrsaError.
    """
    room = PresentProvider(aws, wish)
    return room.outcome(carry_out(aws, room, check_mode))


def ensure_absent(aws: Aws, wish: ProviderWish, check_mode: bool) -> Outcome:
    """Remove the provider; refused, with a list, while IAM roles trust it, unless ``wish.ignore_role_trust``. Raises
    IrsaError.
    """
    room = DoomedProvider(aws, wish)
    return room.outcome(carry_out(aws, room, check_mode))


def read_provider(aws: Aws, arn: str) -> t.Optional[Provider]:
    """One provider as modules return it, None where there is none of that ARN. Raises IrsaError."""
    answer = aws.call("iam", "GetOpenIDConnectProvider", arn, absent=("NoSuchEntity",), OpenIDConnectProviderArn=arn)
    if answer is None:
        return None
    return {
        "arn": arn,
        "url": "https://" + answer["Url"].removeprefix("https://"),
        "client_ids": sorted(answer.get("ClientIDList", [])),
        "thumbprints": sorted(answer.get("ThumbprintList", [])),
        "tags": boto3_tag_list_to_ansible_dict(answer.get("Tags", [])),
        "create_date": answer["CreateDate"].isoformat() if answer.get("CreateDate") else None,
    }


def arn_of(aws: Aws, url: str, account_id: str) -> str:
    """The ARN that the provider of an issuer has, or would have, in an account."""
    return provider_arn(place_of(aws.client("iam")).partition, account_id, url.removeprefix("https://"))


def find_providers(
    aws: Aws, url: t.Optional[str], arn: t.Optional[str], tags: t.Optional[dict[str, str]], account_id: t.Optional[str]
) -> list[Provider]:
    """The providers that match all that is given; one call when URL or ARN is given, else one and one more for each
    provider. Raises IrsaError.
    """
    if arn is not None and not _ARN.fullmatch(arn):
        raise IrsaError(
            f"arn is {arn!r}; the ARN of a provider is arn:aws:iam::<account ID>:oidc-provider/<host and path>."
        )
    if url is not None:
        parse(url)
    if url is not None and arn is None:
        arn = arn_of(aws, url, account_of(aws, account_id))
    if arn is not None:
        arns = [arn]
    else:
        listed = aws.call("iam", "ListOpenIDConnectProviders", "the account")
        arns = sorted(entry["Arn"] for entry in listed["OpenIDConnectProviderList"])
    found = [provider for provider in (read_provider(aws, each) for each in arns) if provider is not None]
    wanted_tags = (tags or {}).items()
    return [
        provider
        for provider in found
        if wanted_tags <= provider["tags"].items() and (url is None or provider["url"] == url)
    ]


class _ProviderRoom(abc.ABC):
    """What registering and removing have in common."""

    def __init__(self, aws: Aws, wish: ProviderWish) -> None:
        parse(wish.url)
        self.aws = aws
        self.wish = wish
        self.warnings: list[str] = []
        self.account_id = account_of(aws, wish.account_id)
        self.arn = arn_of(aws, wish.url, self.account_id)
        self.present: t.Optional[Provider] = None
        self._is_new = False

    def begin(self) -> None:
        """Start reading the provider, beside other reads."""
        self.aws.begin("iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=self.arn)

    def take_for_new(self) -> None:
        """There was none a moment ago, so for the first plan there is nothing to read. IAM refuses a second one of the
        same URL, and the next plan reads.
        """
        self._is_new = True

    def read(self) -> t.Optional[Provider]:
        """The provider as it is; raises IrsaError, which says so when the account is not the credentials'."""
        self.warnings.clear()
        if self._is_new:
            self._is_new = False
            return None
        try:
            return read_provider(self.aws, self.arn)
        except CallFailed as failure:
            if failure.denied and self.wish.account_id:
                raise IrsaError(
                    f"{failure} If account {self.account_id} is not the credentials' own, correct account_id.",
                    **failure.details,
                ) from None
            raise

    def recheck(self, made: t.Sequence[Change]) -> list[Change]:
        return []  # IAM's calls on a provider each name what they add or take away

    def outcome(self, changes: list[Change]) -> Outcome:
        return Outcome(changes, self.values(), self.warnings, sorted(self.aws.permissions))

    @abc.abstractmethod
    def values(self) -> dict[str, t.Any]:
        """What the module returns beside the writes."""


class PresentProvider(_ProviderRoom):
    """The room of a provider that is to be present."""

    def __init__(self, aws: Aws, wish: ProviderWish) -> None:
        check_client_ids(wish.client_ids)
        check_thumbprints(wish.thumbprints or [])
        super().__init__(aws, wish)
        self.client_ids = list(dict.fromkeys(wish.client_ids))
        self.thumbprints = sorted({thumbprint.lower() for thumbprint in wish.thumbprints or []})
        self.tags = None if wish.tags is None else {str(name): str(value) for name, value in wish.tags.items()}

    def plan(self) -> list[Change]:
        self.present = self.read()
        if self.present is None:
            confirm_account(
                self.aws, "iam", self.account_id, given=self.wish.account_id is not None and self.wish.confirm_account
            )
            return self._creation()
        return self._client_id_changes() + self._thumbprint_change() + self._tag_changes()

    def done(self, change: Change, answer: t.Mapping[str, t.Any]) -> None:
        self.arn = answer.get("OpenIDConnectProviderArn", self.arn)

    def values(self) -> dict[str, t.Any]:
        """The provider as the plan leaves it; what only AWS knows of a new one (date, fetched thumbprint) is null."""
        present = self.present or {"client_ids": [], "thumbprints": [], "tags": {}, "create_date": None}
        to_set, to_unset = self._tag_difference(present["tags"])
        return {
            "arn": self.arn,
            "url": self.wish.url,
            "client_ids": sorted(
                set(self.client_ids) | (set() if self.wish.purge_client_ids else set(present["client_ids"]))
            ),
            "thumbprints": self.thumbprints or present["thumbprints"],
            "tags": {name: value for name, value in {**present["tags"], **to_set}.items() if name not in to_unset},
            "create_date": present["create_date"],
            "account_id": self.account_id,
        }

    def _change(
        self,
        operation: str,
        facet: str,
        before: t.Any,
        after: t.Any,
        needs: t.Optional[tuple[str, ...]] = None,
        **params: t.Any,
    ) -> Change:
        return Change("iam", operation, params, f"provider {self.arn}", facet, before, after, needs)

    def _creation(self) -> list[Change]:
        tags = self.tags or {}
        if tags:
            self._require_tags()
        params: dict[str, t.Any] = {"Url": self.wish.url, "ClientIDList": self.client_ids}
        after: dict[str, t.Any] = {"url": self.wish.url, "client_ids": self.client_ids}
        if self.thumbprints:
            params["ThumbprintList"] = after["thumbprints"] = self.thumbprints
        if tags:
            params["Tags"] = ansible_dict_to_boto3_tag_list(tags)
            after["tags"] = tags
        return [
            self._change(
                "CreateOpenIDConnectProvider",
                "provider",
                None,
                after,
                permissions.needed_to_create_provider(bool(tags)),
                **params,
            )
        ]

    def _require_tags(self) -> None:
        """Ceph drops a new provider's tags without a word, and knows no call for them; ask before making one without
        them, and in check mode, too.
        """
        if place_of(self.aws.client("iam")).is_aws:
            return
        try:
            self.aws.call(
                "iam",
                "ListOpenIDConnectProviderTags",
                self.arn,
                absent=("NoSuchEntity",),
                OpenIDConnectProviderArn=self.arn,
            )
        except CallFailed as failure:
            if failure.unsupported:
                raise IrsaError(
                    f"{failure} This endpoint has no tags on providers. Leave tags out.", **failure.details
                ) from None
            raise

    def _client_id_changes(self) -> list[Change]:
        present = self.present["client_ids"]
        address = {"OpenIDConnectProviderArn": self.arn}
        added = [client_id for client_id in self.client_ids if client_id not in present]
        removed = (
            [client_id for client_id in present if client_id not in self.client_ids]
            if self.wish.purge_client_ids
            else []
        )
        if removed:
            self.warnings.append(
                f"The provider {self.arn} no longer accepts the audience {', '.join(removed)}: pods whose tokens are "
                "made for it lose access."
            )
        additions = [
            self._change(
                "AddClientIDToOpenIDConnectProvider", "client ID", None, client_id, ClientID=client_id, **address
            )
            for client_id in added
        ]
        removals = [
            self._change(
                "RemoveClientIDFromOpenIDConnectProvider", "client ID", client_id, None, ClientID=client_id, **address
            )
            for client_id in removed
        ]
        # First what is added, so that at no moment fewer audiences work than before or after; but where it would not
        # fit, room is made for it.
        first = max(0, len(present) + len(added) - MOST_CLIENT_IDS)
        return removals[:first] + additions + removals[first:]

    def _thumbprint_change(self) -> list[Change]:
        present = self.present["thumbprints"]
        # IAM has no way back to "AWS decides", so where none are wanted, those that are there stay out of the
        # comparison.
        if not self.thumbprints or self.thumbprints == sorted({thumbprint.lower() for thumbprint in present}):
            return []
        return [
            self._change(
                "UpdateOpenIDConnectProviderThumbprint",
                "thumbprints",
                present,
                self.thumbprints,
                OpenIDConnectProviderArn=self.arn,
                ThumbprintList=self.thumbprints,
            )
        ]

    def _tag_difference(self, present: dict[str, str]) -> tuple[dict[str, str], list[str]]:
        return ({}, []) if self.tags is None else compare_aws_tags(present, self.tags, self.wish.purge_tags)

    def _tag_changes(self) -> list[Change]:
        present = self.present["tags"]
        to_set, to_unset = self._tag_difference(present)
        address = {"OpenIDConnectProviderArn": self.arn}
        changes = []
        if to_set:
            self._require_tags()
            before = {name: present[name] for name in to_set if name in present}
            changes.append(
                self._change(
                    "TagOpenIDConnectProvider",
                    "tags",
                    before,
                    to_set,
                    Tags=ansible_dict_to_boto3_tag_list(to_set),
                    **address,
                )
            )
        if to_unset:
            before = {name: present[name] for name in to_unset}
            changes.append(
                self._change("UntagOpenIDConnectProvider", "tags", before, {}, TagKeys=sorted(to_unset), **address)
            )
        return changes


class DoomedProvider(_ProviderRoom):
    """The room of a provider that is to be gone."""

    def plan(self) -> list[Change]:
        self.present = self.read()
        if self.present is None:
            return []
        if not self.wish.ignore_role_trust:
            self._refuse_while_trusted()
        return [
            Change(
                "iam",
                "DeleteOpenIDConnectProvider",
                {"OpenIDConnectProviderArn": self.arn},
                f"provider {self.arn}",
                "provider",
                {name: self.present[name] for name in ("url", "client_ids", "thumbprints", "tags")},
                None,
                gone=("NoSuchEntity",),
            )
        ]

    def done(self, change: Change, answer: t.Mapping[str, t.Any]) -> None:
        """IAM answers nothing of interest here."""

    def values(self) -> dict[str, t.Any]:
        return {"arn": self.arn, "url": self.wish.url, "account_id": self.account_id}

    def _refuse_while_trusted(self) -> None:
        trusting = []
        for page in self.aws.pages("iam", "ListRoles", f"account {self.account_id}"):
            trusting += [
                role["Arn"] for role in page["Roles"] if _trusts(role.get("AssumeRolePolicyDocument"), self.arn)
            ]
        if trusting:
            raise IrsaError(
                f"IAM roles still trust the provider {self.arn}: {', '.join(sorted(trusting))}. Nothing was removed. "
                "Delete those roles or their "
                "trust first, so that nobody who takes the issuer's name later can assume them; or set "
                "ignore_role_trust (irsa_issuer_ignore_role_trust).",
                trusting_roles=sorted(trusting),
            )


def _trusts(policy: t.Any, arn: str) -> bool:
    statements = policy.get("Statement", []) if isinstance(policy, dict) else []
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        federated = principal.get("Federated", []) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow" and arn in (federated if isinstance(federated, list) else [federated]):
            return True
    return False
