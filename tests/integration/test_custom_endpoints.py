# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A custom endpoint that is set only by AWS_ENDPOINT_URL."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from accounts import Account
from playbooks import Operator
from tests.sandbox import Sandbox

pytestmark = pytest.mark.any_core

VARIABLES = {
    "irsa_issuer_bucket": "irsa-custom",
    "irsa_issuer_tags": {"team": "platform"},
    # No client can fetch the issuer's documents there: the endpoint is plain HTTP on an IP address.
    "irsa_issuer_verify": False,
}


@pytest.fixture(scope="module")
def stock_moto() -> Iterator[str]:
    """moto's own server, without the sandbox's extensions. It prints the port that it chose."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        printed = []
        for line in server.stderr:
            printed.append(line)
            if address := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            pytest.fail("moto's server did not start: " + "".join(printed))
        yield address.group()
        server.terminate()


@pytest.mark.parametrize("kind", ["the sandbox's", "stock moto's"])
def test_a_custom_endpoint_is_enough(
    operator: Operator, sandbox: Sandbox, account: Account, stock_moto: str, kind: str
) -> None:
    endpoint = sandbox.http_endpoint if kind == "the sandbox's" else stock_moto
    operator.environment = {"AWS_ENDPOINT_URL": endpoint}
    operator.variables = {**VARIABLES, "irsa_issuer_key_path": str(operator.key)}

    check = operator.provision("--check").ok()
    first = operator.provision().ok()
    second = operator.provision().ok()

    assert check.actions == first.actions
    assert first.actions[0] == "s3:CreateBucket"
    assert first.actions[-1] == "iam:CreateOpenIDConnectProvider"
    assert second.changed == {"localhost": 0}
    assert second.result["keys"] == [{"kid": first.result["kid"], "algorithm": "RS256", "foreign": False}]
    if kind == "the sandbox's":
        assert first.aws_actions == first.writes
        assert second.writes == []
        assert account.bucket_tags("irsa-custom") == {"team": "platform"}
    else:
        assert first.calls == []  # all calls went to the configured endpoint

    gone = operator.teardown(variables={"irsa_issuer_delete_bucket": True, "irsa_issuer_delete_key": True}).ok()
    assert gone.actions[:3] == ["iam:DeleteOpenIDConnectProvider", "s3:DeleteObjects", "s3:DeleteBucket"]
    assert list(operator.key_files()) == []
