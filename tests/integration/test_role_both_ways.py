# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer's whole life twice: in the controller's process, and with every module shipped. It comes to the same, key
by key.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from accounts import Account
from oracles import kid_of, openssl
from playbooks import Operator, Run
from tests.sandbox import Sandbox

BUCKET = "irsa-both"
ARN = f"arn:aws:iam::123456789012:oidc-provider/{BUCKET}.s3.eu-west-1.amazonaws.com"

# Each is one run of a playbook, in this order; those that fail are to fail.
STEPS = ("check", "first", "second", "check of drift", "repair", "lost key", "key of its own", "check of end", "end")
FAILING = ("lost key",)


@dataclass
class Life:
    """The runs of one way, and what in them is another each time, by the word that stands for it."""

    runs: dict[str, Run]
    varying: dict[str, str]

    def plain(self, value: Any) -> Any:
        """:return: a JSON-like value with words for what is another each time"""
        text = json.dumps(value)
        for word, varying in self.varying.items():
            text = text.replace(json.dumps(varying)[1:-1], word).replace(json.dumps(json.dumps(varying))[3:-3], word)
        # S3's ETag of a document depends on its key.
        return json.loads(re.sub(r'\\"[0-9a-f]{32}\\"', "(etag)", text))


def differences(run: Run) -> dict[str, Any]:
    """:return: of what a run drew that in which there is something to see"""
    return {header: entry for header, entry in run.drawn().items() if entry["before"] != entry["after"]}


def live(operator: Operator, direct: bool) -> Life:
    account = Account(operator.sandbox)
    operator.variables = {
        "irsa_direct": direct,
        "irsa_issuer_bucket": BUCKET,
        "irsa_issuer_key_path": str(operator.key),
        "irsa_issuer_tags": {"team": "platform"},
    }
    runs = {
        "check": operator.provision("--check", "--diff"),
        "first": operator.provision("--diff"),
        "second": operator.provision("--diff"),
    }
    key = operator.key.read_bytes()
    numbers = openssl("rsa", "-in", str(operator.key), "-modulus", "-noout").decode()
    modulus = bytes.fromhex(numbers.strip().removeprefix("Modulus="))
    varying = {
        "(folder)": str(operator.folder),
        "(kid)": kid_of(operator.key),
        "(modulus)": base64.urlsafe_b64encode(modulus).decode().rstrip("="),
        "(public key)": openssl("pkey", "-in", str(operator.key), "-pubout").decode(),
        "(openssh)": operator.key.with_name("sa-signer.key.pub").read_text().strip(),
    }

    account.s3.delete_bucket_policy(Bucket=BUCKET)
    account.s3.delete_object(Bucket=BUCKET, Key="keys.json")
    account.iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=ARN, TagKeys=["team"])
    operator.key.with_name("sa-signer-pkcs8.pub").unlink()
    runs["check of drift"] = operator.provision("--check", "--diff")
    runs["repair"] = operator.provision("--diff")

    for path in list(operator.key_files()):
        path.unlink()
    runs["lost key"] = operator.provision("--diff")
    operator.key.touch(mode=0o600)
    operator.key.write_bytes(key)
    runs["key of its own"] = operator.provision("--diff")

    everything = {"irsa_issuer_delete_bucket": True, "irsa_issuer_delete_key": True}
    runs["check of end"] = operator.teardown("--check", "--diff", variables=everything)
    runs["end"] = operator.teardown("--diff", variables=everything)
    assert list(operator.key_files()) == []
    return Life(runs, varying)


@pytest.fixture(scope="module")
def lives(new_operator: Callable[[], Operator], running: Sandbox) -> tuple[Life, Life]:
    """In the controller's process, and shipped."""
    return live(new_operator(), direct=True), live(new_operator(), direct=False)


def test_one_way_ships_every_module_and_the_other_none(operator: Operator) -> None:
    operator.variables = {"irsa_issuer_bucket": BUCKET, "irsa_issuer_key_path": str(operator.key)}
    for direct in (True, False):
        run = operator.provision("-vvv", "--check", variables={"irsa_direct": direct}).ok()
        shipped = [line for line in run.output.splitlines() if "is shipped as a module" in line]
        assert bool(shipped) == (not direct)
        assert ("AnsiballZ" in run.output) == (not direct)


@pytest.mark.parametrize("step", STEPS)
class TestBothWays:
    def test_end_alike(self, lives: tuple[Life, Life], step: str) -> None:
        for life in lives:
            assert (life.runs[step].exit_code != 0) == (step in FAILING), life.runs[step].output
        direct, shipped = (life.plain(life.runs[step].failures) for life in lives)
        assert direct == shipped

    def test_come_to_the_same_result_key_by_key(self, lives: tuple[Life, Life], step: str) -> None:
        direct, shipped = (life.plain(life.runs[step].results) for life in lives)
        assert direct.keys() == shipped.keys()
        assert bool(direct) == (step not in FAILING)
        for host, result in direct.items():
            assert result.keys() == shipped[host].keys()
            for name, value in result.items():
                assert value == shipped[host][name], name

    def test_make_the_same_writes(self, lives: tuple[Life, Life], step: str) -> None:
        direct, shipped = (life.runs[step] for life in lives)
        assert direct.writes == shipped.writes
        if step not in FAILING and not step.startswith("check"):
            assert direct.aws_actions == direct.writes

    def test_draw_the_same(self, lives: tuple[Life, Life], step: str) -> None:
        direct, shipped = (life.plain(differences(life.runs[step])) for life in lives)
        assert direct == shipped

    def test_warn_of_the_same(self, lives: tuple[Life, Life], step: str) -> None:
        direct, shipped = (life.plain(sorted(set(life.runs[step].warnings))) for life in lives)
        assert direct == shipped


def test_neither_way_makes_many_calls(lives: tuple[Life, Life]) -> None:
    for life in lives:
        assert len(life.runs["first"].counted_calls) <= 12, life.runs["first"].counted_calls
        assert len(life.runs["second"].counted_calls) <= 8, life.runs["second"].counted_calls


def test_the_life_is_a_full_one(lives: tuple[Life, Life]) -> None:
    """What is compared above is worth comparing."""
    runs = lives[0].runs
    assert [runs[step].actions != [] for step in STEPS if step not in FAILING] == [
        step != "second" for step in STEPS if step not in FAILING
    ]
    assert len(differences(runs["check"])) == len(differences(runs["first"])) == 7
    assert len(differences(runs["repair"])) == 4
    assert "Restore the key file" in runs["lost key"].failure
