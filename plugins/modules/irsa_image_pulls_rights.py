#!/usr/bin/python
# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_image_pulls_rights
short_description: Let kubelets request tokens for the images that they pull
version_added: 0.1.0
description:
  - This module is private to role P(selfhosted.irsa.irsa_image_pulls#role) and may change at any time.
  - Its options are the role's variables of the same names.
options:
  kubeconfig:
    description: The variable C(irsa_kubeconfig).
    type: path
    required: true
  kube_context:
    description: The variable C(irsa_kube_context).
    type: str
  audience:
    description: The variable C(irsa_image_pulls_audience).
    type: str
    default: sts.amazonaws.com
  state:
    description: The variable C(irsa_image_pulls_state).
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - selfhosted.irsa._attributes
requirements:
  - kubernetes
author:
  - The selfhosted.irsa authors (@selfhosted)
"""

EXAMPLES = r"""
- name: Let kubelets request tokens
  selfhosted.irsa.irsa_image_pulls_rights:
    kubeconfig: /srv/prod/kubeconfig
  delegate_to: localhost
"""

RETURN = r"""
actions:
  description: Writes to the cluster, in order; in check mode, those that a run would make. If the module fails, those
    made before that.
  returned: always
  type: list
  elements: str
  sample: ["k8s:apply ClusterRole/irsa-image-pulls"]
"""

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.reconcile import ensure
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.cluster_changes import ClusterWriter
from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.document_set import Documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.base import conclude, require
from ansible_collections.selfhosted.irsa.plugins.module_utils._module.masked import MaskedModule
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.provider import rights

# For each request, in seconds. An API server that needs longer has other troubles.
_REQUEST_TIMEOUT = 15.0


def main() -> None:
    module = MaskedModule(
        argument_spec=dict(
            kubeconfig=dict(type="path", required=True),
            kube_context=dict(type="str"),
            audience=dict(type="str", default="sts.amazonaws.com"),
            state=dict(type="str", default="present", choices=["present", "absent"]),
        ),
        supports_check_mode=True,
    )
    conclude(module, lambda: _run(module))


def _run(module: MaskedModule) -> dict[str, t.Any]:
    # The kubernetes library takes longer to import than everything else.
    from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes import api_server  # noqa: PLC0415

    require(module, {api_server.KUBERNETES_REQUIREMENT: api_server.KUBERNETES_IMPORT_ERROR})
    options = module.params
    api = api_server.ApiServer(options["kubeconfig"], _REQUEST_TIMEOUT, options["kube_context"])
    documents = rights(options["audience"])
    is_present = options["state"] == "present"
    # What grants goes last when it is made, and first when it is removed.
    resource = Documents(api, desired=documents) if is_present else Documents(api, superfluous=documents[::-1])
    done = ensure(resource, ClusterWriter(api), module.check_mode)
    return {"changed": done.changed, "actions": done.actions, "diff": done.diff, "warnings": done.warnings}


if __name__ == "__main__":
    main()
