# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role's variables as the module's options: what is set, as the argument spec types it, or everything that is
wrong.
"""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.modules import irsa_issuer
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _issuer_role
from ansible_collections.selfhosted.irsa.tests.unit.plugins.misplaced_secrets import SHAPES

NAMES = {*irsa_issuer.ARGUMENT_SPEC, "purge_audiences", "region"}
SOUND = {
    "irsa_issuer_bucket": "irsa-prod",
    "irsa_issuer_key_path": "sa.key",
    "playbook_dir": "/srv",
    "somebody_elses": "text",
}


def read(**variables):
    return _issuer_role.read(NAMES, {**SOUND, **variables}, lambda value: value)


def options(**variables):
    return read(**variables).options


def refusal(**variables):
    with pytest.raises(IrsaError) as caught:
        options(**variables)
    return str(caught.value)


def test_every_variable_but_those_of_other_tasks_is_an_option():
    variables = {name.removeprefix("irsa_issuer_").removeprefix("irsa_") for name in _issuer_role.argument_spec()}
    assert variables - NAMES == {"key_host", "key_backup", "delete_key"}


def test_the_defaults_are_those_of_the_argument_spec():
    taken = options()
    assert taken["bucket"] == "irsa-prod"
    assert (taken["state"], taken["audiences"], taken["verify"]) == ("present", ["sts.amazonaws.com"], True)
    assert not {"key", "prepared", "somebody_elses", "tags", "region", "url"} & taken.keys()


def test_values_are_typed_as_the_argument_spec_says():
    taken = options(
        irsa_issuer_verify="no",
        irsa_issuer_key_size="4096",
        irsa_issuer_audiences="a,b",
        irsa_issuer_region="eu-west-1",
    )
    assert (taken["verify"], taken["key_size"], taken["audiences"]) == (False, 4096, ["a", "b"])
    assert taken["region"] == "eu-west-1"


def test_a_switch_that_is_off_stays_off():
    assert options(irsa_issuer_bucket_versioning=False)["bucket_versioning"] is False
    assert "bucket_versioning" not in options()


def test_templates_are_resolved():
    variables = {**SOUND, "irsa_issuer_prefix": "{{ cluster }}", "__irsa_issuer_key": "{{ made }}"}
    values = {"{{ cluster }}": "prod", "{{ made }}": {"exists": True}}
    taken = _issuer_role.read(NAMES, variables, lambda value: values.get(str(value), value)).options
    assert (taken["prefix"], taken["key"]) == ("prod", {"exists": True})


def test_what_a_playbook_sets_comes_before_what_the_user_passes():
    """The keys of the user are in it; -e irsa_issuer_extra_jwks would put them in the place of the cluster's."""
    both = [{"keys": []}, {"keys": []}]
    of_playbook = {"extra_jwks": both, "from_cluster": False}
    taken = options(
        irsa_issuer_key_path="",
        irsa_issuer_extra_jwks=both[:1],
        irsa_issuer_from_cluster=True,
        __irsa_issuer_of_playbook=of_playbook,
    )
    assert taken["extra_jwks"] == both
    assert taken["from_cluster"] is False


def test_files_of_a_key_on_the_controller_are_options():
    taken = read(irsa_issuer_openssh_public_key_path="")
    assert taken.key_host == "localhost"
    assert taken.key_files == {
        "key_path": "/srv/sa.key",
        "public_key_path": "/srv/sa-pkcs8.pub",
        "openssh_public_key_path": None,
    }
    assert (taken.options["key_path"], taken.options["public_key_path"]) == ("/srv/sa.key", "/srv/sa-pkcs8.pub")
    assert "openssh_public_key_path" not in taken.options


def test_a_key_on_another_host_is_not_an_option():
    taken = read(irsa_issuer_key_host="control-plane", irsa_issuer_key_path="~/sa.key")
    assert (taken.key_host, taken.key_files["key_path"]) == ("control-plane", "~/sa.key")
    assert "key_path" not in taken.options


def test_relative_paths_start_at_the_folder_of_the_playbook(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert read(__irsa_issuer_folder=".").key_files["key_path"] == f"{tmp_path}/sa.key"
    assert read(__irsa_issuer_folder="/else").key_files["public_key_path"] == "/else/sa-pkcs8.pub"


@pytest.mark.parametrize(
    ("path", "public", "openssh"),
    [
        ("/srv/sa-signer.key", "/srv/sa-signer-pkcs8.pub", "/srv/sa-signer.key.pub"),
        ("/srv/prod.d/signer", "/srv/prod.d/signer-pkcs8.pub", "/srv/prod.d/signer.pub"),
        ("~/keys/a.b.key", "~/keys/a.b-pkcs8.pub", "~/keys/a.b.key.pub"),
    ],
)
def test_public_key_files_are_named_after_the_key(path, public, openssh):
    files = read(irsa_issuer_key_path=path).key_files
    assert (files["public_key_path"], files["openssh_public_key_path"]) == (public, openssh)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"irsa_issuer_key_type": "DSA"}, "irsa_issuer_key_type"),
        ({"irsa_issuer_verify": "perhaps"}, "irsa_issuer_verify"),
        ({"irsa_issuer_tags": "none"}, "irsa_issuer_tags"),
    ],
)
def test_wrong_types_and_choices_are_refused_by_name(variables, named):
    message = refusal(**variables)
    assert message.startswith("Invalid variables for role irsa_issuer; nothing was changed.\n- ") and named in message


def test_all_invalid_variables_are_reported_at_once():
    message = refusal(
        irsa_issuer_bucket="Irsa", irsa_issuer_account_id="12345", irsa_issuer_key_host="node", irsa_issuer_tags={}
    )
    first, *problems = message.splitlines()
    assert first == "Invalid variables for role irsa_issuer; nothing was changed."
    assert [problem[2:].split()[0].rstrip(":") for problem in problems[:2]] == [
        "irsa_issuer_account_id",
        "irsa_issuer_bucket",
    ]
    assert "must be absolute on irsa_issuer_key_host" in message


EXAMPLE = """
This is enough, for example:
    irsa_issuer_bucket: example-irsa-prod  # a name of your own: no two buckets of AWS have the same
    irsa_issuer_region: eu-west-1
    irsa_issuer_key_path: /srv/irsa/sa-signer.key  # on a disk that survives the run"""


def test_everything_that_is_missing_is_reported_at_once_with_an_example():
    message = refusal(irsa_issuer_bucket=None, irsa_issuer_key_path=None)
    assert "- Neither irsa_issuer_bucket nor irsa_issuer_url is set." in message
    assert "- irsa_issuer_key_path is not set." in message
    assert message.endswith(EXAMPLE)


def test_the_example_is_accepted():
    """YAML has no comment in a value."""
    set_in_it = (line.partition("  #")[0].split(": ") for line in EXAMPLE.splitlines()[2:])
    taken = options(**{name.strip(): value for name, value in set_in_it})
    assert (taken["region"], taken["key_path"]) == ("eu-west-1", "/srv/irsa/sa-signer.key")


def test_the_example_of_a_removal_has_no_key():
    message = refusal(irsa_issuer_bucket=None, irsa_issuer_key_path=None, irsa_issuer_state="absent")
    assert "    irsa_issuer_bucket: example-irsa-prod" in message and "irsa_issuer_key_path" not in message


def test_what_is_set_but_wrong_has_no_example():
    assert "for example:" not in refusal(irsa_issuer_account_id="12")


def test_wrong_types_undefined_and_missing_variables_are_reported_together():
    def template(value):
        if value == "{{ nowhere }}":
            raise AnsibleUndefinedVariable("'nowhere' is undefined")
        return value

    wrong = {
        "irsa_issuer_verify": "perhaps",
        "irsa_issuer_audiences": {"a": 1},
        "irsa_issuer_prefix": "{{ nowhere }}",
        "irsa_issuer_account_id": "12",
        "playbook_dir": "/srv",
    }
    with pytest.raises(IrsaError) as caught:
        _issuer_role.read(NAMES, wrong, template)
    problems = str(caught.value).partition("\nThis is enough")[0].splitlines()[1:]
    assert "- irsa_issuer_prefix has no value: 'nowhere' is undefined." in problems
    for name in ("verify", "audiences", "prefix", "account_id", "url", "key_path is not set"):
        assert len([problem for problem in problems if f"irsa_issuer_{name}" in problem]) == 1, problems
    assert len(problems) == 6


def test_a_playbook_for_one_state_refuses_the_other():
    message = refusal(irsa_issuer_state="absent", __irsa_issuer_expected_state="present")
    assert message.startswith("irsa_issuer_state is absent, but this playbook is for present.")
    assert "selfhosted.irsa.teardown" in message


def test_a_backup_of_the_key_is_reported():
    assert not read().backs_up
    assert read(irsa_issuer_key_backup="s3://private/keys").backs_up


def test_a_missing_key_path_is_reported_by_name():
    with pytest.raises(IrsaError, match="irsa_issuer_key_path"):
        _issuer_role.read(
            NAMES, {name: value for name, value in SOUND.items() if name != "irsa_issuer_key_path"}, lambda value: value
        )


def test_an_issuer_without_a_key_file_has_no_key_files():
    cluster = {"irsa_issuer_from_cluster": "yes", "irsa_kubeconfig": "admin.conf", "irsa_kube_context": "prod"}
    taken = read(irsa_issuer_key_path=None, **cluster)
    assert taken.keyless and set(taken.key_files.values()) == {None}
    expected = {"from_cluster": True, "kubeconfig": "/srv/admin.conf", "kube_context": "prod"}
    assert expected.items() <= taken.options.items() and not {"key_path", "public_key_path"} & taken.options.keys()
    assert not read(**cluster).keyless


@pytest.mark.parametrize(
    ("path", "absolute"), [("/etc/admin.conf", "/etc/admin.conf"), ("~/admin.conf", "/root/admin.conf")]
)
def test_a_kubeconfig_may_be_anywhere_on_the_controller(monkeypatch, path, absolute):
    monkeypatch.setenv("HOME", "/root")
    assert options(irsa_kubeconfig=path)["kubeconfig"] == absolute


@pytest.mark.parametrize("name", _issuer_role.argument_spec())
def test_no_message_has_a_secret_from_a_variable(name):
    for shape, misplaced in SHAPES.items():
        for value in (misplaced.text, [misplaced.text], {"keys": [misplaced.text]}, {misplaced.text: 1}):
            message = ""
            try:
                read(**{name: value})
            except IrsaError as error:
                message = str(error)
            assert misplaced.traces_in(message) == [], (shape, message)


def test_a_private_key_is_refused_in_every_variable():
    declared = _issuer_role.argument_spec()
    for name in (name for name, each in declared.items() if each["type"] in ("str", "path")):
        for shape in ("PKCS#1", "indented", "with literal line ends", "UTF-16", "base64 of PEM", "truncated"):
            message = refusal(**{name: SHAPES[shape].text})
            assert "choices" in declared[name] or "contains a private key" in message, (name, shape)


def test_a_problem_is_one_line_of_its_own():
    message = refusal(irsa_issuer_state="x\n::error::boom ##vso[x]", irsa_issuer_verify="\x1b[2J")
    assert len(message.splitlines()) == 3
    assert "\x1b" not in message and "::error" not in message and "##vso" not in message


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({}, "/etc/kubernetes/pki"),
        ({"irsa_issuer_apiserver_key_dir": "/etc/rancher/k3s/irsa"}, "/etc/rancher/k3s/irsa"),
        ({"irsa_issuer_key_path": "/etc/kubernetes/pki/irsa/sa.key"}, None),
        ({"irsa_issuer_key_host": "cp-1", "irsa_issuer_key_path": "/srv/sa.key"}, None),
        (
            {
                "irsa_issuer_key_host": "cp-1",
                "irsa_issuer_key_path": "/srv/sa.key",
                "irsa_issuer_apiserver_key_dir": "/pki",
            },
            "/pki",
        ),
        ({"irsa_issuer_key_path": None, "irsa_issuer_extra_jwks": [{"keys": []}]}, None),
    ],
    ids=["the controller", "another folder", "a server's own folder", "a node", "a node, another folder", "no key"],
)
def test_api_servers_see_a_key_on_a_node_where_it_is_and_one_on_the_controller_in_kubeadms_folder(given, folder):
    assert options(**given).get("apiserver_key_dir") == folder
