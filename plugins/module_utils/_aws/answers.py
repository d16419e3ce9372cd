# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an answer is AWS's own, and whole.

botocore accepts more than that. It compares no lengths, takes an empty body for an answer without members, ignores the
body if an operation has no members to read from it, and takes the status for the error code if it cannot read an error.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from botocore.exceptions import ClientError

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json

_ACCESS_BLOCK = tuple(
    f"PublicAccessBlockConfiguration.{name}" for name in ("BlockPublicPolicy", "RestrictPublicBuckets")
)

# Members that the answer to a call always has, also in lists: an answer without them is a part of one, or something
# else.
_ALWAYS_SENT = {
    "iam:CreateOpenIDConnectProvider": ("OpenIDConnectProviderArn",),
    "iam:GetOpenIDConnectProvider": ("Url", "ClientIDList"),
    "iam:GetPolicy": ("Policy",),
    "iam:GetRole": ("Role.AssumeRolePolicyDocument",),
    "iam:GetRolePolicy": ("PolicyDocument",),
    "iam:ListAttachedRolePolicies": ("AttachedPolicies.PolicyArn",),
    "iam:ListInstanceProfilesForRole": ("InstanceProfiles.InstanceProfileName",),
    "iam:ListOpenIDConnectProviders": ("OpenIDConnectProviderList.Arn",),
    "iam:ListRolePolicies": ("PolicyNames",),
    "iam:ListRoles": ("IsTruncated", "Roles.Arn"),
    "s3:GetBucketEncryption": ("ServerSideEncryptionConfiguration.Rules",),
    "s3:GetBucketOwnershipControls": ("OwnershipControls.Rules",),
    "s3:GetBucketPolicy": ("Policy",),
    "s3:GetBucketTagging": ("TagSet.Key", "TagSet.Value"),
    "s3:GetObject": ("ETag", "Body"),
    "s3:GetPublicAccessBlock": _ACCESS_BLOCK,
    "s3:HeadObject": ("ETag",),
    "s3:ListObjectVersions": ("IsTruncated", "Versions?.Key", "Versions?.VersionId"),
    "s3:ListObjectsV2": ("IsTruncated", "Contents?.Key"),
    "s3:PutObject": ("ETag",),
    "s3control:GetPublicAccessBlock": _ACCESS_BLOCK,
    "sts:AssumeRoleWithWebIdentity": ("Credentials",),
    "sts:GetCallerIdentity": ("Account",),
}

# The types of an object are its owner's choice.
_OWN_TYPES = ("s3:GetObject", "s3:HeadObject")

_REQUEST_IDS = ("x-amz-request-id", "x-amzn-requestid")

# AWS answers API calls of these services in XML.
_TYPES_OF_OTHERS = ("text/html", "application/xhtml+xml", "application/json", "text/plain")

# Statuses by which stores say, with or without a body, that they lack a call.
_UNSUPPORTED = (405, 501)
# HEAD has no body to carry an error code, but S3 redirects it in no other way.
_REDIRECTS_OF_HEAD = (301, 307)


class NoAnswer(Exception):
    """What came back is not a whole answer of AWS. The text is a fragment of a message and quotes nothing received."""


def check(call: str, answer: t.Mapping[str, t.Any]) -> None:
    """Raise NoAnswer unless this can be the whole answer of AWS to a call such as ``s3:GetObject``."""
    metadata = answer.get("ResponseMetadata", {})
    if call not in _OWN_TYPES:
        _refuse_page(metadata)
    for path in _ALWAYS_SENT.get(call, ()):
        if not _has(answer, path.split(".")):
            raise NoAnswer(f"it lacks {path.replace('?', '')}, which AWS always sends")
    if call == "s3:GetBucketPolicy" and not _is_policy(answer["Policy"]):
        raise NoAnswer("what it holds is not a policy with statements, and S3 would not have stored it")
    if call == "s3:ListObjectsV2" and answer["IsTruncated"] and not answer.get("NextContinuationToken"):
        raise NoAnswer("it does not say where the list goes on")
    # An answer without members is right for this call, but it comes in an element.
    if call == "s3:GetBucketVersioning" and metadata.get("HTTPHeaders", {}).get("content-length") == "0":
        raise NoAnswer("it is empty")


def check_error(operation: str, error: ClientError) -> None:
    """Raise NoAnswer unless this can be an error that AWS answered."""
    code, status = code_and_status(error)
    _refuse_page(error.response.get("ResponseMetadata", {}))
    if code and not code.isdigit():
        return
    if operation.startswith("Head"):
        is_possible = not 300 <= status < 400 or status in _REDIRECTS_OF_HEAD
    else:
        is_possible = status >= 500 or status in _UNSUPPORTED
    if not is_possible:
        raise NoAnswer(f"it has the status {status} and no error code, which AWS always sends")


def code_and_status(error: ClientError) -> tuple[str, int]:
    """Return the error code of an answer, and its HTTP status."""
    metadata = error.response.get("ResponseMetadata", {})
    return str(error.response.get("Error", {}).get("Code") or ""), int(metadata.get("HTTPStatusCode") or 0)


def _refuse_page(metadata: t.Mapping[str, t.Any]) -> None:
    headers = metadata.get("HTTPHeaders", {})
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    # botocore leaves the ID of the request in the headers if it reads no body, as of HEAD.
    is_named = metadata.get("RequestId") or metadata.get("HostId") or any(name in headers for name in _REQUEST_IDS)
    if media_type in _TYPES_OF_OTHERS and not is_named:
        raise NoAnswer(
            f"it is a page ({media_type}, status {metadata.get('HTTPStatusCode')}) of something in between, such as a "
            "proxy, a firewall or a login page"
        )


def _has(value: t.Any, names: t.Sequence[str]) -> bool:
    """Whether a value, or each item of a list, has a member; one that ends with ``?`` may be missing."""
    if isinstance(value, (list, tuple)):
        return all(_has(item, names) for item in value)
    if not names:
        return value is not None
    if not isinstance(value, t.Mapping):
        return False
    name = names[0].removesuffix("?")
    if value.get(name) is None:
        return name != names[0]
    return _has(value[name], names[1:])


def _is_policy(text: str) -> bool:
    try:
        policy = parse_json(text)
    except ValueError:
        return False
    return isinstance(policy, dict) and any(str(name).lower() == "statement" for name in policy)
