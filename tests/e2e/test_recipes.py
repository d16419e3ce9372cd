# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recipes as those read them that they are for: Talos' own merging, Cluster API's schema, kubeadm."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER, Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipe import NEW, RecipeFile, Request
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipes import RECIPES
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import key_facts, signing_key
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._recipe_files import MARK
from endpoint import setting
from kubeadm_program import kubeadm

NEW_ISSUER = "https://example-irsa.s3.eu-west-1.amazonaws.com"
# Another letter in front, since some versions of kubeadm sort.
OTHER_ISSUER = "https://oidc.example.com/a"
RUNNING = (ACCEPT, SIGN, SIGN_BACK, FORGET)


def files(distribution: str, phase: str, **given: Any) -> tuple[RecipeFile, ...]:
    """The files of one phase."""
    request = Request(**{"issuer": NEW_ISSUER, "cluster_name": "prod", **given})
    (part,) = RECIPES[distribution](request, [phase]).parts
    return part.files


def write(folder: Path, file: RecipeFile) -> Path:
    """Write a file as the role does."""
    path = folder / file.name
    path.write_text(MARK + file.text, encoding="utf-8")
    return path


def expected(phase: str, *, former: str) -> list[str]:
    return {
        NEW: [NEW_ISSUER],
        ACCEPT: [former, NEW_ISSUER],
        SIGN: [NEW_ISSUER, former],
        SIGN_BACK: [former, NEW_ISSUER],
        FORGET: [former],
    }[phase]


# --- Talos

OLD_ENDPOINT = "https://10.0.0.1:6443"


def output(*command: str | Path) -> str:
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_talos_1_13_replaces_its_list_of_issuers_by_that_of_each_patch(tmp_path: Path) -> None:
    program = setting("IRSA_E2E_TALOS_PATCH_CHECK", "a program that applies patches to a configuration of Talos 1.13")
    paths = []
    for phase in (NEW, *RUNNING):
        present = () if phase == NEW else (OLD_ENDPOINT,)
        (file,) = files("talos", phase, version="1.13.9", present_issuers=present)
        paths.append(write(tmp_path, file))
        printed = output(program, *paths)
        assert "validate: [] <nil>" in printed
        (line,) = re.findall(r"^apiserver service-account-issuer = \[\]string\{(.*)\}$", printed, re.MULTILINE)
        assert re.findall(r'"([^"]*)"', line) == expected(phase, former=OLD_ENDPOINT)


CHECK_1_14 = ("IRSA_E2E_TALOS_PATCH_CHECK_1_14", "a program that applies patches to a configuration of Talos 1.14")
ENDPOINT_1_14 = "https://cp.example.internal:6443"


def merged(program: str, contract: str, *paths: Path) -> dict[str, str]:
    """What the program says of a configuration that this version of Talos generated, with the patches in it."""
    lines = output(program, contract, *paths).splitlines()
    found = dict(line.split(": ", 1) for line in lines if ": " in line)
    assert found["validate"] == "<nil>", lines
    return found


@pytest.mark.parametrize("key", [None, "RSA", "ECDSA"], ids=["adopted", "own RSA", "own ECDSA"])
def test_talos_1_14_merges_each_patch_into_its_document(tmp_path: Path, key: str | None) -> None:
    program = setting(*CHECK_1_14)
    given: dict[str, Any] = {"version": "1.14.1", "present_issuers": (ENDPOINT_1_14,)}
    if key:
        former, own = signing_key.generate("RSA"), signing_key.generate(key)
        given["private_key"] = signing_key.private_pem(own, "pkcs8").decode()
        given["public_key"] = key_facts.public_pem(own.public_key())
        given["public_keys"] = (key_facts.public_pem(former.public_key()),)
    paths = []
    for phase in RUNNING:
        paths.append(write(tmp_path, files("talos", phase, **given)[0]))
        found = merged(program, "v1.14", *paths)
        issuers = [found["issuer"], *found["accepted"].strip("[]").split()]
        assert issuers == expected(phase, former=ENDPOINT_1_14)
        assert found["audiences"] == f"[{ENDPOINT_1_14}]"


def test_talos_1_14_goes_on_with_the_arguments_of_an_older_configuration(tmp_path: Path) -> None:
    program = setting(*CHECK_1_14)
    for phase in RUNNING:
        document, arguments = files("talos", phase, version="1.14.1", present_issuers=(ENDPOINT_1_14,))
        found = merged(program, "v1.13", write(tmp_path, arguments))
        assert found["args"] == f"map[{ISSUER}:[{' '.join(expected(phase, former=ENDPOINT_1_14))}]]"
        with pytest.raises((AssertionError, KeyError)):
            merged(program, "v1.13", write(tmp_path, document))
        with pytest.raises(AssertionError):
            merged(program, "v1.14", write(tmp_path, arguments))


# --- Cluster API


def strict(schema: Any) -> Any:
    """A schema that refuses what the API server would drop: fields that it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(each) for name, each in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    return {**closed, "additionalProperties": False} if "properties" in schema and not is_open else closed


def schemas() -> Iterator[tuple[str, Any]]:
    """The schema of kubeadmConfigSpec in each version of KubeadmControlPlane that is served."""
    folder = setting("IRSA_E2E_CLUSTER_API", "the folder of the Go module sigs.k8s.io/cluster-api")
    path = "controlplane/kubeadm/config/crd/bases/controlplane.cluster.x-k8s.io_kubeadmcontrolplanes.yaml"
    definition = yaml.safe_load((Path(folder) / path).read_text(encoding="utf-8"))
    for version in definition["spec"]["versions"]:
        if version["served"]:
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            yield version["name"], spec["properties"]["kubeadmConfigSpec"]


def test_what_goes_into_a_kubeadm_control_plane_passes_its_schema() -> None:
    versions = dict(schemas())
    assert versions
    for (name, schema), phase in itertools.product(versions.items(), (NEW, *RUNNING)):
        (file,) = files("cluster_api", phase)
        jsonschema.validate(yaml.safe_load(file.text)["spec"]["kubeadmConfigSpec"], strict(schema))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"file": []}, strict(schema))
        assert "patches" in schema["properties"]["joinConfiguration"]["properties"], name


PROGRAMS = {
    "sorts": ("IRSA_E2E_SORTING_KUBEADM", "a kubeadm up to 1.34.3, which sorts repeated flags and reads v1beta3"),
    "keeps the order": ("IRSA_E2E_KUBEADM", "a kubeadm of 1.36 or newer, which keeps the order of flags"),
}


@pytest.mark.parametrize("issuer", [NEW_ISSUER, OTHER_ISSUER])
@pytest.mark.parametrize("phase", [NEW, *RUNNING])
@pytest.mark.parametrize("name", PROGRAMS)
def test_kubeadm_comes_to_the_issuers_of_each_phase_in_order(
    tmp_path: Path, name: str, phase: str, issuer: str
) -> None:
    program = kubeadm(*PROGRAMS[name], tmp_path)
    (file,) = files("cluster_api", phase, issuer=issuer)
    (entry,) = yaml.safe_load(file.text)["spec"]["kubeadmConfigSpec"]["files"]
    folder, _slash, patch = entry["path"].rpartition("/")
    assert folder == "/etc/kubernetes/patches"
    configuration = (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        f"kubernetesVersion: {program.version}\nnetworking: {{dnsDomain: example.internal}}\n"
    )
    manifest = yaml.safe_load(program.render(configuration, {patch: entry["content"].encode()}))
    command = manifest["spec"]["containers"][0]["command"]
    issuers = [
        issuer if each == NEW_ISSUER else each
        # A patch adds to what kubeadm renders, in a new cluster, too.
        for each in expected(SIGN if phase == NEW else phase, former="https://kubernetes.default.svc.example.internal")
    ]
    assert list(Arguments.of(command).values(ISSUER)) == issuers
