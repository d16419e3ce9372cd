# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan for API servers as data for the tasks that carry it out, and the results that they build up."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm, service
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    PRESENT,
    RETIRE_KEY,
    FileWrite,
    Plan,
    Server,
    Step,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault, IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.ledger import as_text
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import printable
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._apiserver_reading import (
    API_SERVER,
    ClusterReading,
    issuers_of,
)

# By what module kubeadm's plan calls them.
_KEPT_IN = {"cluster_configuration": "ConfigMap kube-system/kubeadm-config"}
_MANAGER = "kube-controller-manager"
_CONFIGURATION = "k8s:replace ConfigMap/kubeadm-config"

Json = dict[str, t.Any]


def check_issuers(options: t.Mapping[str, t.Any]) -> None:
    """Raise IrsaError for an issuer that is none. One that was accepted once can always be removed."""
    if options["state"] == PRESENT:
        issuer_url.parse(options["issuer"])
        for issuer in (*options["former_issuers"], *options["accepted_issuers"]):
            issuer_url.refuse_mistake(issuer)


def issuer_warnings(options: t.Mapping[str, t.Any]) -> list[str]:
    """Return a warning if AWS cannot reach the issuer with which the API servers are to sign."""
    return issuer_url.warnings_of(options["issuer"]) if options["state"] == PRESENT else []


def own_key(
    server: Server, distribution: Distribution | None, *, kid: str, public_key: str | None, source: str | None = None
) -> Json:
    """Return where a key of our own goes on a server; ``distribution`` is None for kubeadm. ``source`` is the file that
    it comes from if the step does not bring it along, None for the place where it goes. Raises IrsaError.
    """
    like: str | None = None
    try:
        if distribution is None:
            paths = kubeadm.own_key_paths(server.manifest or b"", kid)
        else:
            paths, like = service.own_key_paths(server, distribution, kid)
    except Fault as fault:
        raise IrsaError(f"The configuration of {server.name} cannot be used: {fault}.") from None
    return {
        "private_path": paths.private,
        "public_path": paths.public,
        "public_key": public_key,
        "source": source or paths.private,
        "like": like,
    }


def steps_data(steps: t.Iterable[Step], reading: ClusterReading, keys: t.Mapping[str, Json | None]) -> list[Json]:
    """Return the steps as data: what module irsa_node is given, and what a task shows of it.

    ``keys`` says for each server which files of the issuer's own key a step installs if they are missing.
    """
    missing = {name: _missing(name, key, reading) for name, key in keys.items()}
    # The first step of a server installs them.
    return [_step_data(step, reading, keys[step.server], new=missing.pop(step.server, [])) for step in steps]


def _missing(server: str, key: Json | None, reading: ClusterReading) -> list[str]:
    """Return the files of a key that are not on a server yet."""
    files = (key["private_path"], key["public_path"]) if key else ()
    return [file for file in files if file not in reading.key_files(server)]


def _step_data(step: Step, reading: ClusterReading, key: Json | None, *, new: list[str]) -> Json:
    host = reading.host(step.server)
    distribution = WITH_SERVICE.get(host["distribution"])
    return {
        "host": host["host"],
        "server": step.server,
        "access": host["access"],
        "phase": step.phase,
        "title": f"{step.server}: {step.phase.replace('_', ' ')}",
        "issuers": list(step.issuers),
        "actions": [*(f"{step.server}:write {file}" for file in new), *_actions(step, distribution)],
        "paths": [*new, *_private_paths(step), *(file.path for file in step.writes)],
        "needs_key": step.private is not None or bool(new) or bool(step.datastore and step.datastore.needs_key),
        "diff": _diff(step),
        "node": {
            "pod": reading.pod(step.server),
            "server": f"https://{host['address']}",
            "servers": reading.servers,
            "restarts": step.restarts,
            "arguments": list(step.arguments),
            "issuer": step.issuers[0],
            "kids": sorted(step.kids),
            "retired_kids": sorted(step.retired_kids),
            "signing_kid": step.signing_kid,
            "private": dataclasses.asdict(step.private) if step.private else None,
            "files": [_file(each, hides=distribution is not None) for each in step.files],
            "annotations": dict(step.annotations),
            "key": key,
            "datastore": _datastore(step),
            "takes_keys": step.takes_keys,
            "service": {"unit": distribution.unit, "restart": list(distribution.restart)} if distribution else None,
            "manager": _manager(step, reading),
            "configuration": dict(zip(("before", "after"), step.configuration, strict=True))
            if step.configuration
            else None,
        },
    }


def _datastore(step: Step) -> Json | None:
    found = dataclasses.asdict(step.datastore) if step.datastore else None
    return found and {name: value for name, value in found.items() if name != "needs_key"}


def _manager(step: Step, reading: ClusterReading) -> Json | None:
    if step.manager is None:
        return None
    pod = f"{_MANAGER}-{reading.pod(step.server).removeprefix(f'{API_SERVER}-')}"
    return {
        "pod": pod,
        "arguments": list(step.manager.arguments),
        "annotations": dict(step.manager.annotations),
        "file": _file(step.manager.file, hides=False),
    }


def _file(file: FileWrite, *, hides: bool) -> Json:
    return {
        "path": file.path,
        "content": None if file.after is None else base64.b64encode(file.after).decode(),
        "expected": None if file.before is None else hashlib.sha256(file.before).hexdigest(),
        "mode": file.mode,
        "hides": hides,
    }


def _actions(step: Step, distribution: Distribution | None) -> list[str]:
    actions = [f"{step.server}:write {path}" for path in _private_paths(step)]
    actions += [_write(step, file) for file in step.files]
    if step.datastore:
        program, *words = step.datastore.command
        actions.append(f"{step.server}:run {posixpath.basename(program)} {' '.join(words[:2])}")
    if step.restarts:
        actions.append(f"{step.server}:restart {distribution.unit if distribution else API_SERVER}")
    if step.manager:
        actions += [_write(step, step.manager.file), f"{step.server}:restart {_MANAGER}"]
    return actions + ([_CONFIGURATION] if step.configuration else [])


def _private_paths(step: Step) -> list[str]:
    """Return the files of private keys that a step writes: where the former one is kept, and the new one."""
    kept = [step.datastore.archive] if step.datastore and step.datastore.archive else []
    return [*kept, *([step.private.archive, step.private.path] if step.private else [])]


def _write(step: Step, file: FileWrite) -> str:
    return f"{step.server}:{'remove' if file.after is None else 'write'} {file.path}"


def _diff(step: Step) -> list[Json]:
    parts = [(f"{step.server}:{file.path}", _text(file.before), _text(file.after)) for file in step.writes]
    if step.configuration:
        parts.append(("ConfigMap kube-system/kubeadm-config: ClusterConfiguration", *step.configuration))
    return [
        {
            "before_header": printable(header),
            "after_header": printable(header),
            "before": as_text(before),
            "after": as_text(after),
        }
        for header, before, after in parts
    ]


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")


def first_results(
    servers: t.Iterable[Server], plan: Plan | None, *, reading: ClusterReading, observed: t.Mapping[str, Json]
) -> Json:
    """Return the result of each server before any step: what it does, and what the plan says of it."""
    of_plan = {
        "persisted_in": _KEPT_IN.get(plan.method, plan.method) if plan else None,
        "next": list(plan.next) if plan else [],
        "new_node_needs": list(plan.new_node_needs) if plan else [],
        "warnings": list(plan.findings.warnings) if plan else [],
    }
    return {
        server.name: {
            "distribution": reading.distribution,
            **_read(server, observed[server.addresses[0]]),
            **of_plan,
        }
        for server in servers
    }


def _read(server: Server, observed: Json) -> Json:
    issuers, kids = issuers_of(server.running), sorted(server.kids or ())
    return {
        "managed": server.managed,
        "address": server.addresses[0],
        "issuers": {"before": issuers, "after": issuers},
        "kids": {"before": kids, "after": kids},
        "signing_kid": server.signing_kid,
        "jwks": observed["jwks"],
        "files": [],
        "restarted": False,
        "checks": [],
        "actions": [],
        "changed": False,
    }


def result_after(before: Json, step: Json, found: Json | None) -> Json:
    """Return the result of a server after a step. ``found`` is what module irsa_node returned, None in check mode."""
    proof = (found or {}).get("proof") or {}
    node = step["node"]
    kept = () if step["phase"] == RETIRE_KEY else before["kids"]["after"]
    kids = proof.get("kids") or sorted({*kept, *node["kids"]})
    return {
        **before,
        "issuers": {**before["issuers"], "after": step["issuers"]},
        "kids": {**before["kids"], "after": kids},
        "signing_kid": (proof.get("token") or {}).get("kid") or node["signing_kid"] or before["signing_kid"],
        "jwks": proof.get("jwks") or before["jwks"],
        "files": before["files"] + [{"path": path, "changed": True} for path in step["paths"]],
        "restarted": before["restarted"] or node["restarts"],
        "checks": _checks(proof) or before["checks"],
        "actions": before["actions"] + step["actions"],
        "changed": True,
    }


def _checks(proof: Json) -> list[Json]:
    """Return what was proved of a server, in the form of irsa_verify's checks."""
    if not proof:
        return []
    token = proof["token"]
    seen = {
        "arguments": proof["pod"]["seen"],
        "ready": "/readyz answers",
        "issuer": f"the discovery document has {proof['issuer']}",
        "keys": f"the JWKS has {', '.join(proof['kids'])}",
        "token": f"a token minted there has the issuer {token['iss']} and the key ID {token['kid']}",
        "reviews": f"accepted by {', '.join(token['reviews'])}",
    }
    if proof.get("manager"):
        seen["controller-manager"] = proof["manager"]["seen"]
    return [{"id": name, "status": "ok", "seen": text} for name, text in seen.items()]
