# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that makes the trust policy of a role for service accounts."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.redaction import Redaction
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.wildcards import is_pattern
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.provider_rules import (
    check_client_ids,
    is_provider_arn,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam.trust_policy import (
    MAX_CHARACTERS,
    check_issuer_of,
    checked_limit,
    statement_of,
    subject_of,
    trust_policy,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import masking
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.object_names import (
    is_namespace,
    is_subdomain,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE

# Anything else is refused without being repeated in full.
_NAME_OR_PATTERN = re.compile(r"[a-z0-9.*?-]{1,253}")


def _trust_policy(
    arns: t.Any,
    namespace: t.Any = None,
    service_account: t.Any = None,
    *,
    accounts: t.Any = None,
    audience: t.Any = DEFAULT_AUDIENCE,
    limit: t.Any = MAX_CHARACTERS,
) -> dict[str, t.Any]:
    providers = as_list(arns)
    wrong = [each for each in providers if not is_provider_arn(each)]
    if wrong or not providers:
        raise AnsibleFilterError(
            f"trust_policy expects the ARN of an OIDC provider, or a list of them, got {_shown((wrong or [None])[0])}; "
            "irsa_issuer_result.provider_arn is one. It has the issuer without https://."
        )
    if (accounts is None) == (namespace is None and service_account is None):
        raise AnsibleFilterError(
            "trust_policy expects either the namespace and the name of one service account, or accounts, a list of "
            "service accounts."
        )
    audience, limit = _checked_audience(audience), _checked_limit(limit)
    if accounts is None:
        pairs = [(namespace, name) for name in (as_list(service_account) or [None])]
    else:
        pairs = [_pair(each) for each in as_list(accounts)]
    if not pairs:
        raise AnsibleFilterError("trust_policy expects at least one service account; accounts is empty.")
    _refuse_patterns(pairs, providers[0], audience)
    subjects = [_subject(*pair) for pair in pairs]
    try:
        for arn in providers:
            check_issuer_of(arn)
        return trust_policy(providers, subjects=subjects, audience=audience, limit=limit)
    except IrsaError as error:
        raise AnsibleFilterError(f"trust_policy: {error}") from None
    except Fault as fault:
        raise AnsibleFilterError(f"trust_policy, for {len(pairs)} service accounts: {fault}.") from None


def _checked_audience(audience: t.Any) -> str:
    # A list would be a condition that any of its values meets, and statements are told apart by their audience.
    if not isinstance(audience, str):
        raise AnsibleFilterError(f"trust_policy expects one audience as a text, got {_shown(audience)}.")
    try:
        check_client_ids([audience], "audience")
    except IrsaError as error:
        raise AnsibleFilterError(f"trust_policy: {error}") from None
    return audience


def _checked_limit(limit: t.Any) -> int:
    try:
        return checked_limit(limit)
    except Fault as fault:
        raise AnsibleFilterError(f"trust_policy: limit {fault}.") from None


def _pair(account: t.Any) -> tuple[t.Any, t.Any]:
    """Return namespace and name of an item, which has members of these names or is NAMESPACE/NAME."""
    if isinstance(account, Mapping):
        return account.get("namespace"), account.get("name")
    namespace, dummy, name = str(account).partition("/")
    return namespace, name


def _refuse_patterns(pairs: t.Iterable[tuple[t.Any, t.Any]], arn: str, audience: str) -> None:
    """Raise AnsibleFilterError for wildcards, which StringEquals takes literally: such a role would be of no use."""
    for pair in pairs:
        is_plain = all(isinstance(each, str) and _NAME_OR_PATTERN.fullmatch(each) for each in pair)
        if is_plain and any(map(is_pattern, pair)):
            statement = statement_of(arn, audience=audience, subjects=[subject_of(*pair)])
            (aud, value), (sub, pattern) = statement["Condition"]["StringEquals"].items()
            by_hand = {"StringEquals": {aud: value}, "StringLike": {sub: pattern}}
            raise AnsibleFilterError(
                f"trust_policy expects the names of service accounts, got {quoted(pair[0])} and {quoted(pair[1])}. It "
                "writes StringEquals, which takes * and ? literally. List the service accounts by their names, in "
                "accounts. If the role is really for all that match, write its trust policy by hand, with this "
                f"condition: {json.dumps(by_hand)}"
            )


def _subject(namespace: t.Any, name: t.Any) -> str:
    # No service account has a name that Kubernetes refuses.
    if not is_namespace(namespace) or not is_subdomain(name):
        raise AnsibleFilterError(
            "trust_policy expects the namespace and the name of a service account, got "
            f"{_shown(namespace)} and {_shown(name)}."
        )
    return subject_of(namespace, name)


def _shown(value: t.Any) -> str:
    return quoted(Redaction(masking.in_value(value)).over(value))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"trust_policy": _trust_policy}
