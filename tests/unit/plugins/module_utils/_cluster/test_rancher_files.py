# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration files of k3s and RKE2: which count, in which order, and what their keys come to."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import rancher_files
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Unit
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault

PATH = "/etc/rancher/k3s/config.yaml"


def read(*texts, key="node-label", names=("1.yaml", "2.yml", "3.yaml")):
    """The values of a key, given config.yaml and files in its folder."""
    paths = [PATH, *(f"{PATH}.d/{name}" for name in names)]
    files = {path: text.encode() for path, text in zip(paths, texts, strict=False) if text is not None}
    # The order in which they are found does not count.
    return rancher_files.read(dict(reversed(files.items())), PATH, (key,)).values(key)


# As https://docs.k3s.io/installation/configuration#multiple-config-files
def test_a_key_replaces_and_one_with_a_plus_adds():
    texts = (
        "token: abc\nnode-label: [foo=bar, bar=baz]",
        "node-taint:\n- alice",
        'node-label:\n- other=what\n- foo=three\nnode-taint+: ["charlie"]',
    )
    assert read(*texts) == ["other=what", "foo=three"]
    assert read(*texts, key="node-taint") == ["alice", "charlie"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), []),
        ((None, "node-label: [a]"), ["a"]),
        (("node-label: a",), ["a"]),
        (("node-label: a", "node-label+: b"), ["a", "b"]),
        (("node-label: a", "node-label+: [b, c]", "node-label+: ' d '"), ["a", "b", "c", "d"]),
        (("node-label+: [a]", "node-label+: b"), ["a", "b"]),
        (("node-label:", "node-label+: b"), ["b"]),
        (("node-label:",), [""]),
        (("node-label: [a]", "node-label+:"), ["a"]),
        (("node-label: [a]", "node-label:"), [""]),
        (("node-label: ['', ~, 1.50, yes]",), ["", "", "1.50", "yes"]),
        (("node-label: a\nnode-label: b\nnode-label+: c",), ["b", "c"]),
        (("", "# nothing", "node-label: a"), ["a"]),
        (('{"node-label": ["a"]}',), ["a"]),
        (("x: &all [a, b]\nnode-label: *all",), ["a", "b"]),
        (("node-label: []", "node-label+: []"), []),
    ],
)
def test_values_add_up_over_files(texts, expected):
    assert read(*texts) == expected


def test_only_yaml_files_of_the_folder_count_in_the_order_of_their_bytes():
    names = ["b.yaml", "B.YML", "a.txt", "a.yaml.bak", "é.yaml", "z.yml"]
    files = {f"{PATH}.d/{name}": b"" for name in names}
    files.update({f"{PATH}.d/sub/a.yaml": b"", "/etc/rancher/k3s/registries.yaml": b"", PATH: b""})
    found = rancher_files.paths(files, PATH)
    assert found == [PATH, *(f"{PATH}.d/{name}" for name in ("B.YML", "b.yaml", "z.yml", "é.yaml"))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "it is not one YAML document"),
        ("a: 1\n---\nb: 2", "it is not one YAML document"),
        ("- a", "it is not a mapping of keys"),
        ("just words", "it is not a mapping of keys"),
        ("node-label:\n- a: b", "node-label has something other than a string (line 2)"),
        ("node-label: {a: b}", "node-label has something other than a string (line 1)"),
        ("x: &x {a: b}\n<<: *x", "it has a merge key"),
        ("\x00", "it is not one YAML document"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(text, expected):
    with pytest.raises(Fault, match=r"^its file '/etc/rancher/k3s/config\.yaml\.d/1\.yaml' cannot be used: ") as caught:
        read("", text)
    assert expected in str(caught.value)


def test_other_keys_may_hold_anything():
    assert read("etc: {a: [b]}\nnode-label: a") == ["a"]


@pytest.mark.parametrize(
    ("command", "environment", "expected"),
    [
        ((), {}, PATH),
        (("k3s", "server"), {"RKE2_CONFIG_FILE": "/other"}, PATH),
        (("k3s", "server", "--config", "/a.yaml"), {}, "/a.yaml"),
        (("k3s", "server", "--config=/a.yaml", "-c", "/b.yaml"), {}, "/a.yaml"),
        (("k3s", "server", "-c=/b.yaml"), {}, "/b.yaml"),
        (("k3s", "server", "-c", "b.yaml"), {}, "/b.yaml"),
        (("k3s", "server", "-c", "/b.yaml"), {"K3S_CONFIG_FILE": "/c.yaml"}, "/c.yaml"),
        (("k3s", "server"), {"K3S_CONFIG_FILE": ""}, PATH),
        (("k3s", "server"), {"K3S_CONFIG_FILE": "https://example.com/c"}, "https://example.com/c"),
    ],
)
def test_the_variable_counts_before_the_command(command, environment, expected):
    unit = Unit(command=command, environment=environment)
    assert rancher_files.config_path(unit, variable="K3S_CONFIG_FILE", default=PATH) == expected


@pytest.mark.parametrize("command", [("k3s", "server", "-c"), ("k3s", "server", "--config=")])
def test_a_command_with_an_option_and_no_file_is_refused(command):
    with pytest.raises(Fault, match="without a file"):
        rancher_files.config_path(Unit(command=command), variable="K3S_CONFIG_FILE", default=PATH)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff"))
VALUES = st.one_of(TEXTS, st.lists(TEXTS, max_size=3))


@given(st.lists(st.tuples(st.booleans(), VALUES), max_size=3))
def test_any_strings_are_read_as_they_were_written(given_values):
    texts = [yaml.safe_dump({"node-label" + "+" * adds: value}, allow_unicode=True) for adds, value in given_values]
    expected: list[str] = []
    for adds, value in given_values:
        values = value if isinstance(value, list) else [value]
        expected = [*(expected if adds else []), *values]
    assert read(None, *texts) == [value.strip() for value in expected]
