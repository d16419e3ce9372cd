# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests in layouts that nobody thought of: edits give what PyYAML reads, and their way back the same bytes."""

from __future__ import annotations

import contextlib
import json

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import phases
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import ACCEPT, FORGET, SIGN, SIGN_BACK
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import StaticPod
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_manifests import HAND_WRITTEN, KID, NEW

ISSUER = "--service-account-issuer="
OWN_KEY = phases.own_key_files("/etc/kubernetes/pki", KID)

ISSUERS = st.lists(st.integers(0, 9).map("https://{}.example.com".format), min_size=1, max_size=3, unique=True)
OTHERS = st.lists(st.from_regex(r"--[a-z]{1,6}=[A-Za-z0-9,:/ #'\"*&!%@|>{}\[\]-]{0,8}", fullmatch=True), max_size=4)


def in_quotes(text: str, style: str) -> str:
    if style == "single":
        return "'" + text.replace("'", "''") + "'"
    plain = yaml.safe_dump(text, width=1000).split("\n")[0]
    return plain if style == "plain" else json.dumps(text)


def in_brackets(text: str, style: str) -> str:
    return json.dumps(text) if style == "plain" else in_quotes(text, style)


@st.composite
def block(draw, texts):
    """A list with a line for each item, with comments and empty lines between and behind them."""
    indent = " " * draw(st.integers(4, 9))
    lines = [""]
    for text in texts:
        lines += draw(st.lists(st.sampled_from(["", "   ", f"{indent}# a: comment", "# - --flag=x"]), max_size=2))
        style = draw(st.sampled_from(["plain", "single", "double"]))
        end = draw(st.sampled_from(["", " ", "  # why"]))
        lines.append(f"{indent}-{' ' * draw(st.integers(1, 3))}{in_quotes(text, style)}{end}")
    return "\n".join(lines)


@st.composite
def flow(draw, texts):
    """A list in brackets, on one line or on several."""
    gap = st.sampled_from(["", " ", "\n        ", " # why\n      ", "\n      # a, b\n      "])
    pieces = []
    for text in texts:
        style = draw(st.sampled_from(["plain", "single", "double"]))
        pieces.append(draw(gap) + in_brackets(text, style) + draw(st.sampled_from(["", " ", "\n      "])))
    return f" [{','.join(pieces)}{draw(st.sampled_from(['', ',']))}]"


@st.composite
def manifests(draw):
    """A manifest, and the arguments that it was made of."""
    flags = [ISSUER + issuer for issuer in draw(ISSUERS)] + draw(OTHERS)
    flags += ["--service-account-key-file=/k/sa.pub", "--service-account-signing-key-file=/k/sa.key"]
    flags = draw(st.permutations(flags))
    cut = draw(st.integers(0, len(flags) - 1)) if draw(st.booleans()) else None
    command = ["kube-apiserver", *flags[:cut]]
    members = [f"command:{draw(st.one_of(block(command), flow(command)))}"]
    if cut is not None:
        members.append(f"args:{draw(st.one_of(block(flags[cut:]), flow(flags[cut:])))}")
    members = draw(st.permutations([*members, "image: x", "name: kube-apiserver"]))
    text = "kind: Pod\nspec:\n  containers:\n  - " + "\n    ".join(members)
    text += draw(st.sampled_from(["", "\n", "\n\n", "\nstatus: {}\n", "\n# the end"]))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))).encode(), ["kube-apiserver", *flags]


def command_of(manifest: bytes) -> list[str]:
    (container,) = yaml.safe_load(manifest)["spec"]["containers"]
    return [*container["command"], *container.get("args", [])]


@settings(max_examples=50)
@given(manifests(), st.sampled_from([None, OWN_KEY]))
def test_any_manifest_can_go_there_and_back(drawn, key):
    original, arguments = drawn
    assert command_of(original) == arguments
    issuers = [text.removeprefix(ISSUER) for text in arguments if text.startswith(ISSUER)]
    others = [text for text in arguments if not text.startswith("--service-account-")]
    target = phases.Target(issuer=NEW, key=key)
    manifest = original
    for phase, expected in (
        (ACCEPT, [*issuers, NEW]),
        (SIGN, [NEW, *issuers]),
        (SIGN_BACK, [*issuers, NEW]),
        (FORGET, issuers),
    ):
        pod = StaticPod(manifest)
        assert list(pod.arguments.texts) == command_of(manifest)
        manifest = pod.with_arguments(phases.after(phase, pod.arguments, target)).content
        command = command_of(manifest)
        assert [text.removeprefix(ISSUER) for text in command if text.startswith(ISSUER)] == expected
        assert [text for text in command if not text.startswith("--service-account-")] == others
    assert manifest == original


@settings(max_examples=50)
@given(st.sampled_from(sorted(HAND_WRITTEN)), st.data())
def test_a_damaged_manifest_is_refused_or_edited_right(name, data):
    """A byte more, a byte less: there is a reason, or PyYAML reads what was meant."""
    original = HAND_WRITTEN[name]
    place = data.draw(st.integers(0, len(original)))
    damage = data.draw(st.sampled_from([b"", b" ", b"\n", b"-", b"#", b":", b"'", b"*", b"&a ", b"\t", b"\xff", b"|"]))
    damaged = original[:place] + damage + original[place + data.draw(st.integers(0, 2)) :]
    with contextlib.suppress(Fault):
        pod = StaticPod(damaged)
        signing = phases.sign(pod.arguments, phases.Target(issuer=NEW))
        after = pod.with_arguments(signing).content
        assert StaticPod(after).arguments.texts == signing.texts
        assert yaml.safe_load(after).keys() == yaml.safe_load(damaged).keys()


@given(st.binary(max_size=60))
def test_any_bytes_are_a_manifest_or_a_fault(content):
    with contextlib.suppress(Fault):
        StaticPod(content)
