# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster, provider, token and role that irsa_verify is asked about."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._aws import role_arns
from ansible_collections.selfhosted.irsa.plugins.module_utils._aws.account_ids import check_account_id
from ansible_collections.selfhosted.irsa.plugins.module_utils._common import files
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc.issuer_url import DEFAULT_AUDIENCE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.cluster import (
    Cluster,
    fetch_cluster,
    given_cluster,
)

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer

# A token has at most 20,000 characters. A longer file does not hold one, and is not read to its end.
_MAX_BYTES = 1 << 16

Provider = t.Mapping[str, t.Any]


def parse_role_arn(arn: str) -> role_arns.RoleArn:
    """Return the parts of a role's ARN. Raises IrsaError for an invalid one."""
    parsed = role_arns.parse_role_arn(arn)
    if parsed is None:
        raise IrsaError(
            f"{called('role_arn')} is {quoted(arn)}; expected the ARN of a role, arn:aws:iam::<account ID>:role/<name>."
        )
    return parsed


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Identity:
    """What is known of cluster, provider, token and role. What is None or empty is not checked.

    ``known_provider`` (``arn``, ``client_ids``, ``thumbprints``) is the provider as an earlier step of the run left it,
    so that AWS need not be asked. The token is kept out of ``repr()``. ``mint`` has one made by the API server, and
    raises IrsaError.
    """

    cluster: t.Callable[[], Cluster] | None = None
    look_at_provider: bool = True
    known_provider: Provider | None = None
    account_id: str | None = None
    audiences: t.Sequence[str] = ()
    token: str | None = None
    mint: t.Callable[[], str] | None = None
    role_arn: str | None = None
    assume_role: bool = False

    @property
    def role(self) -> role_arns.RoleArn | None:
        """The parts of ``role_arn``."""
        return parse_role_arn(self.role_arn) if self.role_arn else None

    @property
    def needs_aws(self) -> bool:
        """Whether anything must be read from AWS."""
        return (self.look_at_provider and self.known_provider is None) or self.role_arn is not None


def identity_of(options: t.Mapping[str, t.Any], *, mask: t.Callable[[str], object] = str) -> Identity:
    """Return the identity that the options of irsa_verify describe. Reads the token file and the kubeconfig; sends no
    request.

    ``mask`` is told each token that the API server makes. Raises IrsaError for options that cannot be used.
    """
    token = options["token"] if options["token_path"] is None else _token_in(options["token_path"])
    account = options["service_account"]
    if options["assume_role"] and ((token is None and account is None) or options["role_arn"] is None):
        token_names = f"{called('token')}, {called('token_path')} or {called('service_account')}"
        raise IrsaError(f"{called('assume_role')} requires {called('role_arn')} and a token ({token_names}).")
    for name in ("account_id", "bucket_account_id"):
        if options.get(name):
            check_account_id(options[name], called(name))
    if options["role_arn"] is not None:
        parse_role_arn(options["role_arn"])
    server = _server_of(options)
    return Identity(
        cluster=_cluster_of(options, server),
        look_at_provider=options["provider"] == "auto",
        account_id=options["account_id"],
        audiences=tuple(options["audiences"]),
        token=token,
        mint=None if server is None or account is None else _mint(server, options, mask),
        role_arn=options["role_arn"],
        assume_role=options["assume_role"],
    )


# What irsa_verify checks only if it is asked to: the options that do, the most usual one first.
_ON_REQUEST: t.Mapping[str, tuple[str, ...]] = {
    "token": ("token_path", "token", "service_account"),
    "role": ("role_arn",),
    "STS": ("assume_role",),
    "cluster": ("kubeconfig", "cluster_issuer", "cluster_jwks"),
}


def not_asked(options: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return what the options of irsa_verify do not ask for, each with what the user sets to ask for it."""
    return {
        what: called(names[0]) for what, names in _ON_REQUEST.items() if not any(options.get(name) for name in names)
    }


def _server_of(options: t.Mapping[str, t.Any]) -> ApiServer | None:
    if options["kubeconfig"] is None:
        return None
    # The kubernetes library takes longer to import than everything else.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server  # noqa: PLC0415

    return api_server.ApiServer(options["kubeconfig"], options["timeout"], options["kube_context"])


def _cluster_of(options: t.Mapping[str, t.Any], server: ApiServer | None) -> t.Callable[[], Cluster] | None:
    if server is not None:
        return lambda: fetch_cluster(server)
    given = given_cluster(options["cluster_issuer"], options["cluster_jwks"])
    return None if given == Cluster(None, None) else lambda: given


def _mint(server: ApiServer, options: t.Mapping[str, t.Any], mask: t.Callable[[str], object]) -> t.Callable[[], str]:
    """Return what has the API server make a token. Raises IrsaError for a service account that cannot exist."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import tokens  # noqa: PLC0415

    account = tokens.parse_service_account(options["service_account"])
    audience = next(iter(options["audiences"]), DEFAULT_AUDIENCE)

    def mint() -> str:
        text = tokens.mint(server, account, audience).text
        mask(text)
        return text

    return mint


def _token_in(path: str) -> str:
    try:
        content = files.read_start(path, _MAX_BYTES)
    except IrsaError as error:
        raise IrsaError(f"{called('token_path')} {files.shown(path)} cannot be read: {error}") from None
    if content is None:
        raise IrsaError(f"{called('token_path')} {files.shown(path)} cannot be read: there is no such file.")
    return content.decode("utf-8", "replace")
