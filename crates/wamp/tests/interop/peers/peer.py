"""Autobahn|Python as a peer of the interoperation tests, whatever drives its sockets.

peer_asyncio.py and peer_twisted.py are the programs. Their sessions differ in the kind of futures
alone, which `txaio` and `await` hide.

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

Bytes are written as {"$bytes": "<hex>"}. What JavaScript would not read as it was written is too: an
integer beyond 2^53 as {"$integer": "<digits>"}, a float without fraction as {"$float": "<digits>"}.
Answers and reports may have them as they are.
"""

import json
import sys

import txaio
from autobahn.wamp.exception import ApplicationError, SerializationError
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


# What the driver writes in a dict of one pair.
TAGGED = {"$bytes": bytes.fromhex, "$integer": int, "$float": float}


def native(value):
    """Turns what the driver wrote back into values, the reverse of `plain`."""
    if isinstance(value, list):
        return [native(item) for item in value]
    if isinstance(value, dict):
        for tag, read in TAGGED.items():
            if tag in value:
                return read(value[tag])
        return {key: native(item) for key, item in value.items()}
    return value


def write(document):
    """Writes one JSON document as a line of its own."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def payload(args, kwargs):
    """Describes a payload as it arrived."""
    return {"args": plain(list(args or [])), "kwargs": plain(kwargs or {})}


class Peer:
    """What is mixed into an ApplicationSession: one session on one connection.

    `joined` and `closed` are futures, resolved by its lifecycle.
    """

    def __init__(self, command):
        super().__init__(ComponentConfig(command["realm"]))
        self.command = command
        self.joined = txaio.create_future()
        self.closed = txaio.create_future()
        self.leaving = False
        self.close_reason = None
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
        txaio.resolve(
            self.joined,
            {
                "serializer": details.serializer,
                "transport": framing,
                "tls": transport.is_secure,
            },
        )

    def onLeave(self, details):
        if not txaio.is_called(self.joined):
            txaio.reject(self.joined, ApplicationError(details.reason, details.message))
        elif not self.leaving:
            write({"received": "close", "reason": details.reason})
        self.close_reason = details.reason
        return super().onLeave(details)

    def onDisconnect(self):
        super().onDisconnect()
        if not txaio.is_called(self.closed):
            txaio.resolve(self.closed, self.close_reason)

    def lost(self):
        """Tells who waits for the session that it will never be."""
        if not txaio.is_called(self.joined):
            txaio.reject(self.joined, ConnectionError("the connection was lost before WELCOME"))

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
                return txaio.create_future()
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


def websocket(factory_class, session, command):
    """Makes a factory with exactly one serializer on offer."""
    factory = factory_class(
        lambda: session,
        url=command["url"],
        serializers=[create_transport_serializer(command["serializer"])],
    )
    factory.setProtocolOptions(
        tcpNoDelay=True, openHandshakeTimeout=10, closeHandshakeTimeout=5, failByDrop=False
    )
    return factory


def rawsocket(factory_class, session, command):
    """Makes a factory for the one serializer."""
    serializer = create_transport_serializer(command["serializer"])
    return factory_class(lambda: session, serializer=serializer)


async def answer(connect, session, command):
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


async def serve(connect, read_line):
    """Carries out commands until the input ends, one after the other."""
    session = None
    while line := await read_line():
        try:
            session, result = await answer(connect, session, json.loads(line))
            write({"ok": result})
        except ApplicationError as error:
            write({"error": {"uri": error.error, **payload(error.args, error.kwargs)}})
        except SerializationError as error:
            # What Autobahn makes of an ERROR with this URI.
            write({"error": {"uri": ApplicationError.INVALID_PAYLOAD, **payload(error.args, {})}})
        except Exception as error:
            write({"failed": f"{type(error).__name__}: {error}"})
