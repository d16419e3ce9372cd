# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kubespray makes of its variables about kubeadm, restated."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_content import Content, Task, writes

# The sample inventory sets the list, and users copy it:
# https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/inventory/sample/group_vars/k8s_cluster/k8s-cluster.yml
SAMPLE = "kubeadm_patches: []\n"
# https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/roles/kubernetes/control-plane/defaults/main/main.yml
_DEFAULTS: Mapping[str, object] = {"kube_kubeadm_apiserver_extra_args": {}}

# https://github.com/kubernetes-sigs/kubespray/blob/v2.31.0/roles/kubernetes/kubeadm_common/tasks/main.yml
_OWN_FILES = (
    r"^(kube-apiserver|kube-controller-manager|kube-scheduler|etcd|kubeletconfiguration)[0-9]+"
    r"\+(strategic|json|merge).yaml$"
)
_TASKS: Sequence[Task] = (
    {
        "name": "Write one file for each patch",
        "ansible.builtin.copy": {
            "content": "{{ item.patch | to_yaml }}",
            "dest": "{{ written }}/patches/{{ item.target }}{{ place }}+{{ item.type | default('strategic') }}.yaml",
        },
        "loop": "{{ kubeadm_patches }}",
        "loop_control": {"index_var": "place"},
        "register": "present",
    },
    {
        "name": "Find its own files",
        "ansible.builtin.find": {"paths": "{{ written }}/patches", "use_regex": True, "patterns": [_OWN_FILES]},
        "register": "own",
    },
    {
        "name": "Remove those that no entry stands for",
        "ansible.builtin.file": {"path": "{{ item }}", "state": "absent"},
        "loop": "{{ own.files | map(attribute='path') | difference(present.results | map(attribute='dest')) }}",
    },
    writes("arguments.json", "{{ kube_kubeadm_apiserver_extra_args | to_json }}"),
)

# The parts of its configuration of kubeadm that the tests need, in the two forms of its versions:
# https://github.com/kubernetes-sigs/kubespray/tree/v2.30.0/roles/kubernetes/control-plane/templates
_CONFIGURATION = """\
apiVersion: kubeadm.k8s.io/{version}
kind: ClusterConfiguration
certificatesDir: /etc/kubernetes/ssl
kubernetesVersion: {kubernetes}
networking: {{dnsDomain: cluster.local}}
apiServer:
  extraArgs:
"""


class Kubespray:
    """An inventory of kubespray, and what it writes on a control-plane node."""

    def __init__(self, folder: Path) -> None:
        self.content = Content(folder, _DEFAULTS)
        self.patches_dir = self.content.written / "patches"
        self.patches_dir.mkdir()
        self.set("k8s-cluster.yml", SAMPLE)

    def set(self, name: str, text: str) -> None:
        """Write a file of group variables."""
        (self.content.group_vars / name).write_text(text, encoding="utf-8")

    def run(self) -> dict[str, bytes]:
        """The patches on the node after a run."""
        self.content.play(_TASKS)
        return {file.name: file.read_bytes() for file in self.patches_dir.iterdir()}

    def obey(self, command: str) -> None:
        """Run a command of a recipe in its checkout."""
        subprocess.run(command, shell=True, cwd=self.content.folder, check=True)  # it is to be tested

    def configuration(self, version: str, kubernetes: str) -> str:
        """The configuration of kubeadm after a run, in a version of its API."""
        own = {"service-account-lookup": "True", **json.loads(self.content.text("arguments.json"))}
        form = '    - name: "{}"\n      value: "{}"\n' if version == "v1beta4" else '    {}: "{}"\n'
        lines = [form.format(name, value) for name, value in own.items()]
        return _CONFIGURATION.format(version=version, kubernetes=kubernetes) + "".join(lines)
