# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that no one on the internet can reach, by their form."""

from __future__ import annotations

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._web.internal_hosts import internal_reason


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("kubernetes.default.svc.cluster.local", "inside a cluster"),
        ("kubernetes.default.svc", "inside a cluster"),
        ("kubernetes.default", "inside a cluster"),
        ("kubernetes.default.svc.k8s.example.com", "inside a cluster"),
        ("oidc.tools.svc", "inside a cluster"),
        ("oidc.tools.svc.cluster.local", "inside a cluster"),
        ("Oidc.Cluster.LOCAL.", "inside a cluster"),
        ("cluster.local", "inside a cluster"),
        ("localhost", "the machine itself"),
        ("oidc.localhost", "the machine itself"),
        ("localhost.localdomain", "the machine itself"),
        ("oidc.local", "end with .local"),
        ("ip-10-0-0-1.eu-west-1.compute.internal", "end with .internal"),
        ("oidc.lan", "end with .lan"),
        ("oidc.home.arpa", "end with .home.arpa"),
        ("oidc.home", "end with .home"),
        ("oidc.corp", "end with .corp"),
        ("oidc.intranet", "end with .intranet"),
        ("oidc.private", "end with .private"),
        ("oidc.service.consul", "end with .consul"),
        ("oidc", "without a dot"),
        ("127.0.0.1", "the machine itself"),
        ("127.1", "the machine itself"),
        ("2130706433", "the machine itself"),
        ("0x7f.1", "the machine itself"),
        ("0x7F000001", "the machine itself"),
        ("0177.0.0.1", "the machine itself"),
        ("0", "the machine itself"),
        ("0.0.0.0", "the machine itself"),
        ("::1", "the machine itself"),
        ("[::1]", "the machine itself"),
        ("[::ffff:127.0.0.1]", "the machine itself"),
        ("10.96.0.1", "not an address on the internet"),
        ("10.1", "not an address on the internet"),
        ("167772161", "not an address on the internet"),
        ("172.16.0.1", "not an address on the internet"),
        ("192.168.1.1", "not an address on the internet"),
        ("169.254.169.254", "not an address on the internet"),
        ("100.64.0.1", "not an address on the internet"),
        ("[fe80::1]", "not an address on the internet"),
        ("[fd00::1]", "not an address on the internet"),
    ],
)
def test_internal_hosts_are_told_by_their_form(host, reason):
    assert reason in internal_reason(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "oidc.example.com",
        "irsa.s3.eu-west-1.amazonaws.com",
        "local.example.com",
        "internal.example.com",
        "oidc.svc.example.com",
        "svc.example.com",
        "kubernetes.default.example.com",
        "example.notlan",
        "oidc.example.test",
        "52.95.1.1",
        "872415489",
        "[2a05:d018::1]",
        "1.2.3.4.5",
    ],
)
def test_other_hosts_may_be_public(host):
    assert internal_reason(host) is None
