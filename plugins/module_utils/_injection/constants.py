# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What injection uses in a cluster besides the names in _kubernetes.names, and its defaults.

The defaults are those of the EKS pod identity webhook: https://github.com/aws/amazon-eks-pod-identity-webhook
"""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._kubernetes.names import DOMAIN

# A namespace with this label is guarded. Its value is warn or deny.
GUARD_LABEL = f"{DOMAIN}/guard"
GUARD_POLICY = "irsa-guard"
NAMESPACE_GUARD_POLICY = "irsa-guard-namespace"

ANNOTATION_PREFIX = "eks.amazonaws.com"
TOKEN_FILE = "token"
MOUNT_PATH = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
EXPIRATION = 86400
# The API server refuses less.
MIN_EXPIRATION = 600
# Where the webhook serves metrics.
METRICS_PORT = 9999
