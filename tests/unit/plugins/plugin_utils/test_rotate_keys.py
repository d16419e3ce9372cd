# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The new key of a rotation on the controller."""

from __future__ import annotations

import base64
import subprocess

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import signing_key
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _rotate_keys
from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys as samples

KEY = samples.RSA.pkcs8.decode()
UNSET = {"key_type": "", "key_size": 0, "key_curve": ""}


class Host:
    """Answers as module irsa_node does: with the content of a file, hidden by the pad."""

    def __init__(self, content):
        self.content, self.asked = content.encode(), []

    def __call__(self, path, pad):
        self.asked.append(path)
        hidden = bytes(one ^ other for one, other in zip(self.content, base64.b64decode(pad), strict=False))
        assert self.content not in hidden
        return {"sealed": base64.b64encode(hidden).decode(), "length": len(hidden)}


def public(key):
    return signing_key.load_private(key).public_key


def test_a_key_of_a_host_comes_here_hidden():
    host = Host(KEY)
    assert _rotate_keys.fetched("/etc/kubernetes/pki/irsa/new.key", host) == KEY
    assert host.asked == ["/etc/kubernetes/pki/irsa/new.key"]


class TestHandedOver:
    def test_it_is_read_here_if_it_is_here(self, tmp_path):
        path = tmp_path / "new.key"
        path.write_text(KEY, encoding="utf-8")
        host = Host("")
        key = _rotate_keys.handed_over(str(path), host)
        assert (key.kid, key.private, host.asked) == (samples.kid(samples.RSA.pkcs8), KEY, [])

    def test_otherwise_on_the_host(self, tmp_path):
        key = _rotate_keys.handed_over(str(tmp_path / "none"), Host(KEY))
        assert key.kid == samples.kid(samples.RSA.pkcs8)

    def test_a_key_that_an_api_server_cannot_use_is_refused_by_name(self, tmp_path):
        small = subprocess.run(
            ["openssl", "genrsa", "1024"], check=True, capture_output=True, text=True, timeout=60
        ).stdout
        with pytest.raises(IrsaError, match=r"irsa_rotate_key_path cannot be used: .*1024") as caught:
            _rotate_keys.handed_over("/root/small.key", Host(small))
        assert "PRIVATE" not in str(caught.value)

    def test_it_does_not_show_its_private_half(self):
        assert "PRIVATE" not in repr(_rotate_keys.NewKey.of(KEY, "here"))


@pytest.mark.parametrize(
    ("options", "present", "expected"),
    [
        ({}, samples.RSA.pkcs8, {"key_type": "RSA", "key_size": 2048}),
        ({}, samples.P256.pkcs8, {"key_type": "ECDSA", "key_curve": "P-256"}),
        ({}, None, {"key_type": "RSA", "key_size": 2048}),
        ({"key_size": 4096}, samples.RSA.pkcs8, {"key_type": "RSA", "key_size": 4096}),
        ({"key_type": "ECDSA"}, samples.RSA.pkcs8, {"key_type": "ECDSA", "key_curve": "P-256"}),
        ({"key_curve": "P-384"}, samples.P256.pkcs8, {"key_type": "ECDSA", "key_curve": "P-384"}),
        ({"key_type": "RSA"}, samples.P256.pkcs8, {"key_type": "RSA", "key_size": 2048}),
    ],
)
def test_a_new_key_is_like_the_present_one_unless_said_otherwise(options, present, expected):
    kind = _rotate_keys.kind_of_new({**UNSET, **options}, public(present) if present else None)
    assert kind == expected
    made = _rotate_keys.made({**kind, **({"key_size": 2048} if "key_size" in kind else {})})
    assert made.kid == samples.kid(made.private.encode())


@pytest.mark.parametrize(
    ("options", "present"),
    [({"key_curve": "P-384"}, samples.RSA.pkcs8), ({"key_size": 4096}, samples.P256.pkcs8)],
)
def test_a_size_of_another_type_is_refused(options, present):
    with pytest.raises(IrsaError, match="Set irsa_rotate_key_type"):
        _rotate_keys.kind_of_new({**UNSET, **options}, public(present))
