"""Autobahn|Python on asyncio as a peer of the interoperation tests; peer.py says how it is spoken to."""

import asyncio
import ssl
import sys
from urllib.parse import urlsplit

from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory

from peer import MAX_LINE, Peer, rawsocket, serve, websocket


class Session(Peer, ApplicationSession):
    """A session whose futures are those of asyncio."""


async def connect(command):
    """Opens a connection, and joins the realm."""
    session = Session(command)
    url = urlsplit(command["url"])
    if url.scheme in ("ws", "wss"):
        factory = websocket(WampWebSocketClientFactory, session, command)
    else:
        factory = rawsocket(WampRawSocketClientFactory, session, command)
    loop = asyncio.get_running_loop()
    if url.scheme == "unix":
        _, protocol = await loop.create_unix_connection(factory, url.path)
    else:
        is_tls = url.scheme in ("wss", "rss")
        trust = ssl.create_default_context(cafile=command["root"]) if is_tls else None
        _, protocol = await loop.create_connection(factory, url.hostname, url.port, ssl=trust)
    # A session hears nothing of a connection that is lost before it is opened.
    protocol.is_closed.add_done_callback(lambda _: session.lost())
    return session, await session.joined


async def main():
    """Serves commands from standard input."""
    commands = asyncio.StreamReader(limit=MAX_LINE)
    reader = asyncio.StreamReaderProtocol(commands)
    await asyncio.get_running_loop().connect_read_pipe(lambda: reader, sys.stdin)
    await serve(connect, commands.readline)


if __name__ == "__main__":
    asyncio.run(main())
