# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For each broken issuer the check that names the fault is the first finding; a sound issuer has no finding."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from broken_setups import ERROR, SETUPS, Broken
from issuers_to_break import Cluster, WebHost
from verifying import verify

pytestmark = [pytest.mark.any_core, pytest.mark.usefixtures("in_sandbox")]

# Made only if a bucket denies access, or if a trust policy has further conditions.
ONLY_IF_SOMETHING_IS_WRONG = {
    "bucket-exists",
    "bucket-region",
    "bucket-access-block",
    "bucket-policy",
    "object-exists",
    "object-encryption",
    "trust-condition",
}


@pytest.mark.usefixtures("api_server")
def test_a_sound_issuer_has_no_finding(cluster: Cluster) -> None:
    jwks = {"keys": [cluster.keys.signer.jwk()]}
    verified = verify(**cluster.options, expected_jwks=[jwks], audiences=["sts.amazonaws.com"])
    assert verified.first is None, str(verified)
    assert (verified.verdict, verified.result["diagnosis"]) == ("ok", None)
    assert verified.ids("ok")[-1] == "sts-assume"
    # The proxy resolves the name and makes the connection.
    assert set(CATALOGUE) - set(verified.ids("ok")) == ONLY_IF_SOMETHING_IS_WRONG | {"dns-resolve", "tcp-connect"}


def test_a_sound_host_has_no_finding(web_host: WebHost) -> None:
    web_host.start()
    verified = verify(**web_host.options)
    assert verified.first is None, str(verified)
    assert verified.verdict == "ok"


def break_issuer(setup: Broken, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Breaks a sound issuer, with the fixtures that this takes. Returns the options to verify it with."""
    issuer = request.getfixturevalue("cluster" if setup.kind is Cluster else "web_host")
    _issuer, *fixtures = inspect.signature(setup.breaks).parameters
    setup.breaks(issuer, **{name: request.getfixturevalue(name) for name in fixtures})
    if isinstance(issuer, WebHost):
        issuer.start()
    options: dict[str, Any] = issuer.options
    return options


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_the_first_finding_names_what_is_broken(setup: Broken, request: pytest.FixtureRequest) -> None:
    options = break_issuer(setup, request)
    verified = verify(**options, fail_on="never")

    first = verified.first
    assert first is not None, str(verified)
    assert (first["id"], first["status"]) == (setup.id, setup.status), str(verified)
    assert first["seen"] and first["remedy"], first
    assert verified.verdict == ("broken" if setup.status == ERROR else "degraded")
    # The diagnosis is about this check, even if STS refuses, too.
    assert first["seen"] in verified.result["diagnosis"] or setup.id in verified.result["diagnosis"]
    assert options.get("token") is None or options["token"] not in verified.printed


def test_every_check_of_the_catalogue_can_fail() -> None:
    assert {setup.id for setup in SETUPS} == set(CATALOGUE)
    assert len(SETUPS) >= 40
