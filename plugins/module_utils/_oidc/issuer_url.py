# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issuer URLs and the names that follow from them."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError

DISCOVERY_PATH = ".well-known/openid-configuration"
JWKS_PATH = "keys.json"

DEFAULT_AUDIENCE = "sts.amazonaws.com"

# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
MOST_CHARACTERS = 255

_HOST = re.compile(
    r"^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"
)
# A password may stand there, which no message is to repeat.
_USER = re.compile(r"(?<=//)[^/]*@")
_PATH = re.compile(r"^(/[A-Za-z0-9._~-]+)*$")
_PREFIX = re.compile(r"^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$")


def logins_in(url: t.Optional[str]) -> set[str]:
    """User names and passwords in a URL, which no output is to repeat; such a URL is refused as an issuer."""
    return {login[:-1] for login in _USER.findall(url or "") if len(login) > 1}


class Issuer(t.NamedTuple):
    """A checked issuer: the URL verbatim, its host, and its path (empty or with a leading slash)."""

    url: str
    host: str
    path: str

    @property
    def host_path(self) -> str:
        """What provider ARNs and the condition keys of trust policies begin with: host and path."""
        return self.host + self.path

    @property
    def discovery_url(self) -> str:
        """OpenID Connect Discovery 1.0, section 4."""
        return f"{self.url.rstrip('/')}/{DISCOVERY_PATH}"

    @property
    def jwks_url(self) -> str:
        """Where this collection publishes the JWKS unless told otherwise."""
        return f"{self.url}/{JWKS_PATH}"


def parse(url: str) -> Issuer:
    """Check an issuer URL; raises IrsaError naming what is wrong with it and what would be right.

    The rules are those of IAM
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html) and of kube-apiserver's
    --service-account-issuer. The URL is compared byte for byte by everybody who reads it, so it is never changed here.
    """

    def refuse(reason: str) -> IrsaError:
        return IrsaError(f"The issuer {_USER.sub('…@', url)!r} {reason}")

    if len(url) > MOST_CHARACTERS:
        raise refuse(f"has {len(url)} characters; IAM takes {MOST_CHARACTERS} at most.")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise refuse(
            "holds a space, a control character or a character outside ASCII. Write it as it stands in a token's iss."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refuse("is not a URL. An example: https://bucket.s3.eu-west-1.amazonaws.com") from None
    if not url.startswith("https://"):
        raise refuse("must begin with https:// (in lower case); AWS and Kubernetes accept nothing else.")
    if "?" in url:
        raise refuse("has a query (?…), which IAM and kube-apiserver refuse. Leave it out.")
    if "#" in url:
        raise refuse("has a fragment (#…), which IAM and kube-apiserver refuse. Leave it out.")
    if "@" in parts.netloc:
        raise refuse("holds a user name or password, which an issuer must not. Leave it out.")
    if port is not None or parts.netloc.endswith(":"):
        raise refuse(
            "has a port. IAM refuses ports and strips :443, and then the token's iss differs. Serve it on 443 and "
            "leave the port out."
        )
    if not _HOST.fullmatch(parts.netloc):
        raise refuse("has no valid host name. An example: https://bucket.s3.eu-west-1.amazonaws.com")
    if parts.path.endswith("/"):
        raise refuse(
            "ends with a slash. To AWS that is another provider than the one without, and the two are easily mixed up. "
            "Leave it out."
        )
    if not _PATH.fullmatch(parts.path) or any(part in (".", "..") for part in parts.path.split("/")):
        raise refuse(
            "has a path with an empty part, dots alone, or characters other than letters, digits and ._~-. Choose a "
            "plain path."
        )
    return Issuer(url, parts.netloc, parts.path)


def check_prefix(prefix: str) -> None:
    """Raise IrsaError unless the prefix is plain: parts of letters, digits and ._~- between single slashes."""
    if not _PREFIX.fullmatch(prefix) or any(part in (".", "..") for part in prefix.split("/")):
        raise IrsaError(
            f"The prefix {prefix!r} must be one or more names of letters, digits and ._~-, with single slashes between "
            "them and "
            "none at either end, as in 'prod' or 'clusters/prod'."
        )


def object_keys(prefix: t.Optional[str]) -> tuple[str, str]:
    """The keys of the two objects under a prefix: JWKS, then discovery document."""
    start = f"{prefix}/" if prefix else ""
    return start + JWKS_PATH, start + DISCOVERY_PATH


def provider_arn(partition: str, account_id: str, host_path: str) -> str:
    """The ARN that IAM gives to the provider of an issuer. It is case-sensitive, and never has to be searched for."""
    return f"arn:{partition}:iam::{account_id}:oidc-provider/{host_path}"
