# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be wrong with the variables of role irsa_issuer, told before anything is done."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import provider_rules
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import pem
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import check_account_id
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import parse_connect_to

PREFIX = "irsa_issuer_"

# What stands between bucket and prefix in the longest default issuer of any region.
_LONGEST_HOST_REST = len("https://.s3.ap-southeast-5.amazonaws.com.cn/")

_LISTS = ("audiences", "thumbprints", "extra_jwks")
_TEXTS = (
    "bucket",
    "url",
    "prefix",
    "account_id",
    "bucket_account_id",
    "connect_to",
    "bucket_encryption",
    "key_path",
    "public_key_path",
    "openssh_public_key_path",
    "key_host",
    "key_backup",
)

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

Variables = t.Mapping[str, t.Any]


def problems(variables: Variables) -> list[str]:
    """Everything that is wrong, one sentence each, naming the variable.

    ``variables`` are those of the role without their prefix; types and choices have been checked by the argument spec.
    Secrets that were put into a variable by mistake are not repeated.
    """
    disclosed = [name for name in (*_TEXTS, *_LISTS) if pem.holds_private_key(str(variables.get(name)).encode())]
    if disclosed:
        return [f"{PREFIX}{name} holds a private key, where none belongs. Treat it as disclosed." for name in disclosed]
    variables = {
        **variables,
        **{name: _as_text(variables.get(name)) for name in _TEXTS},
        **{name: _as_list(variables.get(name)) for name in _LISTS},
    }
    found: list[str] = []
    for name, check in _CHECKS:
        if variables.get(name):
            try:
                check(variables[name])
            except IrsaError as fault:
                found.append(f"{PREFIX}{name}: {fault}")
    return found + [problem for rule in _RULES for problem in rule(variables)]


def _as_text(value: t.Any) -> str:
    return "" if value is None else str(value)


def _as_list(value: t.Any) -> list[t.Any]:
    """A list variable as Ansible takes it: text, as -e gives it, is split at commas, and something else is a list of
    one.
    """
    if value in (None, ""):
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _as_texts(values: t.Iterable[t.Any]) -> list[str]:
    return [_as_text(value) for value in values]


def _check_jwks_list(documents: t.Any) -> None:
    # Its libraries cost more than all other checks, in each worker anew, and hardly anybody has such documents.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk

    for number, document in enumerate(documents, start=1):
        try:
            listed = jwk.keys_of(document)
        except Fault as fault:
            raise IrsaError(f"Document {number}: {fault}.") from None
        if any(jwk.has_private_members(key) for key in listed):
            raise IrsaError(f"Document {number} holds a private key, where public ones belong. Treat it as disclosed.")


def _check_encryption(value: str) -> None:
    if value != "AES256":
        raise IrsaError(
            f"It is {value!r}; only AES256 will do, since nobody can read a KMS-encrypted object anonymously."
        )


def _check_tags(tags: t.Any) -> None:
    if not isinstance(tags, dict):
        raise IrsaError("It is no dictionary of tag names and values.")
    if len(tags) > 50:
        raise IrsaError(f"It has {len(tags)} tags; AWS takes 50.")
    for name, value in tags.items():
        if value is None or isinstance(value, (dict, list)):
            raise IrsaError(f"The tag {name!r} has no text as its value.")
        if not 1 <= len(str(name)) <= 128 or len(str(value)) > 256:
            raise IrsaError(f"The tag {name!r} is too long; AWS takes names of 128 and values of 256 characters.")


def _check_backup(value: str) -> None:
    if not re.fullmatch("s3://[^/]+(/.*)?", value):
        raise IrsaError(f"It is {value!r}; wanted is s3://bucket/prefix.")


_CHECKS: tuple[tuple[str, t.Callable[[t.Any], t.Any]], ...] = (
    ("url", issuer_url.parse),
    ("prefix", issuer_url.check_prefix),
    ("account_id", lambda value: check_account_id(value, "It")),
    ("bucket_account_id", lambda value: check_account_id(value, "It")),
    ("audiences", lambda value: provider_rules.check_client_ids(_as_texts(value), "The list")),
    ("thumbprints", lambda value: provider_rules.check_thumbprints(_as_texts(value), "The list")),
    ("connect_to", parse_connect_to),
    ("extra_jwks", _check_jwks_list),
    ("bucket_encryption", _check_encryption),
    ("key_backup", _check_backup),
    ("tags", _check_tags),
)


def _bucket_rules(variables: Variables) -> t.Iterator[str]:
    bucket, url, prefix = (variables.get(name) for name in ("bucket", "url", "prefix"))
    if not bucket:
        if not url:
            yield "Neither irsa_issuer_bucket nor irsa_issuer_url is set: one of them says what the issuer is."
        for name in (
            "prefix",
            "delete_bucket",
            "bucket_encryption",
            "bucket_versioning",
            "bucket_namespace",
            "bucket_public_paths",
        ):
            if variables.get(name):
                yield f"{PREFIX}{name} is set, and {PREFIX}bucket is not."
        return
    try:
        check_bucket_name(bucket, variables.get("bucket_namespace"))
    except IrsaError as fault:
        yield f"{PREFIX}bucket: {fault}"
    if not url and len(bucket) + len(prefix or "") + _LONGEST_HOST_REST > issuer_url.MOST_CHARACTERS:
        yield (
            f"{PREFIX}prefix: The issuer would be longer than the {issuer_url.MOST_CHARACTERS} characters that IAM takes. "
            "Choose a shorter prefix."
        )
    if url and url.startswith(f"https://{bucket}.s3") and url.partition("://")[2].partition("/")[2] != (prefix or ""):
        yield (
            f"{PREFIX}url is on the bucket's own host, and its path is not {PREFIX}prefix ({prefix or 'none'}), which "
            "says where the documents go; nobody would find them there."
        )
    if variables.get("delete_bucket") and not variables.get("manage_bucket"):
        yield f"{PREFIX}delete_bucket is set, and {PREFIX}manage_bucket says that the bucket is somebody else's."


def _key_rules(variables: Variables) -> t.Iterator[str]:
    if not variables.get("key_path"):
        yield f"{PREFIX}key_path is not set. Choose a path that survives this run: the key must never get lost."
    paths = [
        variables[name] for name in ("key_path", "public_key_path", "openssh_public_key_path") if variables.get(name)
    ]
    if len(set(paths)) < len(paths):
        yield (
            f"{PREFIX}key_path, {PREFIX}public_key_path and {PREFIX}openssh_public_key_path must name different files."
        )
    remote = (variables.get("key_host") or "localhost") not in _LOCAL_HOSTS
    if remote and any(not path.startswith(("/", "~")) for path in paths):
        yield f"{PREFIX}key_path and the paths of its public forms must be absolute on {PREFIX}key_host."
    if variables.get("key_type") == "ECDSA" and variables.get("key_size"):
        yield f"{PREFIX}key_size is for RSA keys; an ECDSA key has {PREFIX}key_curve."
    if variables.get("key_type") != "ECDSA" and variables.get("key_curve"):
        yield f"{PREFIX}key_curve is for ECDSA keys; set {PREFIX}key_type: ECDSA with it."


def _backup_rules(variables: Variables) -> t.Iterator[str]:
    backup = variables.get("key_backup")
    if not backup:
        return
    if backup.removeprefix("s3://").partition("/")[0] == variables.get("bucket"):
        yield f"{PREFIX}key_backup is in the public bucket {variables['bucket']}. Choose a private one."
    if (variables.get("key_host") or "localhost") not in _LOCAL_HOSTS:
        yield (
            f"{PREFIX}key_backup is for a key on the controller; the key is on {variables['key_host']} and never "
            "leaves it."
        )


def _audience_rules(variables: Variables) -> t.Iterator[str]:
    if not variables.get("audiences"):
        yield f"{PREFIX}audiences is empty; AWS would accept no token. The usual audience is {issuer_url.DEFAULT_AUDIENCE}."


_RULES = (_bucket_rules, _key_rules, _backup_rules, _audience_rules)
