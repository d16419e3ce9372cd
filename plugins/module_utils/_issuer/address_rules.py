# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for the address of an issuer, as far as the role's variables tell whether AWS can read there."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_issuer_rules import (
    check_bucket_of_issuer,
    check_host_of_issuer,
    check_own_host,
)


def problems(variables: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, str]]:
    """Yield what is wrong, each with the name of its variable. What was made once can always be removed."""
    url, bucket, is_removal = variables.get("url"), variables.get("bucket"), variables.get("state") == "absent"
    try:
        if url:
            (issuer_url.parse_registered if is_removal else issuer_url.parse)(url)
        if url and bucket:
            check_bucket_of_issuer(url, bucket, variables.get("prefix"))
        if url and bucket and not is_removal:
            check_host_of_issuer(url, bucket, variables.get("region"))
    except IrsaError as error:
        yield "url", str(error)
    try:
        if bucket and not url and not is_removal:
            check_own_host(bucket)
    except IrsaError as error:
        yield "bucket", str(error)
