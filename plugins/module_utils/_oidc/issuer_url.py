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
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_mistakes import (
    is_document_path,
    mistake_in,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._web.internal_hosts import (
    internal_reason,
    internal_reason_of,
)

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

_EXAMPLE = "An example is https://bucket.s3.eu-west-1.amazonaws.com."


def usual_audience(audiences: t.Iterable[str] | None) -> str:
    """Return the audience of service accounts without one of their own: the first that the provider is to accept."""
    return next(iter(audiences or ()), DEFAULT_AUDIENCE)


def logins_in(url: str | None) -> set[str]:
    """Return the user names and passwords in a URL, which no output may repeat; an issuer with one is refused."""
    return {login[:-1] for login in _LOGIN.findall(url or "") if len(login) > 1}


class IssuerRefused(IrsaError):
    """An issuer that AWS or Kubernetes would refuse or could not use: what is wrong with it and, where that is more
    than a matter of form, the cause and the remedy.
    """

    def __init__(self, seen: str, cause: str | None = None, remedy: str | None = None) -> None:
        super().__init__(" ".join(text for text in (seen, cause, remedy) if text))
        self.seen = seen
        self.cause = cause
        self.remedy = remedy


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
    """Check an issuer URL and take it apart. Raises IssuerRefused that says what is wrong and what would be right.

    The rules are those of IAM
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html) and of kube-apiserver's
    --service-account-issuer. AWS and Kubernetes compare the URL byte for byte, so it is never changed here. Whether AWS
    can reach the host is another question, which ``check_public`` answers.
    """
    refuse_mistake(url)
    return parse_registered(url)


def refuse_mistake(url: str) -> None:
    """Raise IssuerRefused for what is not an issuer but, for example, the address of its discovery document."""
    mistake = mistake_in(url)
    if mistake is not None:
        raise IssuerRefused(
            f"The issuer {_named(url)} {mistake.what}, not an issuer.",
            f"An issuer is the URL to which relying parties append /{DISCOVERY_PATH}.",
            f"Here the issuer is {mistake.issuer}. Give it exactly as tokens have it in iss.",
        )


def parse_registered(url: str) -> Issuer:
    """Check an issuer URL as ``parse`` does, but accept the address of a document: IAM does, and then such a provider
    must be found and removed. Raises IssuerRefused.
    """
    parts = _split(url)
    for is_broken, reason in _RULES:
        if is_broken(parts):
            raise _refused(url, reason)
    return Issuer(url, parts.netloc, parts.path)


def check_public(issuer: Issuer) -> None:
    """Raise IssuerRefused for a host that is internal by the form of its name or address."""
    reason = internal_reason(issuer.host)
    if reason is not None:
        raise IssuerRefused(
            f"The issuer {quoted(issuer.url)} is internal, and AWS can never reach it: {reason}.",
            "AWS fetches an issuer's documents over the internet. Most distributions of Kubernetes have an internal "
            "issuer by default.",
            "The API server needs another --service-account-issuer: a public URL, such as that of a bucket, for which "
            "role irsa_issuer makes everything.",
        )


def warnings_of(url: str) -> list[str]:
    """Return a warning for an issuer that AWS cannot reach, for those who do not know who is to trust it: a store such
    as Ceph may be in the same private network.
    """
    try:
        check_public(parse_registered(url))
    except IssuerRefused as refused:
        return [str(refused)]
    return []


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


def _refused(url: str, reason: str) -> IssuerRefused:
    """Return the error. What is internal, too, says so: another form of it would be of no use."""
    internal = internal_reason_of(url)
    also = f" Besides, it is internal, and AWS can never reach it: {internal}." if internal else ""
    return IssuerRefused(f"The issuer {_named(url)} {reason}{also}")


def _named(url: str) -> str:
    return quoted(_LOGIN.sub("…@", url))


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
    if is_document_path(prefix):
        raise IrsaError(
            f"The prefix {quoted(prefix)} is the path of a document, and documents are published under the prefix. "
            "Leave out the name of the document."
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
