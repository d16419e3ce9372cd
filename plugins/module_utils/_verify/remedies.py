# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The remedies of the catalogue, with what is known of the user's issuer, token and role in place of its placeholders,
so that flags and commands can be copied.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import option_names
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.copyable import copyable
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.s3_hosts import parse_s3_host
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import OPTION, PLACEHOLDERS, with_values

Values = t.Mapping[str, str]

# A value comes from a token or a document of others, and may end in a shell. Such characters mean nothing there.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@%+=,-]{0,254}")

_SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:([a-z0-9][a-z0-9-]{0,62}):([a-z0-9][a-z0-9.-]{0,252})")

_ROLE_PREFIX = "irsa_issuer_"


def values_of(issuer: str, *, audiences: t.Sequence[str] = (), role_arn: str | None = None) -> dict[str, str]:
    """Return what is known before anything is checked, by the placeholders."""
    audience = next(iter(audiences), DEFAULT_AUDIENCE)
    found = {"ISSUER": issuer, "AUDIENCE": audience, "ROLE_ARN": role_arn or ""}
    plain = {name: value for name, value in found.items() if _PLAIN.fullmatch(value)}
    return {**plain, **({"PROVISION": _provision(issuer)} if "ISSUER" in plain else {})}


def values_of_subject(subject: str | None) -> dict[str, str]:
    """Return what a token's ``sub`` says of its service account."""
    match = _SERVICE_ACCOUNT.fullmatch(subject or "")
    return {"SERVICE_ACCOUNT": f"{match[2]} --namespace {match[1]}"} if match else {}


def filled(text: str, values: Values) -> str:
    """Return a text of the catalogue with known values, and with options called what the user calls them."""
    return with_values(OPTION.sub(lambda option: option_names.called(option[1]), text), values)


def _provision(issuer: str) -> str:
    """Return what makes the documents right: this very run, or a command without the path of the key."""
    if option_names.called("") == _ROLE_PREFIX:
        return "this again"
    host, dummy, path = issuer.removeprefix("https://").partition("/")
    bucket = parse_s3_host(host.lower())
    if bucket is None or bucket.bucket is None or bucket.region is None:
        return PLACEHOLDERS["PROVISION"]
    options = {"bucket": bucket.bucket, "region": bucket.region, "prefix": path.rstrip("/")}
    given = " ".join(f"-e {_ROLE_PREFIX}{name}={value}" for name, value in options.items() if value)
    return copyable(f"ansible-playbook selfhosted.irsa.provision {given} -e {_ROLE_PREFIX}key_path=KEY")
