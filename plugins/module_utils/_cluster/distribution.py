# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A distribution that starts its API server by a service of systemd, from files in a form of its own.

What is the same for all of them is in service_node and service_steps. Each of them says where its files are, which
arguments come of them, and how they must be to come to other arguments.
"""

from __future__ import annotations

import abc
import dataclasses
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Arguments

# Content by path; a file that does not exist is missing.
Files = t.Mapping[str, bytes]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unit:
    """The service that starts the API server, as systemd knows it.

    :ivar command: the words of its command (ExecStart)
    :ivar environment: those variables of the unit and of its files of variables that stand for options of k3s or RKE2
    :ivar state: what systemd calls its state: ``active``, ``failed`` and so on
    :ivar started: when its process started, in seconds since 1970; None: it does not run
    """

    command: tuple[str, ...] = ()
    environment: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    state: str = "active"
    started: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sources:
    """What is read of a server: files by path, and all files in folders whose names have one of the endings."""

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    endings: tuple[str, ...] = (".yaml", ".yml")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Access:
    """How a server is asked: the words that call kubectl, and kubeconfigs of an administrator; the first of each that
    exists counts.
    """

    kubectl: tuple[tuple[str, ...], ...]
    kubeconfigs: tuple[str, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DatastoreCommand:
    """How signing keys are replaced that a distribution keeps in the cluster's datastore, for all its servers.

    :ivar words: the command that puts them there; ``--path=FOLDER`` names a folder with a file tls/service.key
    :ivar key_file: where a server writes them at each start, the one that signs first
    :ivar signing_file: where it writes the first one alone
    """

    words: tuple[str, ...]
    key_file: str
    signing_file: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Programs:
    """The arguments that come of a server's files: those of its defaults that are about service accounts, and all that
    the files add. An own key is behind the cluster's also where it replaces that.
    """

    api_server: Arguments
    controller_manager: Arguments


class Distribution(abc.ABC):
    """What one distribution has of its own.

    :cvar name: its value of irsa_apiserver_distribution
    :cvar title: its name for people
    :cvar unit: the unit of systemd that starts the API server
    :cvar restart: the words of the command that restarts it
    :cvar keeps: what makes a change survive upgrades, for people
    :cvar own_file: the name of the file that is ours alone; empty: changes go into files of others
    :cvar version_command: the words that print the version of the distribution; none: it does not matter
    """

    name: t.ClassVar[str]
    title: t.ClassVar[str]
    unit: t.ClassVar[str]
    restart: t.ClassVar[tuple[str, ...]]
    keeps: t.ClassVar[str]
    own_file: t.ClassVar[str] = ""
    version_command: t.ClassVar[tuple[str, ...]] = ()

    def of_version(self, version: str | None) -> Distribution:
        """Return the distribution as a version of it is; None: the version is not known."""
        return self

    def version_words(self, unit: Unit) -> tuple[str, ...]:
        """Return the words that print the version on a server."""
        return self.version_command

    def datastore_command(self, files: Files, unit: Unit, version: str | None) -> DatastoreCommand | None:
        """Return how keys in the cluster's datastore are replaced, None for a distribution or a version that cannot.

        Raises Fault if the files cannot be used.
        """
        return None

    @abc.abstractmethod
    def sources(self, unit: Unit) -> Sources:
        """Return what is to be read of a server."""

    @abc.abstractmethod
    def access(self, files: Files, unit: Unit) -> Access:
        """Return how the server is asked. Raises Fault if its files cannot be used."""

    @abc.abstractmethod
    def programs(self, files: Files, unit: Unit) -> Programs:
        """Return the arguments that come of the files. Raises Fault if they cannot be used."""

    @abc.abstractmethod
    def files_after(self, files: Files, unit: Unit, programs: Programs) -> dict[str, bytes | None]:
        """Return the files that must change to come to these programs, None for one that is to be removed.

        Only the issuers, the key files and the signing keys may differ from ``programs(files, unit)``. Raises Fault if
        they cannot be had without changing what others wrote.
        """

    @abc.abstractmethod
    def own_key_folder(self, files: Files, unit: Unit) -> str:
        """Return the folder in which the issuer's own key is installed."""

    def problems(self, files: Files, unit: Unit) -> t.Iterator[str]:
        """Yield why nothing can be changed by these files, as whole sentences that follow the server's name."""
        yield from ()

    def warnings(self, files: Files, unit: Unit) -> t.Iterator[str]:
        """Yield what should be looked at."""
        yield from ()
