// `GET /?name=bob` is answered with what a greeter says to bob. Where it can't be reached, the
// answer says why, or is the text of `&default=TEXT` if there is one.

import { greet } from "example:greetings/greeter@0.1.0";
import { pause } from "./back-off.js";

addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  const query = new URL(request.url).searchParams;
  const name = query.get("name");
  if (name === null) {
    return text(400, "whom to greet? /?name=bob");
  }
  try {
    return text(200, await greetPatiently(name));
  } catch (thrown) {
    const error = rpcError(thrown);
    // Whoever asked can do without the greeter, whatever is the matter with it.
    const otherwise = query.get("default");
    return otherwise === null ? explain(error) : text(200, otherwise);
  }
}

/** Asks for a greeting, again if that is safe and may help. */
async function greetPatiently(name) {
  for (let attempt = 1; ; attempt++) {
    try {
      return greet(name);
    } catch (thrown) {
      if (!mayPass(rpcError(thrown)) || !(await pause(attempt))) {
        throw thrown;
      }
    }
  }
}

/** The `rpc-error` that an import threw. Anything else is a mistake in here, and goes on. */
function rpcError(thrown) {
  if (thrown?.payload?.tag === undefined) {
    throw thrown;
  }
  return thrown.payload;
}

/** Whether the same call may succeed in a moment and can't have any effect twice. */
function mayPass({ tag, val: { delivery } }) {
  switch (tag) {
    // It takes an operator to add the link, and a developer to mend the interface.
    case "link-denied":
    case "protocol":
      return false;
    // Nobody has run the call. To repeat it after `unknown` or `accepted`, `greet` would have to be
    // idempotent.
    default:
      return delivery === "not-sent";
  }
}

/** Says over HTTP what went wrong. */
function explain({ tag, val: { delivery, message } }) {
  // The message is for the operator, not for whoever asked.
  console.error(`${tag}: ${message}`);
  const why = `${tag}, ${delivery}`;
  switch (tag) {
    case "link-denied":
      return text(403, why);
    case "target-unavailable":
    case "overloaded":
      return text(503, why, { "retry-after": "1" });
    case "timeout":
      return text(504, why);
    case "target-failed":
    case "transport":
    case "protocol":
      return text(502, why);
    // `other`: every case that was added after this component was built, too.
    default:
      return text(500, why);
  }
}

function text(status, line, headers = {}) {
  const type = { "content-type": "text/plain; charset=utf-8" };
  return new Response(`${line}\n`, { status, headers: { ...type, ...headers } });
}
