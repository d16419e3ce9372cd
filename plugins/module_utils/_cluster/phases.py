# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each phase makes of an API server's arguments.

``accept`` and ``sign`` lead to the issuer, ``sign_back`` and ``forget`` away from it. Each returns the same list if
nothing is to do, and never a repeated issuer, with which an API server does not start.

With an own key, a second --service-account-signing-key-file follows the cluster's: the last one counts, and going back
is to remove it.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.arguments import (
    API_AUDIENCES,
    ISSUER,
    KEY_FILE,
    PRIVATE_KEY_FILE,
    SIGNING_KEY_FILE,
    Arguments,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._cluster.model import (
    ACCEPT,
    FORGET,
    RETIRE_KEY,
    SIGN,
    SIGN_BACK,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.errors import Fault
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed

# Where module irsa_node looks for keys that signed before, below the folder of own keys.
RETIRED = "retired"

# Own keys lie in a folder beside the cluster's key. They are named after their key IDs, which are SHA-256 in base64url.
_OWN_KEY = re.compile(r".*/irsa/[A-Za-z0-9_-]{43}\.(?:key|pub)")


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyFiles:
    """The files of an own key on a server."""

    private: str
    public: str

    @property
    def kid(self) -> str:
        """The ID of the key, after which its files are named."""
        return posixpath.basename(self.public).removesuffix(".pub")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """The goal as one server's arguments express it.

    :ivar keeps_audiences: those that are set are left alone
    :ivar retired_keys: where own keys are that are to be retired
    :ivar retires_clusters_key: the cluster's own key is to be retired, too
    """

    issuer: str
    key: KeyFiles | None = None
    accepted_issuers: tuple[str, ...] = ()
    accepted_key_files: tuple[str, ...] = ()
    keeps_audiences: bool = False
    retired_keys: tuple[KeyFiles, ...] = ()
    retires_clusters_key: bool = False


def own_key_folder(folder: str) -> str:
    """Return the folder of own keys, given that of the cluster's key."""
    return f"{folder}/irsa"


def own_key_files(folder: str, kid: str) -> KeyFiles:
    """Return the files of an own key, given the folder of the cluster's key."""
    return key_files_in(own_key_folder(folder), kid)


def key_files_in(folder: str, kid: str) -> KeyFiles:
    """Return the files of an own key, given the folder of own keys."""
    path = f"{folder}/{kid}"
    return KeyFiles(private=f"{path}.key", public=f"{path}.pub")


def retired_key_file(folder: str, kid: str) -> str:
    """Return where a private key is kept that another one has replaced, given the folder of the cluster's key."""
    return key_files_in(f"{own_key_folder(folder)}/{RETIRED}", kid).private


def folder_of_own_key(path: str) -> str:
    """Return the folder of own keys, given the path of one that may have been replaced."""
    folder = posixpath.dirname(path)
    return posixpath.dirname(folder) if posixpath.basename(folder) == RETIRED else folder


def is_own_key(path: str) -> bool:
    """Whether a key file on a server is one that we installed."""
    return _OWN_KEY.fullmatch(path) is not None


def accept(arguments: Arguments, target: Target) -> Arguments:
    """Accept the issuer behind those that are accepted, and its key. What signs stays."""
    for issuer in (*target.accepted_issuers, target.issuer):
        if issuer not in arguments.values(ISSUER):
            arguments = arguments.appended(ISSUER, issuer)
    for file in (*target.accepted_key_files, *([target.key.public] if target.key else [])):
        if file not in arguments.values(KEY_FILE):
            arguments = arguments.appended(KEY_FILE, file)
    return arguments if target.keeps_audiences else with_audience(arguments, target.issuer)


def sign(arguments: Arguments, target: Target) -> Arguments:
    """Sign with the issuer, which comes first then, and with its key. What was accepted stays accepted."""
    arguments = accept(arguments, target)
    if arguments.values(ISSUER)[0] != target.issuer:
        arguments = arguments.without(ISSUER, target.issuer).prepended(ISSUER, target.issuer)
    return _signing_with(arguments, target.key.private if target.key else None, name=SIGNING_KEY_FILE)


def sign_back(arguments: Arguments, target: Target) -> Arguments:
    """Sign with the former issuer and the cluster's key again. Raises Fault if there is no former issuer."""
    for issuer in target.accepted_issuers:
        if issuer not in arguments.values(ISSUER):
            arguments = arguments.appended(ISSUER, issuer)
    issuers = arguments.values(ISSUER)
    if set(issuers) <= {target.issuer}:
        raise Fault("it has no other issuer to sign with. Name one in irsa_apiserver_accepted_issuers")
    if issuers[0] != target.issuer:
        # An own key that signs is that of another issuer.
        return arguments
    arguments = arguments.without(ISSUER, target.issuer).appended(ISSUER, target.issuer)
    return _without_own_keys(arguments, SIGNING_KEY_FILE)


def forget(arguments: Arguments, target: Target) -> Arguments:
    """Accept neither the issuer nor its own keys any longer. Raises Fault for a server that signs with the issuer."""
    if arguments.values(ISSUER)[:1] == (target.issuer,):
        raise Fault("it signs with what is to be forgotten")
    arguments = arguments.without(ISSUER, target.issuer)
    for name in (KEY_FILE, SIGNING_KEY_FILE):
        for file in _forgotten_keys(arguments, target, name=name):
            arguments = arguments.without(name, file)
    return arguments if target.keeps_audiences else without_audience(arguments, target.issuer)


def _forgotten_keys(arguments: Arguments, target: Target, *, name: str) -> list[str]:
    """Return the own keys to be forgotten: all of them if the cluster's key signs. If one of them signs, it is that of
    another issuer, which may have older ones, too: then only the key of the goal.
    """
    own = list(filter(is_own_key, arguments.values(name)))
    if not signs_with_own_key(arguments):
        return own
    if target.key is None or target.key.private == arguments.value(SIGNING_KEY_FILE):
        return []
    return [file for file in own if file in (target.key.private, target.key.public)]


def retire_key(arguments: Arguments, target: Target) -> Arguments:
    """Verify the retired keys no longer. Raises Fault for a server that signs with one of them, and for a file that
    cannot be told from others.
    """
    signing = arguments.value(SIGNING_KEY_FILE)
    for key in target.retired_keys:
        if signing == key.private:
            raise Fault("it signs with the key that is to be retired")
        arguments = arguments.without(KEY_FILE, key.public).without(SIGNING_KEY_FILE, key.private)
    return _without_clusters_key(arguments) if target.retires_clusters_key else arguments


def _without_clusters_key(arguments: Arguments) -> Arguments:
    """Return the arguments without the file of the cluster's own public key, if they have it still."""
    others = [file for file in arguments.values(KEY_FILE) if not is_own_key(file)]
    if not others:
        return arguments
    if not signs_with_own_key(arguments):
        raise Fault("it signs with the key that is to be retired")
    if len(others) > 1:
        raise Fault(
            f"which of the files {listed(others)} (--{KEY_FILE}) holds the key that is to be retired is not known. "
            "Take that flag away by hand"
        )
    return arguments.without(KEY_FILE, others[0])


def has_retired_clusters_key(arguments: Arguments) -> bool:
    """Whether only keys that we installed are verified, so that no other one may sign again."""
    files = arguments.values(KEY_FILE)
    return bool(files) and signs_with_own_key(arguments) and all(map(is_own_key, files))


def signs_with_own_key(arguments: Arguments) -> bool:
    """Whether a key that we installed signs."""
    return is_own_key(arguments.value(SIGNING_KEY_FILE) or "")


_PHASES: t.Mapping[str, t.Callable[[Arguments, Target], Arguments]] = {
    ACCEPT: accept,
    SIGN: sign,
    SIGN_BACK: sign_back,
    FORGET: forget,
    RETIRE_KEY: retire_key,
}


def after(phase: str, arguments: Arguments, target: Target) -> Arguments:
    """Return the arguments after a phase. Raises Fault if the server cannot get there."""
    return _PHASES[phase](arguments, target)


def is_after(phase: str, arguments: Arguments, target: Target) -> bool:
    """Whether nothing is to do in a phase."""
    return after(phase, arguments, target).texts == arguments.texts


def controller_manager_after(phase: str, arguments: Arguments, target: Target, *, api_server: Arguments) -> Arguments:
    """Return kube-controller-manager's arguments after a phase, given those of the API server after it: it signs legacy
    tokens with the same key.
    """
    if phase == SIGN:
        return _signing_with(arguments, target.key.private if target.key else None, name=PRIVATE_KEY_FILE)
    if phase == RETIRE_KEY:
        for key in target.retired_keys:
            arguments = arguments.without(PRIVATE_KEY_FILE, key.private)
        return arguments
    if phase == ACCEPT or signs_with_own_key(api_server):
        return arguments
    return _without_own_keys(arguments, PRIVATE_KEY_FILE)


def _signing_with(arguments: Arguments, path: str | None, *, name: str) -> Arguments:
    """Return the arguments that sign with an own key; None leaves the key that signs."""
    if path is None or arguments.value(name) == path:
        return arguments
    return arguments.without(name, path).appended(name, path)


def _without_own_keys(arguments: Arguments, name: str) -> Arguments:
    """Return the arguments that sign with the cluster's key. Raises Fault if they do not say which one that is."""
    for path in filter(is_own_key, arguments.values(name)):
        arguments = arguments.without(name, path)
        if not arguments.values(name):
            raise Fault(f"it has no --{name} beside the issuer's own. Add the cluster's own in front of it")
    return arguments


def with_audience(arguments: Arguments, issuer: str) -> Arguments:
    """Add the issuer to the audiences where they are set. Where there are none, all issuers are audiences.

    https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/
    """
    audiences = arguments.separated(API_AUDIENCES)
    if not audiences or issuer in audiences:
        return arguments
    last = arguments.values(API_AUDIENCES)[-1]
    return arguments.replaced(API_AUDIENCES, last, by=f"{last},{issuer}".lstrip(","))


def without_audience(arguments: Arguments, issuer: str) -> Arguments:
    """Take the issuer away from the audiences where they are set."""
    for value in arguments.values(API_AUDIENCES):
        kept = [audience for audience in value.split(",") if audience != issuer]
        if not kept:
            arguments = arguments.without(API_AUDIENCES, value)
        elif len(kept) < len(value.split(",")):
            arguments = arguments.replaced(API_AUDIENCES, value, by=",".join(kept))
    return arguments
