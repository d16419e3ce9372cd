# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MicroK8s: the arguments in its files, and files with others that keep every other byte."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.argument_file import ArgumentFile
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Programs, Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.microk8s import MicroK8s
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import KID, NEW
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_microk8s import (
    ARGS,
    HAND_WRITTEN,
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
    KUBELITE,
)

SERVER, MANAGER, LITE = (f"{ARGS}/{name}" for name in ("kube-apiserver", "kube-controller-manager", "kubelite"))
CERTS = "/var/snap/microk8s/current/certs"
DEFAULT = "https://kubernetes.default.svc"
UNIT = Unit(command=("/usr/bin/snap", "run", "microk8s.daemon-kubelite"))
OWN = phases.own_key_files(CERTS, KID)
VARIABLES = {"SNAP_DATA": "/var/snap/microk8s/current"}


def files_of(server: str = KUBE_APISERVER) -> dict[str, bytes]:
    return {SERVER: server.encode(), MANAGER: KUBE_CONTROLLER_MANAGER.encode(), LITE: KUBELITE.encode()}


def after(phase, files, target):
    """The files after a phase, and what it changed."""
    microk8s = MicroK8s()
    before = microk8s.programs(files, UNIT)
    server = phases.after(phase, before.api_server, target)
    manager = phases.controller_manager_after(phase, before.controller_manager, target, api_server=server)
    changes = microk8s.files_after(files, UNIT, Programs(api_server=server, controller_manager=manager))
    return {**files, **changes}, changes


def arguments_of(content: bytes) -> list[str]:
    """By kubelite's rule, with the standard library's replacement of variables.

    ReadArgsFromFile in build-scripts/components/kubernetes/patches/v1.36.0/0000-Kubelite-integration.patch of
    https://github.com/canonical/microk8s
    """
    lines = [line.strip() for line in content.decode().split("\n")]
    words = [
        word
        for line in lines
        if line and line[0] != "#"
        for word in line.translate({ord("'"): None, ord('"'): None}).split(" ")
    ]
    return [os.path.expandvars(word) for word in words]


def values(arguments: list[str], flag: str) -> list[str]:
    found = []
    for index, word in enumerate(arguments):
        name, has_value, value = word.replace("_", "-").partition("=")
        if name == f"--{flag}":
            found.append(value if has_value else arguments[index + 1])
    return found


@pytest.fixture(autouse=True)
def _variables(monkeypatch):
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("key", [None, OWN], ids=["adopted", "own"])
@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_every_file_can_go_there_and_back(name, key):
    original = files = files_of(HAND_WRITTEN[name])
    target = phases.Target(issuer=NEW, key=key)
    before = arguments_of(files[SERVER])
    issuers, keys, signing = (values(before, flag) for flag in (ISSUER, KEY_FILE, SIGNING_KEY_FILE))
    public, private = ([OWN.public], [OWN.private]) if key else ([], [])
    cluster = f"{CERTS}/serviceaccount.key"
    for phase, expected, more, signs in (
        (ACCEPT, [*issuers, NEW], public, []),
        (SIGN, [NEW, *issuers], public, private),
        (SIGN_BACK, [*issuers, NEW], public, []),
        (FORGET, issuers, [], []),
    ):
        files, dummy = after(phase, files, target)
        found = arguments_of(files[SERVER])
        assert [values(found, flag) for flag in (ISSUER, KEY_FILE, SIGNING_KEY_FILE)] == [
            expected,
            [*keys, *more],
            [*signing, *signs],
        ]
        assert values(arguments_of(files[MANAGER]), PRIVATE_KEY_FILE) == [cluster, *signs]
        assert set(before) - set(found) == set()
        lines = files[SERVER].split(b"\n")
        assert [line for line in lines if line in original[SERVER].split(b"\n")] == original[SERVER].split(b"\n")
        assert after(phase, files, target)[1] == {}
    assert files == original


def test_the_files_of_the_snap_get_few_lines():
    target = phases.Target(issuer=NEW, key=OWN)
    files, changes = after(ACCEPT, files_of(), target)
    issuer = f"--service-account-issuer='{DEFAULT}'\n"
    key = "--service-account-key-file=${SNAP_DATA}/certs/serviceaccount.key\n"
    public = f"{key}--service-account-key-file={OWN.public}\n"
    ours = f"--service-account-issuer={NEW}\n"
    assert changes == {SERVER: KUBE_APISERVER.replace(issuer, issuer + ours).replace(key, public).encode()}
    files, changes = after(SIGN, files, target)
    signing = "--service-account-signing-key-file=${SNAP_DATA}/certs/serviceaccount.key\n"
    assert changes[SERVER].decode() == KUBE_APISERVER.replace(issuer, ours + issuer).replace(key, public).replace(
        signing, f"{signing}--service-account-signing-key-file={OWN.private}\n"
    )
    private = "--service-account-private-key-file=${SNAP_DATA}/certs/serviceaccount.key\n"
    assert changes[MANAGER].decode() == KUBE_CONTROLLER_MANAGER.replace(
        private, f"{private}--service-account-private-key-file={OWN.private}\n"
    )


def test_variables_are_replaced():
    found = MicroK8s().programs(files_of(), UNIT)
    assert found.api_server.values(ISSUER) == (DEFAULT,)
    assert found.api_server.value(SIGNING_KEY_FILE) == f"{CERTS}/serviceaccount.key"
    assert found.controller_manager.value(PRIVATE_KEY_FILE) == f"{CERTS}/serviceaccount.key"
    file = ArgumentFile(b"--a=$SNAP_DATA/x ${SNAP_DATA}_y $SNAP_DATA_y ${OTHER} $$ $1\n", "kube-apiserver", VARIABLES)
    assert file.arguments.texts == (
        "--a=/var/snap/microk8s/current/x",
        "/var/snap/microk8s/current_y",
        "$SNAP_DATA_y",
        "${OTHER}",
        "$$",
        "$1",
    )


def test_two_spaces_are_an_empty_argument():
    assert ArgumentFile(b" --a  b\tc # d\n\t# e\n", "x", {}).arguments.texts == ("--a", "", "b\tc", "#", "d")


def test_a_line_that_others_share_is_not_taken_away():
    files = files_of(f"--v=2 --service-account-issuer={NEW}\n--service-account-issuer={DEFAULT}\n")
    with pytest.raises(Fault, match="line 1 has several arguments"):
        after(SIGN_BACK, files, phases.Target(issuer=NEW))


def test_an_issuer_that_the_file_cannot_hold_is_refused():
    with pytest.raises(Fault, match="have a meaning there"):
        after(ACCEPT, files_of(), phases.Target(issuer="https://example.com/$HOME"))


def test_files_must_be_there():
    with pytest.raises(Fault, match="args/kube-controller-manager is not there"):
        MicroK8s().programs({SERVER: b""}, UNIT)


def test_an_empty_file_is_not_filled():
    with pytest.raises(Fault, match="it has no arguments"):
        after(ACCEPT, files_of("# nothing\n"), phases.Target(issuer=NEW))


def test_audiences_stay_what_they_are():
    files = files_of(f"{KUBE_APISERVER}--api-audiences=a\n")
    with pytest.raises(Fault, match="more than its issuers"):
        after(ACCEPT, files, phases.Target(issuer=NEW))


def test_a_server_that_cannot_be_changed_is_named():
    microk8s = MicroK8s()
    assert list(microk8s.problems(files_of(), UNIT)) == list(microk8s.warnings(files_of(), UNIT)) == []
    worker = "/var/snap/microk8s/current/var/lock/clustered.lock"
    assert worker in microk8s.sources(UNIT).files
    (problem,) = microk8s.problems({worker: b""}, UNIT)
    assert "only runs pods" in problem
    elsewhere = {**files_of(), LITE: b"--apiserver-args-file=/srv/args\n"}
    (problem,) = microk8s.problems(elsewhere, UNIT)
    assert "'/srv/args'" in problem
    (problem,) = microk8s.problems({SERVER: b"", MANAGER: b""}, Unit())
    assert "has no kubelite" in problem


def test_where_its_files_are():
    microk8s = MicroK8s()
    assert {SERVER, MANAGER} < set(microk8s.sources(UNIT).files)
    assert microk8s.own_key_folder({}, UNIT) == f"{CERTS}/irsa"
    assert microk8s.access({}, UNIT).kubeconfigs == ("/var/snap/microk8s/current/credentials/client.config",)


LINES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12),
    st.sampled_from(["", "# x", "--v=2", "--a b", "  --c='d e'", "--key=${SNAP_DATA}/x", "--api", "\t--f=1\r"]),
    st.sampled_from([f"--{ISSUER}=https://a", f"--{ISSUER} 'https://b'", f'"--{ISSUER}=https://c"\r', f"--{ISSUER}="]),
)


OURS = {
    f"--{flag}={value}".encode()
    for flag, value in ((ISSUER, NEW), (KEY_FILE, OWN.public), (SIGNING_KEY_FILE, OWN.private))
}


@given(st.lists(LINES, max_size=8), st.sampled_from([None, OWN]))
def test_any_file_can_go_there_and_back(lines, key):
    keys = [f"--{SIGNING_KEY_FILE}=/k/sa.key", f"--{KEY_FILE}=/k/sa.key", f"--{ISSUER}=https://z"]
    original = "\n".join([*keys, *lines]).encode()
    files = files_of()
    files[SERVER] = original
    target = phases.Target(issuer=NEW, key=key)
    for phase in (ACCEPT, SIGN, SIGN_BACK, FORGET):
        files, dummy = after(phase, files, target)
        lines_after = [line.removesuffix(b"\r") for line in files[SERVER].split(b"\n")]
        assert [line for line in lines_after if line not in OURS] == [
            line.removesuffix(b"\r") for line in original.split(b"\n")
        ]
        assert after(phase, files, target)[1] == {}
    assert files[SERVER] == original
