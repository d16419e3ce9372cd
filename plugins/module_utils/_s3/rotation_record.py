# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The object beside the JWKS in which a rotation remembers times: where it is, and how it is told from one of others.

It is an object of its own and not metadata of the JWKS: an ETag does not cover metadata, so that no condition of a
write would protect it. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.api import Aws
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.call_failure import CallFailed
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.endpoints import endpoint_of
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import JWKS_PATH, object_keys
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.public_statements import public_statements

NAME = "rotation.json"

# No relying party reads it, and no cache is to have it.
CACHE_CONTROL = "no-store"


def key_of(prefix: str | None) -> str:
    """Return the key of the record of the issuer under a prefix."""
    jwks, _discovery = object_keys(prefix)
    return beside(jwks)


def beside(jwks_key: str) -> str:
    """Return the key of the record that belongs to a JWKS."""
    return f"{jwks_key.removesuffix(JWKS_PATH)}{NAME}"


def is_record(content: str | bytes | None) -> bool:
    """Return whether the content of an object is a record, as far as its outer form tells."""
    document = documents.object_in(content) if content is not None else None
    return document is not None and isinstance(document.get("events"), list) and "version" in document


def openings_of(aws: Aws, id_params: t.Mapping[str, str], key: str) -> list[str] | None:
    """Return the statements of the bucket's policy that let everyone read an object; None if it cannot be read.

    Raises CallFailed.
    """
    bucket = id_params["Bucket"]
    try:
        answer = aws.call(
            "s3", "GetBucketPolicy", f"bucket {bucket}", absent_codes=("NoSuchBucketPolicy",), **id_params
        )
    except CallFailed as failure:
        if failure.denied or failure.unsupported:
            return None
        raise
    arn = f"arn:{endpoint_of(aws.client('s3')).partition}:s3:::{bucket}/{key}"
    statements = public_statements(parse_json(answer["Policy"]) if answer else None)
    return [str(each) for each in statements if each.opens(arn)]
