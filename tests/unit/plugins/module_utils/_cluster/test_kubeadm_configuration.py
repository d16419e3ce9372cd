# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ClusterConfiguration: which flags kubeadm renders from it, and edits that keep every other byte."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm_patches, kubeadm_versions
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_configuration import (
    API_SERVER,
    CONTROLLER_MANAGER,
    ClusterConfiguration,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import KID, NEW, OLD

HEAD = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
TAIL = "dns: {}\nnetworking:\n  dnsDomain: example.internal  # ours\n"

# What apiServer may look like, and whether taking our flags away again leaves the same bytes.
SECTIONS = {
    "empty": ("apiServer: {}\n", True),
    "missing": ("", False),
    "null": ("apiServer:\n", False),
    "empty list": ("apiServer:\n  extraArgs: []\n", False),
    "null list": ("apiServer:\n  timeoutForControlPlane: 4m\n  extraArgs:\n", False),
    "others": ("apiServer:\n  certSANs:\n  - a\n  # timeouts\n  timeoutForControlPlane: 4m0s\n", True),
    "deeper": ("apiServer:\n    certSANs: [a]\n", True),
    "list": ("apiServer:\n  extraArgs:\n  - name: v\n    value: '2'   # why\n  # all\n  certSANs: [a]\n", True),
    "wide list": ("apiServer:\n  extraArgs:\n    - value: Node,RBAC\n      name: authorization-mode\n", True),
    "list in braces": ('apiServer:\n  extraArgs: [{name: v, value: "3"}]\n', True),
    "items in braces": ('apiServer:\n  extraArgs:\n  - {name: v, value: "3"}\n  extraVolumes: []\n', True),
    "section in braces": ('apiServer: {extraArgs: [{name: v, value: "3"}], certSANs: [a]}\n', True),
}


def parsed(section: str, newline: str = "\n") -> ClusterConfiguration:
    return ClusterConfiguration((HEAD + section + TAIL).replace("\n", newline))


def extra_args(text: str) -> list[tuple[str, str]]:
    """The entries as PyYAML by itself reads them."""
    return [(each["name"], each["value"]) for each in yaml.safe_load(text)["apiServer"].get("extraArgs") or []]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", SECTIONS)
def test_flags_are_added_moved_and_taken_away(name, newline):
    section, is_exact = SECTIONS[name]
    before = parsed(section, newline)
    others = extra_args(before.text) if section.count(":") > 1 else []
    added = before.with_values(API_SERVER, {ISSUER: (OLD, NEW), KEY_FILE: ("/a.pub",)})
    assert extra_args(added.text) == [*others, (ISSUER, OLD), (ISSUER, NEW), (KEY_FILE, "/a.pub")]
    moved = added.with_values(API_SERVER, {ISSUER: (NEW, OLD)})
    assert extra_args(moved.text) == [*others, (ISSUER, NEW), (ISSUER, OLD), (KEY_FILE, "/a.pub")]
    gone = moved.with_values(API_SERVER, {ISSUER: (), KEY_FILE: ()})
    assert extra_args(gone.text) == others
    assert gone.text == before.text or not is_exact
    for text in (added.text, moved.text, gone.text):
        document = yaml.safe_load(text)
        assert document["networking"] == {"dnsDomain": "example.internal"} and "# ours" in text


def test_an_issuer_of_the_user_stays_where_it_is():
    section = f"apiServer:\n  extraArgs:\n  - name: {ISSUER}\n    value: https://user\n  - name: v\n    value: '2'\n"
    before = parsed(section)
    assert before.own(API_SERVER, ISSUER) == ("https://user",)
    after = before.with_values(API_SERVER, {ISSUER: (NEW, "https://user")})
    assert extra_args(after.text) == [(ISSUER, NEW), (ISSUER, "https://user"), ("v", "2")]
    assert after.with_values(API_SERVER, {ISSUER: ("https://user",)}).text == before.text


def test_the_same_values_change_nothing():
    before = parsed("apiServer:\n  extraArgs:\n  - name: v\n    value: '2'\n")
    assert before.with_values(API_SERVER, {"v": ("2",), ISSUER: ()}) is before


def test_what_kubeadm_renders():
    configuration = parsed("certificatesDir: /etc/kubernetes/ssl\n")
    default = "https://kubernetes.default.svc.example.internal"
    assert configuration.rendered(API_SERVER, ISSUER, keeps_order=True) == (default,)
    assert configuration.default(KEY_FILE) == ("/etc/kubernetes/ssl/sa.pub",)
    assert configuration.default(SIGNING_KEY_FILE) == configuration.default(PRIVATE_KEY_FILE)
    assert configuration.default(API_AUDIENCES) == ()
    both = parsed("").with_values(API_SERVER, {ISSUER: ("https://oidc", "https://kubernetes")})
    assert both.rendered(API_SERVER, ISSUER, keeps_order=True) == ("https://oidc", "https://kubernetes")
    assert both.rendered(API_SERVER, ISSUER, keeps_order=False) == ("https://kubernetes", "https://oidc")
    assert both.rendered(CONTROLLER_MANAGER, PRIVATE_KEY_FILE, keeps_order=True) == ("/etc/kubernetes/pki/sa.key",)


MAP_HEAD = HEAD.replace("v1beta4", "v1beta3")

# A map of v1beta3 with our issuer in it, and without.
MAPS = {
    "alone": (f"apiServer:\n  extraArgs:\n    {ISSUER}: {NEW}\n", "apiServer: {}\n"),
    "alone beside others": (
        f"apiServer:\n  certSANs: [a]\n  extraArgs:\n    {ISSUER}: {NEW}\n  timeoutForControlPlane: 4m0s\n",
        "apiServer:\n  certSANs: [a]\n  timeoutForControlPlane: 4m0s\n",
    ),
    "first": (
        f"apiServer:\n    extraArgs:\n        {ISSUER}: \"{NEW}\"\n        # logs\n        v: '2'  # why\n",
        "apiServer:\n    extraArgs:\n        # logs\n        v: '2'  # why\n",
    ),
    "last": (
        f"apiServer:\n  extraArgs:\n    v: '2'\n    {ISSUER}: {NEW}\n  # ports\n",
        "apiServer:\n  extraArgs:\n    v: '2'\n  # ports\n",
    ),
    "with a comment": (
        f"apiServer:\n  extraArgs:\n    a: b\n    {ISSUER}:   {NEW}  # for AWS\n    v: '2'\n",
        "apiServer:\n  extraArgs:\n    a: b\n    # for AWS\n    v: '2'\n",
    ),
    "in braces": (
        f'apiServer: {{extraArgs: {{a: b, {ISSUER}: "{NEW}", v: "2"}}}}\n',
        'apiServer: {extraArgs: {a: b, v: "2"}}\n',
    ),
    "first in braces": (
        f'apiServer:\n  extraArgs: {{{ISSUER}: "{NEW}", v: "2"}}\n',
        'apiServer:\n  extraArgs: {v: "2"}\n',
    ),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", MAPS)
def test_a_flag_is_taken_out_of_a_map_and_nothing_else(name, newline):
    before, after = ((MAP_HEAD + text + TAIL).replace("\n", newline) for text in MAPS[name])
    configuration = ClusterConfiguration(before)
    assert configuration.own(API_SERVER, ISSUER) == (NEW,)
    assert configuration.with_values(API_SERVER, {ISSUER: ()}).text == after


@pytest.mark.parametrize("values", [(NEW,), (NEW, "https://x")])
def test_nothing_is_written_into_a_map(values):
    configuration = ClusterConfiguration(MAP_HEAD + f"apiServer:\n  extraArgs:\n    {ISSUER}: https://x\n")
    with pytest.raises(Fault, match="v1beta3, holds one value for each flag"):
        configuration.with_values(API_SERVER, {ISSUER: values})


@pytest.mark.parametrize(
    "section",
    [
        f"apiServer: {{extraArgs: {{{ISSUER}: x}}}}\n",
        f"apiServer:\n  extraArgs:\n    v: '2'\n    {ISSUER}: |\n      x\n",
        f"apiServer:\n  extraArgs:\n    ? {ISSUER}\n    : x\n    v: '2'\n",
        f"apiServer:\n  extraArgs: &a\n    {ISSUER}: x\n    v: '2'\ncontrollerManager:\n  extraArgs: *a\n",
    ],
)
def test_a_map_that_cannot_be_edited_safely_is_refused(section):
    with pytest.raises(Fault):
        ClusterConfiguration(MAP_HEAD + section).with_values(API_SERVER, {ISSUER: ()})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is null of version null"),
        ("a: [", "it is not one YAML document"),
        (HEAD.replace("v1beta4", "v1"), "version 'kubeadm.k8s.io/v1'"),
        (HEAD.replace("ClusterConfiguration", "InitConfiguration"), "it is 'InitConfiguration'"),
    ],
)
def test_a_text_that_is_no_cluster_configuration_is_refused(text, reason):
    with pytest.raises(Fault, match=reason):
        ClusterConfiguration(text)


@pytest.mark.parametrize(
    "section",
    [
        "apiServer: {certSANs: [a]}\n",
        "apiServer: some text\n",
        "apiServer: &a {extraArgs: [{name: v, value: x}]}\ncopy: *a\n",
        "apiServer:\n  extraArgs:\n  - name: v\n    value: |\n      x\n",
    ],
)
def test_a_layout_that_cannot_be_edited_safely_is_refused(section):
    with pytest.raises(Fault):
        parsed(section).with_values(API_SERVER, {ISSUER: (NEW,)})


VALUES = st.lists(st.sampled_from([NEW, OLD, "https://x", "it's 1", "true", "#"]), max_size=4)


@settings(max_examples=40)
@given(st.sampled_from(sorted(SECTIONS)), st.lists(VALUES, max_size=4))
def test_any_values_are_written_as_they_are_read(name, series):
    configuration = parsed(SECTIONS[name][0])
    others = configuration.own(API_SERVER, "v")
    for values in series:
        configuration = configuration.with_values(API_SERVER, {ISSUER: tuple(values)})
        assert [value for each, value in extra_args(configuration.text) if each == ISSUER] == values if values else True
        assert configuration.own(API_SERVER, "v") == others


@given(st.text(max_size=40))
def test_any_text_is_a_cluster_configuration_or_a_fault(text):
    with contextlib.suppress(Fault):
        ClusterConfiguration(HEAD + text).with_values(API_SERVER, {ISSUER: (NEW,)})


@pytest.mark.parametrize(
    "version",
    [
        "1.36.0",
        "v1.36.3",
        "v1.35.1",
        "v1.34.4",
        "v1.37.2",
        "v1.33.8",
        "v1.32.12",
        "v2.0.0",
        "v1.35.1+k3s1",
        "v1.37.0-rc.0",
        "v1.36.0-beta.0",
    ],
)
def test_versions_that_keep_the_order_of_flags(version):
    assert kubeadm_versions.keeps_order(version)


@pytest.mark.parametrize(
    "version",
    [
        "v1.35.0",
        "v1.34.3",
        "v1.34.0",
        "v1.33.7",
        "v1.32.11",
        "v1.31.9",
        "v1.28.0",
        "v0.9.0",
        "v1.36.0-alpha.0",
        "v1.35.1-rc.0",
    ],
)
def test_versions_that_sort_flags(version):
    assert not kubeadm_versions.keeps_order(version)


@pytest.mark.parametrize("version", ["", "latest", "v1.37", "1.37.2.1"])
def test_what_is_no_version(version):
    with pytest.raises(Fault, match="is not a version of kubeadm"):
        kubeadm_versions.keeps_order(version)


def command(*issuers: str, **flags: str) -> Arguments:
    texts = [f"--{ISSUER}={issuer}" for issuer in issuers]
    return Arguments.of(["kube-apiserver", *texts, *(f"--{name}={value}" for name, value in flags.items())])


def patched(rendered: list[str], patch: bytes | None) -> list[str]:
    """What a JSON patch makes of a command, by RFC 6902."""
    result = list(rendered)
    for operation in yaml.safe_load(patch or b"[]"):
        assert operation["op"] == "add"
        place = operation["path"].rpartition("/")[2]
        result.insert(len(result) if place == "-" else int(place), operation["value"])
    return result


@given(
    st.lists(st.sampled_from("abcd"), unique=True, min_size=1),
    st.lists(st.sampled_from("abcd"), unique=True, min_size=1),
)
def test_a_patch_never_repeats_an_issuer_and_puts_the_first_one_first(rendered, meant):
    with contextlib.suppress(Fault):
        patch = kubeadm_patches.api_server_patch(
            lambda name: tuple(rendered) if name == ISSUER else (), command(*meant), "d", key_files=()
        )
        issuers = Arguments.of(patched(["kube-apiserver", *(f"--{ISSUER}={each}" for each in rendered)], patch))
        values = issuers.values(ISSUER)
        assert len(set(values)) == len(values)
        assert values[0] == meant[0] and set(values) == {*rendered, *meant}
        return
    assert meant[0] in rendered and meant[0] != rendered[0]


def test_a_patch_for_keys_and_audiences():
    rendered = {ISSUER: (OLD,), KEY_FILE: ("/pki/sa.pub",), SIGNING_KEY_FILE: ("/pki/sa.key",), API_AUDIENCES: ("a",)}
    own = f"/pki/irsa/{KID}"
    meant = Arguments.of(
        [
            "kube-apiserver",
            f"--{ISSUER}={OLD}",
            f"--{ISSUER}={NEW}",
            f"--{KEY_FILE}=/pki/sa.pub",
            f"--{KEY_FILE}={own}.pub",
            f"--{SIGNING_KEY_FILE}={own}.key",
            f"--{API_AUDIENCES}=a,{NEW}",
        ]
    )
    patch = kubeadm_patches.api_server_patch(
        lambda name: rendered.get(name, ()), meant, NEW, key_files=meant.values(KEY_FILE)
    )
    assert patched([], patch) == [
        f"--{ISSUER}={NEW}",
        f"--{KEY_FILE}={own}.pub",
        f"--{SIGNING_KEY_FILE}={own}.key",
        f"--{API_AUDIENCES}={NEW}",
    ]
    assert kubeadm_patches.api_server_patch(meant.values, meant, NEW, key_files=meant.values(KEY_FILE)) is None
