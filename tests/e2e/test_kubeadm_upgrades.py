# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kubeadm writes after a change of the issuer: an upgrade keeps what irsa_apiserver planned, to the last flag."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import kubeadm_versions
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import ISSUER
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm import Options, plan
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.kubeadm_configuration import (
    API_SERVER,
    ClusterConfiguration,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ABSENT,
    ACCEPT,
    SIGN,
    Cluster,
    FileWrite,
    Goal,
    Plan,
    Server,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._node import node_files
from control_plane import NewApiServer
from kubeadm_program import Kubeadm, kubeadm
from runs import Ansible

DEFAULT = "https://kubernetes.default.svc.example.internal"
# kubeadm's sorting puts the one before its default, the others behind it.
ISSUERS = ("https://example-irsa.s3.eu-west-1.amazonaws.com", "https://oidc.example.com/a", "https://s3.example.com/b")
KID = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"

CONFIGURATION = """\
apiVersion: kubeadm.k8s.io/{version}
kind: ClusterConfiguration
apiServer: {{}}
controllerManager: {{}}
kubernetesVersion: {kubernetes}
networking:
  dnsDomain: example.internal
"""

NEWER = ("IRSA_E2E_KUBEADM", "a kubeadm of 1.36 or newer, which keeps the order of flags")
OLDER = ("IRSA_E2E_SORTING_KUBEADM", "a kubeadm up to 1.34.3, which sorts repeated flags and reads v1beta3")
KUBEADMS = {
    "sorts, v1beta3": (*OLDER, "v1beta3", False),
    "sorts, v1beta4": (*OLDER, "v1beta4", False),
    "keeps the order": (*NEWER, "v1beta4", True),
}


@dataclasses.dataclass(frozen=True)
class Node:
    """A control-plane node: its kubeadm, and a cluster of that node alone as its files are."""

    kubeadm: Kubeadm
    able: bool
    cluster: Cluster

    @property
    def server(self) -> Server:
        return self.cluster.servers[0]

    def rendered(self, target: str = "kube-apiserver") -> bytes:
        """What kubeadm would write today."""
        return self.kubeadm.render(self.cluster.configuration or "", self.server.patches, target)

    def walked(self, planned: Plan) -> Node:
        """The node after all steps of a plan, whose files are written as a step writes them."""
        assert planned.findings.problems == ()
        configuration = self.cluster.configuration
        with tempfile.TemporaryDirectory() as folder:
            disk = Disk(Path(folder), self.server)
            for step in planned.steps:
                for write in step.writes:
                    disk.write(write)
                if step.configuration:
                    assert step.configuration[0] == configuration
                    configuration = step.configuration[1]
            server = disk.server()
        cluster = dataclasses.replace(self.cluster, servers=(server,), configuration=configuration)
        return dataclasses.replace(self, cluster=cluster)


class Disk:
    """The files of a node. As on a node that kubeadm made, there is no folder for patches until there is a patch."""

    def __init__(self, root: Path, server: Server) -> None:
        self._root, self._before = root, server
        files = {
            server.manifest_path: server.manifest,
            server.controller_manager_path: server.controller_manager,
            **{f"{Options().patches_dir}/{name}": content for name, content in server.patches.items()},
        }
        for path, content in files.items():
            self._file(path).parent.mkdir(parents=True, exist_ok=True)
            self._file(path).write_bytes(content or b"")

    def _file(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def write(self, write: FileWrite) -> None:
        path, expected = str(self._file(write.path)), node_files.digest(write.before)
        node_files.replace(node_files.Replacement(path, write.after, expected, write.mode), str(self._root / "backup"))

    def server(self) -> Server:
        """The node as it is read again."""
        manifest = self._file(self._before.manifest_path).read_bytes()
        return dataclasses.replace(
            self._before,
            manifest=manifest,
            controller_manager=self._file(self._before.controller_manager_path).read_bytes(),
            running=tuple(command_of(manifest)),
            patches={file.name: file.read_bytes() for file in self._file(Options().patches_dir).glob("*")},
        )


def command_of(manifest: bytes | None) -> list[str]:
    command: list[str] = yaml.safe_load(manifest or b"")["spec"]["containers"][0]["command"]
    return command


def issuers_of(manifest: bytes | None) -> list[str]:
    flag = "--service-account-issuer="
    return [text.removeprefix(flag) for text in command_of(manifest) if text.startswith(flag)]


@pytest.fixture(scope="module", params=KUBEADMS)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Node:
    variable, purpose, version, able = KUBEADMS[request.param]
    program = kubeadm(variable, purpose, tmp_path_factory.mktemp("kubeadm"))
    return node_of(program, able, CONFIGURATION.format(version=version, kubernetes=program.version))


def node_of(program: Kubeadm, able: bool, configuration: str) -> Node:
    """A node as kubeadm makes it."""
    manifest = program.render(configuration, {})
    server = Server(
        name="node1",
        manifest=manifest,
        controller_manager=program.render(configuration, {}, "kube-controller-manager"),
        running=tuple(command_of(manifest)),
        started=0,
        issuer=None,
        signing_kid="adopted",
        tool_version=program.version,
    )
    return Node(program, able, Cluster(servers=(server,), configuration=configuration, now=1e6))


def goal_of(issuer: str, **settings: object) -> Goal:
    return Goal(issuer=issuer, **settings)  # type: ignore[arg-type]  # the names are those of its fields


def same_flags(one: bytes | None, other: bytes | None) -> bool:
    """Whether two manifests run the same: issuers in the same order, and otherwise the same flags."""
    return issuers_of(one) == issuers_of(other) and sorted(command_of(one)) == sorted(command_of(other))


@pytest.mark.parametrize("issuer", ISSUERS)
def test_the_order_that_is_expected_of_a_kubeadm(node: Node, issuer: str) -> None:
    text = node.cluster.configuration or ""
    if "v1beta3" in text:
        pytest.skip("a map has one issuer")
    configuration = ClusterConfiguration(text).with_values(API_SERVER, {ISSUER: (issuer, DEFAULT)})
    keeps_order = kubeadm_versions.keeps_order(node.kubeadm.version)
    assert keeps_order == node.able
    expected = configuration.rendered(API_SERVER, ISSUER, keeps_order=keeps_order)
    assert issuers_of(node.kubeadm.render(configuration.text, {})) == list(expected)


@pytest.mark.parametrize("method", ["auto", "cluster_configuration", "patches"])
@pytest.mark.parametrize("phase", [ACCEPT, SIGN])
@pytest.mark.parametrize("issuer", ISSUERS)
def test_an_upgrade_keeps_the_issuer_and_its_place(node: Node, issuer: str, phase: str, method: str) -> None:
    planned = plan(node.cluster, goal_of(issuer, phase=phase), Options(persist=method))
    if method == "cluster_configuration" and not node.able:
        (problem,) = planned.findings.problems
        assert problem.startswith("irsa_apiserver_persist cannot be cluster_configuration here")
        return
    after = node.walked(planned)
    expected = [issuer, DEFAULT] if phase == SIGN else [DEFAULT, issuer]
    assert issuers_of(after.server.manifest) == issuers_of(after.rendered()) == expected
    assert same_flags(after.rendered(), after.server.manifest)
    assert bool(after.server.patches) == (planned.method == "patches")
    again = plan(after.cluster, goal_of(issuer, phase=phase), Options(persist=method))
    assert (again.steps, again.findings.problems) == ((), ())


@pytest.mark.parametrize("issuer", ISSUERS)
def test_an_upgrade_keeps_an_own_key(node: Node, issuer: str) -> None:
    after = node.walked(plan(node.cluster, goal_of(issuer, own_kid=KID), Options()))
    assert same_flags(after.rendered(), after.server.manifest)
    manager = after.rendered("kube-controller-manager")
    assert f"/etc/kubernetes/pki/irsa/{KID}.key" in command_of(manager)[-1]
    assert sorted(command_of(manager)) == sorted(command_of(after.server.controller_manager))


@pytest.mark.parametrize("method", ["auto", "patches"])
def test_an_upgrade_keeps_accepted_public_keys(node: Node, method: str) -> None:
    goal = goal_of(ISSUERS[1], accepted_key_files=("/etc/kubernetes/pki/other.pub",))
    planned = plan(node.cluster, goal, Options(persist=method))
    after = node.walked(planned)
    assert "--service-account-key-file=/etc/kubernetes/pki/other.pub" in command_of(after.rendered())
    assert same_flags(after.rendered(), after.server.manifest)
    assert planned.new_node_needs[-1] == "/etc/kubernetes/pki/other.pub"


def test_an_upgrade_keeps_the_key_of_the_issuer_that_stays(node: Node) -> None:
    """An issuer with an own key gave way to another one with another own key, and is forgotten."""
    former, issuer, key = ISSUERS[1], ISSUERS[2], f"/etc/kubernetes/pki/irsa/{KID[::-1]}.key"
    there = node.walked(plan(node.cluster, goal_of(former, own_kid=KID), Options()))
    there = there.walked(plan(there.cluster, goal_of(issuer, own_kid=KID[::-1]), Options()))
    after = there.walked(plan(there.cluster, goal_of(former, state=ABSENT), Options()))
    assert issuers_of(after.rendered()) == issuers_of(after.server.manifest) == [issuer, DEFAULT]
    for target, flag in (("kube-apiserver", "signing"), ("kube-controller-manager", "private")):
        name = f"--service-account-{flag}-key-file="
        assert [text for text in command_of(after.rendered(target)) if text.startswith(name)][-1] == name + key
    public = [
        {text for text in command_of(manifest) if text.startswith("--service-account-key-file=")}
        for manifest in (after.rendered(), after.server.manifest)
    ]
    assert public[0] == public[1] and f"--service-account-key-file={key.removesuffix('.key')}.pub" in public[0]


@pytest.mark.parametrize("own_kid", [None, KID])
def test_the_way_back_leaves_nothing(node: Node, own_kid: str | None) -> None:
    issuer = ISSUERS[1]
    there = node.walked(plan(node.cluster, goal_of(issuer, own_kid=own_kid), Options()))
    absent = goal_of(issuer, state=ABSENT, own_kid=own_kid)
    back = there.walked(plan(there.cluster, absent, Options()))
    assert issuers_of(back.rendered()) == issuers_of(back.server.manifest) == [DEFAULT, issuer]
    gone = back.walked(plan(back.cluster, absent, Options()))
    assert gone.cluster == node.cluster
    assert plan(gone.cluster, absent, Options()).steps == ()


@pytest.mark.parametrize("own", [ISSUERS[0], ISSUERS[1]])
def test_an_upgrade_keeps_what_extra_args_say(node: Node, own: str) -> None:
    """The issuer is there already, or another one is; on the way back, ours goes and the rest stays."""
    issuer = ISSUERS[1]
    text = node.cluster.configuration or ""
    flags = {"audit-log-maxage": "7", "service-account-issuer": own}
    lines = [
        f"{name}: '{value}'" if "v1beta3" in text else f"- {{name: {name}, value: '{value}'}}"
        for name, value in flags.items()
    ]
    section = "apiServer:\n  extraArgs:\n" + "".join(f"    {line}\n" for line in lines)
    before = node_of(node.kubeadm, node.able, text.replace("apiServer: {}\n", section))
    assert issuers_of(before.server.manifest) == [own]
    there = before.walked(plan(before.cluster, goal_of(issuer, accepted_issuers=(DEFAULT,)), Options()))
    expected = [issuer, *([own] if own != issuer else []), DEFAULT]
    assert issuers_of(there.server.manifest) == issuers_of(there.rendered()) == expected
    absent = goal_of(issuer, state=ABSENT)
    back = there.walked(plan(there.cluster, absent, Options()))
    assert issuers_of(back.server.manifest) == issuers_of(back.rendered()) == [*expected[1:], issuer]
    gone = back.walked(plan(back.cluster, absent, Options()))
    assert issuers_of(gone.server.manifest) == issuers_of(gone.rendered()) == expected[1:]
    assert same_flags(gone.rendered(), gone.server.manifest)


def test_a_newer_kubeadm_takes_over_from_patches(node: Node) -> None:
    """With the patch still there, the issuer would be given twice."""
    if not node.able:
        pytest.skip("this kubeadm needs patches for ever")
    patched = node.walked(plan(node.cluster, goal_of(ISSUERS[1]), Options(persist="patches")))
    assert patched.server.patches
    after = patched.walked(plan(patched.cluster, goal_of(ISSUERS[1]), Options()))
    assert not after.server.patches and issuers_of(after.rendered()) == [ISSUERS[1], DEFAULT]
    again = after.walked(plan(after.cluster, goal_of(ISSUERS[1]), Options(persist="patches")))
    assert issuers_of(again.rendered()) == [ISSUERS[1], DEFAULT]


def test_all_issuers_are_audiences_where_the_audiences_are_set_to_nothing(
    new_api_server: NewApiServer, tmp_path: Path
) -> None:
    """That is why nothing is added to them."""
    key, public = tmp_path / "sa.key", tmp_path / "sa.pub"
    Ansible(tmp_path).module("selfhosted.irsa.irsa_keypair", path=str(key), public_key_path=str(public))
    flags = [f"--service-account-issuer={issuer}" for issuer in (ISSUERS[1], DEFAULT)]
    files = [f"--service-account-key-file={public}", f"--service-account-signing-key-file={key}"]
    with new_api_server(*flags, *files, "--api-audiences=") as api:
        for audience, status in ((ISSUERS[1], 403), (DEFAULT, 403), ("https://other.example.com", 401)):
            token = api.token("default", "default", audience)
            assert api.ask("/api/v1/nodes", bearer=token)[0] == status


def test_an_api_server_starts_with_what_kubeadm_writes(
    node: Node, new_api_server: NewApiServer, tmp_path: Path
) -> None:
    key, public = tmp_path / "sa.key", tmp_path / "sa.pub"
    Ansible(tmp_path).module("selfhosted.irsa.irsa_keypair", path=str(key), public_key_path=str(public))
    after = node.walked(plan(node.cluster, goal_of(ISSUERS[2]), Options()))
    files: Mapping[str, Path] = {"/etc/kubernetes/pki/sa.key": key, "/etc/kubernetes/pki/sa.pub": public}
    flags = [text for text in command_of(after.rendered()) if text.startswith("--service-account-")]
    for path, file in files.items():
        flags = [flag.replace(path, str(file)) for flag in flags]
    with new_api_server(*flags) as api:
        assert api.get("/.well-known/openid-configuration")["issuer"] == ISSUERS[2]
        token = api.token("default", "default", DEFAULT)
        assert api.ask("/api/v1/nodes", bearer=token)[0] == 403
