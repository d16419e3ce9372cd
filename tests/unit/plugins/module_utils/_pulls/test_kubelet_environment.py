# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kubelet's flags are added to the file that its unit reads, and taken away without a trace."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._pulls.kubelet_environment import (
    Flags,
    with_flags,
    without_flags,
)

FLAGS = Flags("/etc/kubernetes/own.json", "/usr/local/bin")

_VALUES = st.from_regex(r"(--[a-z]{1,5}=[a-z0-9/,.]{0,6} {0,2}){0,3}", fullmatch=True)
_LINES = st.one_of(
    st.sampled_from(["", "# a comment", "#KUBELET_EXTRA_ARGS=--v=1", "OTHER=value", "; more"]),
    st.builds("{0}KUBELET_EXTRA_ARGS={1}{2}{1}".format, st.sampled_from(["", " "]), st.sampled_from("\"'"), _VALUES),
    st.just("KUBELET_EXTRA_ARGS="),
)
_FILES = st.builds(lambda lines, end: "\n".join(lines) + end, st.lists(_LINES, max_size=5), st.sampled_from(["", "\n"]))


@given(_FILES)
def test_flags_that_are_added_count_and_leave_no_trace(text):
    if sum("KUBELET_EXTRA_ARGS=" in line and "#" not in line for line in text.splitlines()) > 1:
        with pytest.raises(Fault, match="more than once"):
            with_flags(text, FLAGS)
        return
    new = with_flags(text, FLAGS)
    assert Flags.of(new) == FLAGS
    assert without_flags(new, FLAGS) == text


@pytest.mark.parametrize(
    "text", [None, "", "# none\n", 'KUBELET_EXTRA_ARGS="--v=2 --x=y"\n', "KUBELET_EXTRA_ARGS=\nB=c\n", "A=b"]
)
def test_a_shell_reads_the_flags_behind_those_that_were_there(text):
    """As does systemd, which is not at hand here."""
    new = with_flags(text, FLAGS)
    before = _extra_args(text or "")
    if "KUBELET_EXTRA_ARGS=\n" in (text or ""):  # systemd takes what follows on the line, a shell only one word
        new = new.replace(str(FLAGS), f"'{FLAGS}'")
    assert _extra_args(new) == [*before, *str(FLAGS).split()]


def _extra_args(text: str) -> list[str]:
    script = f'{text}\nprintf %s "$KUBELET_EXTRA_ARGS"'
    ended = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env={})
    return shlex.split(ended.stdout)


def test_a_file_that_the_role_created_goes_and_what_was_added_to_it_stays():
    new = with_flags(None, FLAGS)
    assert without_flags(new, FLAGS) is None
    assert without_flags(f"{new}OTHER=value\n", FLAGS) == "OTHER=value\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('KUBELET_EXTRA_ARGS="--a" "--b"\n', "quotes or escapes"),
        ('KUBELET_EXTRA_ARGS="--labels=\\"x\\""\n', "quotes or escapes"),
        ("KUBELET_EXTRA_ARGS=--a \\\n--b\n", "goes on in the next one"),
    ],
)
def test_what_could_be_misread_is_refused(text, said):
    with pytest.raises(Fault, match=said):
        with_flags(text, FLAGS)


def test_flags_that_somebody_moved_are_named():
    with pytest.raises(Fault, match="Remove them by hand"):
        without_flags(f'KUBELET_EXTRA_ARGS="--image-credential-provider-config={FLAGS.config}"\n', FLAGS)
