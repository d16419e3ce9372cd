# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that computes the issuer URL that role irsa_issuer gives a bucket at AWS, before anything exists."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

try:
    import botocore  # noqa: F401, pylint: disable=unused-import

    BOTOCORE_IMPORT_ERROR: ImportError | None = None
except ImportError as import_error:
    BOTOCORE_IMPORT_ERROR = import_error

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import aws_bucket_host, suffix_of_region
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_issuer_rules import check_own_host
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name


def _issuer_url(bucket: t.Any, region: t.Any, prefix: t.Any = None) -> str:
    if BOTOCORE_IMPORT_ERROR is not None:
        from ansible_collections.selfhosted.irsa.plugins.module_utils._module import libraries  # noqa: PLC0415

        raise AnsibleFilterError(f"issuer_url: {libraries.missing({'boto3>=1.35.70': BOTOCORE_IMPORT_ERROR})}")
    try:
        check_bucket_name(str(bucket), "any")
        check_own_host(str(bucket))
        host = aws_bucket_host(str(bucket), str(region), suffix_of_region(str(region)))
        if prefix:
            issuer_url.check_prefix(str(prefix))
        return issuer_url.parse(f"https://{host}/{prefix}" if prefix else f"https://{host}").url
    except (IrsaError, Fault) as error:
        raise AnsibleFilterError(f"issuer_url: {str(error).rstrip('.')}.") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"issuer_url": _issuer_url}
