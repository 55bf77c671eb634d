// Autobahn|JS as a peer of the interoperation tests.
"use strict";

const {
  Socket,
  WampError,
  closed,
  connection,
  happened,
  invoked,
  main,
  payload,
  replacer,
  reviver,
  rounded,
} = require("./peer.js");

globalThis.WebSocket = Socket;
const autobahn = require("autobahn");

const SERIALIZERS = {
  json: () => new autobahn.serializer.JSONSerializer(replacer, reviver),
  msgpack: () => new autobahn.serializer.MsgpackSerializer(),
  cbor: () => new autobahn.serializer.CBORSerializer(),
};

/** What a session waits for, as it says it: an error of WAMP, or anything. */
async function answered(promise) {
  try {
    return await promise;
  } catch (error) {
    throw error instanceof autobahn.Error
      ? new WampError(error.error, error.args, error.kwargs)
      : error;
  }
}

class Client {
  registrations = new Map();
  subscriptions = new Map();

  constructor(session, connection, ended) {
    this.session = session;
    this.connection = connection;
    this.ended = ended;
  }

  async register({ procedure, as }) {
    const refusal = (uri, args, kwargs) => new autobahn.Error(uri, args, kwargs);
    const endpoint = async (args, kwargs) => {
      const reply = await invoked(procedure, as, args, kwargs, refusal);
      return new autobahn.Result(reply.args, reply.kwargs);
    };
    this.registrations.set(procedure, await answered(this.session.register(procedure, endpoint)));
    return {};
  }

  async unregister({ procedure }) {
    await answered(this.session.unregister(this.registrations.get(procedure)));
    return {};
  }

  async call({ procedure, args, kwargs }) {
    const result = await answered(
      this.session.call(procedure, this.sendable(args), this.sendable(kwargs)),
    );
    if (result instanceof autobahn.Result) {
      return payload(result.args, result.kwargs);
    }
    // One value is handed over bare, and none as null.
    return payload(result === null ? [] : [result], {});
  }

  async subscribe({ topic }) {
    const handler = (args, kwargs) => happened(topic, args, kwargs);
    this.subscriptions.set(topic, await answered(this.session.subscribe(topic, handler)));
    return {};
  }

  async unsubscribe({ topic }) {
    await answered(this.session.unsubscribe(this.subscriptions.get(topic)));
    return {};
  }

  async publish({ topic, args, kwargs }) {
    const publication = await answered(
      this.session.publish(topic, this.sendable(args), this.sendable(kwargs), {
        acknowledge: true,
      }),
    );
    return { acknowledged: publication.id > 0 };
  }

  /** What the client can send of these values. */
  sendable(values) {
    const { serializer, transport } = this.connection;
    if (transport === "rawsocket") {
      // Its format is JSON, and takes no replacer.
      return JSON.parse(JSON.stringify(values, replacer));
    }
    // msgpack5 throws on a BigInt, and leaves the program with a promise that nobody holds.
    return serializer === "msgpack" ? rounded(values) : values;
  }

  async leave() {
    this.leaving = true;
    this.session.leave();
    return { reason: (await this.ended).reason };
  }
}

function transport({ url, serializer }) {
  const { protocol, hostname, port, pathname } = new URL(url);
  switch (protocol) {
    case "ws:":
    case "wss:":
      return { type: "websocket", url, serializers: [SERIALIZERS[serializer]()] };
    case "rs:":
      return { type: "rawsocket", host: hostname, port: Number(port) };
    case "unix:":
      return { type: "rawsocket", path: pathname };
    default:
      throw new Error(`Autobahn|JS has no transport for ${url}`);
  }
}

function connect({ url, realm, serializer, authid, ticket }) {
  const credentials = ticket === undefined
    ? {}
    : { authid, authmethods: ["ticket"], onchallenge: () => ticket };
  const opening = new autobahn.Connection({
    realm,
    transports: [transport({ url, serializer })],
    max_retries: 0,
    use_es6_promises: true,
    on_user_error: () => {},
    ...credentials,
  });
  return new Promise((resolve, reject) => {
    let client = null;
    let end;
    const ended = new Promise((resolve) => (end = resolve));
    opening.onopen = (session, details) => {
      const isWebSocket = details.transport.type === "websocket";
      client = new Client(
        session,
        isWebSocket ? connection() : { serializer: "json", transport: "rawsocket", tls: false },
        ended,
      );
      resolve(client);
    };
    opening.onclose = (kind, details) => {
      end(details);
      if (client === null) {
        reject(details.reason ? new WampError(details.reason, [], {}) : new Error(kind));
      } else if (!client.leaving) {
        closed(details.reason);
      }
      return true;
    };
    opening.open();
  });
}

main(connect);
