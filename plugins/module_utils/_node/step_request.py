# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One step as the controller asks for it.

Runs on control-plane nodes: the standard library of Python 3.9 must be enough.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._node import key_datastore, key_install, private_file
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.node_files import Replacement
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.service import ServiceOptions


@dataclasses.dataclass(frozen=True)
class Manager:
    """What is changed of kube-controller-manager: its manifest, and the arguments and annotations that its pod must
    have then.
    """

    pod: str
    arguments: t.Sequence[str]
    file: Replacement
    annotations: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any]) -> Manager:
        """Return one from a task's arguments."""
        file = Replacement.of(options["file"])
        return cls(options["pod"], options["arguments"], file, options.get("annotations") or {})


@dataclasses.dataclass(frozen=True)
class Step:
    """What is written, and what must be true afterwards.

    ``pod`` is the name of the API server's mirror pod, ``server`` its URL, and ``servers`` the URLs of all API servers
    of the cluster. If a service starts it, ``service`` is its unit, and ``arguments`` are those about service accounts.
    Its mirror pod must have the ``annotations``, by which it restarts though no argument changes. Its JWKS must have
    the keys ``kids``, and none of ``retired_kids``. ``key`` is installed under a name of its own, ``private`` replaces
    a file, and ``datastore`` the keys of the whole cluster. If it ``takes_keys``, it restarts for these.
    ``configuration`` is text before and after of kubeadm's ClusterConfiguration.
    """

    pod: str
    server: str
    servers: t.Sequence[str]
    restarts: bool
    arguments: t.Sequence[str]
    issuer: str
    kids: t.Sequence[str] = ()
    retired_kids: t.Sequence[str] = ()
    signing_kid: str | None = None
    annotations: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    files: t.Sequence[Replacement] = ()
    key: key_install.KeyFiles | None = None
    private: private_file.PrivateFile | None = None
    datastore: key_datastore.DatastoreKeys | None = None
    service: ServiceOptions | None = None
    manager: Manager | None = None
    takes_keys: bool = False
    configuration: t.Mapping[str, str] | None = None
    timeout: float = 300
    rollback: bool = True

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any], private_key: str | None = None) -> Step:
        """Return one from a task's arguments."""
        names = [field.name for field in dataclasses.fields(cls)]
        given = {name: options[name] for name in names if options.get(name) is not None}
        given["files"] = [Replacement.of(each) for each in options.get("files") or []]
        if options.get("service"):
            given["service"] = ServiceOptions(**options["service"])
        if options.get("manager"):
            given["manager"] = Manager.of(options["manager"])
        if options.get("key"):
            given["key"] = key_install.KeyFiles(content=private_key, **options["key"])
        if options.get("private"):
            given["private"] = private_file.PrivateFile(content=private_key, **options["private"])
        if options.get("datastore"):
            given["datastore"] = key_datastore.DatastoreKeys(content=private_key, **options["datastore"])
        return cls(**given)
