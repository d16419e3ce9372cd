# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON that is given in place of a token: what it is, and where in it the token stands."""

from __future__ import annotations

import base64
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.json_base64url import parse_json
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.token_lookalikes import JWT, Misfit

# Only these names are shown. Any other member of an unknown object may be a part of a secret.
_NAMES = frozenset(
    {
        *("access_token", "accessToken", "id_token", "id-token", "idToken", "token", "value"),
        *("auth-provider", "config", "credentials", "data", "items", "spec", "status", "stringData", "user", "users"),
    }
)

# Objects without a token, by members that they have.
_KNOWN: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"keys"}), "a JWKS, the published keys"),
    (frozenset({"jwks_uri"}), "a discovery document"),
    (frozenset({"AccessKeyId"}), "AWS credentials, for which STS exchanges a token"),
    (frozenset({"Credentials"}), "an answer of STS with credentials, for which it exchanges a token"),
    (frozenset({"signatures"}), "a token in the JSON form of JWS; STS takes the compact form, with two dots"),
    (frozenset({"payload", "signature"}), "a token in the JSON form of JWS; STS takes the compact form, with two dots"),
    (frozenset({"ciphertext"}), "an encrypted token (JWE); STS reads signed ones"),
    (frozenset({"iss"}), "the decoded claims of a token, without its signature"),
    (frozenset({"sub"}), "the decoded claims of a token, without its signature"),
    (frozenset({"alg"}), "the decoded header of a token"),
    (frozenset({"kty"}), "a key (JWK)"),
    (frozenset({"private_key"}), "a key file of a Google service account"),
    (frozenset({"auths"}), "the configuration of a container registry client"),
    (frozenset({"Statement"}), "a policy"),
    (frozenset({"error"}), "an error message"),
)
_KINDS = {
    "Status": "an error of an API server",
    "TokenRequest": "a TokenRequest without a token",
    "Secret": "a Secret without a token",
    "Config": "a kubeconfig without a token",
    "ExecCredential": "an ExecCredential without a token",
    "ServiceAccount": "a service account, which holds no token",
}


def of_json(text: str) -> Misfit | None:
    """Recognize JSON, and tell where in it the token stands."""
    if text[:1] not in ("{", "[", '"'):
        return None
    try:
        value = parse_json(text)
    except ValueError:
        return None
    if isinstance(value, str):
        return (
            Misfit("has quotes around it", "Give the token without quotes.") if JWT.fullmatch(value.strip()) else None
        )
    places = list(_tokens_in(value, ""))
    if len(places) == 1:
        path, encoded = places[0]
        return _of_place(path, encoded)
    if places:
        return Misfit(f"is JSON with {len(places)} tokens", "Give one of them alone.")
    return Misfit(f"is JSON: {_name_of(value)}")


def _of_place(path: str, encoded: bool) -> Misfit:
    where = f"its member {path}" if "…" not in path else "one of its members"
    if encoded:
        return Misfit(
            f"is JSON, and the token is in {where}, in base64",
            "Give the token alone, decoded. But STS does not take the token of a Secret: use a projected token.",
        )
    how = f" (for example with jq -r .{path})" if "…" not in path else ""
    return Misfit(f"is JSON, and the token is in {where}", f"Give the value of that member alone{how}.")


def _tokens_in(value: t.Any, path: str) -> t.Iterator[tuple[str, bool]]:
    """Yield where tokens stand in a JSON value, and whether they are encoded."""
    if isinstance(value, dict):
        for name, member in value.items():
            shown = name if name in _NAMES else "…"
            yield from _tokens_in(member, f"{path}.{shown}" if path else shown)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _tokens_in(item, f"{path}[{number}]")
    elif isinstance(value, str):
        if JWT.fullmatch(value.strip()):
            yield path, False
        elif _is_encoded_token(value):
            yield path, True


def _is_encoded_token(text: str) -> bool:
    if not re.match("ZX[ld]", text):  # ey…, ew…
        return False
    try:
        return bool(JWT.fullmatch(base64.b64decode(text, validate=True).decode("ascii").strip()))
    except ValueError:
        return False


def _name_of(value: t.Any) -> str:
    if not isinstance(value, dict):
        return "a list without a token"
    kind = value.get("kind")
    known = next((name for members, name in _KNOWN if members <= value.keys()), "an object without a token")
    return _KINDS.get(kind, known) if isinstance(kind, str) else known
