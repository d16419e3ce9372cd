# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server itself says about its issuer and its keys."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.option_names import called
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_sets

if t.TYPE_CHECKING:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.api_server import ApiServer


class Cluster(t.NamedTuple):
    """An API server's issuer and keys. None means not given, or unknown; ``unknown`` has the reasons by check id.

    ``api`` is the server if it can be asked for more; one that gives no answer at all cannot, as each question would
    wait in vain.
    """

    issuer: str | None
    keys: t.Sequence[jwk.Jwk] | None
    unknown: t.Mapping[str, str] = {}
    api: ApiServer | None = None


def given_cluster(issuer: str | None, jwks: t.Any) -> Cluster:
    """Return a cluster as the caller knows it: an issuer, and a JWKS. Raises IrsaError for an invalid JWKS."""
    if jwks is None:
        return Cluster(issuer, None)
    name = called("cluster_jwks")
    given = list(key_sets.of_option(name, jwks))
    if not given:
        raise IrsaError(f"{name} cannot be used: it is empty.")
    return Cluster(issuer, [key for _source, keys in given for key in keys])


def fetch_cluster(server: ApiServer) -> Cluster:
    """Ask the API server for its issuer and keys, as far as it answers."""
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import (  # noqa: PLC0415
        key_sets as served,
    )

    issuer, keys = None, None
    unknown, answers = {}, False
    try:
        issuer = served.issuer_of(server)
    except IrsaError as failure:
        unknown["cluster-issuer"] = f"The cluster's issuer is unknown: {failure}"
        answers = _is_answer(failure)
    try:
        keys = served.keys_of(server)
    except IrsaError as failure:
        unknown["cluster-keys"] = f"The cluster's keys are unknown: {failure}"
        answers = answers or _is_answer(failure)
    answers = answers or issuer is not None or keys is not None
    return Cluster(issuer, keys, unknown, server if answers else None)


def _is_answer(failure: IrsaError) -> bool:
    """Whether a server answered, if only with a refusal."""
    return getattr(failure, "status", None) is not None
