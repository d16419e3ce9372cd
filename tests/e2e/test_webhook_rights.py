# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may install the EKS pod identity webhook, and in which clusters it is taken.

The oldest Kubernetes is tried that a current API server can stand for. The pods need nodes, so the role only plans.
"""

from __future__ import annotations

from pathlib import Path

from admission import Client
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection import webhook_documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._injection.webhook_settings import WebhookSettings
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.kinds import path_of, title_of
from control_plane import NewApiServer, signing_flags
from runs import Ansible
from users import bind, documented_rights, write_kubeconfig_of


def test_an_older_api_server_gets_it_from_a_user_with_the_documented_rights(
    new_api_server: NewApiServer, tmp_path: Path
) -> None:
    namespace, *workload = webhook_documents.workload(Settings(), WebhookSettings())
    configuration = webhook_documents.configuration(Settings(), WebhookSettings(), None)
    with new_api_server(*signing_flags(tmp_path), "--emulated-version=1.34") as older:
        client = Client(older)
        client.add_namespace("default")
        client.apply(path_of(namespace), namespace)
        for document in documented_rights(with_webhook=True):
            bind(client, document, "installer")
        write_kubeconfig_of(older, "installer", tmp_path / "kubeconfig")
        planned = Ansible(tmp_path).injection("--check", region="eu-west-1", guard="deny")
        for document in [*workload, configuration]:
            client.apply(path_of(document), document)
    assert planned.result["method"] == "webhook" and planned.result["certificates"]["kind"] == "own"
    assert {f"k8s:apply {title_of(each)}" for each in [*workload, configuration]} <= set(planned.result["actions"])
    assert not [each for each in planned.result["actions"] if "MutatingAdmissionPolicy" in each]
