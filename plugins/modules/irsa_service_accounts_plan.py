#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_service_accounts_plan
short_description: Plan what gives service accounts their IAM roles
version_added: 0.1.0
description:
  - This module is private to role P(selfhosted.irsa.irsa_service_accounts#role) and may change at any time.
  - It reads the roles and the service accounts, and returns what is to be done with M(amazon.aws.iam_role),
    M(amazon.aws.iam_policy) and M(kubernetes.core.k8s). It changes nothing.
  - In check mode, those modules cannot plan for a role or a namespace that does not exist yet. So this module then
    reports their changes, and returns nothing to be done.
options:
  accounts:
    description:
      - The service accounts, as in O(selfhosted.irsa.irsa_service_accounts#role:main:irsa_service_accounts_list).
    type: list
    elements: dict
    default: []
  provider_arn:
    description: ARN of the OIDC provider that the roles trust.
    type: str
  cluster:
    description: Name of the cluster, with which default names of roles begin.
    type: str
  kubeconfig:
    description: Path of a kubeconfig.
    type: path
  kube_context:
    description: Context of the kubeconfig to use.
    type: str
  manifests_path:
    description: Path of a folder for manifests. If set, no cluster is asked.
    type: path
  issuer_audiences:
    description: The variable C(irsa_issuer_audiences), the first of which is for service accounts whose item has none.
    type: list
    elements: str
  annotation_prefix:
    description: Domain in front of the annotations.
    type: str
    default: eks.amazonaws.com
  create_namespaces:
    description: Whether missing namespaces are created.
    type: bool
    default: false
  force_conflicts:
    description: Whether annotations that others have set to other values are overwritten.
    type: bool
    default: false
  trust_policy_limit:
    description: Number of characters that a trust policy may have.
    type: int
    default: 2048
extends_documentation_fragment:
  - selfhosted.irsa._aws
  - selfhosted.irsa._attributes
  - selfhosted.irsa._attributes.aws
requirements:
  - kubernetes, with O(kubeconfig)
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Plan the role of a service account
  selfhosted.irsa.irsa_service_accounts_plan:
    accounts:
      - namespace: backup
        name: velero
        role_name: velero
    provider_arn: "{{ irsa_issuer_result.provider_arn }}"
    kubeconfig: /home/me/.kube/config
  register: plan
"""

RETURN = r"""
accounts:
  description: The result of the role, one item for each service account.
  returned: success
  type: list
  elements: dict
  sample:
    - namespace: backup
      name: velero
      state: present
      audience: sts.amazonaws.com
      role_name: velero
      role_arn: arn:aws:iam::123456789012:role/velero
      changed: true
      actions: ["iam:CreateRole", "k8s:apply ServiceAccount/backup/velero"]
      warnings: []
without_accounts:
  description: What changes although the list is empty, which is the file with the manifests.
  returned: success
  type: dict
  sample: {"changed": false, "actions": []}
roles:
  description: Roles to create or change, as options of M(amazon.aws.iam_role). Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
inline_policies:
  description: Inline policies to write, as options of M(amazon.aws.iam_policy). Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
documents:
  description: Objects to apply to the cluster. Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
server:
  description:
    - The API server that was asked, as options of M(kubernetes.core.k8s); null if none was. The current context of the
      kubeconfig may be another one by the time of the write.
  returned: success
  type: dict
  sample: {"host": "https://10.0.0.10:6443", "context": "prod"}
former_roles:
  description: Roles that no service account of the list has any more, to change or delete. Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample: []
manifest:
  description: The file to write with its text; null if it is as desired, and in check mode.
  returned: success
  type: dict
  sample: null
actions:
  description: Writes that the plan consists of.
  returned: always
  type: list
  elements: str
  sample: ["iam:CreateRole", "k8s:apply ServiceAccount/backup/velero"]
permissions:
  description: IAM actions that reading the roles needs.
  returned: success
  type: list
  elements: str
  sample: ["iam:GetRole"]
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._accounts import plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.aws_module import (
    aws_module,
    aws_of,
    boto3_library,
    spec_from,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule

# For each request, in seconds. An API server that needs longer has other troubles.
_REQUEST_TIMEOUT = 15.0


def main() -> None:
    module = aws_module(
        dict(
            accounts=dict(type="list", elements="dict", default=[]),
            provider_arn=dict(type="str"),
            cluster=dict(type="str"),
            kubeconfig=dict(type="path"),
            kube_context=dict(type="str"),
            manifests_path=dict(type="path"),
            issuer_audiences=dict(type="list", elements="str"),
            annotation_prefix=dict(type="str", default="eks.amazonaws.com"),
            create_namespaces=dict(type="bool", default=False),
            force_conflicts=dict(type="bool", default=False),
            trust_policy_limit=dict(type="int", default=2048),
        ),
        needs_boto3=False,
    )
    conclude(module, lambda: _run(module))


def _run(module: AnsibleAWSModule) -> dict[str, t.Any]:
    settings = spec_from(plan.Settings, module.params)
    accounts = plan.accounts_for(module.params["accounts"], settings)
    asks_cluster = bool(accounts) and not settings.manifests_path
    _require_libraries(module, for_aws=any(account.role_name for account in accounts), for_cluster=asks_cluster)
    aws = aws_of(module)
    api = _api_server(module) if asks_cluster else None
    planned = plan.Planner(aws, api, settings).plan(accounts, check_mode=module.check_mode)
    planned["server"] = {"host": api.url, "context": api.context} if api else None
    # What is masked in a result would be masked in what is written, too.
    if t.cast(MaskedModule, module).masked(planned) != planned:
        raise IrsaError(
            "The list of service accounts has something that looks like a private key or a credential, such as a long "
            "text of random characters, which this role does not pass on. Nothing was changed."
        )
    changed = bool(planned["actions"]) and module.check_mode
    return {
        **planned,
        "changed": changed,
        "diff": planned["diff"] if changed else [],
        "permissions": sorted(aws.permissions),
    }


def _require_libraries(module: AnsibleAWSModule, *, for_aws: bool, for_cluster: bool) -> None:
    libraries = boto3_library() if for_aws else {}
    if for_cluster:
        # It takes longer to import than everything else.
        from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server  # noqa: PLC0415

        libraries[api_server.KUBERNETES_REQUIREMENT] = api_server.KUBERNETES_IMPORT_ERROR
    require(module, libraries)


def _api_server(module: AnsibleAWSModule) -> t.Any:
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server  # noqa: PLC0415

    return api_server.ApiServer(module.params["kubeconfig"], _REQUEST_TIMEOUT, module.params["kube_context"])


if __name__ == "__main__":
    main()
