// wampy.js as a peer of the interoperation tests.
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
} = require("./peer.js");
const { Wampy, Errors } = require("wampy");
const { JsonSerializer } = require("wampy/JsonSerializer.js");
const { MsgpackSerializer } = require("wampy/MsgpackSerializer.js");
const { CborSerializer } = require("wampy/CborSerializer.js");

/** The one of wampy.js takes no replacer. */
class JsonWithBytes extends JsonSerializer {
  encode(data) {
    return JSON.stringify(data, replacer);
  }

  decode(data) {
    return JSON.parse(data, reviver);
  }
}

/** By default cbor-x puts tag 64 before a Uint8Array, which is something tagged to Python then. */
class CborWithoutTag extends CborSerializer {
  constructor() {
    super({
      useRecords: false,
      mapsAsObjects: true,
      int64AsNumber: true,
      largeBigIntToFloat: true,
      tagUint8Array: false,
    });
  }
}

const SERIALIZERS = { json: JsonWithBytes, msgpack: MsgpackSerializer, cbor: CborWithoutTag };
const GOODBYE = 6;

/** What a session waits for, as it says it: an error of WAMP, or anything. */
async function answered(promise) {
  try {
    return await promise;
  } catch (error) {
    throw error instanceof Errors.WampError || error instanceof Errors.AbortError
      ? new WampError(error.errorUri, error.argsList, error.argsDict)
      : error;
  }
}

class Client {
  subscriptions = new Map();

  constructor(wampy, connection, goodbye) {
    this.wampy = wampy;
    this.connection = connection;
    this.goodbye = goodbye;
  }

  async register({ procedure, as }) {
    const refusal = (error, argsList, argsDict) => ({ error, argsList, argsDict });
    await answered(
      this.wampy.register(procedure, async ({ argsList, argsDict }) => {
        const reply = await invoked(procedure, as, argsList, argsDict, refusal);
        return { argsList: reply.args, argsDict: reply.kwargs };
      }),
    );
    return {};
  }

  async unregister({ procedure }) {
    await answered(this.wampy.unregister(procedure));
    return {};
  }

  async call({ procedure, args, kwargs }) {
    const result = await answered(
      this.wampy.call(procedure, { argsList: args, argsDict: kwargs }),
    );
    return payload(result.argsList, result.argsDict);
  }

  async subscribe({ topic }) {
    const handler = ({ argsList, argsDict }) => happened(topic, argsList, argsDict);
    const { subscriptionKey } = await answered(this.wampy.subscribe(topic, handler));
    this.subscriptions.set(topic, subscriptionKey);
    return {};
  }

  async unsubscribe({ topic }) {
    await answered(this.wampy.unsubscribe(this.subscriptions.get(topic)));
    return {};
  }

  async publish({ topic, args, kwargs }) {
    const { publicationId } = await answered(
      this.wampy.publish(topic, { argsList: args, argsDict: kwargs }),
    );
    return { acknowledged: publicationId > 0 };
  }

  async leave() {
    this.leaving = true;
    await this.wampy.disconnect();
    return { reason: this.goodbye.reason };
  }
}

async function connect({ url, realm, serializer, authid, ticket }) {
  const goodbye = { reason: null };
  // wampy.js does not tell the reason of the router's GOODBYE.
  class Watching extends SERIALIZERS[serializer] {
    decode(data) {
      const message = super.decode(data);
      if (message[0] === GOODBYE) {
        goodbye.reason = message[2];
      }
      return message;
    }
  }
  const credentials = ticket === undefined
    ? {}
    : { authid, authmethods: ["ticket"], onChallenge: () => ticket };
  let client = null;
  const wampy = new Wampy(url, {
    realm,
    ws: Socket,
    serializer: new Watching(),
    autoReconnect: false,
    onClose: () => client !== null && !client.leaving && closed(goodbye.reason),
    ...credentials,
  });
  await answered(wampy.connect());
  client = new Client(wampy, connection(), goodbye);
  return client;
}

main(connect);
