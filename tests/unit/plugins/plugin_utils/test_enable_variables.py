# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of playbook enable must be together."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._enable_variables import Hosts, read

HOSTS = ("node1", "node2")
OWN = {"irsa_apiserver_key": "own", "irsa_issuer_key_path": "sa.key"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "kubeconfig").write_text("{}")
    return str(tmp_path)


def enabling(folder, variables=None, *, hosts=HOSTS, pattern="control_plane", of_play=None, limited=False):
    given = {"irsa_kubeconfig": "kubeconfig", **(variables or {})}
    found = Hosts(pattern=pattern, matching=hosts, of_play=of_play or hosts or ["localhost"], limited=limited)
    return read({name: value for name, value in given.items() if value}, hosts=found, folder=folder)


def problems(folder, variables=None, **more):
    with pytest.raises(IrsaError) as raised:
        enabling(folder, variables, **more)
    intro, *found = str(raised.value).split("\n- ")
    assert intro == "The playbook selfhosted.irsa.enable cannot begin; nothing was changed."
    return found


def test_paths_start_from_the_folder(folder):
    found = enabling(folder, {"irsa_issuer_ca_path": "ca.pem"})
    assert (found.kubeconfig, found.ca_path) == (f"{folder}/kubeconfig", f"{folder}/ca.pem")


def test_what_is_not_set_stays_unset(folder):
    found = enabling(folder, {"irsa_kubeconfig": "", "irsa_manifests_path": "manifests"})
    assert (found.kubeconfig, found.ca_path, found.extra_jwks) == (None, None, [])


@pytest.mark.parametrize("key", [None, "adopt"])
def test_the_clusters_key_is_adopted_by_default(folder, key):
    assert enabling(folder, {"irsa_apiserver_key": key}).adopts


def test_an_own_key_is_not_adopted(folder):
    assert not enabling(folder, {"irsa_apiserver_key": "own", "irsa_issuer_key_path": "sa.key"}).adopts


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({}, ""),
        ({"irsa_apiserver_key": "own", "irsa_issuer_key_path": "sa.key"}, "sa.key"),
        (
            {"irsa_apiserver_key": "own", "irsa_issuer_key_path": "sa.key", "irsa_apiserver_key_path": "/pki/sa.key"},
            "/pki/sa.key",
        ),
    ],
)
def test_an_own_key_is_the_issuers_unless_another_path_is_set(folder, variables, path):
    assert enabling(folder, variables).own_key_path == path


def test_a_kubeconfig_is_enough_without_hosts(folder):
    assert not enabling(folder, hosts=[], pattern="").has_hosts


@pytest.mark.parametrize("hosts", [(), HOSTS])
def test_a_distribution_that_others_change_needs_no_hosts(folder, hosts):
    pattern = "control_plane" if hosts else ""
    found = enabling(folder, {"irsa_apiserver_distribution": "talos"}, hosts=hosts, pattern=pattern)
    assert (found.has_hosts, found.has_recipe, found.from_cluster) == (False, True, True)
    assert not enabling(folder, {"irsa_apiserver_distribution": "kubeadm"}).has_recipe
    assert enabling(folder, {"irsa_apiserver_distribution": "talos", **OWN}).own_key_path == "sa.key"


def test_a_distribution_that_others_change_is_read_through_the_kubeconfig(folder):
    given = {"irsa_apiserver_distribution": "talos", "irsa_kubeconfig": "", "irsa_manifests_path": "manifests"}
    (found,) = problems(folder, given)
    assert found.startswith("irsa_apiserver_distribution is talos")
    assert "Set irsa_kubeconfig" in found


def test_neither_hosts_nor_kubeconfig(folder):
    first, second = problems(folder, {"irsa_kubeconfig": ""}, hosts=[], pattern="")
    for way in ("control_plane", "kube_control_plane", "irsa_control_plane", "irsa_kubeconfig"):
        assert way in first
    assert "irsa_manifests_path" in second


def test_a_pattern_that_matches_no_host(folder):
    (found,) = problems(folder, hosts=[], pattern="mastres")
    assert found.startswith("irsa_control_plane is 'mastres', but no host of the inventory matches this pattern.")


@pytest.mark.parametrize("of_play", [["localhost"], ["node1", "other"], ["node1"]])
def test_the_inventory_cannot_choose_the_hosts_of_the_play(folder, of_play):
    """Ansible chooses them before it reads group_vars, so the play would change others than those that are meant."""
    (found,) = problems(folder, pattern="masters", of_play=of_play)
    assert found.startswith(
        "irsa_control_plane is 'masters' in the inventory, which is 'node1', 'node2', but the play "
    )
    assert of_play[-1] in found
    assert found.endswith("Pass this one with -e.")


def test_a_limit_may_leave_hosts_out_but_add_none(folder):
    assert enabling(folder, of_play=["node2"], limited=True).has_hosts
    (found,) = problems(folder, of_play=["node3"], limited=True)
    assert "'node3'" in found


@pytest.mark.parametrize(
    ("variables", "hosts", "reads"),
    [
        ({}, HOSTS, False),
        ({}, [], True),
        ({"irsa_issuer_from_cluster": "yes"}, HOSTS, True),
        (OWN, HOSTS, False),
        ({**OWN, "irsa_issuer_from_cluster": True}, HOSTS, True),
    ],
)
def test_keys_are_read_through_the_kubeconfig_without_hosts_and_if_told(folder, variables, hosts, reads):
    assert enabling(folder, variables, hosts=hosts, pattern="").from_cluster is reads


def test_the_keys_that_the_api_servers_sign_with_until_now_are_not_removed(folder):
    purging = {**OWN, "irsa_issuer_purge_keys": "true"}
    (found,) = problems(folder, purging)
    assert "irsa_issuer_purge_keys" in found and "irsa_issuer_from_cluster" in found
    assert enabling(folder, {**purging, "irsa_issuer_from_cluster": True}).from_cluster
    assert enabling(folder, {"irsa_issuer_purge_keys": True}).adopts


@pytest.mark.parametrize(
    ("variables", "is_enough"),
    [
        ({}, False),
        ({"irsa_manifests_path": "manifests"}, True),
        ({"irsa_injection_method": "none"}, True),
        ({"irsa_injection_method": "none", "irsa_service_accounts_list": [{"name": "app"}]}, False),
    ],
)
def test_without_kubeconfig(folder, variables, is_enough):
    given = {"irsa_kubeconfig": "", **variables}
    if is_enough:
        assert enabling(folder, given).kubeconfig is None
    else:
        (found,) = problems(folder, given)
        assert found.startswith("Neither irsa_kubeconfig nor irsa_manifests_path is set.")


@pytest.mark.parametrize(("path", "reason"), [("nothing", "does not exist"), (".", "is a directory")])
def test_a_kubeconfig_that_cannot_be_read(folder, path, reason):
    (found,) = problems(folder, {"irsa_kubeconfig": path})
    assert found.startswith("irsa_kubeconfig, a path on the controller, cannot be used: ")
    assert reason in found


@pytest.mark.parametrize(
    ("variables", "more", "start"),
    [
        ({"irsa_issuer_key_path": "sa.key"}, {}, "irsa_issuer_key_path is set, but by default"),
        ({"irsa_apiserver_key": "own"}, {}, "irsa_apiserver_key is own, but irsa_issuer_key_path"),
        (
            {"irsa_apiserver_key": "own", "irsa_issuer_key_path": "sa.key"},
            {"hosts": [], "pattern": ""},
            "irsa_apiserver_key is own, but there are no hosts",
        ),
        ({"irsa_apiserver_state": "absent"}, {}, "irsa_apiserver_state is 'absent', but this playbook is for present."),
    ],
)
def test_what_does_not_go_together(folder, variables, more, start):
    (found,) = problems(folder, variables, **more)
    assert found.startswith(start)


def test_everything_wrong_is_listed_at_once(folder):
    variables = {"irsa_kubeconfig": "nothing", "irsa_issuer_key_path": "sa.key", "irsa_issuer_state": "absent"}
    assert len(problems(folder, variables, hosts=[], pattern="mastres")) == 4
