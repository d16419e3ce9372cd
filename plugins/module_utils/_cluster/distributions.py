# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The distributions whose API servers are started by a service, by their values of irsa_apiserver_distribution."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Distribution
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.k0s import K0s
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.microk8s import MicroK8s
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher import K3s, Rke2

WITH_SERVICE: t.Mapping[str, Distribution] = {each.name: each for each in (K3s(), Rke2(), K0s(), MicroK8s())}
