# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true of an issuer's keys right now: read again before each step, never remembered.

Times are seconds since 1970 by the clocks of servers. None: it could not be read.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedKey:
    """A key in the JWKS that relying parties read."""

    kid: str
    algorithm: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerKeys:
    """What one API server does with keys.

    :ivar name: the name of its node
    :ivar managed: whether a host of the play is this server, so that it can be changed
    :ivar accepted: key IDs in its JWKS: the keys that it verifies tokens with
    :ivar signing: the key ID in the header of a token that it minted
    :ivar started: when it started
    :ivar now: what its host's clock said when it was read; None for one that is no host of the play
    :ivar stale_tokens: its counter serviceaccount_stale_tokens_total, which starts with 0 whenever it starts
    :ivar extends_tokens: whether it makes pod tokens that are valid for a year
    :ivar refusals: sentences that say which server refused a token that it minted
    :ivar is_behind: whether what else signs on its node, kube-controller-manager, is not known to use its key
    """

    name: str
    managed: bool = True
    accepted: frozenset[str] | None = None
    signing: str | None = None
    started: float | None = None
    now: float | None = None
    stale_tokens: int | None = None
    extends_tokens: bool = True
    refusals: tuple[str, ...] = ()
    is_behind: bool = False

    @property
    def can_be_changed(self) -> bool:
        """Whether a host of the play is this server, and its keys are known."""
        return self.managed and self.accepted is not None and self.signing is not None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LegacyToken:
    """A Secret of type kubernetes.io/service-account-token, whose token never expires, and the key it is signed by."""

    namespace: str
    name: str
    account: str
    kid: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a decision is made on.

    :ivar now: the time by the servers' clocks
    :ivar controller: the time by this machine's clock, to find one that is far off
    :ivar published: the keys in the JWKS
    :ivar modified: when the JWKS was written last (Last-Modified)
    :ivar max_age: for how long caches may keep the JWKS, if its Cache-Control says so
    :ivar servers: all API servers of the cluster
    :ivar legacy_tokens: Secrets with tokens that never expire
    :ivar token_seconds: the longest life that a projected token asks for in the pods that run, besides the token that
        each pod gets for the API server
    :ivar staged: key IDs of private keys that lie ready on a host, and the name of that host
    :ivar limits: why a phase cannot be done on this platform without refusals, by the phase
    """

    now: float
    controller: float
    published: tuple[PublishedKey, ...] = ()
    modified: float | None = None
    max_age: int | None = None
    servers: tuple[ServerKeys, ...] = ()
    legacy_tokens: tuple[LegacyToken, ...] | None = None
    token_seconds: int | None = None
    staged: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    limits: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
