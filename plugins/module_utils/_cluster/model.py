# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a cluster's API servers, what was read of them, and the steps that lead from one to the other.

Nothing here knows a distribution, and nothing reads or writes: the caller reads a cluster and fills these in.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import Unit

PRESENT = "present"
ABSENT = "absent"

# Phases of irsa_apiserver_phase. A step is ACCEPT or SIGN, or on the way back SIGN_BACK or FORGET. When a key is
# changed, the last one is RETIRE_KEY.
AUTO = "auto"
ACCEPT = "accept"
SIGN = "sign"
SIGN_BACK = "sign_back"
FORGET = "forget"
RETIRE_KEY = "retire_key"

# What a manifest has so that the kubelet starts its pod again when files of keys have changed.
KEYS_ANNOTATION = "irsa.selfhosted.example/keys"

# Where module irsa_node keeps what it replaces.
BACKUP_FOLDER = "/etc/kubernetes/irsa-backup"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Goal:
    """What the API servers are to do. The role's variables, checked, with their meaning unchanged.

    :ivar issuer: the issuer to accept and sign with, or with ``ABSENT`` to go back from
    :ivar published_kids: key IDs in the published JWKS; an adopted key must be among them
    :ivar own_kid: the ID of the issuer's own key, which is installed beside the cluster's; None: the key that signs
        today is adopted
    :ivar retired_kids: IDs of own keys that ``RETIRE_KEY`` takes away
    :ivar cut_off: names of servers whose tokens others refuse until they sign with the own key, too
    :ivar accepted_issuers: what else is accepted, besides the issuers that the servers accept today
    :ivar accepted_key_files: files of further public keys on the servers, likewise
    :ivar forget_after: seconds that must have passed since the youngest API server started before the issuer is
        forgotten
    :ivar force: go on in spite of the conflicts that may be overruled
    """

    issuer: str
    state: str = PRESENT
    phase: str = AUTO
    published_kids: frozenset[str] = frozenset()
    own_kid: str | None = None
    retired_kids: frozenset[str] = frozenset()
    cut_off: frozenset[str] = frozenset()
    accepted_issuers: tuple[str, ...] = ()
    accepted_key_files: tuple[str, ...] = ()
    forget_after: int = 86400
    force: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrivateKey:
    """What is known of a file with a private key: the SHA-256 of its content, and the ID of the key."""

    sha256: str
    kid: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Server:
    """What is known of one API server. None: not known, and ``unknown`` may say why.

    The cluster says which servers there are. A server for which the play has no host is ``managed=False``; of such a
    server only what the API serves is known.

    :ivar name: the name of its node
    :ivar addresses: the addresses that clients reach it by
    :ivar managed: whether a host of the play is this server, so that it can be changed
    :ivar manifest: the static pod's file, as it is
    :ivar manifest_path: where that file lies
    :ivar unit: the service that starts it, if that is no static pod of kubeadm; then ``files`` are what it reads
    :ivar files: the files of its distribution's configuration by path, without secrets
    :ivar changed: when each of them changed, in seconds since 1970
    :ivar controller_manager: the static pod's file of kube-controller-manager; read only if the issuer's own key is
        installed
    :ivar running: command and arguments of the container that runs, as its mirror pod says, or what the API server
        tells of its flags
    :ivar ready: whether its own /readyz says so
    :ivar started: when its container started, in seconds since 1970
    :ivar issuer: the issuer in its discovery document
    :ivar kids: key IDs in its JWKS
    :ivar signing_kid: the key ID in the header of a token that it minted
    :ivar refusals: sentences that say which server refused a token that it minted
    :ivar authentication_config: the text of the file that --authentication-config names
    :ivar folder: names of the files in the folder that the kubelet reads static pods from
    :ivar patches: files in irsa_apiserver_patches_dir by name
    :ivar public_key_faults: sentences that say why no API server starts with a file of ``Goal.accepted_key_files``, by
        its path
    :ivar key_files: the contents of the files of public keys that its flags name, by path; read only if a key is to be
        changed
    :ivar key_times: when each of those changed, by the clock of its host, in seconds since 1970
    :ivar now: what that clock says
    :ivar private_keys: the SHA-256 of the files of private keys that its flags name, and the ID of each key where its
        host can tell it, by path; likewise
    :ivar tool_version: the version of the tool that writes its manifest, such as ``v1.37.2`` of kubeadm
    :ivar unknown: sentences that say what could not be read and why
    """

    name: str
    addresses: tuple[str, ...] = ()
    managed: bool = True
    manifest: bytes | None = None
    manifest_path: str = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    unit: Unit | None = None
    files: t.Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    changed: t.Mapping[str, float] = dataclasses.field(default_factory=dict)
    controller_manager: bytes | None = None
    controller_manager_path: str = "/etc/kubernetes/manifests/kube-controller-manager.yaml"
    running: tuple[str, ...] | None = None
    ready: bool | None = None
    started: float | None = None
    issuer: str | None = None
    kids: frozenset[str] | None = None
    signing_kid: str | None = None
    refusals: tuple[str, ...] = ()
    authentication_config: str | None = None
    folder: tuple[str, ...] = ()
    patches: t.Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    public_key_faults: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    key_files: t.Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    key_times: t.Mapping[str, float] = dataclasses.field(default_factory=dict)
    now: float | None = None
    private_keys: t.Mapping[str, PrivateKey] = dataclasses.field(default_factory=dict)
    tool_version: str | None = None
    unknown: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cluster:
    """All API servers of one cluster, in the order in which they are walked.

    :ivar configuration: the text of ClusterConfiguration in ConfigMap kube-system/kubeadm-config; None: there is none
    :ivar legacy_tokens: the number of Secrets of type kubernetes.io/service-account-token
    :ivar now: the time by the cluster's clock, in seconds since 1970
    """

    servers: tuple[Server, ...]
    configuration: str | None = None
    legacy_tokens: int | None = None
    now: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Findings:
    """What speaks against a plan, as whole messages. With a problem, nothing may be written."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings(problems=self.problems + other.problems, warnings=self.warnings + other.warnings)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FileWrite:
    """One file before and after; None: there is no such file."""

    path: str
    before: bytes | None
    after: bytes | None
    mode: int = 0o600


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrivateKeyWrite:
    """A private key in the place of another one. Its content is not part of a plan.

    :ivar expected: the SHA-256 of the present file
    :ivar archive: where the present file is kept
    :ivar new: the SHA-256 of the new file; None: the key is yet to be made
    """

    path: str
    expected: str
    archive: str
    new: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatastoreKeys:
    """The keys in the cluster's datastore, replaced by a command of the distribution. None of them is part of a plan.

    :ivar command: the command's words but for ``--path``
    :ivar path: the file with the present keys on the server
    :ivar folder: the folder of own keys on the server, below which the new file lies while the command runs
    :ivar kids: the IDs of the keys afterwards, in order; the first one signs
    :ivar retired: the IDs of those that go
    :ivar archive: where the key that signs no longer is kept; None: none does so
    :ivar needs_key: the new key is not in the present file, so it comes along
    """

    command: tuple[str, ...]
    path: str
    folder: str
    kids: tuple[str, ...]
    retired: tuple[str, ...] = ()
    archive: str | None = None
    needs_key: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ManagerChange:
    """What is written of kube-controller-manager, and the arguments and annotations that it must run with then."""

    file: FileWrite
    arguments: tuple[str, ...]
    annotations: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One server's change, which is proved before the next step begins.

    :ivar phase: ``ACCEPT``, ``SIGN``, ``SIGN_BACK``, ``FORGET`` or ``RETIRE_KEY``
    :ivar restarts: False: nothing changes in what runs as API server, only in what survives an upgrade
    :ivar arguments: what must run afterwards: the container's command with its arguments
    :ivar issuers: the issuers among them; the first one signs, and is the issuer in the discovery document
    :ivar kids: key IDs that its JWKS must have afterwards, as far as they are known
    :ivar retired_kids: key IDs that its JWKS must not have any more
    :ivar signing_kid: the key that must sign afterwards, if it is known
    :ivar private: the private key that is replaced before anything else is written
    :ivar datastore: the keys of all servers, which are replaced before this one restarts
    :ivar takes_keys: it restarts to take the keys that the cluster's datastore has
    :ivar files: what is written on this server, in this order; the manifest comes last
    :ivar annotations: what the pod that runs must have besides its arguments
    :ivar manager: what changes of kube-controller-manager when the API server is proved
    :ivar configuration: ClusterConfiguration before and after, if this step writes it (after the server is proved)
    """

    phase: str
    server: str
    restarts: bool
    arguments: tuple[str, ...]
    issuers: tuple[str, ...]
    kids: frozenset[str] = frozenset()
    retired_kids: frozenset[str] = frozenset()
    signing_kid: str | None = None
    private: PrivateKeyWrite | None = None
    datastore: DatastoreKeys | None = None
    takes_keys: bool = False
    files: tuple[FileWrite, ...] = ()
    annotations: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    manager: ManagerChange | None = None
    configuration: tuple[str, str] | None = None

    @property
    def writes(self) -> tuple[FileWrite, ...]:
        """All that is written on this server, in this order."""
        return self.files + ((self.manager.file,) if self.manager else ())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps in order, none if all is as it should be, and what they mean to the user.

    :ivar findings: all problems and warnings at once, of the preflight and of the plan; with a problem there are no
        steps
    :ivar summary: what restarts: "3 API servers restart, one at a time: …"; empty if nothing does
    :ivar next: what may or must be done after this run, in sentences
    :ivar method: how the change survives an upgrade: ``cluster_configuration``, ``patches`` or ``none``
    :ivar new_node_needs: files that a server must have before it joins the cluster
    """

    steps: tuple[Step, ...] = ()
    findings: Findings = Findings()
    summary: str = ""
    next: tuple[str, ...] = ()
    method: str = "none"
    new_node_needs: tuple[str, ...] = ()
