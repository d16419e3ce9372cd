# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a play compared: one issuer with different keys is refused, one key for several issuers is told."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _fleet
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_keys import P256, RSA

TASK = {"inventory_hostname": "a", "playbook_dir": "/srv"}


def template(value, variables):
    """Replace names only, as far as these tests need it."""
    for name, other in variables.items():
        value = value.replace(f"{{{{ {name} }}}}", str(other))
    if "{{" in value:
        raise AnsibleUndefinedVariable(value)
    return value


class Inventory(dict):
    """Hosts with their variables, without the prefix irsa_issuer_."""

    def of_host(self, host):
        shared = ("site", "irsa_kubeconfig", "irsa_kube_context")
        own = {name if name in shared else f"irsa_issuer_{name}": value for name, value in self[host].items()}
        return {"inventory_hostname": host, **own}

    def clusters(self, **task):
        variables = {**TASK, **self.of_host("a"), **task}
        return _fleet.Play(variables, self.of_host, template).clusters(self)

    def refusal(self, host="a", results=None, **task):
        def registered(of):
            return {"__irsa_issuer_keypair": (results or {}).get(of)} if results else {}

        sharing = _fleet.sharing_an_issuer(self.clusters(**task))
        with pytest.raises(IrsaError) as caught:
            _fleet.refuse_shared_issuer(sharing, host, registered)
        return str(caught.value)

    def accept(self, results=None, **task):
        def registered(of):
            return {"__irsa_issuer_keypair": (results or {}).get(of)} if results else {}

        sharing = _fleet.sharing_an_issuer(self.clusters(**task))
        for host in self:
            _fleet.refuse_shared_issuer(sharing, host, registered)


@pytest.fixture
def keys(tmp_path):
    for name, key in (("one", RSA), ("copy", RSA), ("two", P256)):
        (tmp_path / f"{name}.key").write_bytes(key.pkcs8)
        (tmp_path / f"{name}.key").chmod(0o600)
    return tmp_path


def of(path, **more):
    return {"bucket": "irsa", "key_path": str(path), **more}


def test_two_hosts_with_one_issuer_and_different_keys_are_refused_by_name(keys):
    inventory = Inventory(a=of(keys / "one.key"), b=of(keys / "two.key"), c=of(keys / "two.key", prefix="c"))
    for host in "ab":
        message = inventory.refusal(host)
        assert "'a', 'b'" in message
        assert "bucket 'irsa', no prefix" in message
        assert "irsa_issuer_prefix" in message
        assert "'c'" not in message


def test_servers_of_one_cluster_share_issuer_and_key(keys):
    Inventory(a=of(keys / "one.key"), b=of(keys / "one.key")).accept()
    Inventory(a=of(keys / "one.key"), b=of(keys / "copy.key")).accept()


def test_a_prefix_for_each_host_makes_different_issuers(keys):
    inventory = Inventory(a=of(keys / "one.key"), b=of(keys / "two.key"))
    inventory.accept(irsa_issuer_prefix="{{ inventory_hostname }}")


def test_a_host_whose_key_is_still_to_be_made_will_have_another(keys):
    assert "'a', 'b'" in Inventory(a=of(keys / "one.key"), b=of(keys / "new.key")).refusal()
    assert "'a', 'b'" in Inventory(a=of(keys / "new.key"), b=of(keys / "newer.key")).refusal()
    Inventory(a=of(keys / "new.key"), b=of(keys / "new.key")).accept()


def test_one_url_is_one_issuer_whatever_the_buckets_are(keys):
    url = "https://issuer.example.com"
    a, b = of(keys / "one.key", url=url), of(keys / "two.key", url=url, bucket="other")
    assert url in Inventory(a=a, b=b).refusal()


def test_two_issuers_at_one_place_of_a_bucket_are_refused(keys):
    a = of(keys / "one.key", url="https://a.example.com")
    b = of(keys / "two.key", url="https://b.example.com")
    assert "bucket 'irsa'" in Inventory(a=a, b=b).refusal()


def test_what_each_host_sets_wins_over_the_default_of_the_role(keys):
    inventory = Inventory(a=of("/pki/sa.key"), b=of("/pki/sa.key", key_host="b"))
    places = {cluster.host: cluster.key_host for cluster in inventory.clusters(irsa_issuer_key_host="localhost")}
    assert places == {"a": "localhost", "b": "b"}


def test_what_the_play_sets_is_templated_for_each_host(keys):
    inventory = Inventory(a=of(keys / "one.key", site="paris"), b=of(keys / "two.key", site="paris"))
    assert "prefix 'paris/prod'" in inventory.refusal(irsa_issuer_prefix="{{ site }}/prod")
    inventory["b"]["site"] = "oslo"
    inventory.accept(irsa_issuer_prefix="{{ site }}/prod")


def test_a_host_whose_variables_cannot_be_read_is_left_to_its_own_task(keys):
    inventory = Inventory(a=of(keys / "one.key"), b=of(keys / "two.key", prefix="{{ nowhere }}"))
    assert [cluster.host for cluster in inventory.clusters()] == ["a"]


def test_keys_on_nodes_are_compared_once_their_tasks_have_run():
    path = "/etc/kubernetes/pki/sa.key"
    inventory = Inventory(a=of(path, key_host="a"), b=of(path, key_host="b"))
    inventory.accept()
    result = {"path": path, "exists": True, "kid": "one"}
    inventory.accept(results={"a": result, "b": result})
    assert "'a', 'b'" in inventory.refusal(results={"a": result, "b": {**result, "kid": "two"}})
    absent = {"path": path, "exists": False, "kid": None}
    assert "'a', 'b'" in inventory.refusal(results={"a": absent, "b": absent})
    inventory.accept(results={"a": result, "b": {**result, "kid": "two", "path": "/another"}})
    inventory.accept(results={"a": result, "b": {"skipped": True}})


def test_a_file_that_is_no_key_is_left_to_its_own_task(keys):
    (keys / "bad.key").write_text("not a key")
    Inventory(a=of(keys / "one.key"), b=of(keys / "bad.key")).accept()


def test_one_key_for_different_issuers_is_told_once(keys):
    inventory = Inventory(
        a=of(keys / "one.key", prefix="a"), b=of(keys / "one.key", prefix="b"), c=of(keys / "two.key", prefix="c")
    )
    warnings = _fleet.warnings_of_shared_keys(inventory.clusters())
    assert list(warnings) == ["a"]
    assert "'a', 'b'" in warnings["a"]
    same = Inventory(a=of(keys / "one.key"), b=of(keys / "one.key"))
    assert _fleet.warnings_of_shared_keys(same.clusters()) == {}


def adopting(kubeconfig, **more):
    return {"bucket": "irsa", "from_cluster": True, "irsa_kubeconfig": kubeconfig, **more}


def test_clusters_that_keep_their_keys_are_told_apart_by_their_kubeconfigs(keys):
    message = Inventory(a=adopting("one.conf"), b=adopting("two.conf")).refusal()
    assert "'a', 'b'" in message and "or the same irsa_kubeconfig" in message
    other_context = adopting("one.conf", irsa_kube_context="other")
    assert "'a', 'b'" in Inventory(a=adopting("one.conf"), b=other_context).refusal()
    Inventory(a=adopting("one.conf"), b=adopting("/srv/one.conf")).accept()
    # Whether the API servers have the key of a file is not known here.
    Inventory(a=adopting("one.conf"), b=of(keys / "one.key")).accept()


def test_the_defaults_of_the_role_say_nothing_of_a_host(keys):
    inventory = Inventory(a=adopting("one.conf"), b=of(keys / "one.key", prefix="b"))
    found = inventory.clusters(irsa_issuer_from_cluster=False, irsa_issuer_extra_jwks=[])
    assert {cluster.host: cluster.source for cluster in found} == {"a": "irsa_kubeconfig /srv/one.conf", "b": ""}


def test_published_keys_without_a_key_file_are_compared(keys):
    one, two = ({"keys": [{"kid": kid}]} for kid in ("one", "two"))
    assert (
        "'a', 'b'"
        in Inventory(a={"bucket": "x", "extra_jwks": [one]}, b={"bucket": "x", "extra_jwks": [two]}).refusal()
    )
    Inventory(a={"bucket": "x", "extra_jwks": [one]}, b={"bucket": "x", "extra_jwks": [one]}).accept()


def test_one_cluster_for_different_issuers_is_told(keys):
    inventory = Inventory(a=adopting("one.conf", prefix="a"), b=adopting("one.conf", prefix="b"))
    warnings = _fleet.warnings_of_shared_keys(inventory.clusters())
    assert list(warnings) == ["a"] and "(irsa_kubeconfig /srv/one.conf)" in warnings["a"]


@pytest.mark.parametrize("name", ["result_path", "documents_path"])
def test_clusters_that_would_write_one_file_in_turn_are_named(keys, name):
    def problems(**files):
        hosts = {host: of(keys / "one.key", prefix=host, **{name: path}) for host, path in files.items()}
        return _fleet.problems_of_shared_files(Inventory(hosts).clusters())

    shared = problems(a="out.json", b="/srv/out.json", c="other.json")
    assert shared.keys() == {"a", "b"} and len(set(shared.values())) == 1
    assert f"'a', 'b' of this play have different issuers but one irsa_issuer_{name} (/srv/out.json)" in shared["a"]
    assert problems(a="{{ inventory_hostname }}", b="{{ inventory_hostname }}") == {}
    # The same place in other words.
    (keys / "link").symlink_to(keys)
    for other in (f"{keys}/out/", f"{keys}/./out", f"{keys}/x/../out", f"{keys}/link/out"):
        assert problems(a=f"{keys}/out", b=other).keys() == {"a", "b"}, other


def test_a_key_is_the_same_however_its_path_is_written(keys):
    (keys / "link").symlink_to(keys)
    for other in (f"{keys}/./new.key", f"{keys}//new.key", f"{keys}/link/new.key"):
        Inventory(a=of(keys / "new.key"), b=of(other, key_host="127.0.0.1")).accept()  # no key exists yet
        of_two_issuers = Inventory(a=of(keys / "new.key"), b=of(other, prefix="b"))
        assert list(_fleet.warnings_of_shared_keys(of_two_issuers.clusters())) == ["a"], other
    Inventory(a=of("/srv/k/../a.key", key_host="cp1"), b=of("/srv/a.key", key_host="cp1")).accept()


def test_servers_of_one_cluster_may_write_one_file(keys):
    given = of(keys / "one.key", result_path="/srv/out.json")
    assert _fleet.problems_of_shared_files(Inventory(a=given, b=given).clusters()) == {}
