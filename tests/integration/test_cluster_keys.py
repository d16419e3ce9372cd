# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer for a cluster that keeps its keys: the role publishes what the API servers serve, and has no key file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from playbooks import Operator, Run

pytestmark = pytest.mark.any_core

BUCKET = "irsa-adopted"
OLD_ISSUER = "https://kubernetes.default.svc.cluster.local"
KUBECONFIG = {"irsa_kubeconfig": "kubeconfig"}
VARIABLES = {"irsa_issuer_bucket": BUCKET, "irsa_issuer_from_cluster": True, **KUBECONFIG}


@dataclass
class Life:
    """The runs of an issuer's life, with the keys that the API servers served at first, and later."""

    planned: Run
    made: Run
    again: Run
    later: Run
    clashing: Run
    removed: Run
    first: list[str]
    rotated: str


@pytest.fixture(scope="module")
def life(new_operator: Callable[[], Operator], tmp_path_factory: pytest.TempPathFactory) -> Life:
    from ansible_collections.selfhosted.irsa.tests.unit.plugins import kubernetes_servers, sample_keys  # noqa: PLC0415
    from ansible_collections.selfhosted.irsa.tests.unit.plugins.sample_jwks import jwk_of  # noqa: PLC0415

    one, two, new = (jwk_of(key) for key in (sample_keys.RSA, sample_keys.P256, sample_keys.OTHER_RSA))
    operator = new_operator()
    operator.variables = VARIABLES
    operator.environment = {
        "NO_PROXY": "127.0.0.1,localhost"
    }  # the sandbox is a proxy, and the cluster is not behind it
    servers = kubernetes_servers.Servers(operator.folder)
    first, second = (servers.start(OLD_ISSUER, [key]) for key in (one, two))
    endpoints = kubernetes_servers.endpoints_of(first.address, second.address)
    kubernetes_servers.serve_json(first, kubernetes_servers.ENDPOINTS, endpoints)
    servers.kubeconfig(first)

    def serve(*keys: Mapping[str, Any]) -> None:
        for server in (first, second):
            kubernetes_servers.serve_json(server, kubernetes_servers.JWKS, {"keys": list(keys)})

    planned, made, again = operator.provision("--check", "--diff"), operator.provision(), operator.provision("-vvv")
    serve(new)
    later = operator.provision()
    serve({**new, "kid": one["kid"]})
    clashing = operator.provision()
    servers.stop()
    removed = operator.teardown(variables={"irsa_issuer_delete_bucket": True})
    return Life(planned, made, again, later, clashing, removed, sorted([one["kid"], two["kid"]]), new["kid"])


def test_check_mode_on_an_empty_account_plans_what_the_run_does(life: Life) -> None:
    assert life.planned.ok().writes == []
    assert life.planned.actions == life.made.ok().actions == life.made.writes
    assert life.planned.result["jwks_json"] == life.made.result["jwks_json"]


def test_the_keys_of_all_api_servers_are_published(life: Life) -> None:
    result = life.made.result
    assert [key["kid"] for key in result["keys"]] == life.first
    assert (result["kid"], result["public_key"]) == (None, None)
    assert result["apiserver_flags"] == [f"--service-account-issuer={result['issuer']}"]
    printed = " ".join(life.made.output.split())
    for text in (*life.first, result["apiserver_flags"][0], "before its present --service-account-issuer"):
        assert text in printed


def test_a_second_run_changes_nothing_and_shows_no_credential(life: Life) -> None:
    from ansible_collections.selfhosted.irsa.tests.unit.plugins.kubernetes_servers import BEARER  # noqa: PLC0415

    assert life.again.ok().writes == [] and set(life.again.changed.values()) == {0}
    assert BEARER not in life.again.output


def test_keys_that_the_cluster_no_longer_serves_stay_published(life: Life) -> None:
    keys = life.later.ok().result["keys"]
    assert {key["kid"]: key["foreign"] for key in keys} == {life.rotated: False, **dict.fromkeys(life.first, True)}
    assert life.later.result["kid"] == life.rotated
    assert any(life.first[0] in warning for warning in life.later.warnings)


def test_a_kid_with_another_key_than_the_published_one_is_refused(life: Life) -> None:
    assert any(kid in life.clashing.failure for kid in life.first)
    assert life.clashing.writes == []


def test_removing_the_issuer_needs_neither_a_key_file_nor_the_cluster(life: Life) -> None:
    assert life.removed.ok().writes[0] == "iam:DeleteOpenIDConnectProvider"
    assert "s3:DeleteBucket" in life.removed.writes
    assert "kept" not in life.removed.output


def test_everything_that_an_issuer_lacks_is_named_at_once(operator: Operator) -> None:
    message = operator.provision().failure
    for name in ("bucket", "url", "key_path", "from_cluster", "extra_jwks"):
        assert f"irsa_issuer_{name}" in message
