# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An issuer's whole life three times: by the playbooks with modules in the controller's process, by the playbooks with
every module shipped, and by the role in a play of one's own. All come to the same, key by key.
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
from playbooks import Operator, Play, Run
from tests.sandbox import Sandbox

BUCKET = "irsa-both"
ARN = f"arn:aws:iam::123456789012:oidc-provider/{BUCKET}.s3.eu-west-1.amazonaws.com"

# One run each, in this order; those that fail must fail.
STEPS = ("check", "first", "second", "check of drift", "repair", "lost key", "key of its own", "check of end", "end")
FAILING = ("lost key",)


@dataclass
class Life:
    """The runs of one way, and what differs in them each time, by the word that stands for it."""

    runs: dict[str, Run]
    varying: dict[str, str]

    def plain(self, value: Any) -> Any:
        """:return: a JSON-like value with words for what differs each time"""
        text = json.dumps(value)
        for word, varying in self.varying.items():
            text = text.replace(json.dumps(varying)[1:-1], word).replace(json.dumps(json.dumps(varying))[3:-3], word)
        # S3's ETag of a document depends on its key.
        return json.loads(re.sub(r'\\"[0-9a-f]{32}\\"', "(etag)", text))


def differences(run: Run) -> dict[str, Any]:
    """:return: of what a run showed, the entries with a difference"""
    return {header: entry for header, entry in run.drawn().items() if entry["before"] != entry["after"]}


@dataclass
class Way:
    """How the role is run: by the playbooks or in a play of one's own, with modules in this process or shipped."""

    direct: bool = True
    in_own_play: bool = False

    def provision(self, operator: Operator, *arguments: str) -> Run:
        return operator.play([own_play("present")], *arguments) if self.in_own_play else operator.provision(*arguments)

    def teardown(self, operator: Operator, *arguments: str, variables: dict[str, Any]) -> Run:
        if self.in_own_play:
            return operator.play([own_play("absent")], *arguments, variables=variables)
        return operator.teardown(*arguments, variables=variables)


WAYS = {"playbook": Way(), "shipped": Way(direct=False), "role": Way(in_own_play=True)}
OTHER_WAYS = ("shipped", "role")


def own_play(state: str) -> Play:
    role = {"name": "selfhosted.irsa.irsa_issuer"}
    task = {"ansible.builtin.import_role": role, "vars": {"irsa_issuer_state": state}}
    return {"hosts": "localhost", "gather_facts": False, "tasks": [task]}


def live(operator: Operator, way: Way) -> Life:
    account = Account(operator.sandbox)
    operator.variables = {
        "irsa_direct": way.direct,
        "irsa_issuer_bucket": BUCKET,
        "irsa_issuer_key_path": str(operator.key),
        "irsa_issuer_tags": {"team": "platform"},
    }
    runs = {
        # So verbose that Ansible tells how it runs each module.
        "check": way.provision(operator, "--check", "--diff", "-vvv"),
        "first": way.provision(operator, "--diff"),
        "second": way.provision(operator, "--diff"),
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
    runs["check of drift"] = way.provision(operator, "--check", "--diff")
    runs["repair"] = way.provision(operator, "--diff")

    for path in list(operator.key_files()):
        path.unlink()
    runs["lost key"] = way.provision(operator, "--diff")
    operator.key.touch(mode=0o600)
    operator.key.write_bytes(key)
    runs["key of its own"] = way.provision(operator, "--diff")

    everything = {"irsa_issuer_delete_bucket": True, "irsa_issuer_delete_key": True}
    runs["check of end"] = way.teardown(operator, "--check", "--diff", variables=everything)
    runs["end"] = way.teardown(operator, "--diff", variables=everything)
    assert list(operator.key_files()) == []
    return Life(runs, varying)


@pytest.fixture(scope="module")
def lives(new_operator: Callable[[], Operator], running: Sandbox) -> dict[str, Life]:
    """One life for each way."""
    return {name: live(new_operator(), way) for name, way in WAYS.items()}


def test_one_way_ships_every_module_and_the_other_none(lives: dict[str, Life]) -> None:
    for name in ("playbook", "shipped"):
        run = lives[name].runs["check"]
        shipped = [line for line in run.output.splitlines() if "is shipped as a module" in line]
        assert bool(shipped) == (not WAYS[name].direct)
        assert ("AnsiballZ" in run.output) == (not WAYS[name].direct)


@pytest.mark.parametrize("other", OTHER_WAYS)
@pytest.mark.parametrize("step", STEPS)
class TestEveryWay:
    def test_every_way_succeeds_or_fails_alike(self, lives: dict[str, Life], step: str, other: str) -> None:
        for life in (lives["playbook"], lives[other]):
            assert (life.runs[step].exit_code != 0) == (step in FAILING), life.runs[step].output
        assert failures(lives["playbook"], step) == failures(lives[other], step)

    def test_every_way_returns_the_same_result_key_by_key(self, lives: dict[str, Life], step: str, other: str) -> None:
        expected, found = (life.plain(life.runs[step].results) for life in (lives["playbook"], lives[other]))
        assert expected.keys() == found.keys()
        assert bool(expected) == (step not in FAILING)
        for host, result in expected.items():
            assert result.keys() == found[host].keys()
            for name, value in result.items():
                assert value == found[host][name], name

    def test_every_way_makes_the_same_writes(self, lives: dict[str, Life], step: str, other: str) -> None:
        expected, found = (life.runs[step] for life in (lives["playbook"], lives[other]))
        assert expected.writes == found.writes
        if step not in FAILING and not step.startswith("check"):
            assert expected.aws_actions == expected.writes

    def test_every_way_shows_the_same_diff(self, lives: dict[str, Life], step: str, other: str) -> None:
        expected, found = (life.plain(differences(life.runs[step])) for life in (lives["playbook"], lives[other]))
        assert expected == found

    def test_every_way_warns_of_the_same(self, lives: dict[str, Life], step: str, other: str) -> None:
        expected, found = (
            life.plain(sorted(set(life.runs[step].warnings))) for life in (lives["playbook"], lives[other])
        )
        assert expected == found


def failures(life: Life, step: str) -> Any:
    return life.plain(life.runs[step].failures)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_makes_many_calls(lives: dict[str, Life], way: str) -> None:
    runs = lives[way].runs
    assert len(runs["first"].counted_calls) <= 12, runs["first"].counted_calls
    assert len(runs["second"].counted_calls) <= 8, runs["second"].counted_calls


def test_the_compared_life_is_a_full_one(lives: dict[str, Life]) -> None:
    """What is compared above is worth comparing."""
    runs = lives["playbook"].runs
    assert [runs[step].actions != [] for step in STEPS if step not in FAILING] == [
        step != "second" for step in STEPS if step not in FAILING
    ]
    assert len(differences(runs["check"])) == len(differences(runs["first"])) == 7
    assert len(differences(runs["repair"])) == 4
    assert "Restore the key file" in runs["lost key"].failure
