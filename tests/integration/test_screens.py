# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read at the end of a run, as a page: docs/screens.md, so that a change of it is seen in review.

`make screens` writes the page; without that, it must be what the runs print.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import Account
from issuers_to_break import JWKS, Cluster, Keys
from oracles import new_key
from playbooks import HERE, Operator, Run
from rehearsal import Rehearsal
from tests.sandbox import Sandbox
from verifying import variables

pytestmark = pytest.mark.any_core

REPOSITORY = HERE.parents[1]
PAGE = REPOSITORY / "docs" / "screens.md"
# Examples in place of what differs in each run. They are as long, so lines are broken at the same words.
KID = re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])")
EXAMPLE_KID = "ZxaqpnIuJNv6syKlG81X539XMHVIvpaPV0ziX48-Qng"
EXAMPLE_FOLDER = "/srv/irsa/clusters"

HEAD = """\
<!--
Copyright (c) 2026, the selfhosted.irsa authors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by `make screens` from runs on the embedded AWS. tests/integration/test_screens.py compares it with them.
-->

# What runs print

The last screens of the demo and of the playbooks, a report of `verify` on something broken, and what is said when
variables or surroundings are wrong. The values are those of the embedded AWS, with one example in place of all key IDs.
"""


def section(title: str, *texts: str) -> str:
    blocks = "\n".join(f"```text\n{text}\n```\n" for text in texts)
    return f"\n## {title}\n\n{blocks}"


def stable(text: str, folder: Path | None = None) -> str:
    if folder:
        text = text.replace(str(folder), EXAMPLE_FOLDER)
    return KID.sub(EXAMPLE_KID, text)


def result_lines(run: Run) -> str:
    """What the task that ends a playbook has printed."""
    tasks = re.split(r"^TASK \[.*\n", run.output, flags=re.MULTILINE)
    shown = [match for text in tasks if (match := re.search(r"^[✓~!✗] .*", text, flags=re.MULTILINE | re.DOTALL))]
    assert shown, run.output
    printed = shown[-1][0]
    return re.split(r"^(?:ok|fatal): \[|^PLAY |^\[ERROR\]", printed, maxsplit=1, flags=re.MULTILINE)[0].strip("\n")


@pytest.fixture(scope="module")
def demo() -> list[str]:
    done = subprocess.run(
        ["bash", str(REPOSITORY / "tests" / "demo" / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stdout
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in done.stdout.splitlines()]


@pytest.fixture
def operator(sandbox: Sandbox) -> Iterator[Operator]:
    """An operator in a folder whose path is always as long, since lines are broken after it."""
    with tempfile.TemporaryDirectory(prefix="irsa-", dir="/tmp") as folder:
        assert len(folder) == len(EXAMPLE_FOLDER)
        yield Operator(sandbox, Path(folder))


def last_screen(demo: list[str]) -> list[str]:
    return demo[demo.index("== What the demo has made") :]


def test_demo_fits_into_80_columns_and_ends_with_what_was_made_and_what_to_do(demo: list[str]) -> None:
    for line in demo:
        # The recap is Ansible's own; an ARN cannot be broken, nor can a flag.
        own = not re.match(r"localhost +: ok=", line)
        assert not own or len(line) <= 80 or "arn:" in line or re.fullmatch(r" +--\S+", line), line
    end = last_screen(demo)
    assert len(end) <= 24
    assert any(line.startswith("issuer ") for line in end)
    assert "== What to do next" in end


def provision(operator: Operator) -> Iterator[str]:
    values = {"irsa_issuer_bucket": "example-irsa-prod", "irsa_issuer_key_path": "keys/sa-signer.key"}
    for title, arguments in (("A dry run", ["--check"]), ("The first run", []), ("The second run", [])):
        run = operator.provision(*arguments, variables=values).ok()
        yield section(title, stable(result_lines(run), operator.folder))
    run = operator.teardown(variables=values).ok()
    yield section("The removal", stable(result_lines(run), operator.folder))


def broken(operator: Operator, account: Account, keys: Keys) -> Iterator[str]:
    cluster = Cluster(account, keys, bucket="example-irsa-test", role="backup")
    cluster.options["token"] = cluster.token(sub="system:serviceaccount:default:demo")
    run = operator.verify(variables=variables(cluster.options))
    yield section("A token of an account that the role does not trust", stable(result_lines(run)))
    cluster.remove(JWKS)
    run = operator.verify(variables=variables({"issuer": cluster.issuer}))
    yield section("A document that is missing", stable(result_lines(run)))


def mistakes(operator: Operator, account: Account) -> dict[str, dict[str, Any]]:
    """Ten mistakes, by the host that makes it."""
    secret = operator.keys / "encrypted.key"
    secret.touch(mode=0o600)
    secret.write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    taken = Rehearsal(account, operator.keys / "taken.key", "example-irsa-taken")
    lost = Rehearsal(account, operator.keys / "lost.key", "example-irsa-lost")
    for issuer in (taken, lost):
        issuer.run()
    for file in operator.keys.glob("lost*"):
        file.unlink()
    other = new_key(operator.keys / "other.key", "-algorithm", "RSA")
    found: dict[str, dict[str, Any]] = {
        "Nothing is set": {},
        "A bucket with dots": {"irsa_issuer_bucket": "irsa.example.com"},
        "An issuer that AWS cannot reach": {"irsa_issuer_url": "https://kubernetes.default.svc.cluster.local"},
        "The wrong region's host": {"irsa_issuer_url": "https://example-irsa-3.s3.amazonaws.com"},
        "An account ID without quotes": {"irsa_issuer_account_id": 12345678901},
        "A reserved tag": {"irsa_issuer_tags": {"aws:team": "a"}},
        "A key in a folder that does not exist": {
            "irsa_issuer_key_path": str(operator.folder / "no/such/folder/sa.key")
        },
        "An encrypted key": {"irsa_issuer_key_path": str(secret)},
        "A lost key": lost.variables,
        "A bucket of another cluster": {
            "irsa_issuer_bucket": taken.name,
            "irsa_issuer_key_path": str(other),
            "irsa_issuer_url": "https://irsa.example.com",
        },
    }
    return {
        title: {
            "irsa_issuer_bucket": f"example-irsa-{number}",
            "irsa_issuer_key_path": str(operator.keys / f"{number}.key"),
            **values,
        }
        if values
        else {}
        for number, (title, values) in enumerate(found.items())
    }


def messages(operator: Operator, account: Account) -> Iterator[str]:
    hosts = mistakes(operator, account)
    run = operator.provision("--check", hosts=hosts)
    assert run.failures.keys() == hosts.keys()
    for title in hosts:
        text = stable(run.failures[title], operator.folder)
        # As a terminal would, but for examples, whose lines are to be copied.
        paragraphs = [
            line if line.startswith("    ") else textwrap.fill(line, 78, break_long_words=False, break_on_hyphens=False)
            for line in text.splitlines()
        ]
        yield section(title, "\n".join(paragraphs))


def test_page_shows_what_runs_print(demo: list[str], operator: Operator, account: Account, signing_keys: Keys) -> None:
    parts = [
        HEAD,
        section("The demo", stable("\n".join(last_screen(demo)))),
        *provision(operator),
        *broken(operator, account, signing_keys),
        *messages(operator, account),
    ]
    page = "".join(parts)
    assert str(operator.folder) not in page
    if os.environ.get("IRSA_WRITE_SCREENS"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "If the change is meant, run `make screens` and read the page."
