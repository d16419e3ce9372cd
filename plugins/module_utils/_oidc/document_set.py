# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both documents of an issuer from keys of any source, and the run of module irsa_jwks."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import is_plain, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import (
    jwk,
    key_facts,
    key_sets,
    safe_paths,
    signing_key,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.document_files import (
    WRITE,
    DocumentFiles,
    FileChange,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import SourcedKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.present_files import OptionNames
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.internal_hosts import (
    internal_reason,
    internal_reason_of,
)

Values = dict[str, t.Any]

_NO_DOCUMENTS = dict.fromkeys(("jwks", "discovery", "jwks_json", "discovery_json"))

_NAMES = OptionNames(dest="dest", keys="jwks", purge_keys="overwrite", overwrite="overwrite")


def build(options: t.Mapping[str, t.Any], check_mode: bool) -> Values:
    """Return the result of module irsa_jwks for its options. Raises IrsaError that names the wrong option."""
    url, jwks_uri = options["issuer"], options["jwks_uri"]
    sourced_keys = list(_sourced_keys(options))
    result = (
        texts(url, sourced_keys, legacy_empty_kid=options["legacy_empty_kid"], jwks_uri=jwks_uri)
        if sourced_keys
        else {}
    )
    jwks_url = _checked_jwks_uri(url, jwks_uri)
    dest = DocumentFiles(options["dest"], _NAMES) if options["dest"] else None
    if dest and not options["overwrite"]:
        keys = result.get("jwks", {}).get("keys", [])
        dest.require_replaceable(issuer_url.parse(url), jwks_url, keys=keys)
    if sourced_keys:
        written = _written(dest, result, check_mode) if dest else _outcome([])
        warnings = [
            *issuer_url.warnings_of(url),
            *_unsafe(options["public_key_paths"]),
            *left_out("jwks", options["jwks"]),
        ]
        return {**result, **written, "warnings": warnings}
    if not check_mode:
        raise IrsaError("No key was given. Set public_keys, public_key_paths or jwks.")
    return _new_files(dest)


def texts(
    url: str, sourced_keys: t.Iterable[SourcedKey], *, legacy_empty_kid: bool = False, jwks_uri: str | None = None
) -> Values:
    """Return both documents of an issuer, as objects and as text, with the keys in them. Raises IrsaError."""
    jwks_uri = _checked_jwks_uri(url, jwks_uri)
    jwks = documents.jwks(documents.merge_keys(sourced_keys), legacy_empty_kid)
    discovery = documents.discovery(url, jwks_uri, documents.algorithms_of(jwks["keys"]))
    return {
        "jwks": jwks,
        "discovery": discovery,
        "jwks_json": documents.render(jwks),
        "discovery_json": documents.render(discovery),
        "kids": [key["kid"] for key in jwks["keys"]],
        "published_keys": [{"kid": key["kid"], "algorithm": key["alg"], "foreign": False} for key in jwks["keys"]],
    }


def given_texts(jwks_json: t.Any, discovery_json: t.Any) -> dict[str, str | None]:
    """Return both documents as text, of which each may be an object. Raises IrsaError for a JWKS that is neither."""
    if jwks_json is not None and not isinstance(jwks_json, str):
        sets = key_sets.of_option("jwks_json", jwks_json)
        jwks_json = documents.render({"keys": [key for _source, keys in sets for key in keys]})
    if discovery_json is not None and not isinstance(discovery_json, str):
        discovery_json = documents.render(discovery_json)
    return {"jwks_json": jwks_json, "discovery_json": discovery_json}


def from_key_sets(option: str, given: t.Any) -> list[SourcedKey]:
    """Return the keys of all JWKS in the value of an option, but for those that have another purpose than what STS
    does: without them if there are others. Raises IrsaError.
    """
    keys = _all_of_key_sets(option, given)
    return [each for each in keys if jwk.other_purpose(each.key) is None] or keys


def left_out(option: str, given: t.Any) -> list[str]:
    """Return a warning for each key in the value of an option that ``from_key_sets`` leaves out. Raises IrsaError."""
    keys = _all_of_key_sets(option, given)
    reasons = [(each.source, jwk.other_purpose(each.key)) for each in keys]
    found = [f"{source} is not published: {reason}." for source, reason in reasons if reason is not None]
    return found if len(found) < len(keys) else []


def _all_of_key_sets(option: str, given: t.Any) -> list[SourcedKey]:
    return [
        SourcedKey(f"{source}: key {quoted(key.get('kid'))}", key)
        for source, keys in key_sets.of_option(option, given)
        for key in keys
    ]


def from_pem(source: str, text: bytes) -> t.Iterator[SourcedKey]:
    """Yield the public keys in PEM text as JWKs; ``source`` names it in messages. Raises IrsaError."""
    try:
        for public_key in signing_key.load_public_keys(text):
            yield SourcedKey(source, jwk.from_public_key(public_key))
    except Fault as fault:
        raise IrsaError(f"{source} cannot be published: {fault}.") from None


def _sourced_keys(options: t.Mapping[str, t.Any]) -> t.Iterator[SourcedKey]:
    """Yield every key in the order of the options."""
    for number, text in enumerate(options["public_keys"], start=1):
        yield from from_pem(f"public_keys: key {number}", text.encode("utf-8", "replace"))
    for path in options["public_key_paths"]:
        content = files.read(path)
        if content is None:
            raise IrsaError(
                f"public_key_paths: {files.shown(path)} does not exist on the host that this module runs on."
            )
        yield from from_pem(f"public_key_paths: {files.shown(path)}", content)
    yield from from_key_sets("jwks", options["jwks"])


def _unsafe(paths: t.Iterable[str]) -> t.Iterator[str]:
    """Yield a warning for each file that another user could have put there: who has its key can sign tokens."""
    for path in paths:
        try:
            safe_paths.check(path)
        except IrsaError as error:
            yield f"A key was taken from a file that another user could replace. {error}"


def _checked_jwks_uri(url: str, jwks_uri: str | None) -> str:
    """Return the URL of the JWKS: as given, or the default of the issuer. Raises IrsaError for an unusable URL."""
    issuer = issuer_url.parse(url)
    jwks_url = jwks_uri or issuer.jwks_url
    if not _is_https_url(jwks_url):
        raise IrsaError(
            f"jwks_uri is {quoted(jwks_url)}; expected a URL that begins with https://, since AWS and kube-apiserver "
            "fetch it only over HTTPS."
        )
    refuse_internal_jwks_url(jwks_url, issuer)
    return jwks_url


def refuse_internal_jwks_url(url: str, issuer: issuer_url.Issuer) -> None:
    """Raise IrsaError for the URL of a JWKS that is internal by the form of its host, though the issuer is not."""
    reason = internal_reason_of(url)
    if reason is not None and internal_reason(issuer.host) is None:
        raise IrsaError(
            f"jwks_uri is {quoted(url)}. Its host is internal, and AWS can never reach it: {reason}. Give the public "
            "URL of the keys, or leave jwks_uri out."
        )


def _is_https_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and is_plain(url)


def _new_files(dest: DocumentFiles | None) -> Values:
    """Return the result of a check mode without a key, because the key has not been created yet."""
    changes = dest.new_files(f"{key_facts.NOT_CREATED}\n") if dest else []
    return {**_NO_DOCUMENTS, "kids": [], "published_keys": [], **_outcome(changes)}


def _written(dest: DocumentFiles, result: Values, check_mode: bool) -> Values:
    """Write the documents if they differ; in check mode only say so."""
    changes = dest.changes(result)
    made: list[FileChange] = []
    try:
        # One by one, so that a failure can say what was written before it.
        made.extend(changes if check_mode else dest.write(changes))
    except IrsaError as error:
        error.details.update(changed=bool(made), actions=[WRITE] * len(made))
        raise
    return _outcome(changes)


def _outcome(changes: t.Sequence[FileChange]) -> Values:
    diff = [
        {"before_header": each.path, "after_header": each.path, "before": each.before, "after": each.after}
        for each in changes
    ]
    return {"changed": bool(changes), "actions": [WRITE] * len(changes), "diff": diff}
