# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names by which pods get AWS credentials: those of the EKS pod identity webhook, which SDKs and charts know, and
those of this collection's policies.

https://github.com/aws/amazon-eks-pod-identity-webhook
"""

from __future__ import annotations

# Annotations of a service account.
ROLE_ARN = "eks.amazonaws.com/role-arn"
AUDIENCE = "eks.amazonaws.com/audience"
# Annotation of a pod: containers to leave alone, separated by commas.
SKIP_CONTAINERS = "eks.amazonaws.com/skip-containers"
# Label of a pod to leave alone, whatever its value.
SKIP_POD = "eks.amazonaws.com/skip-pod-identity-webhook"

VOLUME = "aws-iam-token"
ROLE_VARIABLE = "AWS_ROLE_ARN"
TOKEN_FILE_VARIABLE = "AWS_WEB_IDENTITY_TOKEN_FILE"

# Our policies, and the label of the service accounts that they look at. The domain is reserved (RFC 2606) until the
# collection has one.
DOMAIN = "irsa.selfhosted.example"
INJECT_LABEL = f"{DOMAIN}/inject"
INJECT_VALUE = "true"
# Label of a pod that only the policy, or only the webhook, may give credentials: to prove one beside the other.
ONLY_LABEL = f"{DOMAIN}/only"
ONLY_POLICY, ONLY_WEBHOOK = "policy", "webhook"
INJECT_POLICY, LABEL_POLICY = "irsa-inject", "irsa-label"
# The role of the service accounts that the policies are proved with. Its AWS account does not exist.
PROOF_ROLE = "arn:aws:iam::000000000000:role/irsa-proof"
