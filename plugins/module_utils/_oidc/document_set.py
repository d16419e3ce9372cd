# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both documents from everything that keys may come from."""

from __future__ import annotations

import os
import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_files, signing_key
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents, issuer_url
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError

_UNKNOWN = dict.fromkeys(("jwks", "discovery", "jwks_json", "discovery_json"))

_PUBLIC_FOLDER_MODE = 0o755


def build(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """The result of module irsa_jwks for its options. Raises IrsaError naming the option at fault."""
    named = list(_named_keys(options))
    if not named:
        _checked(options["issuer"], options["jwks_uri"])
        if not check_mode:
            raise IrsaError("No key was given. Give public_keys, public_key_paths or jwks.")
        text = "(known when the key has been made)\n"
        diff = [
            {"before_header": name, "after_header": name, "before": "", "after": text}
            for name in (issuer_url.JWKS_PATH, issuer_url.DISCOVERY_PATH)
        ]
        return {
            **_UNKNOWN,
            "kids": [],
            "published_keys": [],
            "changed": bool(options["dest"]),
            "actions": ["file:WriteDocument"] * len(diff) if options["dest"] else [],
            "diff": diff if options["dest"] else [],
        }
    result = texts(options["issuer"], named, options["legacy_empty_kid"], options["jwks_uri"])
    return {**result, **_write(options["dest"], result, check_mode)}


def texts(
    url: str, named: t.Iterable[tuple[str, jwk.Jwk]], legacy_empty_kid: bool = False, jwks_uri: t.Optional[str] = None
) -> dict[str, t.Any]:
    """Both documents of an issuer, as objects and as text, from keys that each come with where they are from. Raises
    IrsaError.
    """
    jwks_uri = _checked(url, jwks_uri)
    jwks = documents.jwks(documents.merge_keys(named), legacy_empty_kid)
    discovery = documents.discovery(url, jwks_uri, documents.algorithms_of(jwks["keys"]))
    return {
        "jwks": jwks,
        "discovery": discovery,
        "jwks_json": documents.render(jwks),
        "discovery_json": documents.render(discovery),
        "kids": [key["kid"] for key in jwks["keys"]],
        "published_keys": [{"kid": key["kid"], "algorithm": key["alg"], "foreign": False} for key in jwks["keys"]],
    }


def _checked(url: str, jwks_uri: t.Optional[str]) -> str:
    """The address of the JWKS: as given, or the usual one. Raises IrsaError for an unusable issuer or address."""
    parsed = issuer_url.parse(url)
    url = jwks_uri or parsed.jwks_url
    try:
        parts = urlsplit(url)
        sound = (
            parts.scheme == "https" and bool(parts.hostname) and url.isascii() and url.isprintable() and " " not in url
        )
    except ValueError:
        sound = False
    if not sound:
        raise IrsaError(
            f"jwks_uri is {url!r}; wanted is a URL that begins with https://, since AWS and kube-apiserver fetch it over "
            "HTTPS alone."
        )
    return url


def _named_keys(options: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, jwk.Jwk]]:
    """Every key with where it comes from, in the order of the options."""
    for number, text in enumerate(options["public_keys"], start=1):
        yield from_pem(f"public_keys: key {number}", text.encode("utf-8", "replace"))
    for path in options["public_key_paths"]:
        content = key_files.read(path)
        if content is None:
            raise IrsaError(f"public_key_paths: {path} does not exist on the host that this module runs on.")
        yield from_pem(f"public_key_paths: {path}", content)
    yield from from_jwks_list("jwks", options["jwks"])


def from_jwks_list(option: str, jwks_list: t.Iterable[t.Any]) -> t.Iterator[tuple[str, jwk.Jwk]]:
    """The keys of JWKS that an option lists, each with where it is from. Raises IrsaError."""
    for number, document in enumerate(jwks_list, start=1):
        source = f"{option}: document {number}"
        try:
            listed = jwk.keys_of(document)
        except Fault as fault:
            raise IrsaError(f"{source} cannot be used: {fault}.") from None
        for key in listed:
            yield f"{source}: key {key.get('kid')!r}", key


def from_pem(source: str, text: bytes) -> tuple[str, jwk.Jwk]:
    """A public key in PEM as a JWK, with where it is from. Raises IrsaError."""
    try:
        return source, jwk.from_public_key(signing_key.load_public(text))
    except Fault as fault:
        raise IrsaError(f"{source} cannot be published: {fault}.") from None


def _write(dest: t.Optional[str], texts: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Put the documents under a directory where they differ, the JWKS first."""
    differing: dict[str, str] = {}
    diff = []
    if dest is not None:
        for name, text in (
            (issuer_url.JWKS_PATH, texts["jwks_json"]),
            (issuer_url.DISCOVERY_PATH, texts["discovery_json"]),
        ):
            path = os.path.join(dest, name)
            present = key_files.read(path)
            if present == text.encode():
                continue
            if os.path.exists(os.path.dirname(path)):
                key_files.check_writable(path)
            differing[path] = text
            before = (present or b"").decode("utf-8", "replace")
            diff.append({"before_header": path, "after_header": path, "before": before, "after": text})
    if not check_mode:
        for path, text in differing.items():
            _make_folder(os.path.dirname(path))
            key_files.check_writable(path)
            key_files.replace(path, text.encode(), key_files.PUBLIC_MODE)
    return {"changed": bool(differing), "actions": ["file:WriteDocument"] * len(differing), "diff": diff}


def _make_folder(path: str) -> None:
    try:
        os.makedirs(path, _PUBLIC_FOLDER_MODE, exist_ok=True)
    except OSError as error:
        raise IrsaError(f"dest: the directory {path} cannot be made: {error.strerror}.") from None
