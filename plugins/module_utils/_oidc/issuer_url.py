# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuer URLs, and the names that follow from them."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import is_plain, quoted

DISCOVERY_PATH = ".well-known/openid-configuration"
JWKS_PATH = "keys.json"

DEFAULT_AUDIENCE = "sts.amazonaws.com"

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
MAX_CHARACTERS = 255

_HOST = re.compile(
    r"^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"
)
# May contain a password, which no message may repeat.
_LOGIN = re.compile(r"(?<=//)[^/]*@")
_PREFIX = re.compile(r"^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$")

_EXAMPLE = "An example: https://bucket.s3.eu-west-1.amazonaws.com"


def usual_audience(audiences: t.Iterable[str] | None) -> str:
    """Return the audience of service accounts without one of their own: the first that the provider is to accept."""
    return next(iter(audiences or ()), DEFAULT_AUDIENCE)


def logins_in(url: str | None) -> set[str]:
    """Return the user names and passwords in a URL, which no output may repeat; an issuer with one is refused."""
    return {login[:-1] for login in _LOGIN.findall(url or "") if len(login) > 1}


class Issuer(t.NamedTuple):
    """A checked issuer: the URL verbatim, its host, and its path (empty or with a leading slash)."""

    url: str
    host: str
    path: str

    @property
    def host_path(self) -> str:
        """Host and path, which provider ARNs contain and the condition keys of trust policies begin with."""
        return self.host + self.path

    @property
    def discovery_url(self) -> str:
        """The URL of the discovery document: OpenID Connect Discovery 1.0, section 4."""
        return f"{self.url.rstrip('/')}/{DISCOVERY_PATH}"

    @property
    def jwks_url(self) -> str:
        """The URL at which this collection publishes the JWKS by default."""
        return f"{self.url}/{JWKS_PATH}"


class _Parts(t.NamedTuple):
    """An issuer URL taken apart, before it is checked."""

    url: str
    netloc: str
    port: int | None
    path: str


# What must not be true of an issuer, and what to say if it is; the first rule that is broken is reported.
_RULES: tuple[tuple[t.Callable[[_Parts], bool], str], ...] = (
    (
        lambda parts: not parts.url.startswith("https://"),
        "must begin with https:// (in lower case); AWS and Kubernetes accept nothing else.",
    ),
    (lambda parts: "?" in parts.url, "has a query (?…), which IAM and kube-apiserver refuse. Leave it out."),
    (lambda parts: "#" in parts.url, "has a fragment (#…), which IAM and kube-apiserver refuse. Leave it out."),
    (
        lambda parts: "@" in parts.netloc,
        "contains a user name or password, which an issuer must not have. Leave it out.",
    ),
    (
        lambda parts: parts.port is not None or parts.netloc.endswith(":"),
        (
            "has a port. IAM refuses ports and strips :443, and then the token's iss differs. Serve it on 443 and "
            "leave the port out."
        ),
    ),
    (lambda parts: not _HOST.fullmatch(parts.netloc), f"has no valid host name. {_EXAMPLE}"),
    (
        lambda parts: parts.path.endswith("/"),
        (
            "ends with a slash. To AWS the URLs with and without it are two providers, which are easily mixed up. "
            "Leave it out."
        ),
    ),
    (
        lambda parts: bool(parts.path) and not is_plain_path(parts.path[1:]),
        (
            "has a path with an empty part, with a part . or .., or with characters other than letters, digits and "
            "._~-. Choose a plain path."
        ),
    ),
)


def parse(url: str) -> Issuer:
    """Check an issuer URL and take it apart. Raises IrsaError that says what is wrong and what would be right.

    The rules are those of IAM
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html) and of kube-apiserver's
    --service-account-issuer. AWS and Kubernetes compare the URL byte for byte, so it is never changed here.
    """
    parts = _split(url)
    for is_broken, reason in _RULES:
        if is_broken(parts):
            raise _refused(url, reason)
    return Issuer(url, parts.netloc, parts.path)


def _split(url: str) -> _Parts:
    if len(url) > MAX_CHARACTERS:
        raise _refused(url, f"has {len(url)} characters; IAM accepts at most {MAX_CHARACTERS}.")
    # urlsplit would remove control characters.
    if not is_plain(url):
        raise _refused(
            url,
            "contains a space, a control character or a character outside ASCII. Write it exactly as tokens have it in "
            "iss.",
        )
    try:
        parts = urlsplit(url)
        return _Parts(url=url, netloc=parts.netloc, port=parts.port, path=parts.path)
    except ValueError:
        raise _refused(url, f"is not a URL. {_EXAMPLE}") from None


def _refused(url: str, reason: str) -> IrsaError:
    return IrsaError(f"The issuer {quoted(_LOGIN.sub('…@', url))} {reason}")


def is_plain_path(path: str) -> bool:
    """Whether a path consists of names of letters, digits and ._~- between single slashes."""
    return bool(_PREFIX.fullmatch(path)) and not any(part in (".", "..") for part in path.split("/"))


def check_prefix(prefix: str) -> None:
    """Raise IrsaError unless the prefix consists of names of letters, digits and ._~- between single slashes."""
    if not is_plain_path(prefix):
        raise IrsaError(
            f"The prefix {quoted(prefix)} must be one or more names of letters, digits and ._~-, with single slashes "
            "between them and none at either end, for example 'prod' or 'clusters/prod'."
        )


def object_keys(prefix: str | None) -> tuple[str, str]:
    """Return the keys of the two objects under a prefix: JWKS, then discovery document."""
    start = f"{prefix}/" if prefix else ""
    return start + JWKS_PATH, start + DISCOVERY_PATH


def provider_arn(partition: str, account_id: str, issuer: str) -> str:
    """Return the ARN that IAM gives to the provider of an issuer (with or without ``https://``).

    It is case-sensitive and needs no search.
    """
    return f"arn:{partition}:iam::{account_id}:oidc-provider/{issuer.removeprefix('https://')}"
