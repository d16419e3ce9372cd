# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which names S3 accepts for a bucket."""

from __future__ import annotations

import re

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAME = re.compile(r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
_ADDRESS = re.compile(r"^[0-9]+(\.[0-9]+){3}$")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3")
_REGIONAL = re.compile(r"^[a-z0-9-]+-[0-9]{12}-[a-z0-9-]+-an$")


def check_bucket_name(name: str, namespace: str | None = None) -> None:
    """Raise IrsaError for a name that S3 refuses. Names with dots are for buckets that another host serves: see
    bucket_issuer_rules.

    ``namespace`` is ``account-regional``, ``global`` (also None) or ``any``. The first requires names of the form
    ``<prefix>-<account>-<region>-an``, the second refuses them.
    """

    def refused(reason: str) -> IrsaError:
        return IrsaError(f"The bucket name {quoted(name)} {reason}")

    if not 3 <= len(name) <= 63:
        raise refused(f"has {len(name)} characters; S3 accepts 3 to 63.")
    if name != name.lower():
        raise refused("has upper-case letters, which neither S3 nor host names have. Write it in lower case.")
    if not _NAME.fullmatch(name):
        raise refused(
            "must be lower-case letters, digits and hyphens, with a letter or digit at both ends and around dots."
        )
    if _ADDRESS.fullmatch(name):
        raise refused("has the form of an IP address, which S3 refuses.")
    if name.startswith(_RESERVED_STARTS) or name.endswith(_RESERVED_ENDS):
        raise refused(f"begins or ends with text that S3 reserves ({', '.join(_RESERVED_STARTS + _RESERVED_ENDS)}).")
    if namespace == "account-regional" and not _REGIONAL.fullmatch(name):
        raise refused(
            "is not of the form <prefix>-<account ID>-<region>-an, which S3 requires in the account-regional namespace."
        )
    if namespace in (None, "global") and _REGIONAL.fullmatch(name):
        raise refused(
            "ends with -an, which S3 reserves for the account-regional namespace. Set that namespace, or choose "
            "another name."
        )
