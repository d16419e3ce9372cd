# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which client IDs and thumbprints IAM accepts for a provider."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html and
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_CLIENT_IDS = 100
MAX_THUMBPRINTS = 5
THUMBPRINT = re.compile("[0-9A-Fa-f]{40}")
AUTO = "auto"

# The issuer in it has no scheme. A provider of a store other than AWS's may belong to no account.
_ARN = re.compile(r"arn:[a-z-]+:iam::[A-Za-z0-9]*:oidc-provider/(?!(?i:https?:))[^\s<>{}$]+")

# What examples show, and what sha1sum prints for no input and for an empty line:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_openid_connect_provider
_EXAMPLES = (
    "990f4193972f2becf12ddeda5237f9c952f20d9e",
    "cf23df2207d99a74fbe169e3eba035e633b65d94",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "adc83b19e793491b1c6ea0fd8b46cd9f32e592fc",
)
# No hash has so few different digits, or repeats so early; chance has it in less than one of 10^20.
_FEW_DIGITS = 4
_LONGEST_PERIOD = 20

# ansible-playbook -e 'name=["a"]' turns a list into such text.
_QUOTED_LIST = re.compile(r"[\[\]{}\"'\s]")


def is_provider_arn(arn: t.Any) -> bool:
    """Return whether a value may be the ARN of an OIDC provider."""
    return isinstance(arn, str) and _ARN.fullmatch(arn) is not None


def check_client_ids(client_ids: t.Sequence[str], option: str = "client_ids") -> None:
    """Raise IrsaError unless IAM accepts these client IDs."""
    if not 1 <= len(client_ids) <= MAX_CLIENT_IDS:
        raise IrsaError(f"{option} has {len(client_ids)} entries; IAM accepts 1 to {MAX_CLIENT_IDS} client IDs.")
    for client_id in client_ids:
        if not 1 <= len(client_id) <= 255:
            raise IrsaError(f"{option} has an entry of {len(client_id)} characters; IAM accepts 1 to 255.")
        if _QUOTED_LIST.search(client_id):
            raise IrsaError(
                f"{option} has {quoted(client_id)}, which looks like a list in quotes. With -e, pass the whole "
                f'variable as JSON: -e \'{{"name": ["…"]}}\'.'
            )


def check_thumbprints(thumbprints: t.Sequence[str], option: str = "thumbprints") -> None:
    """Raise IrsaError unless these are thumbprints, or only ``auto``.

    IAM itself checks neither hexadecimal digits nor duplicates, so a wrong one would only be noticed when STS refuses.
    """
    if list(thumbprints) == [AUTO]:
        return
    if AUTO in thumbprints:
        raise IrsaError(f"{option} has '{AUTO}' among others; give either only '{AUTO}' or only thumbprints.")
    if len(thumbprints) > MAX_THUMBPRINTS:
        raise IrsaError(f"{option} has {len(thumbprints)} entries; IAM accepts {MAX_THUMBPRINTS} at most.")
    for thumbprint in thumbprints:
        if not THUMBPRINT.fullmatch(thumbprint):
            raise IrsaError(
                f"{option} has {quoted(thumbprint)}; a thumbprint is the SHA-1 of a certificate, 40 hexadecimal digits "
                "without colons."
            )


def placeholders_in(thumbprints: t.Iterable[str]) -> list[str]:
    """Return those thumbprints that were made up, such as forty zeros, or copied from an example."""
    return [each for each in thumbprints if THUMBPRINT.fullmatch(each) and _is_placeholder(each.lower())]


def _is_placeholder(digits: str) -> bool:
    if digits in _EXAMPLES or len(set(digits)) <= _FEW_DIGITS:
        return True
    return any(digits.startswith(digits[period:]) for period in range(1, _LONGEST_PERIOD + 1))
