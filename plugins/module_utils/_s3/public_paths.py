# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The object keys that a bucket policy opens: which patterns are accepted for them.

In the resources of a policy, ``*`` matches any text, slashes included, and ``?`` any character. So a pattern says what
it opens only if the name of the object is in it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import wildcards
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

OPTION = "public_paths (irsa_issuer_bucket_public_paths)"

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_MAX_BYTES = 1024

_EXAMPLES = "for example 'prod/keys.json' or '*/keys.json'"


def check(paths: t.Iterable[str], option: str = OPTION) -> None:
    """Raise IrsaError unless each path is the key of an object, in which only folders may have wildcards.

    ``option`` names the paths in messages.
    """
    for path in paths:
        try:
            _check_path(path)
        except Fault as fault:
            raise IrsaError(f"{option}: {quoted(path)} {fault}.") from None


def _check_path(path: str) -> None:
    parts = path.split("/")
    if path.startswith(("arn:", "s3:", "http:", "https:")):
        raise Fault(f"is an address; give the key of the object in the bucket, {_EXAMPLES}")
    if "${" in path:
        raise Fault(f"has a policy variable, whose value the requester may choose; give a key, {_EXAMPLES}")
    if not path.isprintable() or len(path.encode("utf-8", "replace")) > _MAX_BYTES:
        raise Fault(f"has a control character or more than {_MAX_BYTES} bytes, so no document can have this key")
    if wildcards.is_pattern(parts[-1]):
        raise Fault(
            "opens objects of any name, not only the documents; the part after the last slash must have no * or ?, "
            f"{_EXAMPLES}"
        )
    if any(part in ("", ".", "..") for part in parts):
        raise Fault(f"has an empty part, or a part . or ..; give the key of an object, {_EXAMPLES}")
