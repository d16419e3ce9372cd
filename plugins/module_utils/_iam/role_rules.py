# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IAM accepts for a role: names, ARNs, durations, and the length of its inline policies."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.role_arns import is_role_arn
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.policies import is_policy, statements_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
MAX_NAME = 64
NAME_CHARACTERS = "letters, digits and +=,.@_-"
_NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
_MIN_SESSION, _MAX_SESSION = 3600, 43200

_POLICY_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::([0-9]{12}|RGW[0-9]{17}|aws):policy/[A-Za-z0-9_/.@+=,-]+")

# Of all inline policies of a role together: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_MAX_INLINE_CHARACTERS = 10240


def check_role_name(name: str) -> None:
    """Raise Fault unless IAM accepts the name of a role."""
    if not _NAME.fullmatch(name):
        raise Fault(f"is {quoted(name)}; the name of a role has 1 to {MAX_NAME} {NAME_CHARACTERS}")


def check_role_arn(arn: str) -> None:
    """Raise Fault unless the text may be the ARN of a role."""
    if not is_role_arn(arn):
        raise Fault(f"is {quoted(arn)}; the ARN of a role is arn:aws:iam::<account ID>:role/<name>")


def check_policy_arn(arn: str) -> None:
    """Raise Fault unless the text may be the ARN of a managed policy."""
    if not _POLICY_ARN.fullmatch(arn):
        raise Fault(
            f"has {quoted(arn)}; name a policy by its ARN, such as arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
        )


def check_session_duration(seconds: int) -> None:
    """Raise Fault unless IAM accepts the longest session of a role."""
    if not _MIN_SESSION <= seconds <= _MAX_SESSION:
        raise Fault(f"is {seconds}; IAM accepts {_MIN_SESSION} to {_MAX_SESSION} seconds")


def check_inline_policy(policy: t.Any) -> None:
    """Raise Fault unless a value may be an inline policy of a role. IAM does not count whitespace."""
    if not is_policy(policy) or not statements_of(policy):
        raise Fault("must be a policy, a dictionary with a Statement")
    length = len(json.dumps(policy, separators=(",", ":")))
    if length > _MAX_INLINE_CHARACTERS:
        raise Fault(f"has {length} characters; IAM accepts {_MAX_INLINE_CHARACTERS} for all inline policies of a role")


def is_same_role(arn: str, other: str) -> bool:
    """Return whether two ARNs are of one role: of its account, by its name. A path tells no roles apart, nor does case.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    (account, dummy, path), (other_account, dummy, other_path) = arn.partition(":role/"), other.partition(":role/")
    names = (each.rpartition("/")[2].lower() for each in (path, other_path))
    return account == other_account and len(set(names)) == 1


def role_arn_of(provider_arn: str, name: str) -> str:
    """Return the ARN that a new role gets. A role trusts the providers of its own account only."""
    return f"{provider_arn.split(':oidc-provider/', 1)[0]}:role/{name}"
