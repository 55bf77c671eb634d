// What the page does with each serializer. It reports every step to the server that it came from.
"use strict";

const router = new URLSearchParams(location.search).get("router");
const steps = [];

/** Does one step, and remembers how it ended. */
async function step(name, work) {
  try {
    await work();
    steps.push({ name, failure: null });
  } catch (error) {
    steps.push({ name, failure: String(error?.stack ?? JSON.stringify(error)) });
  }
}

function equal(what, got, wanted) {
  const [left, right] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (left !== right) {
    throw new Error(`${what} should be ${right}, but is ${left}`);
  }
}

/** Bytes in JSON, as WAMP has them: Autobahn|JS leaves that to its user. */
function replacer(_key, value) {
  return value instanceof Uint8Array ? "\0" + btoa(String.fromCharCode(...value)) : value;
}

function reviver(_key, value) {
  return typeof value === "string" && value.startsWith("\0")
    ? Uint8Array.from(atob(value.slice(1)), (octet) => octet.charCodeAt(0))
    : value;
}

const { JSONSerializer, MsgpackSerializer, CBORSerializer } = autobahn.serializer;
const SERIALIZERS = [
  new JSONSerializer(replacer, reviver),
  new MsgpackSerializer(),
  new CBORSerializer(),
];

/** Opens a connection; `ended` is resolved with the details of its end. */
function connect(serializer) {
  const connection = new autobahn.Connection({
    realm: "realm1",
    transports: [{ type: "websocket", url: router, serializers: [serializer] }],
    max_retries: 0,
  });
  const ended = new Promise((resolve) => {
    connection.onclose = (reason, details) => resolve({ reason, ...details });
  });
  const opened = new Promise((resolve) => {
    connection.onopen = (session, details) => resolve({ session, details });
  });
  connection.open();
  const failed = ended.then(({ reason }) => Promise.reject(new Error(`not opened: ${reason}`)));
  return { connection, ended, opened: Promise.race([opened, failed]) };
}

async function converse(serializer) {
  const format = serializer.SERIALIZER_ID;
  const named = (name) => `${format}: ${name}`;
  const { connection, ended, opened } = connect(serializer);
  let session;

  await step(named("connect"), async () => {
    const open = await opened;
    session = open.session;
    equal("the protocol", open.details.transport.protocol, `wamp.2.${format}`);
  });
  if (session === undefined) {
    return;
  }

  await step(named("call"), async () => {
    const args = [1, -2.5, "\u{1f980}", true, null, [[]], { a: { b: [] } }];
    const result = await session.call("com.example.echo", args, { only: "keywords" });
    equal("the result", result.args, args);
    equal("the keyword result", result.kwargs, { only: "keywords" });
  });

  await step(named("application error"), async () => {
    const error = await session.call("com.example.refuse", [format]).then(
      () => { throw new Error("the call was answered"); },
      (error) => error,
    );
    equal("the error's URI", error.error, "com.example.refused");
    equal("its arguments", error.args, [format]);
  });

  await step(named("register, and be called"), async () => {
    const procedure = `com.example.page.${format}`;
    const registration = await session.register(procedure, ([left, right]) => left + right);
    equal("the sum", await session.call("com.example.call_back", [procedure, 2, 3]), 5);
    await session.unregister(registration);
    const error = await session.call(procedure).catch((error) => error);
    equal("the error's URI", error.error, "wamp.error.no_such_procedure");
  });

  await step(named("subscribe"), async () => {
    const topic = `com.example.to_page.${format}`;
    let received;
    const event = new Promise((resolve) => (received = resolve));
    const subscription = await session.subscribe(topic, (args, kwargs) => received({ args, kwargs }));
    await session.call("com.example.publish", [topic, "an event"]);
    const { args, kwargs } = await event;
    equal("the event", args, ["an event"]);
    equal("its keyword arguments", kwargs ?? {}, {});
    await session.unsubscribe(subscription);
  });

  await step(named("publish"), async () => {
    const options = { acknowledge: true };
    const publication = await session.publish("com.example.from_page", [format], {}, options);
    equal("the type of the publication's id", typeof publication.id, "number");
  });

  await step(named("binary"), async () => {
    const octets = Uint8Array.from({ length: 256 }, (_, at) => at);
    const reversed = await session.call("com.example.reverse", [octets]);
    if (!(reversed instanceof Uint8Array)) {
      throw new Error(`no bytes: ${JSON.stringify(reversed)}`);
    }
    equal("the octets", [...reversed], [...octets].reverse());
  });

  await step(named("leave"), async () => {
    connection.close();
    equal("the reason", (await ended).reason, "wamp.close.goodbye_and_out");
  });
}

async function main() {
  for (const serializer of SERIALIZERS) {
    await converse(serializer);
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(steps) });
}

main();
