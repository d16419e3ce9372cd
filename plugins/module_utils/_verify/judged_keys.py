# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a JWKS with what is wrong with each of them, and which of them STS can use.

A key that STS cannot use is an error only if it is needed, or if STS can use none: many issuers publish keys for
encryption, or for other relying parties.
"""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import listed, quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._keys import jwk
from ansible_collections.selfhosted.irsa.plugins.module_utils._oidc import documents
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify import key_faults
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.catalogue import CATALOGUE
from ansible_collections.selfhosted.irsa.plugins.module_utils._verify.report import Report

Keys = t.Sequence[jwk.Jwk]


class Needs(t.NamedTuple):
    """Which of the published keys must be of use to STS: those with these kids and, if there is a token, the one that
    it names. Without either, it may be any of them.
    """

    kids: t.Collection[str] = ()
    token: bool = False


def kids_of(keys: t.Iterable[jwk.Jwk]) -> str:
    """Return the kids of keys, for a message."""
    return listed(key.get("kid") for key in keys)


class JudgedKeys:
    """Reports on the keys of a JWKS, which has at least one."""

    def __init__(self, report: Report, keys: Keys, needs: Needs) -> None:
        self._report = report
        self._needs = needs
        self._judged = [(key, key_faults.faults_of(key)) for key in keys]
        self._unsound = {id(key) for key, faults in self._judged if faults}
        self._by_kid: dict[str, list[jwk.Jwk]] = {}
        for key in keys:
            if isinstance(key.get("kid"), str):
                self._by_kid.setdefault(key["kid"], []).append(key)
        # STS uses the last of several keys with the same kid.
        self._usable = [same[-1] for same in self._by_kid.values() if self._is_sound(same[-1])]

    def _is_sound(self, key: jwk.Jwk) -> bool:
        return id(key) not in self._unsound

    def report(self, check_id: str, passed: str) -> None:
        """Report the faults that a check found, or that it passed."""
        found = [
            (key.get("kid"), key_faults.named(key, position), fault)
            for position, (key, faults) in enumerate(self._judged, 1)
            for fault in faults
            if fault.check == check_id
        ]
        if not found:
            self._report.ok(check_id, passed)
            return
        needed = [
            each for each in found if not self._usable or (isinstance(each[0], str) and each[0] in self._needs.kids)
        ]
        _kid, name, fault = (needed or found)[0]
        more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
        seen = f"STS cannot use the key {name}: {fault.text}{more}."
        if needed:
            self._report.error(check_id, seen, fault.cause, remedy=fault.remedy)
            return
        remedy = fault.remedy or CATALOGUE[check_id].remedy
        self._report.warning(
            check_id,
            seen,
            f"STS does not need it as long as others sign the tokens. It can use {kids_of(self._usable)}.",
            remedy=f"Leave it as it is, unless it is to sign tokens for AWS. In that case: {remedy}",
        )

    def check_kids(self) -> None:
        """Check that each key has a kid of its own."""
        conflicts = {kid: text for kid, same in self._by_kid.items() if (text := self._conflict_in(kid, same))}
        severe = [text for kid, text in conflicts.items() if self._may_be_needed(kid) or not self._usable]
        repeated = [kid for kid, same in self._by_kid.items() if len(same) > 1]
        is_nameless = any(fault.check == "jwk-kid" for _key, faults in self._judged for fault in faults)
        if severe:
            self._report.error("jwk-kid", severe[0])
        elif is_nameless:
            self.report("jwk-kid", "")
        elif conflicts:
            self._report.warning("jwk-kid", next(iter(conflicts.values())))
        elif "" in self._by_kid:
            self._report.warning(
                "jwk-kid",
                "A key has an empty kid.",
                "Such a key was published for API servers before Kubernetes 1.16, which sign without a kid.",
                remedy="Remove it (irsa_issuer_legacy_empty_kid: false) unless the cluster is that old.",
            )
        elif repeated:
            seen = f"More than one key has the kid {listed(repeated)}. STS uses the last of them."
            self._report.warning("jwk-kid", seen)
        else:
            self._report.ok("jwk-kid", f"Each key has its own kid: {listed(self._by_kid)}.")

    def _may_be_needed(self, kid: str) -> bool:
        return kid in self._needs.kids or not (self._needs.kids or self._needs.token)

    def _conflict_in(self, kid: str, same: Keys) -> str | None:
        """Return why STS refuses tokens of a key because others have its kid; None if it does not."""
        *others, last = same
        hidden = [key for key in others if self._is_sound(key)]
        if not all(jwk.same_key(key, last) for key in hidden):
            return f"Different keys have the same kid: {quoted(kid)}. STS uses only the last of them."
        if hidden and not self._is_sound(last):
            return f"The key {quoted(kid)} is published more than once, and STS cannot use the last of them."
        algorithms = dict.fromkeys(map(jwk.algorithm_of, [*hidden, last]))
        if len(algorithms) > 1:
            return (
                f"The key {quoted(kid)} is published more than once, for {listed(algorithms)}. STS uses only the last "
                "of them."
            )
        return None

    def check_algorithms(self, supported: t.Any) -> None:
        """Check the algorithms of the keys, and those that the discovery document lists."""
        if any(fault.check == "algorithms" for _key, faults in self._judged for fault in faults):
            self.report("algorithms", "")
            return
        unnamed = sorted(set(documents.algorithms_of(self._usable)) - set(_strings_in(supported)))
        if not self._usable:
            self._report.skipped("algorithms", "Each of the keys has a fault.")
        elif not _strings_in(supported):
            self._report.skipped("algorithms", "The discovery document lists no algorithms.")
        elif unnamed:
            seen = f"The discovery document does not list {listed(unnamed)}, the algorithm of a key."
            self._report.warning("algorithms", seen)
        else:
            self._report.ok("algorithms", "The discovery document lists the algorithms of all keys that STS can use.")


def _strings_in(value: t.Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
