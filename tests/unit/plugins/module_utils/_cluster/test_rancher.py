# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""k3s and RKE2 from their files to other arguments and back, against what their own code makes of these files."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases, rancher_drop_in
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Programs, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher import K3s, Rke2
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_rancher import KID, NEW, SAMPLES, Sample

CONFIG = "/etc/rancher/k3s/config.yaml"
DROP_IN = f"{CONFIG}.d/zz-irsa.yaml"
DEFAULT = "https://kubernetes.default.svc.cluster.local"
TLS = "/var/lib/rancher/k3s/server/tls"
SERVER = Unit(command=("/usr/local/bin/k3s", "server"))

samples = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
modes = pytest.mark.parametrize("mode", ["adopt", "own"])


def on_k3s(files, unit=SERVER):
    """A server of k3s with these texts as files."""
    return Sample("k3s", K3s(), unit, {path: text.encode() for path, text in files.items()}, {})


def lines(*texts, key="kube-apiserver-arg"):
    """A file with these lines."""
    return f"{key}: {json.dumps(texts)}\n"


def walked(sample, *passed, mode="adopt", target=None):
    """The files after phases, one after the other."""
    files = sample.files
    for phase in passed:
        files = sample.after(phase, files, target or sample.target(mode))
    return files


# --- the flags


def test_there_are_ten_configurations_of_each():
    names = [sample.distribution.name for sample in SAMPLES]
    assert (names.count("k3s"), names.count("rke2")) == (10, 10)


@samples
def test_the_flags_are_those_that_k3s_makes(sample):
    assert sample.passed(sample.files) == sample.golden["before"]


@samples
@modes
def test_the_flags_of_every_phase_are_those_that_k3s_makes_of_our_file(sample, mode):
    files, target = sample.files, sample.target(mode)
    for phase in (ACCEPT, SIGN, SIGN_BACK):
        files = sample.after(phase, files, target)
        assert sample.passed(files) == sample.golden[mode][phase], phase
    assert sample.after(FORGET, files, target) == sample.files


@samples
@modes
def test_the_golden_flags_keep_what_was_there_and_sign_for_the_issuer(sample, mode):
    before, after = sample.golden["before"], sample.golden[mode]["sign"]
    ours = {text for texts in after.values() for text in texts if NEW in text or KID in text}
    for program, texts in before.items():
        kept = [text for text in after[program] if text not in ours]
        # With an own key its line takes the place of the default, or follows the user's.
        lost = [text for text in texts if text not in kept]
        assert kept == [text for text in texts if text not in lost]
        assert all(text.split("=")[0] in (f"--{SIGNING_KEY_FILE}", f"--{PRIVATE_KEY_FILE}") for text in lost)
        assert mode == "own" or not lost
    issuers = [text for text in after["api_server"] if text.startswith(f"--{ISSUER}=")]
    assert issuers[0] == f"--{ISSUER}={NEW}"
    assert len(set(issuers)) == len(issuers)


@samples
@modes
def test_no_file_of_others_changes_and_nothing_is_to_do_twice(sample, mode):
    files, target = sample.files, sample.target(mode)
    for phase in (ACCEPT, SIGN, SIGN_BACK, FORGET):
        expected = sample.expected(phase, files, target)
        changed = sample.distribution.files_after(files, sample.unit, expected)
        assert set(changed) == {sample.drop_in_path}
        files = sample.after(phase, files, target)
        for again in (expected, sample.distribution.programs(files, sample.unit)):
            assert sample.distribution.files_after(files, sample.unit, again) == {}
        assert sample.expected(phase, files, target).api_server.texts == expected.api_server.texts


@samples
@modes
def test_the_logical_list_has_an_own_key_behind_the_clusters(sample, mode):
    before = sample.distribution.programs(sample.files, sample.unit)
    after = sample.distribution.programs(walked(sample, SIGN, mode=mode), sample.unit)
    own = (f"{sample.distribution.own_key_folder({}, sample.unit)}/{KID}.key",) if mode == "own" else ()
    for old, new, name in (
        (before.api_server, after.api_server, SIGNING_KEY_FILE),
        (before.controller_manager, after.controller_manager, PRIVATE_KEY_FILE),
    ):
        assert new.values(name) == old.values(name) + own
    assert all(map(phases.is_own_key, own))
    assert after.api_server.values(API_AUDIENCES) == before.api_server.values(API_AUDIENCES)


def test_names_that_are_set_elsewhere_are_in_the_defaults():
    unit = Unit(command=("k3s", "server", "--cluster-domain=c.example", "-d", "/data"))
    sample = on_k3s({CONFIG: "cluster-domain: f.example\ndata-dir: /files\n"}, unit)
    api_server = sample.distribution.programs(sample.files, unit).api_server
    assert api_server.values(ISSUER) == ("https://kubernetes.default.svc.c.example",)
    assert api_server.value(KEY_FILE) == "/data/server/tls/service.key"
    unit = Unit(environment={"K3S_DATA_DIR": "/environment/"})
    assert K3s().programs({}, unit).api_server.value(KEY_FILE) == "/environment/server/tls/service.key"
    assert K3s().programs(sample.files, unit).api_server.value(KEY_FILE) == "/files/server/tls/service.key"


# --- our file


@pytest.mark.parametrize(
    ("mode", "phase", "expected"),
    [
        ("adopt", ACCEPT, [f"service-account-issuer+={NEW}"]),
        ("adopt", SIGN, [f"service-account-issuer-={NEW}"]),
        (
            "own",
            SIGN,
            [
                f"service-account-issuer-={NEW}",
                f"service-account-key-file+=/etc/rancher/k3s/irsa/{KID}.pub",
                f"service-account-signing-key-file=/etc/rancher/k3s/irsa/{KID}.key",
            ],
        ),
    ],
)
def test_our_file_holds_one_line_for_each_value(mode, phase, expected):
    sample = on_k3s({})
    text = walked(sample, phase, mode=mode)[DROP_IN].decode()
    comment, *written = text.splitlines()
    assert comment.startswith("# ")
    assert "irsa_apiserver" in comment
    assert "selfhosted.irsa" in comment
    with_manager = [
        "kube-controller-manager-arg+:",
        f'  - "service-account-private-key-file=/etc/rancher/k3s/irsa/{KID}.key"',
    ]
    of_manager = with_manager if (mode, phase) == ("own", SIGN) else []
    assert written == ["kube-apiserver-arg+:", *(f'  - "{line}"' for line in expected), *of_manager]


def test_further_issuers_have_lines_of_their_own():
    others = ("https://a.example.com", "https://b.example.com")
    target = phases.Target(issuer=NEW, accepted_issuers=others, accepted_key_files=("/keys/a.pub",))
    sample = on_k3s({})
    for phase, first in ((ACCEPT, DEFAULT), (SIGN, NEW)):
        files = walked(sample, phase, target=target)
        issuers = sample.distribution.programs(files, SERVER).api_server.values(ISSUER)
        assert issuers[0] == first
        assert sorted(issuers) == sorted([DEFAULT, NEW, *others])
        assert files[DROP_IN].count(b"service-account-issuer") == 3


def test_no_file_is_written_where_others_already_lead_there():
    sample = on_k3s({CONFIG: lines(f"service-account-issuer-={NEW}")})
    assert walked(sample, ACCEPT, SIGN) == sample.files


def test_a_file_of_ours_that_is_not_needed_any_longer_is_removed():
    mine = "kube-apiserver-arg+: []\n"
    sample = on_k3s({CONFIG: lines(f"service-account-issuer-={NEW}"), DROP_IN: mine})
    programs = sample.distribution.programs(sample.files, SERVER)
    assert sample.distribution.files_after(sample.files, SERVER, programs) == {DROP_IN: None}


# --- what cannot be had


@pytest.mark.parametrize(
    ("line", "phase", "remedy"),
    [
        (f"service-account-issuer+={NEW}", SIGN, f"Write 'service-account-issuer-={NEW}' there instead"),
        (f"service-account-issuer-={NEW}", SIGN_BACK, f"Write 'service-account-issuer+={NEW}' there instead"),
        (f"service-account-issuer+={NEW}", FORGET, "Remove that line"),
    ],
)
def test_a_line_of_others_in_the_way_is_named_with_what_to_do(line, phase, remedy):
    path = f"{CONFIG}.d/20-issuer.yaml"
    sample = on_k3s({CONFIG: lines("v=2"), path: lines(line, key="kube-apiserver-arg+")})
    with pytest.raises(Fault) as caught:
        walked(sample, phase)
    assert str(caught.value) == (
        f"its file '{path}' has '{line}', and this role changes no file but its own. {remedy}, and restart k3s.service"
    )


def test_what_no_file_holds_cannot_be_taken_away():
    programs = K3s().programs({}, SERVER)
    server = programs.api_server.without(ISSUER, DEFAULT).appended(ISSUER, NEW)
    with pytest.raises(Fault, match="no file beside those that it has leads from"):
        K3s().files_after({}, SERVER, Programs(api_server=server, controller_manager=programs.controller_manager))


LATER = f"{CONFIG}.d/zz-local.yaml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lines("v=2"), "Write kube-apiserver-arg+ there"),
        (lines("service-account-issuer-=https://x.example.com", key="kube-apiserver-arg+"), "'service-account-issuer'"),
    ],
)
def test_a_file_that_is_read_after_ours_is_named(text, expected):
    sample = on_k3s({LATER: text})
    [problem] = sample.distribution.problems(sample.files, SERVER)
    assert f"its file '{LATER}' is read after zz-irsa.yaml" in problem
    assert expected in problem
    assert problem.endswith(".")
    with pytest.raises(Fault) as caught:
        walked(sample, ACCEPT, SIGN)
    assert f"{caught.value}." == problem


def test_a_later_file_for_the_controller_manager_matters_where_that_is_changed():
    sample = on_k3s({LATER: lines("v=2", key="kube-controller-manager-arg")})
    assert list(sample.distribution.problems(sample.files, SERVER)) == []
    accepted = walked(sample, ACCEPT, mode="own")
    with pytest.raises(Fault, match=r"zz-local\.yaml' is read after zz-irsa\.yaml, and its key kube-con"):
        sample.after(SIGN, accepted, sample.target("own"))
    assert walked(sample, SIGN) != sample.files


def test_other_lines_in_a_later_file_are_harmless():
    sample = on_k3s({LATER: lines("v=2", key="kube-apiserver-arg+") + lines("v=2", key="kubelet-arg")})
    assert list(sample.distribution.problems(sample.files, SERVER)) == []
    assert walked(sample, SIGN, SIGN_BACK, FORGET) == sample.files


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("token: abc\n", "'token'"),
        (lines("v=2", key="kube-apiserver-arg+"), "'v=2'"),
        (lines(f"service-account-issuer+={NEW}"), "'kube-apiserver-arg'"),
        (lines(f"service-account-issuer={NEW}", key="kube-apiserver-arg+"), f"'service-account-issuer={NEW}'"),
    ],
)
def test_what_others_add_to_our_file_is_never_lost(text, strange):
    sample = on_k3s({DROP_IN: text})
    [problem] = sample.distribution.problems(sample.files, SERVER)
    assert f"also holds {strange}" in problem
    with pytest.raises(Fault, match="is written by this role, but also holds"):
        walked(sample, SIGN)


# --- problems


@pytest.mark.parametrize(
    ("files", "unit", "expected"),
    [
        ({}, Unit(environment={"K3S_CONFIG_FILE": "https://example.com/c.yaml"}), "from 'https://example.com/c.yaml'"),
        ({}, Unit(command=("k3s", "server", "-c")), "without a file"),
        ({}, Unit(command=("k3s", "agent", "--server=https://192.0.2.1:6443")), "it is an agent of k3s"),
        ({CONFIG: "a: ["}, SERVER, "'/etc/rancher/k3s/config.yaml' cannot be used: it is not one YAML document"),
        ({CONFIG: "kube-apiserver-arg:\n- a: b"}, SERVER, "has something other than a string (line 2)"),
        ({CONFIG: "disable-apiserver: true"}, SERVER, "it runs no API server (disable-apiserver)"),
        ({}, Unit(command=("k3s", "server", "--disable-apiserver")), "it runs no API server (disable-apiserver)"),
        ({f"{CONFIG}.d/50-rancher.yaml": "{}"}, SERVER, "spec.rkeConfig.machineGlobalConfig.kube-apiserver-arg"),
        (
            {},
            Unit(command=("k3s", "server", "--kube-apiserver-arg", "v=2", "--kube-apiserver-arg=a=b", "-v", "1")),
            "has '--kube-apiserver-arg', 'v=2', '--kube-apiserver-arg=a=b'. By the documentation",
        ),
    ],
)
def test_what_keeps_us_from_changing_a_server_is_said(files, unit, expected):
    sample = on_k3s(files, unit)
    [problem] = sample.distribution.problems(sample.files, unit)
    assert expected in problem
    assert problem.endswith(".")


@samples
def test_the_samples_can_be_changed_but_for_one_of_rancher(sample):
    problems = list(sample.distribution.problems(sample.files, sample.unit))
    assert len(problems) == (sample.name == "rke2-rancher-managed")
    assert list(sample.distribution.warnings(sample.files, sample.unit)) == []


def test_false_is_no_reason_to_leave_a_server_out():
    sample = on_k3s({CONFIG: "disable-apiserver: false\n"})
    assert list(sample.distribution.problems(sample.files, SERVER)) == []


def test_all_files_that_cannot_be_used_are_said_at_once():
    sample = on_k3s({CONFIG: "[", LATER: "- a"})
    assert len(list(sample.distribution.problems(sample.files, SERVER))) == 2
    with pytest.raises(Fault):
        sample.distribution.programs(sample.files, SERVER)


def test_arguments_in_the_command_count_behind_those_of_files():
    unit = Unit(command=("k3s", "server", "--kube-apiserver-arg=service-account-issuer+=https://c.example.com"))
    sample = on_k3s({CONFIG: lines("service-account-issuer+=https://f.example.com")}, unit)
    api_server = sample.distribution.programs(sample.files, unit).api_server
    assert api_server.values(ISSUER) == (DEFAULT, "https://f.example.com", "https://c.example.com")


def test_arguments_of_the_controller_manager_in_the_command_matter_where_they_are_changed():
    unit = Unit(command=("k3s", "server", "--kube-controller-manager-arg=v=2"))
    sample = on_k3s({}, unit)
    assert list(sample.distribution.problems({}, unit)) == []
    walked(sample, ACCEPT, SIGN)
    with pytest.raises(Fault, match=r"the command of k3s\.service has '--kube-controller-manager-arg=v=2'"):
        walked(sample, SIGN, mode="own")


def test_a_variable_that_nothing_reads_is_a_warning():
    unit = Unit(environment={"K3S_KUBE_APISERVER_ARG": "v=2", "RKE2_KUBE_APISERVER_ARG": "v=2"})
    [warning] = K3s().warnings({}, unit)
    assert warning.startswith("k3s.service sets K3S_KUBE_APISERVER_ARG, which k3s does not read.")


# --- where things are


def test_sources_are_the_file_and_the_folder_beside_it():
    unit = Unit(command=("rke2", "server", "--config=/srv/rke2.yaml"))
    sources = Rke2().sources(unit)
    assert (sources.files, sources.folders) == (("/srv/rke2.yaml",), ("/srv/rke2.yaml.d",))
    assert Rke2().drop_in_path(unit) == "/srv/rke2.yaml.d/zz-irsa.yaml"
    assert K3s().sources(Unit(environment={"K3S_CONFIG_FILE": "http://example.com"})).folders == ()


@pytest.mark.parametrize(
    ("distribution", "text", "unit", "kubectl", "kubeconfigs"),
    [
        (
            K3s(),
            "",
            SERVER,
            (("k3s", "kubectl"), ("/usr/local/bin/k3s", "kubectl")),
            ("/etc/rancher/k3s/k3s.yaml", "/var/lib/rancher/k3s/server/cred/admin.kubeconfig"),
        ),
        (
            K3s(),
            "write-kubeconfig: /root/.kube/config\n",
            Unit(environment={"K3S_KUBECONFIG_OUTPUT": "/environment"}),
            (("k3s", "kubectl"), ("/usr/local/bin/k3s", "kubectl")),
            ("/root/.kube/config", "/var/lib/rancher/k3s/server/cred/admin.kubeconfig"),
        ),
        (
            Rke2(),
            "data-dir: /data\n",
            Unit(command=("rke2", "server", "-o", "/root/config")),
            (("/data/bin/kubectl",), ("kubectl",)),
            ("/root/config", "/data/server/cred/admin.kubeconfig"),
        ),
    ],
)
def test_a_server_is_asked_with_its_own_kubectl(distribution, text, unit, kubectl, kubeconfigs):
    access = distribution.access({distribution.config_path(unit): text.encode()}, unit)
    assert access.kubectl == kubectl
    assert access.kubeconfigs == kubeconfigs


@pytest.mark.parametrize("distribution", [K3s(), Rke2()])
def test_the_restart_is_that_of_its_unit(distribution):
    assert distribution.restart == ("systemctl", "restart", "--no-block", distribution.unit)


# --- any mix of lines

ISSUERS = st.integers(0, 4).map("https://{}.example.com".format)
SIGNS = st.sampled_from(["", "+", "-"])
LINES = st.one_of(
    st.builds("service-account-issuer{}={}".format, SIGNS, ISSUERS),
    st.builds("service-account-key-file{}=/keys/{}.pub".format, SIGNS, st.integers(0, 4)),
    st.builds("service-account-signing-key-file{}=/keys/{}.key".format, SIGNS, st.integers(0, 4)),
    st.builds("api-audiences{}={}".format, SIGNS, ISSUERS),
    st.builds("{}={}".format, st.sampled_from(["v", "audit-log-path"]), st.text("ab=,", max_size=3)),
)
KEYS = st.sampled_from(["kube-apiserver-arg", "kube-apiserver-arg+"])


@st.composite
def configurations(draw):
    """Files that come before ours."""
    names = draw(st.lists(st.sampled_from(["10-a.yaml", "50-b.yml", "99-c.yaml", "zz-a.yaml"]), unique=True))
    paths = [CONFIG, *(f"{CONFIG}.d/{name}" for name in names)]
    return {path: lines(*draw(st.lists(LINES, max_size=4)), key=draw(KEYS)) for path in paths}


@given(configurations(), st.sampled_from(["adopt", "own"]))
def test_any_files_lead_to_the_issuer_and_back(texts, mode):
    sample = on_k3s(texts)
    before = sample.passed(sample.files)["api_server"]
    issuers = sample.distribution.programs(sample.files, SERVER).api_server.values(ISSUER)
    signing = sample.distribution.passed(walked(sample, SIGN, mode=mode), SERVER).api_server
    assert signing.values(ISSUER) == (NEW, *issuers)
    if mode == "own":
        assert signing.value(SIGNING_KEY_FILE) == f"/etc/rancher/k3s/irsa/{KID}.key"
    kept = [text for text in signing.texts if NEW not in text and KID not in text]
    assert [text for text in before if text not in kept] in ([], [f"--{SIGNING_KEY_FILE}={TLS}/service.current.key"])
    accepted = sample.distribution.passed(walked(sample, ACCEPT, mode=mode), SERVER).api_server
    assert accepted.values(ISSUER) == (*issuers, NEW)
    assert accepted.values(SIGNING_KEY_FILE) == tuple(
        text.partition("=")[2] for text in before if text.startswith(f"--{SIGNING_KEY_FILE}=")
    )
    assert walked(sample, ACCEPT, SIGN, SIGN_BACK, FORGET, mode=mode) == sample.files


@given(st.lists(ISSUERS, max_size=3, unique=True), st.permutations([f"https://{n}.example.com" for n in range(5)]))
def test_lines_lead_to_what_was_asked_for_or_to_a_fault(base, expected):
    try:
        found = rancher_drop_in.lines(ISSUER, base, expected)
    except Fault:
        assert not any(expected[at : at + len(base)] == base for at in range(6))
        return
    result = list(base)
    for line in found:
        result = [line.value, *result] if line.sign == "-" else [*result, line.value]
    assert result == expected
