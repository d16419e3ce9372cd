# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service accounts and the roles they are to have, as the user lists them, checked all at once."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import tags as aws_tags
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import role_rules
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import check_client_ids
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import subject_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_material
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import (
    is_namespace,
    is_subdomain,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE

LIST = "irsa_service_accounts_list"
CLUSTER = "irsa_service_accounts_cluster"

# What is a setting of the role, and so only for roles that this collection manages.
SETTINGS = ("managed_policies", "inline_policy", "permissions_boundary", "max_session_duration", "tags")
MEMBERS = ("namespace", "name", "role_name", "role_arn", *SETTINGS, "audience", "state")

Item = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Account:
    """A service account, and the role that it has or, if ``state`` is absent, no longer has.

    The role is managed here if it has a ``role_name``, and elsewhere if it has a ``role_arn``. ``named_here`` says
    whether the name is the default one, ``has_audience`` whether the item names the audience: an item without leaves
    its role for all of them. A service account has one role, and may have left several.
    """

    namespace: str
    name: str
    state: str
    role_name: str | None
    role_arn: str | None
    named_here: bool
    audience: str
    has_audience: bool
    settings: t.Mapping[str, t.Any]

    @property
    def is_present(self) -> bool:
        return self.state == "present"

    @property
    def subject(self) -> str:
        return subject_of(self.namespace, self.name)

    @property
    def role(self) -> str:
        """The role as the item names it."""
        return self.role_name or str(self.role_arn)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def accounts_of(
    items: t.Sequence[Item], cluster: str | None, audience: str = DEFAULT_AUDIENCE
) -> tuple[list[Account], list[str]]:
    """Return the accounts that items of the list describe, and everything that is wrong with them.

    ``cluster`` is the name of the cluster, with which default names of roles begin; ``audience`` is that of items
    without one.
    """
    disclosed = [_label(index, each) for index, each in enumerate(items) if key_material.discloses_private_key(each)]
    if disclosed:
        return [], [f"{label} contains a private key. Remove it, and treat it as disclosed." for label in disclosed]
    typed = [_typed(item, audience) for item in items]
    found = [
        f"{_label(index, item)}: {problem}."
        for index, (item, problems) in enumerate(typed)
        for problem in problems or _problems(item, cluster)
    ]
    if cluster and not found:
        found += _cluster_problems(cluster)
    if found:
        return [], found
    accounts = [
        _account(item, cluster, has_audience=given.get("audience") is not None)
        for given, (item, dummy) in zip(items, typed, strict=True)
    ]
    return accounts, [*_duplicates(accounts), *_shared_roles(accounts)]


def default_role_name(cluster: str, namespace: str, name: str) -> str:
    """Return ``<cluster>-<namespace>-<name>``. If that is too long, it is cut and ends in a hash of the whole."""
    whole = f"{cluster}-{namespace}-{name}"
    if len(whole) <= role_rules.MAX_NAME:
        return whole
    digest = hashlib.sha256(f"{cluster}/{namespace}/{name}".encode()).hexdigest()[:8]
    return f"{whole[: role_rules.MAX_NAME - len(digest) - 1]}-{digest}"


def _label(index: int, item: Item) -> str:
    """Return how messages name an item."""
    namespace, name = item.get("namespace"), item.get("name")
    return f"{LIST}[{index}] ({quoted(namespace)}, {quoted(name)})"


# --- single items


def _typed(item: Item, audience: str) -> tuple[Item, list[str]]:
    """Return an item with each member of its type and with defaults, and what is wrong with the types."""
    typed = {"audience": audience, "state": "present"}
    problems = []
    if not item.keys() <= set(MEMBERS):
        # The name of a member could be a part of anything.
        problems.append(f"it has a member other than {', '.join(MEMBERS)}")
    for member in MEMBERS:
        if item.get(member) is None:
            continue
        try:
            typed[member] = _TYPES.get(member, str)(item[member])
        except (ValueError, TypeError):
            problems.append(f"{member} is not of the type that the role documents")
    return typed, problems


def _as_dictionary(value: t.Any) -> dict[str, t.Any]:
    """Return a dictionary, which may be given as JSON."""
    parsed = json.loads(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        raise TypeError
    return parsed


def _as_state(value: t.Any) -> str:
    if value not in ("present", "absent"):
        raise ValueError
    return str(value)


_TYPES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "managed_policies": as_list,
    "inline_policy": _as_dictionary,
    "tags": _as_dictionary,
    "max_session_duration": int,
    "state": _as_state,
}


def _problems(item: Item, cluster: str | None) -> t.Iterator[str]:
    """Yield what is wrong with one item, as fragments that begin with the name of a member."""
    if not is_namespace(item.get("namespace")):
        yield "namespace must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"
    if not is_subdomain(item.get("name")):
        yield "name must be 1 to 253 lower-case letters, digits, hyphens and dots, with a letter or digit at both ends"
    yield from _role_problems(item, cluster)
    for member, check in _CHECKS.items():
        if item.get(member) is not None and (item[member] != "" or member == "audience"):
            try:
                check(item[member])
            except Fault as fault:
                yield f"{member} {fault}"
            except IrsaError as error:
                yield str(error).rstrip(".")


def _role_problems(item: Item, cluster: str | None) -> t.Iterator[str]:
    name, arn = item.get("role_name"), item.get("role_arn")
    if name and arn:
        yield "role_name and role_arn exclude each other; role_arn is for a role that is managed elsewhere"
    if not name and not arn and not cluster:
        yield f"neither role_name nor role_arn is set; set one of them, or {CLUSTER}, from which role names are made"
    settings = [member for member in SETTINGS if item.get(member)] if arn else []
    if settings:
        yield f"{', '.join(settings)} would change the role, which role_arn says is managed elsewhere; set role_name"


def _check_policy_arns(arns: t.Iterable[t.Any]) -> None:
    for arn in arns:
        role_rules.check_policy_arn(str(arn))


_CHECKS: dict[str, t.Callable[[t.Any], object]] = {
    "role_name": role_rules.check_role_name,
    "role_arn": role_rules.check_role_arn,
    "managed_policies": _check_policy_arns,
    "inline_policy": role_rules.check_inline_policy,
    "permissions_boundary": role_rules.check_policy_arn,
    "max_session_duration": role_rules.check_session_duration,
    "audience": lambda audience: check_client_ids([audience], "audience"),
    "tags": lambda tags: aws_tags.as_text(tags, "tags"),
}


def _cluster_problems(cluster: str) -> t.Iterator[str]:
    try:
        role_rules.check_role_name(cluster)
    except Fault:
        yield (f"{CLUSTER} is {quoted(cluster)}; role names begin with it, so it must be {role_rules.NAME_CHARACTERS}.")


def _account(item: Item, cluster: str | None, *, has_audience: bool) -> Account:
    arn = item.get("role_arn") or None
    name = item.get("role_name") or None
    named_here = not name and not arn and bool(cluster)
    if named_here:
        name = default_role_name(str(cluster), item["namespace"], item["name"])
    settings = {member: item[member] for member in SETTINGS if item.get(member)}
    if "tags" in settings:
        settings["tags"] = aws_tags.as_text(settings["tags"])
    return Account(
        namespace=item["namespace"],
        name=item["name"],
        state=item["state"],
        role_name=name,
        role_arn=arn,
        named_here=named_here,
        audience=item["audience"],
        has_audience=has_audience,
        settings=settings,
    )


# --- items compared with each other


def _duplicates(accounts: t.Sequence[Account]) -> t.Iterator[str]:
    counts = collections.Counter(str(account) for account in accounts if account.is_present)
    for name, count in counts.items():
        if count > 1:
            yield f"{LIST} has {name} {count} times; a service account has one role. Leave one of the items."
    yield from _contradictions(accounts)


def _contradictions(accounts: t.Iterable[Account]) -> t.Iterator[str]:
    """Yield what is wrong with items by which a service account leaves a role.

    It may leave the role that it has for another audience than its own.
    """
    by_role: dict[tuple[str, str], list[Account]] = {}
    for account in accounts:
        by_role.setdefault((str(account), account.role.lower()), []).append(account)
    for (name, dummy), sharing in by_role.items():
        audiences = {each.audience for each in sharing}
        left = [each for each in sharing if not each.is_present]
        is_clear = all(each.role_name and each.has_audience for each in left) and len(audiences) == len(sharing)
        if left and len(sharing) > 1 and not is_clear:
            yield (
                f"{LIST} has {name} with role {sharing[0].role} {len(sharing)} times. Leave one of the items, or have "
                "those with state absent name the audiences that the role is no longer to trust."
            )


def _shared_roles(accounts: t.Iterable[Account]) -> t.Iterator[str]:
    """Yield what is wrong with roles that several items have in common."""
    # IAM does not distinguish role names by case.
    by_name: dict[str, list[Account]] = {}
    for account in accounts:
        if account.role_name:
            by_name.setdefault(account.role_name.lower(), []).append(account)
    for sharing in by_name.values():
        names = sorted({str(each.role_name) for each in sharing})
        whose = ", ".join(list(dict.fromkeys(map(str, sharing)))[:10])
        if len(names) > 1:
            yield f"{LIST}: {' and '.join(names)} differ only by case, and are the same role to IAM ({whose})."
        elif any(each.named_here for each in sharing) and len(set(map(str, sharing))) > 1:
            yield f"{LIST}: {whose} would have the role {names[0]} by default. Set role_name for each of them."
        for member in SETTINGS:
            values = [each.settings[member] for each in sharing if member in each.settings]
            if member != "managed_policies" and any(value != values[0] for value in values):
                yield f"{LIST}: role {names[0]} has several values of {member} ({whose}). Set it in one item only."
