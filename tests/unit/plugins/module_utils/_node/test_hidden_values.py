# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets of a configuration stay on the node. Also runs under Python 3.9."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._node.hidden_values import hidden, shown

SECRET = "hunter2-and-more"

CONFIGURATIONS = [
    f"token: {SECRET}\n",
    f"token: {SECRET} # of the first server\n",
    f"agent-token: '{SECRET}'\n",
    f'"token" : "{SECRET}"\n',
    f"datastore-endpoint: mysql://k3s:{SECRET}@tcp(db:3306)/k3s\n",
    f"etcd-s3-secret-key: {SECRET}\n",
    f"vpn-auth:\n- name=tailscale,joinKey={SECRET}\n",
    f"spec:\n  storage:\n    kine:\n      dataSource: postgres://k0s:{SECRET}@db/k0s\n  api: {{}}\n",
    f"spec: {{storage: {{kine: {{dataSource: '{SECRET}'}}}}}}\n",
    f"password: |\n  {SECRET}\n  more\nnext: 1\n",
    f"password: first\n  {SECRET}\n",
    f"--token {SECRET} --cluster-init\n",
    f"--agent-token='{SECRET}'\n",
    f"kube-apiserver-arg:\n- etcd-servers=https://root:{SECRET}@db:2379\n",
    f"/usr/local/bin/k3s server -t {SECRET} --cluster-init\n",
    f"/usr/local/bin/k3s server -t={SECRET}\n",
    f"t: {SECRET}\n",
    f"#token: {SECRET}\ntls-san: a\n",
    f"  # token: '{SECRET}' of the old cluster\n",
    f"api-key: {SECRET}\n",
    f"proxy: http://user:p@{SECRET}@proxy:3128\n",
    f"password: |\n  first\n\n  {SECRET}\nnext: 1\n",
    f"tls: |\n  -----BEGIN RSA PRIVATE KEY-----\n  {SECRET}\n  -----END RSA PRIVATE KEY-----\n",
    f'{{\n  "token": "{SECRET}",\n  "server": "https://192.0.2.1:9345"\n}}\n',
]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_secret_is_hidden_and_comes_back(text):
    assert SECRET not in hidden(text)
    assert shown(hidden(text), text) == text


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_what_is_added_to_a_file_does_not_disturb_its_secrets(text):
    added = "spec-of-ours: 1\n"
    assert shown(added + hidden(text) + added, text) == added + text + added


@pytest.mark.parametrize(
    "text",
    [
        "token-file: /etc/rancher/token\n",
        "kube-apiserver-arg:\n- service-account-max-token-expiration=2h\n",
        "spec:\n  api:\n    extraArgs:\n      service-account-extend-token-expiration: 'false'\n",
        "--service-account-issuer=https://issuer.example.com\n--token-auth-file=/etc/tokens.csv\n",
        "- --service-account-private-key-file=/etc/kubernetes/pki/sa.key\n",
        "tls-san: [a, b]\n",
        "",
    ],
)
def test_what_is_no_secret_is_left(text):
    assert hidden(text) == text


def test_a_hidden_file_is_still_the_same_kind_of_yaml():
    text = f"a: 1\npassword:\n- {SECRET}\nb: {{token: x{SECRET}, c: 2}}\n"
    lines = hidden(text).splitlines()
    assert lines[0] == "a: 1" and lines[1].startswith("password: hidden-by-") and lines[2].endswith(", c: 2}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"kube-apiserver-arg:\n- etcd-servers=https://root:{SECRET}@db:2379\n", "https://root:hidden-by-"),
        (f"{{\n  token: {SECRET},\n  next: 1\n}}\n", "token: hidden-by-selfhosted-irsa-0000,\n"),
        (f"{{api: {{}},\n  token: {SECRET}}}\n", "token: hidden-by-selfhosted-irsa-0000}\n"),
        (f"{{api: {{}},\n  token: {SECRET}, next: 1}}\n", "token: hidden-by-selfhosted-irsa-0000, next: 1}\n"),
        (f"a: {{credentials: [{SECRET}, {{}}], b: 1}}\n", "credentials: hidden-by-selfhosted-irsa-0000, b: 1}\n"),
        (f"a: {{credentials: {{x: {SECRET}}}}}\n", "{credentials: hidden-by-selfhosted-irsa-0000}\n"),
        (f"rawArgs: [--token={SECRET}, --v=2, --token=x]\n", "0000, --v=2, --token=hidden-by-selfhosted-irsa-0001]\n"),
        (f"# token: {SECRET}\n  tls-san: a\n", "# token: hidden-by-selfhosted-irsa-0000\n  tls-san: a\n"),
    ],
)
def test_nothing_around_a_secret_changes(text, expected):
    assert expected in hidden(text) and shown(hidden(text), text) == text


def test_a_text_that_lost_a_secret_is_refused():
    text = f"token: {SECRET}\n"
    with pytest.raises(Fault, match="a secret in it would be lost"):
        shown("token: new\n", text)


def test_a_text_with_a_placeholder_is_refused():
    with pytest.raises(Fault, match="stands for secrets"):
        hidden("a: hidden-by-selfhosted-irsa-0000\n")
