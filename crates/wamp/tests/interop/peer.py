"""Autobahn|Python as a peer of the interoperation tests.

The driver (main.rs) writes one command per line on stdin, as JSON, and this program writes one
answer per command on stdout, and between them a report of everything that the session receives
unasked. It decides nothing: which values are sent and which must arrive is the driver's affair.
It ends when stdin does, so that it never outlives the driver.

Commands                                      Answers
  {"do": "connect", "url", "realm",             {"ok": {"serializer", "transport", "tls"}}
   "serializer", "root"?, "authid"?, "ticket"?}
  {"do": "register", "procedure", "as"}         {"ok": {}}
  {"do": "unregister", "procedure"}             {"ok": {}}
  {"do": "call", "procedure", "args", "kwargs"} {"ok": {"args", "kwargs"}}
  {"do": "subscribe", "topic"}                  {"ok": {}}
  {"do": "unsubscribe", "topic"}                {"ok": {}}
  {"do": "publish", "topic", "args", "kwargs"}  {"ok": {"acknowledged": true}}
  {"do": "leave"}                               {"ok": {"reason"}}

The URL is one of ws://, wss://, rs://, rss://HOST:PORT or unix:PATH; "root" is the file of the
certificate to trust. "transport" is websocket or rawsocket, and "tls" whether it is encrypted.

"as" is what the callee does with an invocation, after it has reported it: "echo" it, "corrupt"
it, "refuse" it with an application error, "raise" an exception, or "hang" and never answer.

Instead of ok: {"error": {"uri", "args", "kwargs"}} for a WAMP error or an ABORT,
               {"failed": "..."} for anything else

Reports
  {"received": "invocation", "procedure", "args", "kwargs"}
  {"received": "event", "topic", "args", "kwargs"}
  {"received": "close", "reason"}               the session ended, and this side did not ask

Bytes are written as {"$bytes": "<hex>"}.
"""

import asyncio
import json
import ssl
import sys
from urllib.parse import urlsplit

from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import create_transport_serializer
from autobahn.wamp.types import (
    CallOptions,
    CallResult,
    ComponentConfig,
    PublishOptions,
    TransportDetails,
)

# A command is one line, and a line holds a whole payload.
MAX_LINE = 64 * 1024 * 1024


def plain(value):
    """Turns a value into what JSON can hold, bytes as {"$bytes": hex}."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": bytes(value).hex()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def native(value):
    """Turns what the driver wrote back into values, the reverse of `plain`."""
    if isinstance(value, list):
        return [native(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return bytes.fromhex(value["$bytes"])
        return {key: native(item) for key, item in value.items()}
    return value


def write(document):
    """Writes one JSON document as a line of its own."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def payload(args, kwargs):
    """Describes a payload as it arrived."""
    return {"args": plain(list(args or [])), "kwargs": plain(kwargs or {})}


class Session(ApplicationSession):
    """One session on one connection; `joined` and `closed` are resolved by its lifecycle."""

    def __init__(self, command):
        super().__init__(ComponentConfig(command["realm"]))
        self.command = command
        self.joined = asyncio.get_running_loop().create_future()
        self.closed = asyncio.get_running_loop().create_future()
        self.leaving = False
        self.registrations = {}
        self.subscriptions = {}

    def onConnect(self):
        if "ticket" in self.command:
            self.join(self.config.realm, ["ticket"], self.command["authid"])
        else:
            self.join(self.config.realm, ["anonymous"])

    def onChallenge(self, challenge):
        if challenge.method != "ticket":
            raise RuntimeError(f"asked for {challenge.method}, offered ticket")
        return self.command["ticket"]

    def onJoin(self, details):
        transport = details.transport
        framing = TransportDetails.CHANNEL_FRAMING_TO_STR[transport.channel_framing]
        self.joined.set_result(
            {
                "serializer": details.serializer,
                "transport": framing,
                "tls": transport.is_secure,
            }
        )

    def onLeave(self, details):
        if not self.joined.done():
            self.joined.set_exception(ApplicationError(details.reason, details.message))
        elif not self.leaving:
            write({"received": "close", "reason": details.reason})
        self.close_reason = details.reason
        return super().onLeave(details)

    def onDisconnect(self):
        super().onDisconnect()
        if not self.closed.done():
            self.closed.set_result(getattr(self, "close_reason", None))

    def lost(self):
        """Tells who waits for the session that it will never be."""
        if not self.joined.done():
            self.joined.set_exception(ConnectionError("the connection was lost before WELCOME"))

    def endpoint(self, procedure, behaviour):
        """Makes the function to register: what it receives is reported before it answers."""

        def invoked(*args, **kwargs):
            write({"received": "invocation", "procedure": procedure, **payload(args, kwargs)})
            if behaviour == "echo":
                return CallResult(*args, **kwargs)
            if behaviour == "corrupt":
                return CallResult("not what was sent", *args, **kwargs)
            if behaviour == "refuse":
                raise ApplicationError("com.example.refused", *args, **kwargs)
            if behaviour == "raise":
                raise ValueError("the callee failed")
            if behaviour == "hang":
                return asyncio.get_running_loop().create_future()
            raise NotImplementedError(behaviour)

        return invoked

    async def do_register(self, procedure, behaviour):
        self.registrations[procedure] = await self.register(
            self.endpoint(procedure, behaviour), procedure
        )
        return {}

    async def do_unregister(self, procedure):
        await self.registrations.pop(procedure).unregister()
        return {}

    async def do_call(self, procedure, args, kwargs):
        result = await self.call(procedure, *args, options=CallOptions(details=True), **kwargs)
        return payload(result.results, result.kwresults)

    async def do_subscribe(self, topic):
        def received(*args, **kwargs):
            write({"received": "event", "topic": topic, **payload(args, kwargs)})

        self.subscriptions[topic] = await self.subscribe(received, topic)
        return {}

    async def do_unsubscribe(self, topic):
        await self.subscriptions.pop(topic).unsubscribe()
        return {}

    async def do_publish(self, topic, args, kwargs):
        publication = await self.publish(
            topic, *args, options=PublishOptions(acknowledge=True), **kwargs
        )
        return {"acknowledged": publication.id > 0}

    async def do_leave(self):
        self.leaving = True
        self.leave()
        return {"reason": await self.closed}


def websocket(session, command):
    """Makes a factory with exactly one serializer on offer."""
    factory = WampWebSocketClientFactory(
        lambda: session,
        url=command["url"],
        serializers=[create_transport_serializer(command["serializer"])],
    )
    factory.setProtocolOptions(
        tcpNoDelay=True, openHandshakeTimeout=10, closeHandshakeTimeout=5, failByDrop=False
    )
    return factory


def rawsocket(session, command):
    """Makes a factory for the one serializer."""
    serializer = create_transport_serializer(command["serializer"])
    return WampRawSocketClientFactory(lambda: session, serializer=serializer)


async def connect(command):
    """Opens a connection, and joins the realm."""
    session = Session(command)
    url = urlsplit(command["url"])
    is_websocket = url.scheme in ("ws", "wss")
    factory = (websocket if is_websocket else rawsocket)(session, command)
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


async def answer(session, command):
    """Carries out one command; answers with the session, which `connect` makes anew."""
    match command["do"]:
        case "connect":
            return await connect(command)
        case "register":
            return session, await session.do_register(command["procedure"], command["as"])
        case "unregister":
            return session, await session.do_unregister(command["procedure"])
        case "call":
            return session, await session.do_call(
                command["procedure"], native(command["args"]), native(command["kwargs"])
            )
        case "subscribe":
            return session, await session.do_subscribe(command["topic"])
        case "unsubscribe":
            return session, await session.do_unsubscribe(command["topic"])
        case "publish":
            return session, await session.do_publish(
                command["topic"], native(command["args"]), native(command["kwargs"])
            )
        case "leave":
            return session, await session.do_leave()
        case unknown:
            raise NotImplementedError(unknown)


async def main():
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(limit=MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    session = None
    while line := await commands.readline():
        try:
            session, result = await answer(session, json.loads(line))
            write({"ok": result})
        except ApplicationError as error:
            write({"error": {"uri": error.error, **payload(error.args, error.kwargs)}})
        except Exception as error:
            write({"failed": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    asyncio.run(main())
