# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook rotate on a real cluster of kubeadm, while clients use tokens of every server without pause.

Lives are short: a client uses a token for less than a minute, and the variables say so. The tokens of kube-proxy live
longer, so what the playbook waits for is right for the clients alone.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from control_plane import ApiServer, NewApiServer, signing_flags
from endpoint import Endpoint, eventually
from kubeadm_nodes import Nodes
from rotating_nodes import ACCOUNT, PKI, RotatingNodes, rotating_nodes
from runs import Run
from token_users import AWS_AUDIENCE, Answer, Checks, Exchange, Life
from tokens import claims_of, header_of

PHASES = ("prepare", "accept", "sign", "retire-published", "retire-accepted")
# The shortest life that Kubernetes gives a token is 600 s.
USED_SECONDS = int(os.environ.get("IRSA_E2E_TOKENS_USED_SECONDS", "45"))
LIFE = Life(600, float(USED_SECONDS))
SETTINGS = {
    "irsa_rotate_cache_seconds": 10,
    # A token that is being checked when its time is over.
    "irsa_rotate_token_seconds": USED_SECONDS + 15,
    "irsa_rotate_stale_window": 10,
}
_ALGORITHMS = {"RSA": "RS256", "ECDSA": "ES256"}
_ATTEMPTS = 6
LEGACY = "irsa-e2e-legacy"
# Each rotation: the type of the new key, and whether each phase is killed once in the middle of its work.
ROTATIONS = [("RSA", False), ("ECDSA", False), ("RSA", True)]
# A task that changes something: the others have these titles.
_WORK = re.compile(r"^TASK \[(?:.* : )?Rotation \| (?!Read|Decide|Check|Begin|Do |Fetch|Note|Set|Go|Record|End)")


# How runs say that a server does not answer.
_RESTARTS = re.compile(r"is not ready \(/readyz\)|does not answer|could not be read")


class _NotUp(Exception):
    """A run met a server that restarts, and said so."""


@pytest.fixture(scope="module")
def rotating(nodes: Nodes, endpoint: Endpoint, any_style: str) -> Iterator[RotatingNodes]:
    with rotating_nodes(nodes, endpoint, any_style) as found:
        yield found


@dataclass
class Rotation:
    """A whole rotation: what each phase was to do, what it did, and what clients saw meanwhile."""

    rotating: RotatingNodes
    key_type: str
    is_killed: bool
    old_kid: str
    old_tokens: list[str]
    old_for_aws: str
    checks: Checks
    pods: dict[str, tuple[str, int]]
    planned: dict[str, Run] = field(default_factory=dict)
    done: dict[str, Run] = field(default_factory=dict)
    new_kid: str = ""
    latest: Run | None = None
    blocked: Run | None = None

    def variables(self, phase: str) -> dict[str, Any]:
        given = {name: value for name, value in self.rotating.variables.items() if name != "irsa_issuer_from_cluster"}
        return {**given, **SETTINGS, "irsa_rotate_key_type": self.key_type, "irsa_rotate_phase": phase}

    def run(self, phase: str, *options: str) -> Run:
        return self.rotating.nodes.ansible.rotate(self.variables(phase), *options)

    def when_due(self, phase: str) -> None:
        """Wait until a phase is the next one and may be done: as the run before it said, else as the status says."""
        run = self.latest
        for dummy in range(_ATTEMPTS):
            run = run or self.run("status")
            due = run.result["next_at"] or 0.0
            is_known = due > 0 or not run.result["refusals"]
            threading.Event().wait(max(due - time.time(), 0) + 1)
            if run.result["next_phase"] == phase and is_known:
                return
            said, run = run.output, None
        raise AssertionError(f"{phase} may not be done:\n{said}")

    def do(self, phase: str) -> None:
        """Do a phase as soon as it may be done, with a look at what it will do."""
        self.when_due(phase)
        if self.is_killed:
            ansible = self.rotating.nodes.ansible
            killed = ansible.rotate_until(self.variables(phase), _WORK, 1 if phase.endswith("published") else 2)
            assert "PLAY RECAP" not in killed, killed
        self.planned[phase] = self.run_when_up(phase, "--check")
        self.latest = self.done[phase] = self.run_when_up(phase)
        assert self.is_killed or phase in self.done[phase].result["done"], self.done[phase].output

    def run_when_up(self, phase: str, *options: str) -> Run:
        """Run a phase. After a run that was killed, a server may still restart, and the next run says so and ends."""

        def attempt() -> Run:
            try:
                return self.run(phase, *options)
            except AssertionError as error:
                if self.is_killed and _RESTARTS.search(str(error)):
                    raise _NotUp from error
                raise

        return eventually(attempt, _NotUp, seconds=180)


def relying_party(server: ApiServer) -> Exchange:
    """An API server that trusts the issuer: 401 is a refusal, 403 is for one who is known and has no rights."""

    def exchange(token: str) -> Answer:
        with contextlib.suppress(OSError):
            status, body = server.ask("/api/v1/nodes", bearer=token)
            return "" if status in (200, 403) else f"{status} {body!r}"
        return None

    return exchange


@contextlib.contextmanager
def trusting(rotating: RotatingNodes, new_api_server: NewApiServer, folder: Any) -> Iterator[ApiServer]:
    flags = [flag for flag in signing_flags(folder) if not flag.startswith("--service-account-issuer")]
    with new_api_server(
        *flags,
        "--service-account-issuer=https://relying-party.example.com",
        f"--oidc-issuer-url={rotating.site.issuer}",
        f"--oidc-client-id={AWS_AUDIENCE}",
        "--oidc-username-prefix=irsa:",
        "--oidc-signing-algs=RS256,ES256",
        *([f"--oidc-ca-file={rotating.endpoint.ca_path}"] if rotating.endpoint.ca_path else []),
    ) as server:
        first, *_others = rotating.servers.values()
        token = first.mint(ACCOUNT, audience=AWS_AUDIENCE)

        def known() -> None:
            assert relying_party(server)(token) == ""

        # It knows nobody until it has fetched the documents.
        eventually(known, AssertionError)
        yield server


@contextlib.contextmanager
def legacy_secret(rotating: RotatingNodes) -> Iterator[Callable[[str], None]]:
    """A Secret whose token never expires; yields what has its token made again by another key than this one."""
    core, (namespace, account) = rotating.nodes.cluster.core, ACCOUNT

    def token_kid() -> str:
        data = core.read_namespaced_secret(LEGACY, namespace).data or {}
        return str(header_of(base64.b64decode(data["token"]).decode())["kid"])

    def remake(kid: str) -> None:
        assert token_kid() == kid
        core.patch_namespaced_secret(LEGACY, namespace, {"data": {"token": None}})

        def is_by_another() -> None:
            assert token_kid() != kid

        eventually(is_by_another, Exception)

    metadata = {"name": LEGACY, "annotations": {"kubernetes.io/service-account.name": account}}
    core.create_namespaced_secret(namespace, {"type": "kubernetes.io/service-account-token", "metadata": metadata})
    try:
        eventually(token_kid, Exception)
        yield remake
    finally:
        core.delete_namespaced_secret(LEGACY, namespace)


@pytest.fixture(scope="module", params=ROTATIONS, ids=["rsa", "p256", "killed"])
def rotation(
    rotating: RotatingNodes,
    new_api_server: NewApiServer,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Rotation]:
    """RSA to RSA, judged by STS; then to P-256 and back, judged by an API server that trusts the issuer."""
    key_type, is_killed = request.param
    with contextlib.ExitStack() as stack:
        exchange = rotating.exchange
        if request.param != ROTATIONS[0]:
            folder = tmp_path_factory.mktemp("relying-party")
            exchange = relying_party(stack.enter_context(trusting(rotating, new_api_server, folder)))
        [old_kid] = set(rotating.signing_kids().values())
        tokens = [server.mint() for server in rotating.servers.values()]
        first, *_others = rotating.servers.values()
        for_aws = first.mint(ACCOUNT, audience=AWS_AUDIENCE)
        checks = stack.enter_context(rotating.token_users(LIFE, exchange))
        found = Rotation(rotating, key_type, is_killed, old_kid, tokens, for_aws, checks, rotating.pods())
        with legacy_secret(rotating) as remake:
            for phase in PHASES[:-1]:
                found.do(phase)
            found.blocked = found.run("auto")
            remake(found.old_kid)
            found.latest = None
            found.do(PHASES[-1])
        [found.new_kid] = set(rotating.signing_kids().values())
        # Tokens of the new key alone are checked for a while.
        threading.Event().wait(20)
        print(f"\n{request.param}: {checks.report()}", flush=True)
        yield found


def test_no_valid_token_is_refused(rotation: Rotation) -> None:
    checks = rotation.checks
    assert checks.refused == [], checks.report()
    assert checks.answered.total() >= 10_000
    parties = {party for party, dummy in checks.answered}
    assert len(parties) == 1 + 2 * len(rotation.rotating.nodes.hosts)
    for kid in (rotation.old_kid, rotation.new_kid):
        assert {party for party, asked in checks.answered if asked == kid} == parties


def test_a_secret_with_a_token_of_the_old_key_blocks_its_retirement_by_name(rotation: Rotation) -> None:
    assert rotation.blocked is not None
    assert "retire-accepted" not in rotation.blocked.result["done"]
    messages = {refusal["name"]: refusal["message"] for refusal in rotation.blocked.result["refusals"]}
    assert f"{ACCOUNT[0]}/{LEGACY}" in messages["legacy-tokens"]


def test_no_pod_is_restarted(rotation: Rotation) -> None:
    assert rotation.rotating.pods() == rotation.pods


def test_all_servers_sign_with_the_new_key_which_alone_is_published(rotation: Rotation) -> None:
    assert rotation.new_kid != rotation.old_kid
    assert rotation.rotating.published_kids() == [rotation.new_kid]
    for server in rotation.rotating.servers.values():
        header = header_of(server.mint())
        assert (header["alg"], header["kid"]) == (_ALGORITHMS[rotation.key_type], rotation.new_kid)


def test_a_token_of_the_old_key_is_refused_afterwards(rotation: Rotation) -> None:
    for server in rotation.rotating.servers.values():
        assert [server.status(token) for token in rotation.old_tokens] == [401] * len(rotation.old_tokens)
    # An API server that trusts the issuer keeps keys that it has fetched: it reads the JWKS again for an unknown key.
    # https://github.com/coreos/go-oidc/blob/v3.14.1/oidc/jwks.go
    assert claims_of(rotation.old_for_aws)["exp"] > time.time() + 60
    assert rotation.rotating.exchange(rotation.old_for_aws)


def test_check_mode_lists_what_each_phase_does(rotation: Rotation) -> None:
    for phase, run in rotation.done.items():
        planned, done = rotation.planned[phase].result["actions"], run.result["actions"]
        if not rotation.is_killed:
            assert run.changed and planned == done
            continue
        # A step goes on at its server when its run is killed, so less may be left to do than check mode has seen.
        left = iter(planned)
        assert all(action in left for action in done)


def test_a_run_after_it_changes_nothing(rotation: Rotation) -> None:
    status = rotation.run("status")
    assert status.changed == 0 and status.result["actions"] == []


def test_kube_controller_manager_signs_with_the_new_key(rotation: Rotation) -> None:
    """Its file is the API server's, and it was started after that had changed."""
    nodes = rotation.rotating.nodes
    for host in nodes.hosts:
        kid = "openssl pkey -in {}/sa.key -pubout -outform DER | openssl dgst -sha256 -binary | basenc --base64url"
        assert nodes.shell(host, kid.format(PKI)).rstrip("=") == rotation.new_kid
        changed = float(nodes.shell(host, f"stat -c %Y {PKI}/sa.key"))
        assert _started(nodes.pods("kube-controller-manager")[host]) >= changed


def _started(pod: Any) -> float:
    [status] = pod.status.container_statuses
    return float(status.state.running.started_at.timestamp())


def test_no_key_is_printed(rotation: Rotation) -> None:
    runs: Mapping[str, Run] = rotation.done
    assert not any("PRIVATE KEY" in run.output for run in [*runs.values(), *rotation.planned.values()])


def test_no_private_key_is_written_on_the_controller(rotation: Rotation) -> None:
    folder = rotation.rotating.nodes.ansible.folder
    texts = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    assert texts and not any(b"PRIVATE KEY" in text for text in texts)


def test_a_control_plane_that_joins_gets_the_new_key_and_what_it_must_accept(rotation: Rotation) -> None:
    """kubeadm join copies sa.key and sa.pub, which kubeadm upload-certs reads from a node."""
    nodes, folder = rotation.rotating.nodes, "/root/irsa-e2e-join"
    host = nodes.hosts[0]
    key = nodes.shell(host, "kubeadm certs certificate-key")
    nodes.shell(host, f"kubeadm init phase upload-certs --upload-certs --certificate-key {key} 2>&1")
    try:
        discovery = nodes.shell(host, "kubeadm token create --print-join-command --ttl 10m 2>/dev/null")
        nodes.shell(
            host,
            f"mkdir -p {folder}/manifests && unshare -m sh -ec 'mount --bind {folder} /etc/kubernetes && "
            f"{discovery.replace('kubeadm join', 'kubeadm join phase control-plane-prepare download-certs')}"
            f" --control-plane --certificate-key {key} 2>&1'",
        )
        for name in ("sa.key", "sa.pub"):
            assert nodes.shell(host, f"cat {folder}/pki/{name} | sha256sum") == nodes.shell(
                host, f"cat {PKI}/{name} | sha256sum"
            )
    finally:
        nodes.cluster.core.delete_namespaced_secret("kubeadm-certs", "kube-system")
        nodes.shell(host, f"rm -rf {folder}")
