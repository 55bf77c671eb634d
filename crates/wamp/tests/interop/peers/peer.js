// What the peers in JavaScript have in common: the language that peer.py describes, and the
// values in it. A client is an object with one function for each command.
"use strict";

const readline = require("node:readline");
const tls = require("node:tls");
const { WebSocket } = require("ws");

// Standard output is for the driver; a client that wants to say more says it elsewhere.
console.log = console.error;

/** The socket that was opened last: neither client tells everything about its connection. */
let latest = null;

/** A WebSocket for clients that bring none; Node has one of its own from version 22 on. */
class Socket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols);
    latest = this;
  }
}

/** Describes the WebSocket connection that was opened last. */
function connection() {
  return {
    serializer: latest.protocol.replace(/^wamp\.2\./, ""),
    transport: "websocket",
    tls: latest._socket instanceof tls.TLSSocket,
  };
}

/** Turns a value into what the driver reads. */
function plain(value) {
  if (typeof value === "bigint") {
    return { $integer: value.toString() };
  }
  // JSON.stringify writes all digits of such a number, as if they were exact.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return Math.abs(value) === 2 ** 53 ? value : { $float: value.toString() };
  }
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value).toString("hex") };
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  if (value === undefined) {
    throw new TypeError("undefined is no value of WAMP");
  }
  return value;
}

/** Turns what the driver wrote back into values, the reverse of `plain`. */
function native(value) {
  if (Array.isArray(value)) {
    return value.map(native);
  }
  if (value !== null && typeof value === "object") {
    if ("$bytes" in value) {
      return Buffer.from(value.$bytes, "hex");
    }
    if ("$integer" in value) {
      return BigInt(value.$integer);
    }
    if ("$float" in value) {
      return Number(value.$float);
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, native(item)]));
  }
  return value;
}

/**
 * Makes JSON.stringify write bytes as WAMP has them in JSON, which neither client does by itself,
 * and round an integer that it would refuse.
 */
function replacer(key, value) {
  // What is in `value` has been through Buffer.prototype.toJSON.
  const original = this[key];
  if (original instanceof Uint8Array) {
    return "\0" + Buffer.from(original).toString("base64");
  }
  return typeof value === "bigint" ? Number(value) : value;
}

/** Makes JSON.parse read bytes: the reverse of `replacer`. */
function reviver(_key, value) {
  return typeof value === "string" && value.startsWith("\0")
    ? Buffer.from(value.slice(1), "base64")
    : value;
}

/** The same values with a number, the nearest, for each BigInt. */
function rounded(value) {
  if (typeof value === "bigint") {
    return Number(value);
  }
  if (Array.isArray(value)) {
    return value.map(rounded);
  }
  if (value !== null && typeof value === "object" && !(value instanceof Uint8Array)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]));
  }
  return value;
}

/** Writes one JSON document as a line of its own. */
function write(document) {
  process.stdout.write(JSON.stringify(document) + "\n");
}

/** Describes a payload as it arrived. */
function payload(args, kwargs) {
  return { args: plain(args ?? []), kwargs: plain(kwargs ?? {}) };
}

/** An error of WAMP: an answer to a command, and what a callee refuses with. */
class WampError extends Error {
  constructor(uri, args, kwargs) {
    super(uri);
    Object.assign(this, { uri, args, kwargs });
  }
}

/** Reports an invocation, and answers it; `refusal` makes the client's own error. */
async function invoked(procedure, behaviour, args, kwargs, refusal) {
  write({ received: "invocation", procedure, ...payload(args, kwargs) });
  switch (behaviour) {
    case "echo":
      return { args: args ?? [], kwargs: kwargs ?? {} };
    case "corrupt":
      return { args: ["not what was sent", ...(args ?? [])], kwargs: kwargs ?? {} };
    case "refuse":
      throw refusal("com.example.refused", args ?? [], kwargs ?? {});
    case "raise":
      throw new Error("the callee failed");
    case "hang":
      return new Promise(() => {});
    default:
      throw new Error(`what is ${behaviour}?`);
  }
}

/** Reports an event. */
function happened(topic, args, kwargs) {
  write({ received: "event", topic, ...payload(args, kwargs) });
}

/** Reports that the session ended, and this side did not ask. */
function closed(reason) {
  write({ received: "close", reason: reason ?? null });
}

/** Carries out commands until the input ends, one after the other. */
async function main(connect) {
  let client = null;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: what, args, kwargs, ...rest } = JSON.parse(line);
    try {
      if (what === "connect") {
        client = await connect(rest);
        write({ ok: client.connection });
      } else {
        const sent = args === undefined ? {} : { args: native(args), kwargs: native(kwargs) };
        write({ ok: await client[what]({ ...rest, ...sent }) });
      }
    } catch (error) {
      if (error instanceof WampError) {
        write({ error: { uri: error.uri, ...payload(error.args, error.kwargs) } });
      } else {
        write({ failed: String(error?.stack ?? JSON.stringify(error)) });
      }
    }
  }
  process.exit(0);
}

module.exports = {
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
};
