# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module irsa_node does on a node, by the names that its option operation has.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import time
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import (
    inspection,
    key_datastore,
    key_reading,
    key_staging,
    legacy_secrets,
    observation,
    openssl,
    session,
    token_use,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.kubectl import Kubectl
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step import Node, Walker
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.step_request import Step

Options = t.Mapping[str, t.Any]
Json = dict[str, t.Any]


def _inspect(options: Options) -> Json:
    return inspection.inspect(
        options["paths"],
        options["folders"],
        options["patches"],
        public_keys=options["public_keys"],
        services=options["services"],
    )


def _configuration(options: Options) -> Json:
    return inspection.configuration(
        options["paths"], options["folders"], endings=options["endings"], version_command=options["version_command"]
    )


def _kubectl(options: Options) -> Kubectl:
    return Kubectl.found(options["kubectl"], options["kubeconfigs"])


def _observe(options: Options) -> Json:
    kubectl = _kubectl(options)
    return observation.observe(kubectl, options["server"] or observation.own_server(kubectl))


def _step(options: Options) -> Json:
    kubectl = _kubectl(options)
    return session.run(lambda: Walker(Step.of(options["step"], options["private_key"]), Node(kubectl)).take())


def _keys(options: Options) -> Json:
    faults: list[str] = []
    kubectl = _kubectl(options)
    server = options["server"] or observation.own_server(kubectl)
    return {
        "files": key_reading.key_files(options["paths"], faults),
        "digests": key_reading.digests(options["private_paths"], faults),
        "staged": key_reading.staged(options["key_folder"], faults),
        "left": key_datastore.left(options["key_folder"]),
        **token_use.token_use(kubectl, server, faults=faults),
        "has_openssl": openssl.is_there(),
        "now": time.time(),
        "faults": faults,
    }


def _token_pods(options: Options) -> Json:
    kubectl = _kubectl(options)
    return token_use.token_pods(kubectl, options["server"] or observation.own_server(kubectl), options["audiences"])


def _make_key(options: Options) -> Json:
    folder, like = options["key_folder"], options["like"]
    if options["private_key"] is None:
        size, curve = options["key_size"], options["key_curve"]
        return key_staging.make(folder, key_type=options["key_type"], size=size, curve=curve, like=like)
    public_key, kid = options["public_key"], options["kid"]
    if not kid:
        raise IrsaError("public_key and kid of private_key are missing.")
    return key_staging.install(folder, options["private_key"], public_key=public_key, kid=kid, like=like)


def _private_key(options: Options) -> Json:
    return key_staging.sealed(options["path"], options["pad"])


def _remake_tokens(options: Options) -> Json:
    kubectl = _kubectl(options)
    return legacy_secrets.remake(kubectl, options["server"] or observation.own_server(kubectl), options["secrets"])


def _remove_keys(options: Options) -> Json:
    return key_staging.remove(options["key_folder"], options["paths"])


def _retire_keys(options: Options) -> Json:
    return key_staging.retire(options["key_folder"], options["paths"])


_FUNCTIONS: dict[str, t.Callable[[Options], Json]] = {
    "inspect": _inspect,
    "configuration": _configuration,
    "observe": _observe,
    "step": _step,
    "keys": _keys,
    "token_pods": _token_pods,
    "make_key": _make_key,
    "private_key": _private_key,
    "remake_tokens": _remake_tokens,
    "remove_keys": _remove_keys,
    "retire_keys": _retire_keys,
}

NAMES = tuple(_FUNCTIONS)

# Operations that write, and where each says whether it did.
_WRITTEN: dict[str, t.Callable[[Json], bool]] = {
    "step": lambda found: True,
    "make_key": lambda found: bool(found["made"]),
    "remake_tokens": lambda found: bool(found["secrets"]),
    "remove_keys": lambda found: bool(found["removed"]),
    "retire_keys": lambda found: bool(found["retired"]),
}
CHANGING = frozenset(_WRITTEN)


def done(options: Options) -> tuple[bool, Json]:
    """Do what a task asks for; return whether something was written, and what was found. Raises IrsaError."""
    operation = options["operation"]
    found = _FUNCTIONS[operation](options)
    return operation in CHANGING and _WRITTEN[operation](found), found
