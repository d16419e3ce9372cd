# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real kubeadm without a node: it renders manifests in a mount namespace with a folder of the test for /etc."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from endpoint import setting

_PATCHES_DIR = "/etc/kubernetes/patches"
_PHASES = {"kube-apiserver": "apiserver", "kube-controller-manager": "controller-manager"}


@dataclass(frozen=True)
class Kubeadm:
    """A kubeadm, and the folder that is /etc while it runs."""

    program: Path
    etc: Path

    @property
    def version(self) -> str:
        return subprocess.run(
            [self.program, "version", "--output=short"], check=True, capture_output=True, text=True
        ).stdout.strip()

    def render(self, configuration: str, patches: Mapping[str, bytes], target: str = "kube-apiserver") -> bytes:
        """The manifest that it writes, given ClusterConfiguration and the files in its folder of patches."""
        shutil.rmtree(self.etc, ignore_errors=True)
        folder = self.etc / _PATCHES_DIR.removeprefix("/etc/")
        folder.mkdir(parents=True)
        for name, content in patches.items():
            (folder / name).write_bytes(content)
        version = "v1beta3" if "v1beta3" in configuration else "v1beta4"
        (self.etc / "kubeadm.yaml").write_text(
            f"apiVersion: kubeadm.k8s.io/{version}\nkind: InitConfiguration\n"
            f"localAPIEndpoint: {{advertiseAddress: 192.0.2.1}}\npatches: {{directory: {_PATCHES_DIR}}}\n"
            f"---\n{configuration}",
            encoding="utf-8",
        )
        command = f'mount --bind "{self.etc}" /etc && exec "$0" "$@"'
        phase = ["init", "phase", "control-plane", _PHASES[target], "--config=/etc/kubeadm.yaml"]
        unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        ended = subprocess.run(
            [*unshare, "sh", "-c", command, str(self.program), *phase], check=False, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return (self.etc / "kubernetes" / "manifests" / f"{target}.yaml").read_bytes()


def kubeadm(variable: str, purpose: str, folder: Path) -> Kubeadm:
    """The kubeadm that a variable of the environment names; skips the test without one, or without namespaces."""
    program = Path(setting(variable, purpose))
    if shutil.which("unshare") is None:
        pytest.skip("install unshare (util-linux): kubeadm runs in a mount namespace")
    return Kubeadm(program, folder / "etc")
