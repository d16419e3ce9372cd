# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""k3s and RKE2: which arguments come of their files, and the file of our own that leads to other ones.

RKE2 runs k3s's code on its servers, so both have the same files, options and defaults under other names.
https://docs.k3s.io/installation/configuration#configuration-file
https://docs.rke2.io/install/configuration#configuration-file
"""

from __future__ import annotations

import abc
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import (
    rancher_datastore,
    rancher_drop_in,
    rancher_files,
    rancher_problems,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distribution import (
    Access,
    DatastoreCommand,
    Distribution,
    Files,
    Programs,
    Sources,
    Unit,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_arguments import Line, line, merged
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_drop_in import (
    API_SERVER_KEY,
    CONTROLLER_MANAGER_KEY,
    FLAGS,
    asked,
    of_key,
    rest,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_files import Configuration
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.rancher_obstacles import Placed, obstacle
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.static_pod import (
    KUBE_APISERVER,
    KUBE_CONTROLLER_MANAGER,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted

_DATA_DIR = "data-dir"
_CLUSTER_DOMAIN = "cluster-domain"
_KUBECONFIG = "write-kubeconfig"
# Other names of options, which the files may use, too.
_SHORT = {_DATA_DIR: "d", _KUBECONFIG: "o"}
_BIND_ADDRESS = "bind-address"
_PORT = "https-listen-port"
_KEYS = (
    *(*FLAGS, _DATA_DIR, _CLUSTER_DOMAIN, _KUBECONFIG, *_SHORT.values()),
    *(_BIND_ADDRESS, _PORT, rancher_problems.NO_API_SERVER),
)


class Rancher(Distribution):
    """What k3s and RKE2 have in common."""

    own_file = rancher_drop_in.NAME
    # Where servers ask each other and the commands ask a server; None: where the API server is asked.
    supervisor_port: t.ClassVar[str | None] = None

    # --- where its files are

    def config_path(self, unit: Unit) -> str:
        """Return the path of the configuration file, which may be a URL. Raises Fault if the command has none."""
        default = f"/etc/rancher/{self.name}/config.yaml"
        return rancher_files.config_path(unit, variable=f"{self.name.upper()}_CONFIG_FILE", default=default)

    def drop_in_path(self, unit: Unit) -> str:
        """Return the path of our own file. Raises Fault if the configuration is one that no file can be added to."""
        path = self.config_path(unit)
        if rancher_files.is_url(path):
            raise Fault(f"it reads its configuration from {quoted(path)}, to which no file can be added")
        return posixpath.join(rancher_files.folder_of(path), rancher_drop_in.NAME)

    def sources(self, unit: Unit) -> Sources:
        try:
            folder = posixpath.dirname(self.drop_in_path(unit))
        except Fault:  # problems() says so
            return Sources()
        return Sources(files=(self.config_path(unit),), folders=(folder,), endings=rancher_files.ENDINGS)

    def access(self, files: Files, unit: Unit) -> Access:
        configuration = self._read(files, unit)
        # https://github.com/k3s-io/k3s/blob/master/pkg/daemons/control/deps/deps.go
        administrator = posixpath.join(self._data_dir(configuration, unit), "server/cred/admin.kubeconfig")
        written = self._setting(
            configuration,
            unit,
            _KUBECONFIG,
            variable="KUBECONFIG_OUTPUT",
            default=f"/etc/rancher/{self.name}/{self.name}.yaml",
        )
        kubectl = self._kubectl(self._data_dir(configuration, unit))
        return Access(kubectl=kubectl, kubeconfigs=(written, administrator))

    @abc.abstractmethod
    def _kubectl(self, data_dir: str) -> tuple[tuple[str, ...], ...]:
        """Return the words that call kubectl, the most likely ones first."""

    def own_key_folder(self, files: Files, unit: Unit) -> str:
        return f"/etc/rancher/{self.name}/irsa"

    def _program(self, unit: Unit) -> str:
        """Return the program, which is not always in the PATH."""
        return next((word for word in unit.command[:1] if posixpath.basename(word) == self.name), self.name)

    def version_words(self, unit: Unit) -> tuple[str, ...]:
        return (self._program(unit), "--version")

    def datastore_command(self, files: Files, unit: Unit, version: str | None) -> DatastoreCommand | None:
        if not rancher_datastore.has_command(version):
            return None
        configuration = self._read(files, unit)
        return rancher_datastore.command(
            self._program(unit),
            data_dir=self._data_dir(configuration, unit),
            address=self._setting(configuration, unit, _BIND_ADDRESS, default=""),
            port=self.supervisor_port or self._setting(configuration, unit, _PORT, default="6443"),
        )

    # --- what they lead to

    def programs(self, files: Files, unit: Unit) -> Programs:
        own = self.drop_in_path(unit)
        return self._programs(
            files, unit, lambda path, each: rancher_drop_in.as_appended(each) if path == own else each
        )

    def passed(self, files: Files, unit: Unit) -> Programs:
        """Return the arguments as the programs get them: an own key takes the place of the cluster's.

        Raises Fault if the files cannot be used.
        """
        return self._programs(files, unit, lambda path, each: each)

    def _programs(self, files: Files, unit: Unit, meant: t.Callable[[str | None, Line], Line]) -> Programs:
        configuration = self._read(files, unit)
        defaults = self._defaults(configuration, unit)

        def arguments(key: str, program: str) -> Arguments:
            lines = [meant(*placed) for placed in self._lines(configuration, unit, key)]
            return Arguments.of(merged(defaults[key], lines), program)

        return Programs(
            api_server=arguments(API_SERVER_KEY, KUBE_APISERVER),
            controller_manager=arguments(CONTROLLER_MANAGER_KEY, KUBE_CONTROLLER_MANAGER),
        )

    def _read(self, files: Files, unit: Unit) -> Configuration:
        self.drop_in_path(unit)  # a URL cannot be read
        return rancher_files.read(files, self.config_path(unit), _KEYS)

    @staticmethod
    def _lines(configuration: Configuration, unit: Unit, key: str) -> list[Placed]:
        """Return the lines of all files and then of the command, which the code reads in this order."""
        in_command = rancher_files.options(unit.command, f"--{key}", f"-{key}")
        return [(item.path, line(item.value)) for item in configuration.items(key)] + [
            (None, line(text)) for text in in_command
        ]

    def _defaults(self, configuration: Configuration, unit: Unit) -> dict[str, dict[str, str]]:
        """Return the defaults that are about service accounts.

        Releases of 2022 and before sign with service.key:
        https://github.com/k3s-io/k3s/blob/master/pkg/daemons/control/server.go
        """
        domain = self._setting(configuration, unit, _CLUSTER_DOMAIN, default="cluster.local")
        issuer = f"https://kubernetes.default.svc.{domain}"
        keys = posixpath.join(self._data_dir(configuration, unit), "server/tls")
        return {
            API_SERVER_KEY: {
                API_AUDIENCES: f"{issuer},{self.name}",
                ISSUER: issuer,
                KEY_FILE: f"{keys}/service.key",
                SIGNING_KEY_FILE: f"{keys}/service.current.key",
            },
            CONTROLLER_MANAGER_KEY: {PRIVATE_KEY_FILE: f"{keys}/service.current.key"},
        }

    def _data_dir(self, configuration: Configuration, unit: Unit) -> str:
        default = f"/var/lib/rancher/{self.name}"
        found = self._setting(configuration, unit, _DATA_DIR, variable="DATA_DIR", default=default)
        return posixpath.normpath(posixpath.join("/", found))

    def _setting(
        self, configuration: Configuration, unit: Unit, key: str, *, default: str, variable: str | None = None
    ) -> str:
        """Return an option: the command counts before the files, and these before the environment."""
        names = [key, *([_SHORT[key]] if key in _SHORT else [])]
        in_command = rancher_files.options(unit.command, *(f"{'-' * min(len(name), 2)}{name}" for name in names))
        in_environment = unit.environment.get(f"{self.name.upper()}_{variable}")
        return "".join(in_command[-1:]) or configuration.value(*names) or in_environment or default

    # --- what must change

    def files_after(self, files: Files, unit: Unit, programs: Programs) -> dict[str, bytes | None]:
        path = self.drop_in_path(unit)
        foreign = rancher_drop_in.foreign(path, files[path]) if path in files else []
        if foreign:
            raise Fault(rancher_problems.foreign_text(path, foreign))
        others = {each: content for each, content in files.items() if each != path}
        lines = {key: self._own_lines(others, unit, key=key, expected=of_key(programs, key)) for key in FLAGS}
        content = rancher_drop_in.content(lines)
        if (content is None) == (path not in files) and asked(self.programs(files, unit)) == asked(programs):
            return {}
        words = rancher_problems.words(unit.command, CONTROLLER_MANAGER_KEY)
        if lines[CONTROLLER_MANAGER_KEY] and words:
            raise Fault(rancher_problems.words_text(self._server(files, unit), words, CONTROLLER_MANAGER_KEY))
        after = others if content is None else {**others, path: content}
        self._check(after, unit, programs, others=others)
        return {path: content}

    def _check(self, after: Files, unit: Unit, programs: Programs, *, others: Files) -> None:
        """Raise Fault unless files lead to programs, and change nothing else."""
        found = self.programs(after, unit)
        if asked(found) == asked(programs) and rest(found) == rest(self.programs(others, unit)):
            return
        later = [text for key in FLAGS for text in rancher_problems.later(self._server(after, unit), key)]
        raise Fault((later or ["its files do not lead to the expected arguments. Their layout is not known here"])[0])

    def _own_lines(self, others: Files, unit: Unit, *, key: str, expected: Arguments) -> list[Line]:
        """Return the lines of our own file for one key. Raises Fault if another file stands in the way."""
        found = []
        base = of_key(self.programs(others, unit), key)
        for name in FLAGS[key]:
            try:
                found += rancher_drop_in.lines(name, base.values(name), expected.values(name))
            except Fault:
                placed = [each for each in self._lines(self._read(others, unit), unit, key) if each[1].name == name]
                raise Fault(obstacle(placed, base.values(name), expected.values(name), service=self.unit)) from None
        return found

    # --- what is wrong with them

    def problems(self, files: Files, unit: Unit) -> t.Iterator[str]:
        try:
            self.drop_in_path(unit)
        except Fault as fault:
            yield f"{fault}."
            return
        yield from rancher_problems.problems(self._server(files, unit))

    def warnings(self, files: Files, unit: Unit) -> t.Iterator[str]:
        yield from rancher_problems.warnings(self._server(files, unit))

    def _server(self, files: Files, unit: Unit) -> rancher_problems.Server:
        return rancher_problems.Server(
            title=self.title, name=self.name, service=self.unit, path=self.config_path(unit), files=files, unit=unit
        )


class K3s(Rancher):
    """https://docs.k3s.io"""

    name = "k3s"
    title = "k3s"
    unit = "k3s.service"
    restart = ("systemctl", "restart", "--no-block", "k3s.service")
    keeps = "k3s reads its file in config.yaml.d at each start"

    def _kubectl(self, data_dir: str) -> tuple[tuple[str, ...], ...]:
        return ("k3s", "kubectl"), ("/usr/local/bin/k3s", "kubectl")


class Rke2(Rancher):
    """https://docs.rke2.io"""

    name = "rke2"
    title = "RKE2"
    unit = "rke2-server.service"
    restart = ("systemctl", "restart", "--no-block", "rke2-server.service")
    keeps = "RKE2 reads its file in config.yaml.d at each start"
    supervisor_port = "9345"

    def _kubectl(self, data_dir: str) -> tuple[tuple[str, ...], ...]:
        # https://docs.rke2.io/cluster_access
        return (posixpath.join(data_dir, "bin/kubectl"),), ("kubectl",)
