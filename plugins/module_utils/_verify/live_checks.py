# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks that need a cluster to answer, in their order: before the provider its API servers, after it its pods."""

from __future__ import annotations

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import (
    account_checks,
    agreement_checks,
    apiserver_checks,
    injection_checks,
    legacy_token_checks,
    webhook_checks,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.context import Context
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.live_cluster import LiveCluster
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.provider_checks import FoundProvider

SERVER_IDS = (
    apiserver_checks.ISSUER,
    agreement_checks.ID,
    apiserver_checks.SIGNER,
    apiserver_checks.AUDIENCE,
    legacy_token_checks.ID,
)
POD_IDS = (account_checks.ANNOTATION, *webhook_checks.IDS, injection_checks.ID, account_checks.PODS)


def check_servers(context: Context, cluster: LiveCluster) -> None:
    """Check the API servers, and report under ``SERVER_IDS``."""
    apiserver_checks.check_issuer_flags(context, cluster)
    agreement_checks.check_agreement(context, cluster)
    apiserver_checks.check_signer(context, cluster)
    apiserver_checks.check_audience(context, cluster)
    legacy_token_checks.check_legacy_tokens(context, cluster)


def check_pods(context: Context, cluster: LiveCluster, provider: FoundProvider) -> None:
    """Check service accounts, injection and pods, and report under ``POD_IDS``."""
    account_checks.check_annotations(context, cluster, provider)
    because = webhook_checks.check_webhooks(context, cluster)
    injection_checks.check_injection(context, cluster, because=because)
    account_checks.check_pods(context, cluster, broken=because)
