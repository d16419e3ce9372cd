# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users with the rights that the README of role irsa_injection names, for whom service accounts stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from admission import Client
from control_plane import ApiServer
from pod_shapes import Object

USERS = "users"
_README = Path(__file__).resolve().parents[2] / "roles" / "irsa_injection" / "README.md"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def documented_rights(*, with_webhook: bool = False) -> list[Object]:
    """The roles of the first block below Permissions, and of the second one."""
    section = _README.read_text(encoding="utf-8").partition("## Permissions")[2].partition("\n## ")[0]
    policies, webhook = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    return list(yaml.safe_load_all(policies + ("---\n" + webhook if with_webhook else "")))


def bind(client: Client, role: Object, user: str) -> None:
    """Create a role, and bind it to a user."""
    namespace, name = role["metadata"].get("namespace"), role["metadata"]["name"]
    folder, prefix = (f"{_RBAC}/namespaces/{namespace}", "") if namespace else (_RBAC, "cluster")
    client.must("POST", f"{folder}/{prefix}roles", role)
    binding = {
        "metadata": {"name": f"{user}-{name}"},
        "subjects": [{"kind": "ServiceAccount", "name": user, "namespace": USERS}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"], "name": name},
    }
    client.must("POST", f"{folder}/{prefix}rolebindings", binding)


def write_kubeconfig_of(server: ApiServer, user: str, path: Path) -> None:
    server.write_kubeconfig(path)
    config = json.loads(path.read_text(encoding="utf-8"))
    config["users"][0]["user"]["token"] = server.token(USERS, user, "https://issuer.example.com")
    path.write_text(json.dumps(config), encoding="utf-8")
