# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is asked for, and whenever: what ``decide`` allows never has a valid token refused.

A small model of a cluster and of its clients is driven by random phases at random times, with runs that are killed,
servers that are down, join and leave, and secrets of old keys. A token is tried at each moment of its life: at AWS and
at relying parties whose caches are as old as they may be, and at each API server that answers.
"""

from __future__ import annotations

import dataclasses

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.decision import decide
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.facts import (
    Facts,
    LegacyToken,
    PublishedKey,
    ServerKeys,
)
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.record import Event, Record
from ansible_collections.selfhosted.irsa.plugins.module_utils._rotation.settings import AUTO, STEPS, Settings

START = 1_000_000
# When a token that is valid for a year is stale. Shorter than here, it would not be seen before AWS's tokens expire.
STALE_AFTER = 5


@dataclasses.dataclass
class Server:
    name: str
    accepted: set[str]
    signing: str
    started: int
    stale: int = 0
    is_up: bool = True
    counts: bool = True

    def restart(self, now):
        self.started, self.stale = now, 0


@dataclasses.dataclass(frozen=True)
class Token:
    kid: str
    made: int
    life: int


class Rotation(RuleBasedStateMachine):
    @initialize(
        servers=st.integers(1, 3),
        cache=st.integers(1, 20),
        life=st.integers(1, 40),
        window=st.integers(1, 15),
        header=st.none() | st.integers(0, 30),
        asked=st.none() | st.integers(1, 50),
        legacy=st.booleans(),
        counts=st.booleans(),
    )
    def begin(self, servers, cache, life, window, header, asked, legacy, counts):
        self.now = START
        self.keys = 0
        # A cache may be as old as the header or the relying party allows, a token as long as its pod asks for.
        self.cache_age, self.token_life = max(cache, header or 0), max(life, asked or 0)
        self.settings = Settings(cache_seconds=cache, token_seconds=life, stale_window=window, by="us")
        self.header, self.asked = header, asked
        self.servers = [Server(f"cp{number}", {"kid0"}, "kid0", START - 50, counts=counts) for number in range(servers)]
        # Key sets and since when each was published. The first was there always.
        self.published = [(0, frozenset({"kid0"}))]
        self.staged, self.record = {}, Record()
        self.secrets = {"shop/robot": "kid0"} if legacy else {}
        self.tokens, self.clients = [], []

    # --- what is read

    def facts(self):
        return Facts(
            now=self.now,
            controller=self.now,
            published=tuple(PublishedKey(kid=kid, algorithm="RS256") for kid in sorted(self.published[-1][1])),
            modified=self.published[-1][0],
            max_age=self.header,
            servers=tuple(map(self.read, self.servers)),
            legacy_tokens=tuple(
                LegacyToken(namespace="shop", name=name, account="robot", kid=kid) for name, kid in self.secrets.items()
            ),
            token_seconds=self.asked or 0,
            staged=dict(self.staged),
        )

    @staticmethod
    def read(server):
        if not server.is_up:
            return ServerKeys(name=server.name)
        return ServerKeys(
            name=server.name,
            accepted=frozenset(server.accepted),
            signing=server.signing,
            started=server.started,
            stale_tokens=server.stale if server.counts else None,
        )

    # --- what happens

    def tick(self):
        """A second: tokens are made and tried."""
        self.now += 1
        up = [server for server in self.servers if server.is_up]
        for server in up:
            self.tokens.append(Token(server.signing, self.now, self.token_life))
        self.tokens = [token for token in self.tokens if self.now < token.made + token.life]
        self.try_at_relying_parties()
        for kid in {token.kid for token in (*self.tokens, *self.clients)} | set(self.secrets.values()):
            for server in up:
                assert kid in server.accepted, f"{server.name} refuses {kid}"
        # Each client that keeps its token uses it at one server every second.
        for number, token in enumerate(self.clients):
            if up and self.now > token.made + STALE_AFTER:
                up[number % len(up)].stale += 1

    def try_at_relying_parties(self):
        """A cache may have any key set that was published within its life."""
        oldest = self.now - self.cache_age
        ends = [*(since for since, _kids in self.published[1:]), self.now + 1]
        cached = [kids for (_since, kids), end in zip(self.published, ends, strict=True) if end > oldest]
        for kid in {token.kid for token in self.tokens}:
            assert all(kid in kids for kids in cached), f"a relying party refuses {kid}"

    def publish(self, add=(), withdraw=()):
        kids = (self.published[-1][1] | set(add)) - set(withdraw)
        if kids != self.published[-1][1]:
            self.published.append((self.now, kids))

    def remember(self, *events):
        self.record = Record.parse(self.record.after(events).text)

    def work(self, decision):
        """Yield before each write, where a run may be killed."""
        yield
        self.remember(*decision.events)
        work, kid = decision.work, decision.work.kid
        if work.makes_key:
            yield
            self.keys += 1
            kid = f"kid{self.keys}"
            self.staged[kid] = "cp0"
        if work.makes_key or work.publish or work.withdraw:
            yield
            added = [kid] if work.makes_key else work.publish
            self.publish(added, work.withdraw)
            at = self.now
            yield
            self.remember(*(Event(kind="published", kid=each, at=at, by="us") for each in added))
            self.remember(*(Event(kind="withdrawn", kid=each, at=at) for each in work.withdraw))
        for server in self.servers if work.changes_servers else ():
            yield
            if server.is_up:
                self.change(server, decision, kid)

    def change(self, server, decision, kid):
        accepted, signing = set(server.accepted), server.signing
        if decision.phase == "accept":
            accepted.add(kid)
        elif decision.phase == "sign":
            accepted.add(kid)
            signing = kid
        else:
            accepted -= set(decision.work.drop)
        if (accepted, signing) != (server.accepted, server.signing):
            if signing != server.signing:
                self.staged[server.signing] = server.name
            server.accepted, server.signing = accepted, signing
            server.restart(self.now)

    @rule(phase=st.sampled_from([AUTO, AUTO, *STEPS]), steps=st.none() | st.integers(0, 8))
    def run(self, phase, steps):
        decision = decide(phase, self.facts(), self.record, settings=self.settings)
        if decision.refusals:
            self.remember(*decision.events)
            return
        for number, _step in enumerate(self.work(decision)):
            if number == steps:
                return
            self.tick()

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds):
        for _second in range(seconds):
            self.tick()

    @rule(times=st.integers(1, 4), insists=st.booleans())
    def carry_on(self, times, insists):
        """Do what is due, and wait until the next phase may be done, as a job does that runs now and then; or ask for
        all other phases, too.
        """
        for _time in range(times):
            for phase in (AUTO, *STEPS[2:]) if insists else [AUTO]:
                self.run(phase, None)
            decision = decide(AUTO, self.facts(), self.record, settings=self.settings)
            if decision.next_at and self.now < decision.next_at < self.now + 200:
                self.wait(int(decision.next_at) - self.now)

    @rule()
    def rotate_anew(self):
        self.run("prepare", None)

    @rule(number=st.integers(0, 2), keeps=st.booleans())
    def start_or_stop_clients_that_read_their_token_once(self, number, keeps):
        server = self.servers[number % len(self.servers)]
        if not keeps:
            self.clients = []
        elif server.is_up:
            self.clients.append(Token(server.signing, self.now, 365 * 86400))

    @rule(kind=st.sampled_from(["fail", "fail", "join", "leave", "remake", "lose"]), number=st.integers(0, 3))
    def disturb(self, kind, number):
        server = self.servers[number % len(self.servers)]
        getattr(self, kind)(server)

    def fail(self, server):
        """Fail, or come back."""
        server.is_up = not server.is_up
        server.restart(self.now)

    def join(self, server):
        if server.is_up and len(self.servers) < 4:
            name = f"cp{len(self.servers)}-{self.now}"
            joined = Server(name, set(server.accepted), server.signing, self.now, counts=server.counts)
            self.servers.append(joined)

    def leave(self, server):
        """Leave, unless it has come and nobody has ever seen it."""
        if len(self.servers) > 1 and self.record.signing_since(server.signing, server.name) is not None:
            self.servers.remove(server)

    def remake(self, _server):
        """Make all tokens in Secrets again."""
        kids = {server.signing for server in self.servers}
        if len(kids) == 1:
            self.secrets = dict.fromkeys(self.secrets, *kids)

    def lose(self, _server):
        """Lose the private halves of keys that sign nowhere."""
        signing = {server.signing for server in self.servers}
        self.staged = {kid: host for kid, host in self.staged.items() if kid in signing}

    def teardown(self):
        """However often it was killed and disturbed: with all servers back, auto leads to one key, and then to rest."""
        if not hasattr(self, "servers"):
            return
        self.clients = []
        for server in self.servers:
            server.is_up = server.counts = True
        for _round in range(40):
            self.remake(None)
            self.run(AUTO, None)
            decision = decide(AUTO, self.facts(), self.record, settings=self.settings)
            if decision.is_done:
                break
            self.wait(max(1, int((decision.next_at or 0) - self.now)))
        assert decision.is_done, decision
        signing = {server.signing for server in self.servers}
        assert [signing] * (len(self.servers) + 1) == [self.published[-1][1], *(each.accepted for each in self.servers)]

    @invariant()
    def a_second_run_remembers_nothing_new(self):
        if not hasattr(self, "servers"):
            return
        events = decide(AUTO, self.facts(), self.record, settings=self.settings).events
        again = decide(AUTO, self.facts(), self.record.after(events), settings=self.settings).events
        assert self.record.after(events).after(again) == self.record.after(events)


TestRotation = Rotation.TestCase
TestRotation.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
