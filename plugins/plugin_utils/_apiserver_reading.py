# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read on the nodes of a cluster, as the description of the cluster that is planned on.

A reading is what module irsa_node returned for one host of the play, with the host's name. All of it is JSON, since it
travels between tasks.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import Cluster, Server
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import IrsaError
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _kubeadm_reading, _service_reading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Reading

API_SERVER = "kube-apiserver"


def of_play(variables: t.Mapping[str, t.Any], name: str) -> list[Reading]:
    """Return the reading of each host of the play, registered under a name. Raises IrsaError if a host has none."""
    hosts = variables["ansible_play_hosts"]
    failed = [host for host in variables["ansible_play_hosts_all"] if host not in hosts]
    if failed:
        raise IrsaError(
            f"The API servers cannot be changed; nothing was changed. These hosts of the play failed or cannot be "
            f"reached: {listed(failed)}. Repair them, or leave them out with --limit."
        )
    batch = variables.get("ansible_play_batch", hosts)
    found = {host: (variables["hostvars"][host].get(name) or {}).get("reading") for host in batch}
    unread = [host for host, reading in found.items() if not reading]
    if unread:
        raise IrsaError(
            f"The API servers cannot be changed; nothing was changed. These hosts of the play were not read: "
            f"{listed(unread)}. Run role irsa_apiserver for all hosts of its play, without a condition (when): choose "
            "them by the play's hosts, or with --limit."
        )
    return [reading for reading in found.values() if reading]


class ClusterReading:
    """The readings of all hosts of a play, which must be API servers of one cluster. Raises IrsaError otherwise."""

    def __init__(self, readings: t.Sequence[Reading]) -> None:
        self._readings = readings
        self._pods: dict[str, t.Mapping[str, t.Any]] = {}
        for reading in readings:
            for pod in reading["observed"]["pods"] or []:
                self._pods.setdefault(pod["name"], pod)
        self._hosts = self._by_pod()
        self._require_one_cluster()
        self._require_one_distribution()
        self._require_all_servers()

    def _by_pod(self) -> dict[str, Reading]:
        """Return the reading of the host that each pod runs on, as far as there is one."""
        found: dict[str, Reading] = {}
        hosts: dict[str, str] = {}
        for reading in self._readings:
            first = hosts.setdefault(reading["address"], reading["host"])
            # Servers of kubeadm are told apart by their pods, which name both.
            if first != reading["host"] and reading["distribution"] != _kubeadm_reading.KUBEADM:
                raise IrsaError(
                    f"The hosts {first} and {reading['host']} have the same API server {reading['address']}. List a "
                    "host once, and set irsa_apiserver_address to an address that only its own API server has."
                )
            pod = self._pod_of(reading)
            if pod in found:
                raise IrsaError(
                    f"The hosts {found[pod]['host']} and {reading['host']} are the same API server. List it once."
                )
            found[pod] = reading
        return found

    def _pod_of(self, reading: Reading) -> str:
        address = reading["address"]
        for name, pod in self._pods.items():
            own = address.rpartition(":")[0].strip("[]")
            if pod["endpoint"] == address or (not pod["endpoint"] and own in pod["addresses"]):
                return name
        return f"{API_SERVER}-{reading['inspected']['hostname'].lower()}"

    def _require_one_cluster(self) -> None:
        """Raise IrsaError if a host's API server is unknown to the API server of another host."""
        for reading in self._readings:
            # A server that is short of time may not have renewed its lease among the endpoints; its pod is there still.
            pods = [pod["endpoint"] for pod in reading["observed"]["pods"] or []]
            addresses = [*(reading["observed"]["endpoints"] or []), *filter(None, pods)]
            others = [
                each["address"]
                for each in self._readings
                if addresses and each["address"] not in addresses and not _is_behind(each, addresses)
            ]
            ready = [each for each in self._readings if each["address"] in others and each["observed"]["ready"]]
            if ready:
                raise IrsaError(
                    f"The hosts {reading['host']} and {ready[0]['host']} are API servers of different clusters: the "
                    f"first does not list {ready[0]['address']}. Run the play for one cluster at a time."
                )

    def _require_one_distribution(self) -> None:
        by_name = {reading["distribution"]: reading["host"] for reading in self._readings}
        if len(by_name) > 1:
            hosts = ", ".join(f"{host} is a server of {name}" for name, host in by_name.items())
            raise IrsaError(
                f"The hosts of the play have different distributions: {hosts}. Run the play for one cluster at a time."
            )

    def _require_all_servers(self) -> None:
        """Raise IrsaError if there are more API servers behind the address that the cluster lists than hosts."""
        count = max((reading["observed"].get("count") or 0 for reading in self._readings), default=0)
        if self.in_front and count > len(self._readings):
            raise IrsaError(
                f"The cluster has {count} API servers behind {listed(self.in_front)}, more than this play has hosts "
                f"({self._host_names}). Run the play for the hosts of all of them (no --limit): the others would "
                "refuse the tokens of these. A server that was removed counts for an hour."
            )

    @property
    def in_front(self) -> list[str]:
        """Addresses that the cluster lists in the place of its API servers, such as that of a load balancer."""
        own = {reading["address"] for reading in self._readings}
        behind = [each for each in self._readings if _is_behind(each, each["observed"]["endpoints"] or [])]
        found = [address for reading in behind for address in reading["observed"]["endpoints"]]
        return [address for address in dict.fromkeys(found) if address not in own]

    @property
    def warnings(self) -> list[str]:
        """What should be looked at in how servers are listed."""
        if not self.in_front or any(reading["observed"].get("count") for reading in self._readings):
            return []
        warning = (
            f"The cluster lists {listed(self.in_front)} in the place of its API servers, and does not say how many it "
            f"has. If there are others than {self._host_names}, add them to the hosts of this play: otherwise they "
            "refuse the tokens of these."
        )
        return [warning]

    @property
    def _host_names(self) -> str:
        return ", ".join(reading["host"] for reading in self._readings)

    @property
    def distribution(self) -> str:
        """The distribution of the cluster."""
        return str(self._readings[0]["distribution"])

    @property
    def access(self) -> dict[str, t.Any]:
        """How module irsa_node asks API servers from a host of the play."""
        return dict(self._readings[0]["access"])

    @property
    def unmanaged(self) -> list[str]:
        """Addresses of API servers that no host of the play runs."""
        own = {reading["address"] for reading in self._readings}
        listed = [address for reading in self._readings for address in reading["observed"]["endpoints"] or []]
        listed += [pod["endpoint"] for name, pod in self._pods.items() if name not in self._hosts and pod["endpoint"]]
        return [address for address in dict.fromkeys(listed) if address not in own and address not in self.in_front]

    @property
    def servers(self) -> list[str]:
        """URLs of all API servers."""
        return [f"https://{address}" for address in (*(each["address"] for each in self._readings), *self.unmanaged)]

    @property
    def observed(self) -> dict[str, t.Any]:
        """What the API server of each host says, by its address."""
        return {each["address"]: each["observed"] for each in self._readings}

    def host(self, server: str) -> Reading:
        """Return the reading of the host that runs a server, by the server's name."""
        return next(each for pod, each in self._hosts.items() if self._name(pod) == server)

    def pod(self, server: str) -> str:
        """Return the name of a managed server's mirror pod."""
        return next(pod for pod in self._hosts if self._name(pod) == server)

    def key_files(self, server: str) -> set[str]:
        """Return the paths of the files in a managed server's folders that were listed; own keys are among them."""
        folders = self.host(server)["inspected"]["folders"]
        return {f"{folder}/{name}" for folder, names in folders.items() for name in names or []}

    def cluster(self, unmanaged: t.Mapping[str, t.Mapping[str, t.Any]]) -> Cluster:
        """Return the cluster, given what was observed of each unmanaged server, by its address."""
        managed = [self._managed(pod, reading) for pod, reading in self._hosts.items()]
        others = [self._unmanaged(address, unmanaged[address]) for address in self.unmanaged]
        configurations = [each["observed"]["configuration"] for each in self._readings]
        configuration = next((each["data"].get("ClusterConfiguration") for each in configurations if each), None)
        return Cluster(
            servers=(*managed, *others),
            configuration=configuration,
            legacy_tokens=next(iter(each["observed"]["legacy_tokens"] for each in self._readings), None),
            now=max(reading["inspected"]["now"] for reading in self._readings),
        )

    def _name(self, pod: str) -> str:
        """Return the name of a server: that of its node."""
        node = self._pods.get(pod, {}).get("node")
        return str(node or pod.removeprefix(f"{API_SERVER}-"))

    def _managed(self, pod: str, reading: Reading) -> Server:
        is_kubeadm = reading["distribution"] == _kubeadm_reading.KUBEADM
        described = _kubeadm_reading.server if is_kubeadm else _service_reading.server
        return described(self._name(pod), reading, self._observed(pod, reading["observed"]))

    def _unmanaged(self, address: str, observed: t.Mapping[str, t.Any]) -> Server:
        pod = next((name for name, pod in self._pods.items() if pod["endpoint"] == address), "")
        return Server(
            name=self._name(pod) or address, addresses=(address,), managed=False, **self._observed(pod, observed)
        )

    def _observed(self, name: str, observed: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the values of a server that the API told."""
        pod = self._pods.get(name, {})
        jwks, token = observed["jwks"], observed["token"] or {}
        refusals = [f"{url} {said}" for url, said in token.get("reviews", {}).items() if said != "accepted"]
        return {
            "running": tuple(pod["command"]) if pod.get("command") else _told(observed.get("flags")),
            "ready": observed["ready"],
            "started": _seconds(pod.get("started_at")),
            "issuer": observed["issuer"],
            "kids": None if jwks is None else frozenset(str(key.get("kid")) for key in jwks.get("keys", [])),
            "signing_kid": token.get("kid"),
            "refusals": tuple(
                f"The API server {observed['server']} mints tokens that another one does not accept: {each}."
                for each in refusals
            ),
            "unknown": tuple(f"The API server {observed['server']} {fault}." for fault in observed["faults"]),
        }


def _told(flags: t.Mapping[str, t.Sequence[str]] | None) -> tuple[str, ...] | None:
    """Return the flags that an API server tells as arguments."""
    if flags is None:
        return None
    return tuple(f"--{name}={value}" for name, values in flags.items() for value in values)


def _is_behind(reading: Reading, listed_by_cluster: t.Collection[str]) -> bool:
    """Whether the user set a host's address, and the cluster lists another one, the same as to other hosts."""
    own = reading["observed"]["endpoints"] or []
    if not reading.get("is_address_set") or reading["address"] in own:
        return False
    return bool(set(own).intersection(listed_by_cluster))


def issuers_of(running: t.Iterable[str] | None) -> list[str]:
    """Return the issuers in the arguments of a running API server."""
    return list(Arguments.of(running or ()).values("service-account-issuer"))


def _seconds(time: str | None) -> float | None:
    try:
        return datetime.datetime.fromisoformat(time).timestamp() if time else None
    except ValueError:
        return None
