# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arguments by the rules of pflag, and what the phases make of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import KID, NEW, OLD

ADOPTED = phases.Target(issuer=NEW)
OWN = phases.Target(issuer=NEW, key=phases.own_key_files("/pki", KID))
BASE = (
    "kube-apiserver",
    "--v=2",
    f"--{ISSUER}={OLD}",
    f"--{KEY_FILE}=/pki/sa.pub",
    f"--{SIGNING_KEY_FILE}=/pki/sa.key",
)


def of(*texts: str) -> Arguments:
    return Arguments.of(texts)


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["kube-apiserver", "--f=a"], ("a",)),
        (["kube-apiserver", "--f", "a"], ("a",)),
        (["kube-apiserver", "--f=a", "--f=b"], ("a", "b")),
        (["kube-apiserver", "--f="], ("",)),
        (["kube-apiserver", "--f=a=b"], ("a=b",)),
        (["kube-apiserver", "--", "--f=a"], ()),
        (["kube-apiserver", "--g", "--f=a"], ("a",)),
        (["kube-apiserver", "-f=a"], ()),
        (["--f=a"], ("a",)),
        (["/wrapper", "--f=a", "/bin/kube-apiserver", "--f=b"], ("b",)),
        (["--g=/var/log/kube-apiserver", "--f=a"], ("a",)),
    ],
)
def test_values_of_a_flag(texts, values):
    assert of(*texts).values("f") == values


def test_a_flag_that_takes_a_value_takes_any():
    assert of("kube-apiserver", f"--{ISSUER}", "--f=a").values(ISSUER) == ("--f=a",)


def test_underscores_are_dashes():
    assert of("kube-apiserver", "--service_account_issuer=a_b").values(ISSUER) == ("a_b",)


def test_the_last_of_several_values_counts():
    assert of("kube-apiserver", "--f=a", "--f=b").value("f") == "b"
    assert of("kube-apiserver").value("f") is None


def test_audiences_are_separated_by_commas_and_repeated():
    arguments = of("kube-apiserver", f'--{API_AUDIENCES}=a,"b,c"', f"--{API_AUDIENCES}=d")
    assert arguments.separated(API_AUDIENCES) == ("a", "b,c", "d")
    assert of("kube-apiserver").separated(API_AUDIENCES) is None


def test_arguments_that_stay_know_where_they_were():
    accepted = phases.accept(of(*BASE), ADOPTED)
    assert [item.origin for item in accepted.items] == [0, 1, 2, None, 3, 4]
    assert [item.origin for item in phases.sign(of(*accepted.texts), ADOPTED).items] == [0, 1, None, 2, 4, 5]


@pytest.mark.parametrize(
    ("texts", "values", "expected"),
    [
        (["--f=a", "-x"], ["a", "b"], [0, "--f=b", 1]),
        (["--f=a", "-x"], ["b", "a"], ["--f=b", 0, 1]),
        (["--f", "a", "-x", "--f=b"], ["b", "c"], [2, 3, "--f=c"]),
        (["-x", "--f=a"], [], [0]),
        (["-x"], ["a", "b"], [0, "--f=a", "--f=b"]),
        (["--f=a", "-x", "--f=b"], ["b", "a"], [1, "--f=b", "--f=a"]),
        (["--f=a", "--f=b"], ["a", "c", "b"], ["--f=a", "--f=c", "--f=b"]),
        (["--f=a", "--f=a"], ["a", "a"], [0, 1]),
    ],
)
def test_other_values_leave_in_place_what_can_stay(texts, values, expected):
    result = of(*texts).with_values("f", values)
    assert [item.text if item.origin is None else item.origin for item in result.items] == expected
    assert list(result.values("f")) == values


def test_what_else_is_to_be_accepted_comes_before_the_issuer():
    target = phases.Target(issuer=NEW, accepted_issuers=(OLD, "https://x"), accepted_key_files=("/pki/x.pub",))
    accepted = phases.accept(of(*BASE), target)
    assert accepted.values(ISSUER) == (OLD, "https://x", NEW)
    assert accepted.values(KEY_FILE) == ("/pki/sa.pub", "/pki/x.pub")
    assert phases.sign(of(*BASE), target).values(ISSUER) == (NEW, OLD, "https://x")


def test_a_server_that_signs_already_is_not_moved_back_by_accept():
    signing = phases.sign(of(*BASE), OWN)
    assert phases.accept(signing, OWN).texts == signing.texts


def test_no_former_issuer_means_no_way_back():
    alone = of("kube-apiserver", f"--{ISSUER}={NEW}", f"--{KEY_FILE}=/pki/sa.pub")
    with pytest.raises(Fault, match="no other issuer to sign with"):
        phases.sign_back(alone, ADOPTED)
    target = phases.Target(issuer=NEW, accepted_issuers=(OLD,))
    assert phases.sign_back(alone, target).values(ISSUER) == (OLD, NEW)


def test_no_cluster_key_means_no_way_back():
    issuers = [f"--{ISSUER}={issuer}" for issuer in (NEW, OLD)]
    alone = of("kube-apiserver", *issuers, f"--{SIGNING_KEY_FILE}=/pki/irsa/{KID}.key")
    with pytest.raises(Fault, match=f"no --{SIGNING_KEY_FILE} beside the issuer's own"):
        phases.sign_back(alone, ADOPTED)


@pytest.mark.parametrize("target", [ADOPTED, OWN])
def test_what_signs_is_not_forgotten(target):
    with pytest.raises(Fault, match="it signs with what is to be forgotten"):
        phases.forget(phases.sign(of(*BASE), target), target)


def test_a_cluster_key_in_a_folder_of_that_name_is_not_ours():
    assert not phases.is_own_key("/etc/irsa/sa.key")
    assert phases.is_own_key(f"/etc/kubernetes/pki/irsa/{KID}.key")


ARGUMENTS = st.lists(
    st.one_of(
        st.sampled_from([f"--{ISSUER}={each}" for each in (OLD, NEW, "https://x", "https://y")]),
        st.sampled_from([f"--{API_AUDIENCES}={each}" for each in ("a", f"a,{NEW}", NEW, f"{NEW},b")]),
        st.sampled_from(["--v=2", "--v", "2", "--", "-x", f"--{KEY_FILE}=/pki/irsa/{KID}.pub", f"--{KEY_FILE}=/a.pub"]),
    ),
    max_size=8,
    unique=True,
)


@given(ARGUMENTS, st.sampled_from([ADOPTED, OWN]))
def test_every_phase_leaves_each_issuer_once_and_all_other_flags(flags, target):
    before = of("kube-apiserver", f"--{ISSUER}=https://z", f"--{SIGNING_KEY_FILE}=/pki/sa.key", *flags)
    accepted = phases.accept(before, target)
    signing = phases.sign(accepted, target)
    back = phases.sign_back(signing, target)
    gone = phases.forget(back, target)
    others = [each for each in before.values(ISSUER) if each != NEW]
    assert [each for each in accepted.values(ISSUER) if each != NEW] == others
    assert signing.values(ISSUER) == (NEW, *others)
    assert back.values(ISSUER) == (*others, NEW)
    assert gone.values(ISSUER) == tuple(others)
    for phase, arguments in ((phases.accept, accepted), (phases.sign, signing), (phases.sign_back, back)):
        assert phase(arguments, target).texts == arguments.texts
        assert {"--v=2", "-x"} & set(before.texts) <= set(arguments.texts)
    assert NEW not in (gone.separated(API_AUDIENCES) or ())
    assert (accepted.separated(API_AUDIENCES) is None) == (before.separated(API_AUDIENCES) is None)
