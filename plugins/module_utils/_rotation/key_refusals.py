# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals that come from how long keys are known to others, and tokens of them are valid."""

from __future__ import annotations

import typing as t

from ansible_collections.selfhosted.irsa.plugins.module_utils._common.moments import duration, moment
from ansible_collections.selfhosted.irsa.plugins.module_utils._common.text import quoted
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import Facts, LegacyToken, ServerKeys
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.refusals import (
    CACHE_TIME,
    EXTENDED_TOKENS,
    LEGACY_TOKENS,
    NOT_ACCEPTED,
    RELYING_PARTIES,
    STALE_TOKENS,
    TOKEN_TIME,
    Refusal,
    is_or_are,
    named,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import Settings
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.stage import (
    Stage,
    cut_off,
    not_accepting,
    published,
)

# ExpirationExtensionSeconds of https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/serviceaccount/claims.go
EXTENDED_SECONDS = 365 * 24 * 3600
# A server counts the use of such a token only when it is older: WarnOnlyBoundTokenExpirationPeriod, in the same file.
STALE_SECONDS = 3607


def cache_seconds(facts: Facts, settings: Settings) -> int:
    """Return for how long a relying party may keep the JWKS: the longer of what is set and what its header allows."""
    return max(settings.cache_seconds, facts.max_age or 0)


def token_seconds(facts: Facts, settings: Settings) -> int:
    """Return for how long tokens are valid: the longer of what is set and what pods that run ask for."""
    return max(settings.token_seconds, facts.token_seconds or 0)


def stale_seconds(settings: Settings) -> int:
    """Return after how long the window for stale tokens begins, from the last switch on: when all tokens of the old key
    are stale. Who sets a shorter window waits no longer for this, either.
    """
    return min(STALE_SECONDS, settings.stale_window)


def published_since(kid: str, facts: Facts, record: Record) -> float | None:
    """Return since when a key is published; None if it is not. A key that the record lacks was published at the latest
    when the JWKS was written, and if that is not known, it may have been now.
    """
    if kid not in published(facts):
        return None
    since = record.published_since(kid)
    return since if since is not None else facts.modified if facts.modified is not None else facts.now


def signing_since(server: ServerKeys, facts: Facts, record: Record) -> float:
    """Return since when a server signs with its key. It cannot have changed that without a start."""
    since = record.signing_since(server.signing, server.name) if server.signing else None
    return since if since is not None else server.started if server.started is not None else facts.now


def last_switch(facts: Facts, record: Record, kids: t.Container[str]) -> tuple[float, str]:
    """Return when the last server stopped signing with the keys, and the name of that server. One that left the
    cluster without having been switched stopped when that was noticed.
    """
    switches = [(signing_since(server, facts, record), server.name) for server in facts.servers]
    present = {server.name for server in facts.servers}
    gone = [name for name, kid in record.last_signers().items() if name not in present and kid in kids]
    switches += [(facts.now, name) for name in gone]
    switches += [(at, "a server that has left") for at in record.gone(kids)]
    return max(switches, default=(facts.now, "no server"))


def of_acceptance(facts: Facts, stage: Stage) -> t.Iterator[Refusal]:
    """Yield a refusal to sign before each server accepts the new key, other than those that are repaired by it."""
    missing = []
    if stage.next:
        returned = cut_off(stage.next, facts)
        missing = [server for server in not_accepting(stage.next, facts) if server not in returned]
    if missing:
        names = named(server.name for server in missing)
        unread = [server.name for server in missing if server.accepted is None]
        yield Refusal(
            name=NOT_ACCEPTED,
            breaks=f"{names} would refuse each token that another server signs with {stage.next}.",
            read=f"What {named(unread)} accepts could not be read." if unread else "The key is not in its JWKS.",
            until=f"the phase accept has brought the key to {names}",
        )


def of_caches(facts: Facts, record: Record, *, stage: Stage, settings: Settings) -> t.Iterator[Refusal]:
    """Yield a refusal to sign before no cache can lack the new key."""
    if stage.next is None:
        return
    wait = cache_seconds(facts, settings)
    since = published_since(stage.next, facts, record)
    breaks = f"Relying parties that keep a JWKS without {stage.next} would refuse its tokens"
    if since is None:
        what = f"{breaks}, AWS among them."
        yield Refusal(name=CACHE_TIME, breaks=what, read="The key is not published.", until="prepare has published it")
    elif facts.now < since + wait:
        yield Refusal(
            name=CACHE_TIME,
            breaks=f"{breaks}.",
            read=(
                f"It is published since {moment(since)}, and may be missing in caches for {duration(wait)} "
                "(irsa_rotate_cache_seconds, or what Cache-Control allows if that is longer)."
            ),
            at=since + wait,
        )


def of_parties(kid: str | None, record: Record, settings: Settings) -> t.Iterator[Refusal]:
    """Yield a refusal to sign with a key, or to retire the one before it, before each party that holds a copy of the
    keys has it.
    """
    left = [party for party in settings.parties if kid and not record.is_told(kid, party)]
    if left:
        yield Refusal(
            name=RELYING_PARTIES,
            breaks=f"{named(left)} would refuse tokens of {kid}.",
            read=f"{named(left)} {is_or_are(left)} in irsa_rotate_relying_parties, and not known to have this key.",
            until="a run has told them, or you have confirmed that they have it",
        )


def of_token_life(facts: Facts, record: Record, *, kids: t.Collection[str], settings: Settings) -> t.Iterator[Refusal]:
    """Yield a refusal to retire keys before the last token of them has expired."""
    if facts.token_seconds is None:
        yield Refusal(
            name=TOKEN_TIME,
            breaks=f"Tokens that are signed with {named(kids)} and still valid would be refused.",
            read="What life running pods ask for their tokens could not be read.",
            until="the pods of all namespaces can be listed",
        )
    wait = token_seconds(facts, settings)
    since, server = last_switch(facts, record, kids)
    if facts.now < since + wait:
        yield Refusal(
            name=TOKEN_TIME,
            breaks=f"Tokens that are signed with {named(kids)} and still valid would be refused.",
            read=(
                f"The last server to stop signing with an old key was {quoted(server)}, at {moment(since)}. A token is "
                f"valid for {duration(wait)} (irsa_rotate_token_seconds, or what pods ask for if that is longer)."
            ),
            at=since + wait,
        )


def of_legacy_tokens(facts: Facts, *, kids: t.Collection[str]) -> t.Iterator[Refusal]:
    """Yield a refusal while there are Secrets whose tokens never expire and are signed with the keys."""
    if facts.legacy_tokens is None:
        yield Refusal(
            name=LEGACY_TOKENS,
            breaks="Tokens in Secrets, which never expire, would be refused for good if they are of the old key.",
            read="The Secrets of type kubernetes.io/service-account-token could not be listed.",
            until="they can be listed",
        )
        return
    left = legacy_tokens_of(facts, kids=kids)
    if left:
        yield Refusal(
            name=LEGACY_TOKENS,
            breaks="Tokens in Secrets, which never expire, would be refused for good.",
            read=(
                f"Signed with the old key, or with one that cannot be told, {is_or_are(left)} "
                f"{named(f'{token.namespace}/{token.name}' for token in left)}."
            ),
            until="each has a new token: clear its data.token, and give the new one to all that have a copy",
        )


def legacy_tokens_of(facts: Facts, *, kids: t.Collection[str]) -> list[LegacyToken]:
    """Return the Secrets whose tokens are of the keys, or of a key that cannot be told."""
    return [token for token in facts.legacy_tokens or () if token.kid is None or token.kid in kids]


def of_extended_tokens(
    facts: Facts, record: Record, *, kids: t.Collection[str], settings: Settings
) -> t.Iterator[Refusal]:
    """Yield refusals while tokens that are valid for a year may be in use, in the year after the last switch.

    Clients that read their token only once go on with it, and the server that verifies it counts each use after the
    first hour: https://kubernetes.io/docs/reference/instrumentation/metrics/. Who uses such a token less often than
    once in the window cannot be seen. A server that has forgotten the keys has nothing to lose.
    """
    servers = [server for server in facts.servers if server.accepted is None or server.accepted & {*kids}]
    switched = last_switch(facts, record, kids)[0]
    end = switched + EXTENDED_SECONDS
    if facts.now >= end:
        return
    breaks = "Pods that read their token once, and go on with one of the old key, would be refused."
    window = duration(settings.stale_window)
    measured_still = f"the counter can be read on all servers and has not been found to grow for {window}"
    unread = [server.name for server in servers if server.stale_tokens is None or server.started is None]
    if unread:
        what = f"The counter serviceaccount_stale_tokens_total of {named(unread)} could not be read."
        yield Refusal(name=STALE_TOKENS, breaks=breaks, read=what, at=end, until=measured_still)
    if unread and any(server.extends_tokens for server in servers):
        read = f"Pods' tokens are valid for a year, and on {named(unread)}, nothing shows whether they are in use."
        yield Refusal(name=EXTENDED_TOKENS, breaks=breaks, read=read, at=end, until=measured_still)
    measured = [server for server in servers if server.name not in unread]
    begin = switched + stale_seconds(settings)
    waits = [
        wait
        for server in measured
        for wait in _of_counter(server, facts, record=record, begin=begin, window=settings.stale_window)
    ]
    if waits:
        at = max(at for at, _sentence in waits)
        read = " ".join(text for _at, text in waits)
        yield Refusal(name=STALE_TOKENS, breaks=breaks, read=read, at=at, provided="it has not grown by then")


def _of_counter(
    server: ServerKeys, facts: Facts, *, record: Record, begin: float, window: int
) -> t.Iterator[tuple[float, str]]:
    """Yield until when a server's counter must stand still, and why: for as long as the window, which begins when
    tokens of the old key are stale.
    """
    value, started, name = server.stale_tokens or 0, server.started or 0, quoted(server.name)
    since = record.quiet_since(server.name, value=value, started=started)
    start = max(begin, facts.now if since is None else since)
    if since is not None and facts.now >= start + window:
        return
    grown = record.measured_growth(server.name, value=value, started=started)
    wait = f"it must not grow for {duration(window)} (irsa_rotate_stale_window)"
    if start == begin:
        wait += f" from {moment(begin)} on, when all tokens of the old key are stale"
    counter = f"serviceaccount_stale_tokens_total of {name}"
    if since is not None:
        yield start + window, f"{counter} stands at {value} since {moment(since)}; {wait}."
    elif grown is not None:
        growth = f"has grown from {grown.value} to {value} since {moment(grown.at)}"
        yield start + window, f"{counter} {growth}: such tokens are in use; {wait}."
    else:
        first = "the server started again since it was last recorded, or it never was (status records nothing)"
        text = f"{counter} is {value}: {first}; {wait}."
        yield start + window, text
