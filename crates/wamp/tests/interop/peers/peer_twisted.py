"""Autobahn|Python on Twisted as a peer of the interoperation tests; peer.py says how it is spoken to."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from autobahn.twisted.rawsocket import WampRawSocketClientFactory
from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import WampWebSocketClientFactory
from twisted.internet.defer import DeferredQueue, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.protocols.basic import LineOnlyReceiver

from peer import MAX_LINE, Peer, rawsocket, serve, websocket


class Session(Peer, ApplicationSession):
    """A session whose futures are Deferreds."""


class Lines(LineOnlyReceiver):
    """The lines of standard input; an empty one is its end."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE

    def __init__(self):
        self.lines = DeferredQueue()

    def lineReceived(self, line):
        self.lines.put(line)

    def connectionLost(self, reason):
        self.lines.put(b"")


async def connect(reactor, command):
    """Opens a connection, and joins the realm."""
    session = Session(command)
    url = urlsplit(command["url"])
    if url.scheme in ("ws", "wss"):
        factory = websocket(WampWebSocketClientFactory, session, command)
    else:
        factory = rawsocket(WampRawSocketClientFactory, session, command)
    if url.scheme == "unix":
        endpoint = UNIXClientEndpoint(reactor, url.path)
    else:
        endpoint = TCP4ClientEndpoint(reactor, url.hostname, url.port)
    if url.scheme in ("wss", "rss"):
        root = Certificate.loadPEM(Path(command["root"]).read_bytes())
        trust = trustRootFromCertificates([root])
        endpoint = wrapClientTLS(optionsForClientTLS(url.hostname, trust), endpoint)
    protocol = await endpoint.connect(factory)
    # A session hears nothing of a connection that is lost before it is opened.
    protocol.is_closed.addBoth(lambda _: session.lost())
    return session, await session.joined


def main(reactor):
    """Serves commands from standard input."""
    commands = Lines()
    # Not on standard output, which would no longer wait for its reader.
    with open(os.devnull, "wb") as nothing:
        StandardIO(commands, reactor=reactor, stdout=nothing.fileno())
    return ensureDeferred(serve(lambda command: connect(reactor, command), commands.lines.get))


if __name__ == "__main__":
    react(main)
