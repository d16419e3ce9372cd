# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of stand-in servers with the programs that the environment names."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from endpoint import setting
from stand_in import cluster


@contextlib.contextmanager
def stand_in_cluster(distribution: str, count: int, folder: Path) -> Iterator[cluster.Cluster]:
    """A running cluster; skips the test where there cannot be one, and says why."""
    assets = Path(setting("KUBEBUILDER_ASSETS", "a folder with etcd and kube-apiserver"))
    kubectl = Path(setting("IRSA_E2E_KUBECTL", "a kubectl"))
    if platform.system() != "Linux" or os.geteuid() != 0:
        pytest.skip("run as root on Linux: stand-in servers are namespaces")
    if lacks := cluster.missing():
        pytest.skip(f"{lacks}: stand-in servers are namespaces")
    programs = {name: assets / name for name in ("etcd", "kube-apiserver")}
    programs |= {"kubectl": kubectl, "python": Path(os.environ.get("IRSA_E2E_NODE_PYTHON", sys.executable))}
    with cluster.running(distribution, count, folder, programs=programs) as running:
        yield running
