# Copyright (c) 2026, the selfhosted.irsa authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A TCP proxy that makes a network of loopback: `python -m tests.bench.delay PORT ROUND_TRIP` tells the port it chose.

What arrives is passed on half a round trip later, either way. Setting up a connection costs one whole round trip before
the first byte can leave (SYN and its answer; the final ACK travels with that byte). The system accepts a connection on
loopback at once, so the proxy holds the first bytes of a connection back for that long. A connection that is used for n
requests, one after another, therefore costs n + 1 round trips.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

LOOPBACK = "127.0.0.1"
CHUNK = 65536


@dataclass(frozen=True)
class Delay:
    """When what has arrived is passed on, in seconds of one clock.

    :ivar round_trip: from one end to the other and back
    """

    round_trip: float

    def towards_server(self, accepted: float, arrived: float) -> float:
        return max(accepted + self.round_trip, arrived) + self.round_trip / 2

    def towards_client(self, arrived: float) -> float:
        return arrived + self.round_trip / 2


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, due: Callable[[float], float]) -> None:
    """Passes on what comes from the reader, in order, until its end.

    :param due: when what has arrived at a time is to be passed on
    """
    clock = asyncio.get_running_loop().time
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def collect() -> None:
        data = b"more"
        while data:
            try:
                data = await reader.read(CHUNK)
            except ConnectionError:
                data = b""
            waiting.put_nowait((due(clock()), data))

    async def deliver() -> None:
        while True:
            time, data = await waiting.get()
            await asyncio.sleep(time - clock())
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    # The receiver may have gone, and then no one waits for the rest.
    with suppress(ConnectionError, OSError):
        await asyncio.gather(collect(), deliver())


async def serve(port: int, delay: Delay) -> asyncio.Server:
    """:return: a server on a port that the system chooses, in front of the one on another"""

    async def connect(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        accepted = asyncio.get_running_loop().time()
        server, to_server = await asyncio.open_connection(LOOPBACK, port)
        await asyncio.gather(
            carry(client, to_server, partial(delay.towards_server, accepted)),
            carry(server, to_client, delay.towards_client),
        )
        to_server.close()
        to_client.close()

    return await asyncio.start_server(connect, LOOPBACK, 0)


async def main() -> None:
    server = await serve(int(sys.argv[1]), Delay(float(sys.argv[2])))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
