# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""k0s: the arguments that come of its configuration, and configurations with others that keep every other byte."""

from __future__ import annotations

import contextlib
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    JWKS_URI,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Programs, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.k0s import K0s
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.k0s_versions import has_raw_args
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_k0s import BY_K0SCTL, CREATED, HAND_WRITTEN
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import KID, NEW

CONFIG = "/etc/k0s/k0s.yaml"
PKI = "/var/lib/k0s/pki"
DEFAULT = "https://kubernetes.default.svc"
UNIT = Unit(command=("/usr/local/bin/k0s", "controller", f"--config={CONFIG}"))
OWN = phases.own_key_files(PKI, KID)
THERE_AND_BACK = (ACCEPT, SIGN, SIGN_BACK, FORGET)


def unit(*words: str) -> Unit:
    return Unit(command=("/usr/local/bin/k0s", "controller", *words))


def after(phase, files, target, *, at=UNIT):
    """The files after a phase, and what it changed."""
    k0s = K0s()
    before = k0s.programs(files, at)
    server = phases.after(phase, before.api_server, target)
    manager = phases.controller_manager_after(phase, before.controller_manager, target, api_server=server)
    changes = k0s.files_after(files, at, Programs(api_server=server, controller_manager=manager))
    merged = {**files, **changes}
    return {path: content for path, content in merged.items() if content is not None}, changes


def rendered(text: str, section: str, defaults: dict[str, str]) -> dict[str, list[str]]:
    """The values of each flag by k0s' rule, as PyYAML reads the file: the map with the defaults, and rawArgs after it.

    buildSupervisor in https://github.com/k0sproject/k0s/blob/main/pkg/component/controller/apiserver.go
    """
    found = ((yaml.safe_load(text) or {}).get("spec") or {}).get(section) or {}
    words = [f"--{name}={value}" for name, value in {**defaults, **(found.get("extraArgs") or {})}.items()]
    words += found.get("rawArgs") or []
    values: dict[str, list[str]] = {}
    waiting = None
    for word in words:
        name, has_value, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            values[waiting].append(word)
            continue
        values.setdefault(name, []).extend([value] if has_value else [])
        waiting = name
    return values


def server_of(text: str) -> dict[str, list[str]]:
    defaults = {
        ISSUER: DEFAULT,
        JWKS_URI: f"{DEFAULT}/openid/v1/jwks",
        KEY_FILE: f"{PKI}/sa.pub",
        SIGNING_KEY_FILE: f"{PKI}/sa.key",
    }
    return rendered(text, "api", defaults)


def manager_of(text: str) -> dict[str, list[str]]:
    return rendered(text, "controllerManager", {PRIVATE_KEY_FILE: f"{PKI}/sa.key"})


def rest_of(text: str) -> object:
    document = yaml.safe_load(text) or {}
    spec = document.pop("spec", None) or {}
    for section in ("api", "controllerManager"):
        found = spec.pop(section, None) or {}
        if isinstance(found, dict):
            found = {name: value for name, value in found.items() if name not in ("extraArgs", "rawArgs")}
        spec[section] = found
    return document, spec


def check_there_and_back(original: str, key) -> None:
    target = phases.Target(issuer=NEW, key=key)
    files = {CONFIG: original.encode()}
    issuers = server_of(original)[ISSUER]
    others = {name: values for name, values in server_of(original).items() if not name.startswith("service-account-")}
    public, private = ([OWN.public], [OWN.private]) if key else ([], [])
    for phase, expected, keys, signing in (
        (ACCEPT, [*issuers, NEW], public, []),
        (SIGN, [NEW, *issuers], public, private),
        (SIGN_BACK, [*issuers, NEW], public, []),
        (FORGET, issuers, [], []),
    ):
        files, dummy = after(phase, files, target)
        text = files[CONFIG].decode()
        server = server_of(text)
        assert server[ISSUER] == expected
        assert server[KEY_FILE] == [f"{PKI}/sa.pub", *keys]
        assert server[SIGNING_KEY_FILE] == [f"{PKI}/sa.key", *signing]
        assert manager_of(text)[PRIVATE_KEY_FILE] == [f"{PKI}/sa.key", *signing]
        assert {name: server[name] for name in others} == others
        assert rest_of(text) == rest_of(original)
        assert all(line in text for line in original.splitlines() if line.lstrip().startswith("#"))
        # Idempotence.
        assert after(phase, files, target)[1] == {}
    assert text == original


@pytest.mark.parametrize("key", [None, OWN], ids=["adopted", "own"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["Unix", "Windows"])
@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_every_configuration_can_go_there_and_back(name, newline, key):
    check_there_and_back(HAND_WRITTEN[name].replace("\n", newline), key)


@pytest.mark.parametrize("null", ["null", "~", ""])
@pytest.mark.parametrize("text", ["spec:\n  api: {}  # x\n  scheduler: {{}}\n", "spec: {{api: {}, scheduler: {{}}}}\n"])
def test_a_section_that_is_null_means_the_same_afterwards(text, null):
    original = text.format(null)
    files = {CONFIG: original.encode()}
    for phase in THERE_AND_BACK:
        files, dummy = after(phase, files, phases.Target(issuer=NEW))
    assert server_of(files[CONFIG].decode()) == server_of(original)
    assert rest_of(files[CONFIG].decode()) == rest_of(original)


def test_what_k0s_prints_gets_few_lines():
    target = phases.Target(issuer=NEW, key=OWN)
    files, dummy = after(ACCEPT, {CONFIG: CREATED.encode()}, target)
    api = "      certificatesExpireAfter: 8760h\n  controllerManager: {}\n"
    accepted = (
        '      certificatesExpireAfter: 8760h\n    "rawArgs":\n'
        f"    - --service-account-issuer={NEW}\n    - --service-account-key-file={OWN.public}\n"
        "  controllerManager: {}\n"
    )
    assert files[CONFIG].decode() == CREATED.replace(api, accepted)
    files, dummy = after(SIGN, files, target)
    signing = (
        f'      certificatesExpireAfter: 8760h\n    "rawArgs":\n'
        f"    - --service-account-key-file={OWN.public}\n    - --service-account-issuer={DEFAULT}\n"
        f"    - --service-account-signing-key-file={OWN.private}\n"
        f'    "extraArgs":\n      "service-account-issuer": {NEW}\n'
        f'  controllerManager: {{"rawArgs": ["--service-account-private-key-file={OWN.private}"]}}\n'
    )
    assert files[CONFIG].decode() == CREATED.replace(api, signing)


def test_a_value_of_the_user_keeps_its_line():
    files = {CONFIG: HAND_WRITTEN["arguments of the user"].encode()}
    for phase in (ACCEPT, SIGN):
        files, dummy = after(phase, files, phases.Target(issuer=NEW))
    text = files[CONFIG].decode()
    assert f"      service-account-issuer: '{NEW}'  # since 2024\n" in text
    assert (
        "    - --v=3\n    - --service-account-issuer=https://user.example.com\n"
        '    - "--service-account-issuer=https://older.example.com"  # tokens of the old cluster\n'
    ) in text


@pytest.mark.parametrize("words", [(), ("--single",), ("-c", CONFIG)])
def test_without_a_configuration_one_is_made_and_taken_away_again(words):
    target, files = phases.Target(issuer=NEW), {}
    for phase in THERE_AND_BACK:
        files, changes = after(phase, files, target, at=unit(*words))
        if phase == ACCEPT:
            content = yaml.safe_load(files[CONFIG])
            assert content["apiVersion"] == "k0s.k0sproject.io/v1beta1" and content["kind"] == "ClusterConfig"
            assert content["spec"] == {"api": {"rawArgs": [f"--service-account-issuer={NEW}"]}}
    assert files == {} and changes == {CONFIG: None}


def test_a_configuration_that_is_named_must_be_there():
    with pytest.raises(Fault, match=r"'/srv/k0s.yaml' is not there"):
        K0s().programs({}, unit("--config=/srv/k0s.yaml"))


@pytest.mark.parametrize(
    ("words", "path", "pki"),
    [
        ((), CONFIG, PKI),
        (("--config=/a.yaml", "--data-dir=/srv/k0s/"), "/a.yaml", "/srv/k0s/pki"),
        (("--config", "/a.yaml", "--data-dir", "/srv/k0s"), "/a.yaml", "/srv/k0s/pki"),
        (("--single", "-c", "/a.yaml"), "/a.yaml", PKI),
        (("-c=/a.yaml",), "/a.yaml", PKI),
        (("-c/a.yaml",), "/a.yaml", PKI),
        (("--config=etc/k0s.yaml",), "/etc/k0s.yaml", PKI),
    ],
)
def test_the_command_says_where_its_files_are(words, path, pki):
    k0s, at = K0s(), unit(*words)
    assert k0s.sources(at).files == (path,)
    programs = k0s.programs({path: b""}, at)
    assert programs.api_server.value(SIGNING_KEY_FILE) == f"{pki}/sa.key"
    assert programs.controller_manager.value(PRIVATE_KEY_FILE) == f"{pki}/sa.key"
    assert k0s.own_key_folder({}, at) == f"{pki}/irsa"
    assert k0s.access({}, at).kubeconfigs == (f"{pki}/admin.conf",)


def test_the_standard_input_cannot_be_changed():
    k0s, at = K0s(), unit("--config", "-")
    assert k0s.sources(at).files == ()
    assert "standard input" in " ".join(k0s.problems({}, at))
    with pytest.raises(Fault, match="not there"):
        k0s.programs({}, at)


def test_other_arguments_of_the_server_are_known():
    found = K0s().programs({CONFIG: HAND_WRITTEN["arguments of the user"].encode()}, UNIT).api_server
    assert found.values("oidc-issuer-url") == ("https://login.example.com",)
    assert found.values("event-ttl") == ("2h",)
    found = K0s().programs({CONFIG: CREATED.encode()}, UNIT).api_server
    assert found.values("advertise-address") == ("192.0.2.1",) and found.values("secure-port") == ("6443",)
    assert found.values(API_AUDIENCES) == ()


@pytest.mark.parametrize("is_split", [False, True])
def test_an_argument_of_the_controller_manager_in_the_command_is_its_default(is_split):
    words = "--kube-controller-manager-extra-args=--v=2 --service-account-private-key-file=/srv/sa.key"
    # In one word or, as systemd shows it, in two.
    at = unit(*(words.split() if is_split else [words]))
    files = {CONFIG: CREATED.encode()}
    assert K0s().programs(files, at).controller_manager.values(PRIVATE_KEY_FILE) == ("/srv/sa.key",)
    for phase in THERE_AND_BACK:
        files, dummy = after(phase, files, phases.Target(issuer=NEW, key=OWN), at=at)
    assert files == {CONFIG: CREATED.encode()}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kind: Cluster\n", "not ClusterConfig"),
        ("apiVersion: v1\n", "not ClusterConfig"),
        ("- a\n", "not ClusterConfig"),
        ("a: [\n", "not one YAML document"),
        ("spec: {api: {extraArgs: [a]}}\n", "extraArgs is not a map"),
        ("spec: {api: {extraArgs: {v: [a]}}}\n", "something other than a single value"),
        ("spec: {api: {rawArgs: {a: b}}}\n", "rawArgs is not a list"),
        ("spec: {api: {rawArgs: [{a: b}]}}\n", "something other than a single value"),
        ("spec: {api: {extraArgs: {service_account_issuer: a}}}\n", "Write it with dashes"),
        ("spec: {api: {rawArgs: []}, api: {}}\n", "twice"),
        ("a: &a {v: x}\nspec: {api: {<<: *a}}\n", "merge key"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused(text, reason):
    with pytest.raises(Fault, match=reason):
        K0s().programs({CONFIG: text.encode()}, UNIT)


@pytest.mark.parametrize(
    "text",
    [
        "spec:\n  api: &a\n    rawArgs: [--v=2]\n  scheduler: *a\n",
        "spec:\n  scheduler:\n    rawArgs: &a [--v=2]\n  api:\n    rawArgs: *a\n",
    ],
)
def test_a_part_that_is_used_elsewhere_too_is_not_changed(text):
    with pytest.raises(Fault, match="several places"):
        after(ACCEPT, {CONFIG: text.encode()}, phases.Target(issuer=NEW))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("spec: [a]\n", "'spec' has something other than keys"),
        ("spec:\n  api: a\n", "'spec.api' has something other than keys"),
        ("spec:\n  api: []\n", "something else for a value"),
        ("spec:\n  api: ''\n", "something else for a value"),
        ("spec:\n  ? api\n  : port: 1\n", "a line of its own"),
    ],
)
def test_a_configuration_in_a_form_of_its_own_is_not_changed(text, reason):
    with pytest.raises(Fault, match=reason):
        after(ACCEPT, {CONFIG: text.encode()}, phases.Target(issuer=NEW))


def test_audiences_stay_what_they_are():
    files = {CONFIG: b"spec:\n  api:\n    extraArgs:\n      api-audiences: a\n"}
    assert K0s().programs(files, UNIT).api_server.values(API_AUDIENCES) == ("a",)
    with pytest.raises(Fault, match="more than its issuers"):
        after(ACCEPT, files, phases.Target(issuer=NEW))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v1.34.1+k0s.0", True),
        ("v1.34.1+k0s.0\n", True),
        ("v1.34.1-rc.0+k0s.0", True),
        ("v1.34.10+k0s.0", True),
        ("v1.35.0-alpha.1+k0s.0", True),
        ("2.0.0", True),
        ("v1.34.0-beta.0+k0s.0", False),
        ("v1.33.5+k0s.0", False),
        ("v1.33.10+k0s.0", False),
    ],
)
def test_rawargs_came_with_one_version(version, expected):
    assert has_raw_args(version) is expected
    assert (list(K0s(version).problems({}, UNIT)) == []) is expected


def test_an_older_k0s_is_told_what_to_do():
    (problem,) = K0s("v1.33.5+k0s.0").problems({}, UNIT)
    assert "'v1.33.5+k0s.0' takes one issuer only" in problem and "v1.34.1+k0s.0" in problem
    (problem,) = K0s("latest").problems({}, UNIT)
    assert "'latest' is not a version of k0s" in problem
    assert list(K0s().problems({}, UNIT)) == []


def test_what_else_writes_the_configuration_is_named():
    k0s = K0s()
    assert list(k0s.warnings({CONFIG: CREATED.encode()}, UNIT)) == []
    (warning,) = k0s.warnings({CONFIG: BY_K0SCTL.encode()}, UNIT)
    assert "k0sctl wrote /etc/k0s/k0s.yaml" in warning
    (warning,) = k0s.warnings({}, unit("--enable-dynamic-config"))
    assert "k0s config edit" in warning
    assert list(k0s.warnings({}, unit("--enable-dynamic-config=false"))) == []


# --- any configuration

NAMES = st.sampled_from(["v", "event-ttl", "profiling", ISSUER])
VALUES = st.one_of(
    st.from_regex(r"https://[a-z]{1,5}\.example\.com", fullmatch=True),
    st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=8),
)
RAW = st.one_of(
    st.from_regex(r"--(v|feature-gates|service-account-issuer)=[a-z0-9:/,#'\"&*!%@{}\[\]-]{1,9}", fullmatch=True)
)


@st.composite
def styled(draw, text, *, in_braces):
    style = draw(st.sampled_from(["plain", "single", "double"]))
    if style == "single":
        return "'" + text.replace("'", "''") + "'"
    plain = yaml.safe_dump(text, width=1000).split("\n")[0]
    return json.dumps(text) if style == "double" or in_braces else plain


@st.composite
def sections(draw, title):
    """A section in some layout, with or without arguments."""
    extra = draw(st.dictionaries(NAMES, VALUES, max_size=3))
    raw = draw(st.lists(RAW, max_size=3, unique=True))
    comment = st.sampled_from(["", "", "  # why", " # - --flag=x"])
    if draw(st.booleans()):
        pairs = ", ".join(f"{name}: {draw(styled(value, in_braces=True))}" for name, value in extra.items())
        items = ", ".join([draw(styled(each, in_braces=True)) for each in raw])
        parts = draw(st.permutations([f"extraArgs: {{{pairs}}}", f"rawArgs: [{items}]", "x: 1"]))
        return [f"  {title}: {{{', '.join(parts[: draw(st.integers(0, 3))])}}}{draw(comment)}"]
    blocks = [["    x: 1"]]
    if extra or draw(st.booleans()):
        lines = [
            f"      {name}: {draw(styled(value, in_braces=False))}{draw(comment)}" for name, value in extra.items()
        ]
        blocks.append([f"    extraArgs:{draw(comment)}", *lines])
    if raw or draw(st.booleans()):
        indent = " " * draw(st.integers(4, 7))
        lines = [f"{indent}- {draw(styled(each, in_braces=False))}{draw(comment)}" for each in raw]
        blocks.append([f"    rawArgs:{draw(comment)}", *lines])
    blocks = draw(st.permutations(blocks))[: draw(st.integers(0, 3))]
    return [f"  {title}:{draw(comment)}", *(line for block in blocks for line in [*block, *draw(GAPS)])]


GAPS = st.lists(st.sampled_from(["", "    # a: comment", "# - x"]), max_size=1)


@st.composite
def configurations(draw):
    parts = [
        draw(sections("api")),
        draw(st.one_of(st.just([]), sections("controllerManager"))),
        draw(st.sampled_from([[], ["  storage: {type: etcd}"], ["  x:", "    y: |", "      # no comment"]])),
    ]
    parts = draw(st.permutations(parts))
    text = "\n".join(["kind: ClusterConfig", "spec:", *(line for part in parts for line in part)])
    text += draw(st.sampled_from(["", "\n", "\n# the end\n"]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@settings(max_examples=30)
@given(configurations(), st.sampled_from([None, OWN]))
def test_any_configuration_can_go_there_and_back(text, key):
    issuers = server_of(text)[ISSUER]
    if len(set(issuers)) == len(issuers):
        check_there_and_back(text, key)


DAMAGE = st.sampled_from(["", " ", "\n", "-", "#", ":", "'", "*", "&a ", "\t", "|", "{", "]", ",", '"', "~", "? "])


@settings(max_examples=30)
@given(st.sampled_from(sorted(HAND_WRITTEN)), st.data())
def test_a_damaged_configuration_is_refused_or_changed_right(name, data):
    """A character more, a character less: there is a reason, or PyYAML reads what was meant."""
    original = HAND_WRITTEN[name]
    place = data.draw(st.integers(0, len(original)))
    text = original[:place] + data.draw(DAMAGE) + original[place + data.draw(st.integers(0, 1)) :]
    files = {CONFIG: text.encode()}
    for phase in THERE_AND_BACK:
        with contextlib.suppress(Fault):
            files, dummy = after(phase, files, phases.Target(issuer=NEW))
            assert rest_of(files[CONFIG].decode()) == rest_of(text)
            assert (NEW in server_of(files[CONFIG].decode())[ISSUER]) == (phase != FORGET)
