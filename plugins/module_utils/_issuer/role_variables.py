# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the variables of role irsa_issuer before anything is changed."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import tags
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import check_account_id
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import as_list, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._iam import provider_rules
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import (
    address_rules,
    local_variables,
    server_variables,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_material, key_sets
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3 import public_paths
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.bucket_names import check_bucket_name
from ansible_collections.selfhosted.irsa.plugins.module_utils._s3.object_location import Destination
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.route import check_timeout, parse_connect_to

PREFIX = "irsa_issuer_"
# Variables that roles share have no role's name in front.
SHARED = {name: f"irsa_{name}" for name in ("kubeconfig", "kube_context")}

# What is between bucket and prefix in the longest default issuer of any region.
_MAX_HOST_REST = len("https://.s3.ap-southeast-5.amazonaws.com.cn/")

_LISTS = ("audiences", "thumbprints", "bucket_public_paths", "former_issuers", "former_public_keys")
_TEXTS = (
    *("bucket", "url", "prefix", "account_id", "bucket_account_id", "connect_to", "bucket_encryption"),
    *("key_path", "public_key_path", "openssh_public_key_path", "key_host", "key_backup", "apiserver_key_dir"),
    *("documents_path", "result_path"),
)

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

Variables = t.Mapping[str, t.Any]

# Takes a variable's value and its full name. Raises IrsaError that names the variable.
Check = t.Callable[[t.Any, str], object]


def problems(variables: Variables) -> list[str]:
    """Return everything that is wrong, one message each, naming the variable.

    ``variables`` are those of the role without their prefix; the argument spec has checked types and choices. A private
    key that was put into a variable by mistake is not repeated.
    """
    disclosed = [name for name, value in variables.items() if key_material.discloses_private_key(value)]
    if disclosed:
        names = map(variable_name, disclosed)
        return [f"{name} contains a private key. Remove it, and treat it as disclosed." for name in names]
    if key_material.in_text(str(variables.get("key_host"))):  # Ansible would print it as the name of a host
        return [f"{PREFIX}key_host is not the name of a host. It may be a secret; if so, treat it as disclosed."]
    variables = {
        **variables,
        **{name: _as_text(variables.get(name)) for name in _TEXTS},
        **{name: _split_at_commas(variables.get(name)) for name in _LISTS},
    }
    found: list[str] = []
    for name, check in _CHECKS.items():
        if variables.get(name):
            try:
                check(variables[name], f"{PREFIX}{name}")
            except IrsaError as error:
                found.append(str(error))
    return found + [problem for rule in _RULES for problem in rule(variables)]


def variable_name(option: str) -> str:
    """Return the variable of an option."""
    return SHARED.get(option, f"{PREFIX}{option}")


def option_name(variable: str) -> str:
    """Return the option of a variable."""
    return variable.removeprefix(PREFIX if variable.startswith(PREFIX) else "irsa_")


def is_keyless(variables: Variables) -> bool:
    """Whether the issuer has no key file of its own, and publishes only what other variables say."""
    return not variables.get("key_path") and bool(variables.get("from_cluster") or variables.get("extra_jwks"))


def _as_text(value: t.Any) -> str:
    return "" if value is None else str(value)


def _split_at_commas(value: t.Any) -> list[t.Any]:
    """Return a list variable as Ansible reads it: text, as -e gives it, split at commas; any other item as a list."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value else []
    return as_list(value)


def _as_texts(values: t.Iterable[t.Any]) -> list[str]:
    return [_as_text(value) for value in values]


# --- single variables


def _naming(check: t.Callable[[t.Any], object]) -> Check:
    """Return a check that puts the variable's name before the message of one that does not know the name."""

    def named(value: t.Any, variable: str) -> None:
        try:
            check(value)
        except IrsaError as error:
            raise IrsaError(f"{variable}: {error}") from None
        except Fault as fault:
            raise IrsaError(f"{variable}: {fault}.") from None

    return named


def _check_key_sets(given: t.Any, variable: str) -> None:
    for source, keys in key_sets.of_option(variable, given):
        if any(jwk.has_private_members(key) for key in keys):
            raise IrsaError(f"{source} contains a private key. Remove it, and treat it as disclosed.")


def _check_encryption(value: str) -> None:
    if value != "AES256":
        raise Fault(f"must be AES256, not {quoted(value)}; anonymous clients cannot read objects that KMS encrypts")


def _check_audiences(values: t.Iterable[t.Any], variable: str) -> None:
    provider_rules.check_client_ids(_as_texts(values), variable)


def _check_thumbprints(values: t.Iterable[t.Any], variable: str) -> None:
    provider_rules.check_thumbprints(_as_texts(values), variable)


_CHECKS: dict[str, Check] = {
    "prefix": _naming(issuer_url.check_prefix),
    "account_id": check_account_id,
    "bucket_account_id": check_account_id,
    "audiences": _check_audiences,
    "thumbprints": _check_thumbprints,
    "connect_to": _naming(parse_connect_to),
    "extra_jwks": _check_key_sets,
    "bucket_encryption": _naming(_check_encryption),
    "key_backup": _naming(Destination.of),
    "tags": tags.as_text,
    "bucket_public_paths": public_paths.check,
    "apiserver_key_dir": server_variables.check_folder,
    "former_issuers": server_variables.check_issuers,
    "former_public_keys": server_variables.check_paths,
}


# --- variables that depend on one another


def _bucket_rules(variables: Variables) -> t.Iterator[str]:
    bucket, url, prefix = variables.get("bucket"), variables.get("url"), variables.get("prefix") or ""
    if not bucket:
        return
    try:
        check_bucket_name(bucket, variables.get("bucket_namespace"))
    except IrsaError as error:
        yield f"{PREFIX}bucket: {error}"
    if not url and len(bucket) + len(prefix) + _MAX_HOST_REST > issuer_url.MAX_CHARACTERS:
        yield (
            f"{PREFIX}prefix makes the issuer longer than {issuer_url.MAX_CHARACTERS} characters, the most that IAM "
            "accepts. Choose a shorter prefix."
        )
    if variables.get("delete_bucket") and not variables.get("manage_bucket"):
        yield f"{PREFIX}delete_bucket is set, but {PREFIX}manage_bucket is false: the bucket is managed elsewhere."


def _address_rules(variables: Variables) -> t.Iterator[str]:
    for name, problem in address_rules.problems(variables):
        yield f"{PREFIX}{name}: {problem}"


def _rules_without_bucket(variables: Variables) -> t.Iterator[str]:
    if variables.get("bucket"):
        return
    if not variables.get("url"):
        yield f"Neither {PREFIX}bucket nor {PREFIX}url is set. Set at least one of them."
    for name, value in variables.items():
        if value and _needs_bucket(name):
            yield f"{PREFIX}{name} is set, but {PREFIX}bucket is not."


def _needs_bucket(name: str) -> bool:
    # The bucket's account does no harm if one cluster of a fleet has no bucket.
    return name in ("prefix", "delete_bucket") or (name.startswith("bucket_") and name != "bucket_account_id")


def _key_rules(variables: Variables) -> t.Iterator[str]:
    if not variables.get("key_path"):
        yield from _rules_without_key(variables)
    paths = [
        variables[name] for name in ("key_path", "public_key_path", "openssh_public_key_path") if variables.get(name)
    ]
    if len(set(paths)) < len(paths):
        yield (
            f"{PREFIX}key_path, {PREFIX}public_key_path and {PREFIX}openssh_public_key_path must name different files."
        )
    if _is_remote(variables) and any(not path.startswith(("/", "~")) for path in paths):
        yield f"{PREFIX}key_path and the paths of its public forms must be absolute on {PREFIX}key_host."
    if variables.get("key_type") == "ECDSA" and variables.get("key_size"):
        yield f"{PREFIX}key_size is for RSA keys; an ECDSA key has {PREFIX}key_curve."
    if variables.get("key_type") != "ECDSA" and variables.get("key_curve"):
        yield f"{PREFIX}key_curve is for ECDSA keys; set {PREFIX}key_type: ECDSA with it."


def _rules_on_servers(variables: Variables) -> t.Iterator[str]:
    return server_variables.name_problems(variables, is_remote=_is_remote(variables))


def _rules_without_key(variables: Variables) -> t.Iterator[str]:
    is_removal = variables.get("state") == "absent"
    if not is_removal and not is_keyless(variables):
        yield (
            f"{PREFIX}key_path is not set. Choose a path that survives this run: the key must never be lost. To "
            f"publish the keys of a cluster without a key file, set {PREFIX}from_cluster or {PREFIX}extra_jwks instead."
        )
        return
    of_key = (
        *("key_backup", "public_key_path", "openssh_public_key_path", "legacy_empty_kid"),
        *("apiserver_key_dir", "former_public_keys"),
    )
    for name in ("delete_key",) if is_removal else of_key:
        if variables.get(name):
            yield f"{PREFIX}{name} is set, but {PREFIX}key_path is not."


def _cluster_rules(variables: Variables) -> t.Iterator[str]:
    if variables.get("state") != "absent" and variables.get("from_cluster") and not variables.get("kubeconfig"):
        yield (
            f"{PREFIX}from_cluster is set, but {SHARED['kubeconfig']} is not. Set it to the path of a kubeconfig on "
            "the controller."
        )


def _is_remote(variables: Variables) -> bool:
    return not is_controller(variables.get("key_host") or "localhost")


def is_controller(host: str) -> bool:
    """Whether a key host is the controller itself."""
    return host in _LOCAL_HOSTS


def _backup_rules(variables: Variables) -> t.Iterator[str]:
    backup = variables.get("key_backup")
    if not backup:
        return
    if backup.removeprefix("s3://").partition("/")[0] == variables.get("bucket"):
        yield f"{PREFIX}key_backup is in the public bucket {variables['bucket']}. Choose a private one."
    if _is_remote(variables):
        yield (
            f"{PREFIX}key_backup is for a key on the controller; the key is on {variables['key_host']} and never "
            "leaves it."
        )


def _audience_rules(variables: Variables) -> t.Iterator[str]:
    if not variables.get("audiences"):
        yield (
            f"{PREFIX}audiences is empty, so AWS would accept no token. The usual audience is "
            f"{issuer_url.DEFAULT_AUDIENCE}."
        )


def _timeout_rules(variables: Variables) -> t.Iterator[str]:
    # Not among the checks of single variables, which leave out what is false: 0 is an error, too.
    seconds = variables.get("verify_timeout")
    if seconds is not None:
        try:
            check_timeout(seconds, f"{PREFIX}verify_timeout")
        except IrsaError as error:
            yield str(error)


_RULES = (
    *(_address_rules, _bucket_rules, _rules_without_bucket, _key_rules, _rules_on_servers, _cluster_rules),
    local_variables.path_problems,
    *(_backup_rules, _audience_rules, _timeout_rules),
)
