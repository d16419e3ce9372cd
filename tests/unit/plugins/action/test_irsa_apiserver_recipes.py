# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action irsa_apiserver for distributions that others change: what it reads, writes, returns and refuses."""

from __future__ import annotations

import base64
import os
from unittest import mock

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.action import irsa_apiserver as action
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.recipes import RECIPES
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_apiserver as module
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._recipe_files import MARK
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

NEW = "https://example-irsa.s3.eu-west-1.amazonaws.com"
OLD = "https://kubernetes.default.svc.cluster.local"
OWN = samples.RSA.pkcs8
FORMER = samples.openssl("pkey -pubout", stdin=samples.OTHER_RSA.pkcs8)
TALOS = {"distribution": "talos", "distribution_version": "1.13.2", "former_issuers": [OLD]}
SECRET = {"distribution": "cluster_api", "cluster_name": "prod", "phase": "new", "key": "own"}


def run(operation, *, check_mode=False, **options):
    task = mock.Mock(args={"operation": operation, **options}, async_val=0, check_mode=check_mode)
    connection = mock.Mock(**{"_shell.tmpdir": None})
    plugin = action.ActionModule(
        task, connection, play_context=mock.Mock(), loader=mock.Mock(), templar=mock.Mock(), shared_loader_obj=None
    )
    plugin._execute_module = mock.Mock(side_effect=AssertionError("nothing runs on a host"))
    return plugin.run(task_vars={"inventory_hostname": "localhost", "hostvars": {}, "ansible_play_hosts": []})


def plan(**options):
    return run("plan", **{"issuer": NEW, **options})


def entry(**options):
    result = plan(**options)
    assert not result.get("failed"), result
    (found,) = result["results"].values()
    return found


def message(**options):
    result = plan(**options)
    assert result["failed"] is True
    assert result["changed"] is False
    return result["msg"]


def phases(found):
    return [part["phase"] for part in found["recipe"]]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "recipe"


@pytest.fixture
def key_path(tmp_path):
    path = tmp_path / "sa-signer.key"
    path.write_bytes(OWN)
    return str(path)


@pytest.mark.parametrize("distribution", RECIPES)
def test_no_host_is_read(distribution):
    assert run("read", distribution=distribution)["reading"] == {}


def test_every_recipe_is_of_a_distribution_that_can_be_named():
    choices = action.ARGUMENT_SPEC["distribution"]["choices"]
    assert set(RECIPES) <= set(choices)
    assert choices == yaml.safe_load(module.DOCUMENTATION)["options"]["distribution"]["choices"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["accept", "sign"]),
        ({"phase": "accept"}, ["accept"]),
        ({"phase": "sign"}, ["sign"]),
        ({"phase": "new"}, ["new"]),
        ({"state": "absent"}, ["sign_back", "forget"]),
    ],
)
def test_phases_of_the_role_come_to_parts_of_the_recipe(options, expected):
    assert phases(entry(**TALOS, **options)) == expected


def test_one_entry_by_the_name_of_the_distribution_has_all_that_others_need():
    result = plan(**TALOS)
    assert list(result["results"]) == ["talos"]
    found = result["results"]["talos"]
    assert (found["distribution"], found["managed"], found["changed"], found["files"]) == ("talos", False, False, [])
    accept, dummy = found["recipe"]
    assert accept["files"] == [
        {
            "name": "irsa-accept.yaml",
            "text": f'cluster:\n  apiServer:\n    extraArgs:\n      service-account-issuer: ["{OLD}", "{NEW}"]\n',
        }
    ]
    assert accept["commands"][0].endswith("--patch @irsa-accept.yaml")
    assert result["steps"] == []
    assert result["next"] == found["next"]
    assert found["next"][0].startswith("Begin with sign when every API server has done accept")


def test_what_is_accepted_today_comes_from_both_variables_in_their_order():
    found = entry(**{**TALOS, "former_issuers": [OLD, NEW]}, accepted_issuers=["https://third.example.com", OLD])
    issuers = yaml.safe_load(found["recipe"][1]["files"][0]["text"])["cluster"]["apiServer"]["extraArgs"]
    assert issuers == {"service-account-issuer": [NEW, OLD, "https://third.example.com"]}


def test_going_back_says_how_long_to_wait():
    found = entry(**TALOS, state="absent", forget_after=7200)
    assert "Begin with forget 7200 seconds (irsa_apiserver_forget_after)" in found["next"][0]


def test_what_is_forgotten_by_itself_is_not_waited_for():
    found = entry(distribution="openshift", state="absent")
    assert phases(found) == ["sign_back", "forget"]
    assert not any("forget_after" in text for text in found["next"])


@pytest.mark.parametrize("distribution", RECIPES)
def test_the_key_of_a_new_cluster_is_published_when_it_runs(distribution):
    found = entry(**{**TALOS, "distribution": distribution, "cluster_name": "prod"}, phase="new")
    assert any("irsa_issuer_from_cluster" in text for text in found["next"])


def test_an_own_key_is_published_already(folder, key_path):
    found = entry(**SECRET, key_path=key_path, output_dir=str(folder))
    assert not any("irsa_issuer_from_cluster" in text for text in found["next"])


def test_a_run_that_only_reads_makes_no_recipe():
    assert plan(**TALOS, phase="read")["results"] == {}


# --- files


def test_files_are_written_once_and_stay(folder):
    first, second = (plan(**TALOS, output_dir=str(folder)) for dummy in range(2))
    paths = [str(folder / name) for name in ("irsa-accept.yaml", "irsa-sign.yaml")]
    assert first["changed"] is True
    assert first["actions"] == [f"file:write {path}" for path in paths]
    assert first["results"]["talos"]["files"] == [{"path": path, "changed": True} for path in paths]
    assert (second["changed"], second["actions"], second["diff"]) == (False, [], [])
    assert second["results"]["talos"]["files"] == [{"path": path, "changed": False} for path in paths]
    text = (folder / "irsa-accept.yaml").read_text()
    assert text == MARK + first["results"]["talos"]["recipe"][0]["files"][0]["text"]
    assert (folder / "irsa-accept.yaml").stat().st_mode & 0o777 == 0o644


def test_check_mode_writes_nothing_and_shows_what_would_be_written(folder):
    result = plan(**TALOS, output_dir=str(folder), check_mode=True)
    assert result["changed"] is True
    assert not folder.exists()
    assert [each["before"] for each in result["diff"]] == ["", ""]
    assert NEW in result["diff"][0]["after"]


def test_a_changed_file_is_written_again(folder):
    plan(**TALOS, output_dir=str(folder))
    result = plan(**{**TALOS, "former_issuers": [OLD, "https://b.example.com"]}, output_dir=str(folder))
    assert result["changed"] is True
    assert "https://b.example.com" in (folder / "irsa-sign.yaml").read_text()
    assert f'["{NEW}", "{OLD}"]' in result["diff"][1]["before"]


def test_a_file_of_another_process_is_never_replaced(folder):
    folder.mkdir()
    (folder / "irsa-sign.yaml").write_text("cluster: {}\n")
    found = message(**TALOS, output_dir=str(folder))
    assert "irsa_apiserver_output_dir" in found
    assert "irsa-sign.yaml does not begin with the line that this role writes" in found
    assert os.listdir(folder) == ["irsa-sign.yaml"]
    assert (folder / "irsa-sign.yaml").read_text() == "cluster: {}\n"


def test_a_symbolic_link_is_not_followed(folder, tmp_path):
    folder.mkdir()
    (folder / "irsa-accept.yaml").symlink_to(tmp_path / "elsewhere")
    assert "is a symbolic link" in message(**TALOS, output_dir=str(folder))
    assert not (tmp_path / "elsewhere").exists()


def test_only_the_last_folder_of_a_path_is_created(tmp_path):
    found = message(**TALOS, output_dir=str(tmp_path / "a" / "b"))
    assert found.startswith("irsa_apiserver_output_dir: ")
    assert "does not exist either" in found


def test_a_folder_that_is_a_file_is_named_by_its_variable(tmp_path):
    path = tmp_path / "recipe"
    path.touch()
    assert message(**TALOS, output_dir=str(path)).startswith("irsa_apiserver_output_dir: ")


# --- keys


def test_a_private_key_is_written_to_a_file_of_its_owner_only(folder, key_path):
    result = plan(**SECRET, key_path=key_path, output_dir=str(folder))
    path = folder / "irsa-prod-sa.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    encoded = yaml.safe_load(path.read_text())["data"]
    assert base64.b64decode(encoded["tls.key"]) == OWN
    assert base64.b64decode(encoded["tls.crt"]).startswith(b"-----BEGIN PUBLIC KEY-----")
    assert encoded["tls.key"] not in str(result)
    assert OWN.decode().splitlines()[1] not in str(result)
    assert result["results"]["cluster_api"]["recipe"][0]["files"][0] == {"name": "irsa-prod-sa.yaml", "text": None}
    assert "not shown" in result["diff"][0]["after"]


def test_a_file_with_a_key_that_others_can_read_is_written_again(folder, key_path):
    options = {**SECRET, "key_path": key_path, "output_dir": str(folder)}
    plan(**options)
    assert plan(**options)["changed"] is False
    (folder / "irsa-prod-sa.yaml").chmod(0o644)
    assert plan(**options)["actions"] == [f"file:write {folder}/irsa-prod-sa.yaml"]
    assert (folder / "irsa-prod-sa.yaml").stat().st_mode & 0o777 == 0o600


def test_a_diff_does_not_show_the_key_that_was_in_a_file(folder, key_path):
    talos = {"distribution": "talos", "distribution_version": "1.14.1", "phase": "new", "output_dir": str(folder)}
    plan(**talos, key="own", key_path=key_path)
    result = plan(**talos)
    assert result["changed"] is True
    assert OWN.decode().splitlines()[1] not in str(result)
    assert "privateKey" not in (folder / "irsa-new.yaml").read_text()


def test_a_private_key_is_not_printed(key_path):
    found = message(**SECRET, key_path=key_path)
    assert "Set irsa_apiserver_output_dir" in found
    assert "irsa-prod-sa.yaml" in found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"key_path": "/nowhere/sa.key"}, "There is no /nowhere/sa.key"),
        ({}, "irsa_apiserver_key_path to the path of the issuer's private key on the controller"),
    ],
)
def test_an_own_key_must_be_on_the_controller(folder, options, expected):
    assert expected in message(**SECRET, output_dir=str(folder), **options)


def test_an_own_key_must_be_the_issuers(folder, key_path):
    assert "is not the issuer's" in message(**SECRET, output_dir=str(folder), key_path=key_path, kid="another")


def test_a_key_that_is_yet_to_be_created_can_be_planned_with(folder):
    options = {**SECRET, "output_dir": str(folder), "key_path": "/nowhere/sa.key", "key_is_new": True}
    assert plan(**options, check_mode=True)["changed"] is True
    assert "There is no /nowhere/sa.key" in message(**options)


def test_an_own_key_for_a_running_talos_1_14_stays_beside_the_former_one(folder, key_path, tmp_path):
    former = tmp_path / "former.pub"
    former.write_bytes(FORMER)
    options = {**TALOS, "distribution_version": "1.14.1", "key": "own", "key_path": key_path}
    plan(**options, accepted_public_keys=[str(former)], output_dir=str(folder))
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {"irsa-accept.yaml": 0o644, "irsa-sign.yaml": 0o600}
    document = list(yaml.safe_load_all((folder / "irsa-sign.yaml").read_text()))[1]
    assert document["accepted"]["publicKeys"] == [FORMER.decode()]


@pytest.mark.parametrize("version", ["1.10.4", "1.14.1"])
def test_talos_gets_its_key_in_the_form_that_all_versions_read(folder, key_path, version):
    options = {"distribution": "talos", "distribution_version": version, "phase": "new", "key": "own"}
    plan(**options, key_path=key_path, output_dir=str(folder))
    document = yaml.safe_load((folder / "irsa-new.yaml").read_text())
    issuer = document.get("issuer") or {}
    key = issuer.get("privateKey") or base64.b64decode(document["cluster"]["serviceAccount"]["key"]).decode()
    assert key.encode() == samples.RSA.traditional


def test_an_ecdsa_key_is_refused_for_openshift(tmp_path):
    path = tmp_path / "sa-signer.key"
    path.write_bytes(samples.P256.pkcs8)
    options = {"distribution": "openshift", "phase": "new", "key": "own"}
    assert "reads RSA keys only" in message(**options, key_path=str(path))


def test_a_private_key_among_the_public_ones_is_refused(key_path):
    found = message(**{**TALOS, "distribution_version": "1.14.1"}, accepted_public_keys=[key_path])
    assert "irsa_apiserver_accepted_public_keys" in found
    assert "it contains a private key" in found


def test_public_keys_that_have_no_effect_are_warned_of(tmp_path):
    path = tmp_path / "former.pub"
    path.write_bytes(FORMER)
    found = entry(distribution="kops", former_issuers=[OLD], accepted_public_keys=[str(path)])
    assert "irsa_apiserver_accepted_public_keys has no effect" in found["warnings"][0]


# --- what is refused


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"issuer": None}, "Set irsa_apiserver_issuer to the issuer URL"),
        ({"former_issuers": []}, "kubectl get --raw /.well-known/openid-configuration"),
        ({"former_issuers": ["a b"]}, "a b"),
        ({"distribution_version": None}, "Set irsa_apiserver_distribution_version to the version of Talos"),
        (
            {"distribution_version": 1.2},
            "is the number 1.2, which YAML also makes of 1.20. Write the version in quotes.",
        ),
        ({"distribution_version": "1.12.4"}, "Upgrade to Talos 1.13 or newer"),
        ({"cluster_name": "a/b"}, "irsa_apiserver_cluster_name is 'a/b'"),
        ({"cluster_name": "--help"}, "irsa_apiserver_cluster_name is '--help'"),
    ],
)
def test_wrong_variables_are_named(options, expected):
    assert expected in message(**{**TALOS, **options})


def test_a_new_cluster_of_a_distribution_that_is_changed_on_its_hosts_is_refused():
    assert "irsa_apiserver_phase is new" in message(distribution="kubeadm", phase="new")
    assert "irsa_apiserver_phase is new" in run("read", distribution="auto", phase="new")["msg"]


def test_an_issuer_that_aws_cannot_reach_is_warned_of():
    assert entry(**TALOS, issuer="https://oidc.cluster.local")["warnings"]
