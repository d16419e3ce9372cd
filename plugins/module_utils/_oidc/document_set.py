# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both documents of an issuer from keys of any source, and their files in a directory."""

from __future__ import annotations

import os
import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import is_plain, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import (
    jwk,
    key_facts,
    key_files,
    safe_paths,
    signing_key,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.documents import SourcedKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.present_files import PresentFiles

Values = dict[str, t.Any]

_NO_DOCUMENTS = dict.fromkeys(("jwks", "discovery", "jwks_json", "discovery_json"))

_WRITE = "file:WriteDocument"

_PUBLIC_FOLDER_MODE = 0o755

# Stands for a directory that does not exist yet.
_NEW_NAME = "new"


def build(options: t.Mapping[str, t.Any], check_mode: bool) -> Values:
    """Return the result of module irsa_jwks for its options. Raises IrsaError that names the wrong option."""
    url, jwks_uri, dest = options["issuer"], options["jwks_uri"], options["dest"]
    sourced_keys = list(_sourced_keys(options))
    result = (
        texts(url, sourced_keys, legacy_empty_kid=options["legacy_empty_kid"], jwks_uri=jwks_uri)
        if sourced_keys
        else {}
    )
    jwks_url = _checked_jwks_uri(url, jwks_uri)
    for path in _paths_in(dest).values() if dest else ():
        _check_inside(dest, path)
    if dest and not options["overwrite"]:
        PresentFiles(dest, url, jwks_url).check_replaceable(result.get("jwks", {}).get("keys", []))
    if sourced_keys:
        warnings = list(_unsafe(options["public_key_paths"]))
        return {**result, **_write(dest, result, check_mode), "warnings": warnings}
    if not check_mode:
        raise IrsaError("No key was given. Set public_keys, public_key_paths or jwks.")
    return _preview(dest)


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


def from_jwks_list(option: str, jwks_list: t.Iterable[t.Any]) -> t.Iterator[SourcedKey]:
    """Yield the keys of all JWKS in the list of an option. Raises IrsaError."""
    for source, keys in jwk.key_sets(option, jwks_list):
        for key in keys:
            yield SourcedKey(f"{source}: key {quoted(key.get('kid'))}", key)


def from_pem(source: str, text: bytes) -> SourcedKey:
    """Return a public key in PEM as a JWK; ``source`` names it in messages. Raises IrsaError."""
    try:
        return SourcedKey(source, jwk.from_public_key(signing_key.load_public(text)))
    except Fault as fault:
        raise IrsaError(f"{source} cannot be published: {fault}.") from None


def _sourced_keys(options: t.Mapping[str, t.Any]) -> t.Iterator[SourcedKey]:
    """Yield every key in the order of the options."""
    for number, text in enumerate(options["public_keys"], start=1):
        yield from_pem(f"public_keys: key {number}", text.encode("utf-8", "replace"))
    for path in options["public_key_paths"]:
        content = files.read(path)
        if content is None:
            raise IrsaError(
                f"public_key_paths: {files.shown(path)} does not exist on the host that this module runs on."
            )
        yield from_pem(f"public_key_paths: {files.shown(path)}", content)
    yield from from_jwks_list("jwks", options["jwks"])


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
    return jwks_url


def _is_https_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and is_plain(url)


def _preview(dest: str | None) -> Values:
    """Return the result of a check mode without a key, because the key has not been created yet."""
    names = (issuer_url.JWKS_PATH, issuer_url.DISCOVERY_PATH) if dest else ()
    if dest:
        for path in _paths_in(dest).values():
            files.read(path)
            _check_can_be_written(path)
    return {
        **_NO_DOCUMENTS,
        "kids": [],
        "published_keys": [],
        "changed": bool(names),
        "actions": [_WRITE] * len(names),
        "diff": [_diff(name, "", f"{key_facts.NOT_CREATED}\n") for name in names],
    }


def _diff(path: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": path, "after_header": path, "before": before, "after": after}


def _write(dest: str | None, result: Values, check_mode: bool) -> Values:
    """Write the documents into a directory if they differ, the JWKS first; in check mode only say so."""
    diff = list(_differing(dest, result)) if dest else []
    if dest and not check_mode:
        _write_files(dest, diff)
    return {"changed": bool(diff), "actions": [_WRITE] * len(diff), "diff": diff}


def _write_files(dest: str, diff: t.Sequence[dict[str, str]]) -> None:
    key_files.remove_leftovers(_paths_in(dest).values())
    written: list[str] = []
    try:
        for path, after in ((entry["after_header"], entry["after"]) for entry in diff):
            _create_folder(os.path.dirname(path))
            # Again, since another user may have been faster.
            _check_inside(dest, path)
            key_files.check_writable(path)
            key_files.replace(path, after.encode(), mode=key_files.PUBLIC_MODE)
            written.append(_WRITE)
    except IrsaError as error:
        error.details.update(changed=bool(written), actions=written)
        raise


def _paths_in(dest: str) -> dict[str, str]:
    """Return the path of each document in a directory, by its name in the result."""
    names = {"jwks_json": issuer_url.JWKS_PATH, "discovery_json": issuer_url.DISCOVERY_PATH}
    return {text: os.path.join(dest, name) for text, name in names.items()}


def _differing(dest: str, result: Values) -> t.Iterator[dict[str, str]]:
    for text, path in _paths_in(dest).items():
        after = result[text]
        current = files.read(path)
        if current != after.encode():
            _check_can_be_written(path)
            yield _diff(path, (current or b"").decode("utf-8", "replace"), after)


def _check_inside(dest: str, path: str) -> None:
    """Raise IrsaError for a document whose directory is a symbolic link that leads out of ``dest``."""
    files.require_valid(path)
    base, folder = os.path.realpath(dest), os.path.realpath(os.path.dirname(path))
    if os.path.commonpath([base, folder]) != base:
        raise IrsaError(
            f"dest: {files.shown(path)} leads out of {files.shown(dest)}, to {files.shown(folder)}, by a symbolic "
            "link. Nothing is written there; replace the link with a directory."
        )


def _check_can_be_written(path: str) -> None:
    """Raise IrsaError for a file that cannot be written, even if its directory must be created first."""
    folder = os.path.dirname(path)
    if os.path.lexists(folder):
        key_files.check_writable(path)
        return
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder) or "."
    # A name in the directory in which the first one is created.
    key_files.check_writable(os.path.join(folder, _NEW_NAME))


def _create_folder(path: str) -> None:
    try:
        os.makedirs(path, _PUBLIC_FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise IrsaError(f"dest: the directory {files.shown(path)} cannot be created: {files.reason(error)}.") from None
