# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys in the forms in which people have them: a file of several keys, a directory to be created, a JWKS alone."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from oracles import openssl
from playbooks import Operator, Run

pytestmark = pytest.mark.any_core

RSA = ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")


class Life(NamedTuple):
    """The same hosts in check mode, for the first and for the second time, and torn down."""

    planned: Run
    made: Run
    again: Run
    removed: Run
    bundle: bytes
    jwks: dict[str, Any]
    keys: Path


@pytest.fixture(scope="module")
def life(new_operator: Callable[[], Operator]) -> Life:
    from ansible_collections.selfhosted.irsa.tests.unit.plugins import sample_keys  # noqa: PLC0415
    from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of  # noqa: PLC0415

    operator = new_operator()
    jwks = {"keys": [jwk_of(sample_keys.RSA)]}
    bundle = openssl(*RSA) + openssl(*RSA)
    service_key = operator.keys / "service.key"
    service_key.touch(mode=0o600)
    service_key.write_bytes(bundle)
    forms: dict[str, dict[str, Any]] = {
        "k3s": {"irsa_issuer_key_path": str(service_key)},
        "folder": {"irsa_issuer_key_path": str(operator.keys / "prod" / "sa-signer.key")},
        "object": {"irsa_issuer_extra_jwks": jwks},
        "text": {"irsa_issuer_extra_jwks": json.dumps(jwks)},
        "list": {"irsa_issuer_extra_jwks": [json.dumps(jwks)]},
    }
    hosts = {name: {"irsa_issuer_bucket": f"irsa-{name}", **given} for name, given in forms.items()}
    planned = operator.provision("--check", "--diff", hosts=hosts)
    assert not (operator.keys / "prod").exists()
    return Life(
        planned,
        made=operator.provision(hosts=hosts),
        again=operator.provision(hosts=hosts),
        removed=operator.teardown(hosts=hosts),
        bundle=bundle,
        jwks=jwks,
        keys=operator.keys,
    )


def test_a_file_of_several_keys_publishes_all_of_them(life: Life) -> None:
    result = life.made.results["k3s"]
    assert len(result["keys"]) == 2
    assert result["kid"] == result["keys"][0]["kid"]
    assert (life.keys / "service.key").read_bytes() == life.bundle
    assert (life.keys / "service-pkcs8.pub").read_bytes().count(b"BEGIN PUBLIC KEY") == 2


def test_the_directory_of_a_new_key_is_planned_and_created(life: Life) -> None:
    for run in (life.planned, life.made):
        assert run.results["folder"]["actions"].count("file:CreateKeyFolder") == 1
    assert stat.S_IMODE((life.keys / "prod").stat().st_mode) == 0o700


@pytest.mark.parametrize("host", ["object", "text", "list"])
def test_a_jwks_alone_is_published_without_a_key(life: Life, host: str) -> None:
    result = life.made.results[host]
    kids = [key["kid"] for key in life.jwks["keys"]]
    assert ([key["kid"] for key in result["keys"]], result["kid"], result["public_key"]) == (kids, None, None)
    assert json.loads(result["jwks_json"]) == life.jwks
    assert life.planned.results[host]["actions"] == result["actions"]


def test_a_second_run_changes_nothing_and_all_can_be_torn_down(life: Life) -> None:
    assert all(not result["changed"] for result in life.again.results.values())
    assert not life.removed.failures
    assert sorted(path.name for path in (life.keys / "prod").iterdir()) == [
        "sa-signer-pkcs8.pub",
        "sa-signer.key",
        "sa-signer.key.pub",
    ]
