# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host as the steps of a rotation would leave it: what would be read of it afterwards, without asking it.

A step is what module irsa_node is given, which does the same for real.
"""

from __future__ import annotations

import base64
import copy
import posixpath
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster import managed_flags
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import Arguments
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.distributions import WITH_SERVICE
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.public_keys import PublicKeyFile
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk, key_facts
from ansible_collections.selfhosted.irsa.plugins.plugin_utils import _key_reading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._foreseen_files import HostFiles, digest_of
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._host_reading import Reading
from ansible_collections.selfhosted.irsa.plugins.plugin_utils._kubeadm_reading import KUBEADM

Json = dict[str, t.Any]
Public = t.Mapping[str, "key_facts.PublicKey"]


class Host:
    """A host of the play, given what was read of it."""

    def __init__(self, reading: Reading, patches_dir: str) -> None:
        self._reading: Json = copy.deepcopy(dict(reading))
        self.files = HostFiles(self._reading, patches_dir)

    def reading(self) -> Reading:
        """Return what would be read of it now."""
        keys = _key_reading.read(self._reading, ask=self.files.keys)
        return {**self._reading, "keys": keys}

    @property
    def address(self) -> str:
        """The address of its API server."""
        return str(self._reading["address"])

    @property
    def observed(self) -> Json:
        """What its API server says."""
        observed: Json = self._reading["observed"]
        return observed

    def kids(self) -> list[str]:
        """Return the IDs of the keys that its API server verifies."""
        return [str(key.get("kid")) for key in (self.observed["jwks"] or {}).get("keys", [])]

    def signing_kid(self) -> str | None:
        """Return the ID of the key that its API server signs with."""
        kid: str | None = (self.observed["token"] or {}).get("kid")
        return kid

    def wait(self, seconds: float) -> None:
        """Have its clock go on."""
        for part in (self._reading["inspected"], self._reading["keys"]):
            part["now"] = None if part.get("now") is None else part["now"] + seconds

    def take(self, step: t.Mapping[str, t.Any], *, now: float, public: Public) -> None:
        """Take a step for a server that this host runs, with the public keys that are known."""
        node = step["node"]
        self._put_keys(node, public)
        for file in node["files"]:
            self.files.write(file["path"], _decoded(file["content"]))
        if node["restarts"]:
            self._restart(node, now=now, public=public)
        if node["manager"]:
            file = node["manager"]["file"]
            self.files.write(file["path"], _decoded(file["content"]))

    def see(self, node: t.Mapping[str, t.Any], *, now: float) -> None:
        """See in the cluster's API that a server has taken a step."""
        if node["restarts"]:
            for pod in self.observed["pods"] or []:
                if pod["name"] == node["pod"]:
                    pod["started_at"] = moment(now)
                    pod["command"] = self._running(pod.get("command"), node["arguments"])
        if node["configuration"] and self.observed["configuration"]:
            self.observed["configuration"]["data"]["ClusterConfiguration"] = node["configuration"]["after"]

    def remake(self, secrets: t.Collection[t.Mapping[str, str]]) -> None:
        """Have tokens in Secrets signed with the key that signs now."""
        for token in self._reading["keys"]["legacy_tokens"] or []:
            if {"namespace": token["namespace"], "name": token["name"]} in secrets:
                token["kid"] = self.signing_kid()

    def review(self, accepted: t.Mapping[str, t.Collection[str]]) -> None:
        """Have servers judge its tokens again, given the IDs of the keys that each accepts, by its URL."""
        token = self.observed["token"]
        for url in (token or {}).get("reviews") or {}:
            if token["kid"] in accepted.get(url, ()):
                token["reviews"][url] = "accepted"

    def _put_keys(self, node: t.Mapping[str, t.Any], public: Public) -> None:
        key, private, datastore = node["key"], node["private"], node["datastore"]
        if key:
            self.files.put_key(key["private_path"], _kid_of(key["private_path"]), key["public_key"])
        archives = [part["archive"] for part in (private, datastore) if part and part["archive"]]
        for path in archives:
            self.files.put_key(path, _kid_of(path), _pem(_kid_of(path), public))
        if private:
            self.files.replace_private(private["path"], node["signing_kid"], private["new"])

    def _restart(self, node: t.Mapping[str, t.Any], *, now: float, public: Public) -> None:
        observed, former = self.observed, self.kids()
        signing = node["signing_kid"] or self.signing_kid()
        # Of the datastore, all keys are known; else those that must be there at least.
        kids = [*(() if node["takes_keys"] else former), *node["kids"]]
        kids = [kid for kid in dict.fromkeys(kids) if kid not in node["retired_kids"]]
        if node["takes_keys"]:
            self._take_keys(kids, signing, public)
        served = {str(key.get("kid")): key for key in (observed["jwks"] or {}).get("keys", [])}
        observed["jwks"] = {"keys": [served.get(kid) or _jwk(kid, public) for kid in kids]}
        observed["token"] = {**(observed["token"] or {"reviews": {}}), "kid": signing}
        if observed.get("flags") is not None:
            told = Arguments.of(node["arguments"])
            observed["flags"] |= {
                name: list(told.values(name)) for name in managed_flags.API_SERVER if told.values(name)
            }
        if self._reading["distribution"] in WITH_SERVICE:
            self._reading["inspected"]["services"][WITH_SERVICE[self._reading["distribution"]].unit]["started"] = now
        if self._reading["keys"]["stale_tokens"] is not None:
            self._reading["keys"]["stale_tokens"] = 0

    def _take_keys(self, kids: t.Sequence[str], signing: str | None, public: Public) -> None:
        """Write the keys of the cluster's datastore over those of the host, the one that signs first."""
        keys = self._reading["keys"]
        for path in keys["files"]:
            text = self.files.text(path)
            before = PublicKeyFile(text).kids if text else ()
            # The others are in files that other flags name.
            elsewhere = {*self.kids()}.difference(before)
            ordered = [each for each in dict.fromkeys([signing, *before, *kids]) if each in kids]
            texts = [_pem(kid, public) or "" for kid in ordered if kid and kid not in elsewhere]
            self.files.write_public(path, "".join(texts).encode())
        for path in keys["digests"]:
            self.files.replace_private(path, signing, digest_of(signing or ""))

    def _running(self, told: t.Sequence[str] | None, arguments: t.Sequence[str]) -> list[str] | None:
        """Return the command of its API server's pod: a manifest's arguments, or those of a service over its own."""
        if not told or self._reading["distribution"] == KUBEADM:
            return list(arguments) if told else None
        meant, found = Arguments.of(arguments), Arguments.of(told)
        for name in managed_flags.API_SERVER:
            found = found.with_values(name, meant.values(name))
        return list(found.texts)


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _kid_of(path: str) -> str:
    """Return the ID of the key that a file is named after."""
    return posixpath.basename(path).removesuffix(".key")


def _jwk(kid: str, public: Public) -> jwk.Jwk:
    """Return a key as an API server serves it; of one that only a file of the host has, no more than its ID."""
    return jwk.from_public_key(public[kid]) if kid in public else {"kid": kid}


def _pem(kid: str, public: Public) -> str | None:
    return key_facts.public_pem(public[kid]) if kid in public else None
