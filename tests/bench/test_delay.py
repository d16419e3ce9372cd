# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that the benchmark puts before an endpoint."""

from __future__ import annotations

import asyncio

import pytest

from tests.bench.delay import LOOPBACK, Delay, serve

REQUESTS = 3


def test_a_connection_costs_one_round_trip_before_its_requests() -> None:
    delay = Delay(0.08)
    now = accepted = 100.0
    for number in range(REQUESTS):
        at_server = delay.towards_server(accepted, now)
        now = delay.towards_client(at_server)
        assert now - accepted == pytest.approx((number + 2) * 0.08)


def test_what_is_sent_long_after_setting_up_takes_half_a_round_trip() -> None:
    assert Delay(0.08).towards_server(100.0, 200.0) == pytest.approx(200.04)


def test_both_sides_get_all_bytes_in_order_up_to_the_end() -> None:
    question, answer = b"0123456789" * 100_000, b"abcdefghij" * 100_000
    asked = []

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read())
        writer.write(answer)
        writer.close()

    async def ask() -> bytes:
        async with (
            await asyncio.start_server(reply, LOOPBACK, 0) as server,
            await serve(server.sockets[0].getsockname()[1], Delay(0.0)) as proxy,
        ):
            reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname())
            writer.write(question)
            writer.write_eof()
            answered = await reader.read()
            writer.close()
            return answered

    assert asyncio.run(ask()) == answer
    assert asked == [question]
