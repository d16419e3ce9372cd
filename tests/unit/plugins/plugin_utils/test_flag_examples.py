# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples for distributions in the README of role irsa_issuer: what they write for a result."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer import api_servers
from ansible_collections.selfhosted.irsa.plugins.module_utils._issuer.issuer_spec import IssuerSpec, SigningKey
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import issuer_url

README = (Path(__file__).parents[4] / "roles" / "irsa_issuer" / "README.md").read_text(encoding="utf-8")
ISSUER = "https://example-irsa.s3.eu-west-1.amazonaws.com/prod"
FORMER = "https://kubernetes.default.svc.cluster.local"


def example(title):
    """The YAML below a heading of the README."""
    section = README.partition(f"### {title}\n")[2].partition("\n### ")[0]
    return yaml.safe_load(re.search(r"```yaml\n(.*?)```", section, re.DOTALL)[1])


def result(**given):
    key = SigningKey(exists=True, path="/srv/sa.key", public_key_path="/srv/sa.pub")
    spec = IssuerSpec(**{"key": key, "apiserver_key_dir": "/etc/kubernetes/pki", "former_issuers": [FORMER], **given})
    issuer = issuer_url.parse(ISSUER)
    return {"issuer_host": issuer.host_path, "provider_arn": "arn", **api_servers.values(spec, issuer)}


def rendered(value, variables):
    """A value of a task or of group_vars, as Ansible resolves it."""
    templar = Templar(loader=DataLoader(), variables={name: trusted(each) for name, each in variables.items()})
    return templar.template(trusted(value))


def trusted(value):
    if isinstance(value, dict):
        return {name: trusted(each) for name, each in value.items()}
    if isinstance(value, list):
        return [trusted(each) for each in value]
    return trust_as_template(value) if isinstance(value, str) else value


def content_of(task, values):
    variables = {"irsa_issuer_result": values, **task["vars"]}
    return yaml.safe_load(rendered(task["ansible.builtin.copy"]["content"], variables))


def test_kubeadm_gets_the_key_files_and_its_form_of_the_flags():
    _folder, copy, write = example("kubeadm, a new cluster")
    values = result()
    files = rendered(copy["loop"], {"irsa_issuer_result": values})
    copied = [rendered(copy["ansible.builtin.copy"], {"item": file}) for file in files]
    assert copied == [
        {"src": "/srv/sa.key", "dest": "/etc/kubernetes/pki/sa.key", "mode": "0600"},
        {"src": "/srv/sa.pub", "dest": "/etc/kubernetes/pki/sa.pub", "mode": "0644"},
    ]
    assert copy["diff"] is False  # --diff would print the private key
    configuration = content_of(write, values)
    assert configuration["kind"] == "ClusterConfiguration"
    assert configuration["apiServer"]["extraArgs"] == [
        {"name": "service-account-issuer", "value": ISSUER},
        {"name": "service-account-issuer", "value": FORMER},
        {"name": "service-account-key-file", "value": "/etc/kubernetes/pki/sa.pub"},
        {"name": "service-account-signing-key-file", "value": "/etc/kubernetes/pki/sa.key"},
        {"name": "service-account-jwks-uri", "value": f"{ISSUER}/keys.json"},
    ]


def test_k3s_gets_arguments_that_are_added_to_those_of_other_files():
    (write,) = example("k3s and RKE2")
    assert content_of(write, result(apiserver_key_dir="/etc/rancher/k3s/irsa")) == {
        "kube-apiserver-arg+": [
            f"service-account-issuer={ISSUER}",
            f"service-account-issuer={FORMER}",
            "service-account-key-file=/etc/rancher/k3s/irsa/sa.pub",
            "service-account-signing-key-file=/etc/rancher/k3s/irsa/sa.key",
            f"service-account-jwks-uri={ISSUER}/keys.json",
        ]
    }


def test_talos_gets_both_issuers_in_order():
    (write,) = example("Talos")
    patch = content_of(write, result(key=SigningKey(), keyless=True))
    assert patch == {"cluster": {"apiServer": {"extraArgs": {"service-account-issuer": [ISSUER, FORMER]}}}}


def test_kubespray_gets_a_patch_that_puts_the_issuer_first():
    variables = example("kubespray")
    assert variables["cluster_issuer"] == "{{ lookup('ansible.builtin.file', '/srv/irsa/issuer.json') | from_json }}"
    variables["cluster_issuer"] = json.loads(json.dumps(result(key=SigningKey(), keyless=True)))
    (patch,) = rendered(variables["kubeadm_patches"], variables)
    command = ["kube-apiserver", f"--service-account-issuer={FORMER}"]
    (operation,) = patch["patch"]
    assert (patch["target"], patch["type"], operation["op"]) == ("kube-apiserver", "json", "add")
    position = re.fullmatch(r"/spec/containers/0/command/(\d+)", operation["path"])
    command.insert(int(position[1]), operation["value"])
    assert command[1:] == [f"--service-account-issuer={ISSUER}", f"--service-account-issuer={FORMER}"]


@pytest.mark.parametrize("pattern", [r"local\.irsa\.(\w+)", r"jq -r '?\.(\w+)"], ids=["Terraform", "jq"])
def test_other_programs_read_names_that_the_result_has(pattern):
    names = re.findall(pattern, README)
    assert len(set(names)) == 2 and set(names) <= result().keys()
