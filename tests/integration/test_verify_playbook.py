# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""selfhosted.irsa.verify as a user runs it, on issuers that the collection did not create."""

from __future__ import annotations

import itertools
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest
from moto.sts.models import sts_backends

from accounts import Account
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import printable
from issuers_to_break import DISCOVERY, JWKS, Cluster, Keys, WebHost, discovery_of
from playbooks import Operator, Run
from verifying import variables

NO_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}


def verify(operator: Operator, *arguments: str, **more: Any) -> Run:
    run = operator.verify(*arguments, **more)
    assert "Traceback" not in run.output, run.output
    assert run.writes == []
    return run


def found(run: Run, host: str = "localhost") -> dict[str, Any]:
    """What the run returns for a host beside the lines that it prints."""
    values: dict[str, Any] = run.clusters("Report")[host]
    return values


def shown(run: Run, host: str = "localhost") -> str:
    """The report of a host, all of which the run has printed."""
    values = found(run, host)
    text = values.get("report") or f"not verified: {values['msg']}"
    # The lines are indented, and wrapped elsewhere, where they have marks.
    printed = " ".join(run.output.split())
    for check in values.get("checks", []):
        if check["status"] in ("error", "warning"):
            seen = " ".join(printable(check["seen"]).split())
            assert f"{check['status']}: {check['id']}: {seen.rstrip('.')}" in printed
    return text


def table(run: Run) -> list[str]:
    """The rows of the table that a run ends with, and its head."""
    lines = run.output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  cluster "))
    return list(itertools.takewhile(lambda line: not re.search(r"\d clusters: ", line), lines[start:]))


class TestNothingButTheUrl:
    def test_without_credentials_there_are_two_requests_and_no_call(self, operator: Operator, cluster: Cluster) -> None:
        run = verify(operator, variables={"irsa_verify_issuer": cluster.issuer}, environment=NO_CREDENTIALS).ok()
        assert shown(run).startswith("ok")
        assert run.counted_calls == []
        assert [call["key"] for call in run.calls] == [DISCOVERY, JWKS]
        assert run.changed == {"localhost": 0}

    def test_with_credentials_the_provider_is_checked(self, operator: Operator, cluster: Cluster) -> None:
        variables = {"irsa_verify_issuer": cluster.issuer}
        sound = found(verify(operator, variables=variables).ok())
        statuses = {check["id"]: check["status"] for check in sound["checks"]}
        assert statuses["provider-exists"] == "ok", sound["checks"]
        cluster.remove_provider()
        run = verify(operator, variables=variables)
        assert "provider" in run.failure
        assert "error: provider-exists" in shown(run)

    def test_a_bucket_of_others_is_not_inspected(self, operator: Operator, account: Account) -> None:
        Account(account.sandbox, "210987654321").make_bucket("irsa-others")
        issuer = "https://irsa-others.s3.eu-west-1.amazonaws.com"
        unknown = shown(verify(operator, variables={"irsa_verify_issuer": issuer}))
        assert f"does not belong to account {account.id}" in unknown

        given = {"irsa_verify_issuer": issuer, "irsa_verify_bucket_account_id": "210987654321"}
        # The sandbox lets no one read a bucket of another account, but the owner is right.
        assert "does not belong to account 210987654321" in shown(verify(operator, variables=given))

    def test_a_missing_url_is_reported(self, operator: Operator) -> None:
        assert "irsa_verify_issuer" in verify(operator).failure


OWN = "{{ inventory_hostname }}.json"
REPORTS = {"json": "out.json", "junit": "deeper/out.xml", "markdown": "~/out.md", "a": OWN, "b": OWN}


@pytest.fixture(scope="module")
def reported(lacking_a_key: Operator) -> Run:
    """A run with a host for each form of report, and two with a name that depends on the host."""
    (lacking_a_key.folder / "deeper").mkdir()
    hosts = {name: {"irsa_verify_report_path": path} for name, path in REPORTS.items()}
    return verify(lacking_a_key, hosts=hosts)


class TestReports:
    def test_the_report_can_be_json(self, lacking_a_key: Operator, reported: Run) -> None:
        report = json.loads((lacking_a_key.folder / "out.json").read_text(encoding="utf-8"))
        head = ["issuer", "verdict", "diagnosis", "checks", "not_asked", "time", "collection_version"]
        assert list(report) == head
        assert report["issuer"] == lacking_a_key.variables["irsa_verify_issuer"]
        assert report["verdict"] == "broken"
        assert reported.failures["json"].endswith(report["diagnosis"])
        assert next(check["id"] for check in report["checks"] if check["status"] == "error") == "kid-expected"
        members = ("id", "status", "seen", "cause", "remedy", "because", "certain", "link")
        assert {tuple(check) for check in report["checks"]} == {members}

    def test_the_report_can_be_junit(self, lacking_a_key: Operator, reported: Run) -> None:
        path = lacking_a_key.folder / "deeper" / "out.xml"
        (suite,) = minidom.parse(str(path)).getElementsByTagName("testsuite")
        cases = suite.getElementsByTagName("testcase")
        failures = {case.getAttribute("name") for case in cases if case.getElementsByTagName("failure")}
        assert "kid-expected" in failures
        assert len(cases) == int(suite.getAttribute("tests"))

    def test_the_report_can_be_markdown(self, lacking_a_key: Operator, reported: Run) -> None:
        text = (lacking_a_key.folder / "home" / "out.md").read_text(encoding="utf-8")
        assert text.startswith("# https://") and "## error: kid-expected\n" in text

    def test_each_host_may_have_its_own_report(self, lacking_a_key: Operator, reported: Run) -> None:
        for name in ("a", "b"):
            report = json.loads((lacking_a_key.folder / f"{name}.json").read_text(encoding="utf-8"))
            assert report["issuer"] == lacking_a_key.variables["irsa_verify_issuer"]

    def test_variables_that_cannot_be_used_are_refused_before_anything_is_fetched(
        self, lacking_a_key: Operator
    ) -> None:
        run = verify(lacking_a_key, variables={"irsa_verify_report_path": "out.pdf", "irsa_verify_timeout": "soon"})
        assert (run.exit_code, run.calls) == (2, [])
        assert "irsa_verify_report_path is 'out.pdf'" in run.failure and ".md, .json or .xml" in run.failure
        assert "irsa_verify_timeout" in run.failure
        # What carries the result from task to task is nobody's business.
        assert "__irsa_verify" not in run.output and "assertion" not in run.output

    def test_check_mode_verifies_and_writes_no_file(self, lacking_a_key: Operator) -> None:
        run = verify(lacking_a_key, "--check", variables={"irsa_verify_report_path": "checked.json"})
        assert "error: kid-expected" in shown(run)
        assert run.exit_code == 2
        assert not (lacking_a_key.folder / "checked.json").exists()


# What fail_on is set to, and the exit code to expect.
FAIL_ON_ERROR = [("error", 2), ("warning", 2), ("never", 0)]
FAIL_ON_WARNING = [(None, 0), ("error", 0), ("warning", 2), ("never", 0)]


@pytest.fixture(scope="module")
def decided(new_operator: Callable[[], Operator], signing_keys: Keys) -> dict[int, Run]:
    """Runs by the exit code to expect, with a host for each setting of fail_on and each of two issuers."""
    operator = new_operator()
    account = Account(operator.sandbox)
    broken = Cluster(account, signing_keys, bucket="irsa-broken", role="broken")
    broken.options["expected_kids"] = [signing_keys.other.kid]
    degraded = Cluster(account, signing_keys, bucket="irsa-degraded", role="degraded")
    degraded.publish(signing_keys.signer.jwk(), signing_keys.ec.jwk())
    hosts: dict[int, dict[str, dict[str, Any]]] = {0: {}, 2: {}}
    for name, cluster, cases in (("broken", broken, FAIL_ON_ERROR), ("degraded", degraded, FAIL_ON_WARNING)):
        for fail_on, code in cases:
            hosts[code][f"{name}-{fail_on}"] = variables(cluster.options, fail_on=fail_on)
    return {code: verify(operator, hosts=of_code) for code, of_code in hosts.items()}


class TestFailOn:
    @pytest.mark.parametrize(("fail_on", "code"), FAIL_ON_ERROR)
    def test_fail_on_decides_about_an_error(self, decided: dict[int, Run], fail_on: str, code: int) -> None:
        run, host = decided[code], f"broken-{fail_on}"
        assert run.exit_code == code, run.output
        assert (host in run.failures) == (code == 2)
        assert "error: kid-expected" in shown(run, host)

    @pytest.mark.parametrize(("fail_on", "code"), FAIL_ON_WARNING)
    def test_fail_on_decides_about_a_warning(self, decided: dict[int, Run], fail_on: str | None, code: int) -> None:
        run, host = decided[code], f"degraded-{fail_on}"
        assert run.exit_code == code, run.output
        assert (host in run.failures) == (code == 2)
        assert "warning: algorithms" in shown(run, host)


class TestFleet:
    def test_all_hosts_are_verified_and_a_table_sums_them_up(self, operator: Operator, cluster: Cluster) -> None:
        other = Cluster(cluster.account, cluster.keys, bucket="irsa-other", role="other")
        other.publish(cluster.keys.other.jwk())
        hosts = {
            "sound": variables(cluster.options, token=None, assume_role=None, role_arn=None),
            "broken": variables(other.options, token=None, assume_role=None, role_arn=None),
            "http": {"irsa_verify_issuer": "http://irsa.example.com", "irsa_verify_tokenpath": "nosuch.tok"},
            "forgotten": {},
        }
        run = verify(operator, hosts=hosts, variables={"irsa_verify_report_path": "fleet.json"})

        head, *rows = table(run)
        assert head.split() == ["cluster", "verdict", "passed", "findings"]
        starts = [row.split()[:2] for row in rows if not row.startswith(" ")]
        assert starts == [["✓", "sound"], *(["✗", name] for name in ("broken", "http", "forgotten"))]
        assert re.match(r"✓ sound +ok +\d+  -$", rows[0])
        assert re.match(r"✗ broken +broken +\d+  .*kid-expected", rows[1])
        assert [found(run, name)["issuer"] for name in ("sound", "broken")] == [cluster.issuer, other.issuer]
        assert run.exit_code == 2
        assert run.failures.keys() == {"broken", "http", "forgotten"}
        assert "variable irsa_verify_tokenpath. Did you mean irsa_verify_token_path?" in " ".join(run.output.split())
        # Nothing below the report says "ok" of an issuer that is broken.
        assert {each.host: each.status for each in run.records if each.task == "Verdict"} == {
            "broken": "failed",
            "http": "failed",
            "forgotten": "failed",
        }
        report = json.loads((operator.folder / "fleet.json").read_text(encoding="utf-8"))
        assert {name: value["verdict"] == "ok" for name, value in report.items()} == {
            name: name == "sound" for name in hosts
        }


class TestSecrecy:
    def secrets_of(self, cluster: Cluster, *tokens: str) -> Iterator[str]:
        for token in tokens:
            yield from (part for part in token.split(".")[1:] if part)
        yield cluster.sandbox.env["AWS_SECRET_ACCESS_KEY"]
        for backend in sts_backends[cluster.account.id].values():
            for role in backend.assumed_roles:
                yield from (role.access_key_id, role.secret_access_key, role.session_token)

    @pytest.mark.parametrize("direct", [True, False], ids=["in-process", "shipped"])
    def test_no_token_and_no_credential_is_shown(self, operator: Operator, cluster: Cluster, direct: bool) -> None:
        temporary = operator.folder / "temporary"
        temporary.mkdir()
        operator.environment = {
            "ANSIBLE_LOG_PATH": str(temporary / "ansible.log"),
            "ANSIBLE_LOCAL_TEMP": str(temporary / "local"),
            "ANSIBLE_REMOTE_TEMP": str(temporary / "remote"),
        }
        forged = cluster.keys.other.token(cluster.issuer, {"kid": cluster.keys.signer.kid})
        nonsense = "a-token-that-is.none-at-all-but-still.not-to-be-shown"
        (operator.folder / "token").write_text(cluster.options["token"] + "\n", encoding="utf-8")
        given = variables(cluster.options)
        hosts = {
            "given": given,
            "file": {**variables(cluster.options, token=None), "irsa_verify_token_path": "token"},
            "forged": {**given, "irsa_verify_token": forged},
            "nonsense": {**given, "irsa_verify_token": nonsense},
        }
        run = verify(
            operator,
            "-vvvvv",
            "--diff",
            hosts=hosts,
            variables={"irsa_verify_report_path": "report.json", "irsa_direct": direct},
        )

        assert run.failures.keys() == {"forged", "nonsense"}
        assert "error: token-signature" in shown(run, "forged")
        assert "error: token-format" in shown(run, "nonsense")
        secrets = list(self.secrets_of(cluster, cluster.options["token"], forged, nonsense))
        assert len(secrets) > 7  # including those of the assumed roles
        written = [run.output, *(path.read_text("utf-8", "replace") for path in self.files(operator, temporary))]
        for secret in secrets:
            assert not any(secret in text for text in written), secret

    def files(self, operator: Operator, temporary: Path) -> Iterator[Path]:
        yield operator.folder / "report.json"
        yield from (path for path in temporary.rglob("*") if path.is_file())


INVALID_ISSUERS = {
    "text": "not a URL",
    "http": "http://irsa.example.com",
    "port": "https://irsa.example.com:8443",
    "query": "https://irsa.example.com?x=1",
    "user": "https://user:a-password@irsa.example.com",
    "brackets": "https://[irsa",
    "long": f"https://irsa.example.com/{'x' * 300}",
    "umlaut": "https://örsa.example.com",
    "empty": "",
}
INVALID_ROUTES = {
    "connect_to": {"irsa_verify_connect_to": "somewhere:99999"},
    "ca_path": {"irsa_verify_ca_path": "absent.pem"},
    "fail_on": {"irsa_verify_fail_on": "whenever"},
}
GIVEN: dict[str, dict[str, str]] = {"": {}, "connect_to": {"irsa_verify_connect_to": "127.0.0.1:1"}}


@dataclass
class Refused:
    """A run in which each host has something invalid, and the report of those with an invalid issuer."""

    run: Run
    report: str


@pytest.fixture(scope="module")
def refused(new_operator: Callable[[], Operator]) -> Refused:
    operator = new_operator()
    hosts: dict[str, dict[str, str]] = {}
    for given, more in GIVEN.items():
        for name, issuer in INVALID_ISSUERS.items():
            hosts[f"{name}:{given}"] = {"irsa_verify_issuer": issuer, "irsa_verify_report_path": "report.json", **more}
    for name, more in INVALID_ROUTES.items():
        hosts[name] = {"irsa_verify_issuer": "https://irsa.example.com", **more}
    run = verify(operator, "-vvv", hosts=hosts)
    assert run.failures.keys() == hosts.keys()
    return Refused(run, (operator.folder / "report.json").read_text(encoding="utf-8"))


class TestBadInput:
    @pytest.mark.parametrize("given", GIVEN)
    def test_invalid_issuers_fail_without_a_call(self, refused: Refused, given: str) -> None:
        for name in INVALID_ISSUERS:
            assert "issuer" in refused.run.failures[f"{name}:{given}"]
            assert f"{name}:{given}" in json.loads(refused.report)
        assert "a-password" not in refused.run.output
        assert "a-password" not in refused.report
        assert refused.run.calls == []

    @pytest.mark.parametrize("name", INVALID_ROUTES)
    def test_invalid_routes_are_named(self, refused: Refused, name: str) -> None:
        assert name in refused.run.failures[name]

    def test_servers_with_invalid_answers_are_findings(
        self, operator: Operator, signing_keys: Keys, tmp_path: Path
    ) -> None:
        """One run for all of them: each ends in time, with a failed check and without a traceback."""
        deep = b'{"issuer":' * 50_000
        answers: dict[str, dict[str, Any]] = {
            "garbage": {"body": [bytes(range(256)) * 64]},
            "endless": {"body": itertools.repeat(b" " * 65536)},
            "large": {"body": [b'{"x": "', b"x" * 10_000_000, b'"}']},
            "deep": {"body": [deep]},
            "utf-16": {"body": [json.dumps(discovery_of(WebHost.issuer)).encode("utf-16")]},
            "gzip": {"body": [b"\x1f\x8b\x08" + b"\0" * 100], "Content_Encoding": "gzip"},
            "loop": {"body": [], "status": 302, "Location": f"{WebHost.issuer}/{DISCOVERY}"},
            "downgrade": {"body": [], "status": 302, "Location": "http://irsa.example.test/"},
            "forgery": {"body": [], "status": 302, "Location": "https://169.254.169.254/latest/"},
            "no-http": {"body": [], "status": 0},
        }
        hosts, servers = {}, []
        for name, answer in answers.items():
            folder = tmp_path / name
            folder.mkdir()
            server = WebHost(folder, signing_keys)
            server.stream(DISCOVERY, **answer)
            server.start()
            servers.append(server)
            hosts[name] = variables(server.options)
        silent = SilentServer()
        hosts["silent"] = {**hosts["garbage"], "irsa_verify_connect_to": silent.address, "irsa_verify_timeout": 1}
        try:
            run = verify(operator, hosts=hosts)
        finally:
            silent.stop()
            for server in servers:
                server.stop()

        assert run.failures.keys() == hosts.keys(), run.output
        for name in hosts:
            assert "error: " in shown(run, name)
        assert run.calls == []


class SilentServer:
    """Accepts connections and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                self._clients.append(self._listener.accept()[0])
            except OSError:
                return

    def stop(self) -> None:
        for connection in [self._listener, *self._clients]:
            connection.close()
