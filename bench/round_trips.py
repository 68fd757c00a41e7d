"""How often a lone command waits for PostgreSQL, counted on the wire: a proxy between the engine and the server counts
how many times the client speaks after the server has."""

import asyncio
from pathlib import Path

from psycopg.conninfo import make_conninfo

from bench.ledger import authorize, prepare_ledger
from bench.server import Server
from testkase.core.ledger.engine import Engine

_COMMANDS = 20


class _Counter:
    """Turns of one conversation."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._client_spoke_last = False
        self.trips = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(str(self._socket))
        await asyncio.gather(
            self._carry(reader, to_server, client=True), self._carry(from_server, writer, client=False)
        )

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: bool) -> None:
        while data := await reader.read(65_536):
            if client and not self._client_spoke_last:
                self.trips += 1
            self._client_spoke_last = client
            writer.write(data)
        writer.close()


async def round_trips_of_a_lone_authorize(server: Server, org_id: int) -> int:
    """The most that any of some commands sent one after the other took, once the statements are prepared."""
    counter = _Counter(server.postgres.socket_folder / ".s.PGSQL.5432")
    proxy = await asyncio.start_server(counter.serve, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    engine = Engine(make_conninfo(server.app_url, host="127.0.0.1", port=port))
    await engine.start()
    await prepare_ledger(engine, range(org_id, org_id + 1))
    most = 0
    for number in range(_COMMANDS):
        before = counter.trips
        await authorize(engine, org_id)
        if number >= _COMMANDS // 2:
            most = max(most, counter.trips - before)
    await engine.stop()
    proxy.close()
    return most
