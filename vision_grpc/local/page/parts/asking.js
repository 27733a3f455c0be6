// What the service is asked, and the stream of events. `fetch` reads the stream too: an EventSource could send no key.

const LONGEST_WAIT_MS = 5000;
const LOST = "no connection, trying again";
let service = null; // The state, as the service says it.
let authorization = stored("sessionStorage", "authorization");

class Refusal extends Error {}

async function ask(path, options = {}) {
  const headers = { ...(authorization ? { Authorization: authorization } : {}), ...options.headers };
  const response = await fetch(path, { cache: "no-store", ...options, headers });
  if (response.status === 401) askForKey();
  if (response.ok) return response;
  const text = await response.text();
  let message = text.slice(0, 500);
  try {
    message = JSON.parse(text).message ?? message;
  } catch {
    // It is no JSON, such as what a fault sends in place of an answer.
  }
  const refusal = new Refusal(message || `HTTP ${response.status}`);
  refusal.requestId = response.headers.get("x-request-id");
  throw refusal;
}

const askJson = async (path, options) => (await ask(path, options)).json();

function askForKey() {
  const dialog = byId("key");
  byId("key-problem").hidden = !authorization;
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
}

// Browsers let a second Esc close any dialog; there is nothing to see without a key.
byId("key").addEventListener("close", () => byId("key").returnValue || askForKey());

function takeKey(event) {
  event.preventDefault();
  const text = byId("key-text").value.trim();
  byId("key-text").value = "";
  // No key has other characters, and no header can.
  byId("key-problem").hidden = /^[\x21-\x7e ]+$/.test(text);
  if (!byId("key-problem").hidden) return;
  authorization = /^(Bearer|Api-Key) /i.test(text) ? text : `${text.startsWith("t1.") ? "Bearer" : "Api-Key"} ${text}`;
  store("sessionStorage", "authorization", authorization);
  byId("key").returnValue = "taken";
  byId("key").close();
  connect.now();
}

// Yields the events of a stream of server-sent events.
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const event = { name: "message", data: "" };
      for (const line of part.split("\n")) {
        if (line.startsWith("event: ")) event.name = line.slice(7);
        if (line.startsWith("data: ")) event.data += line.slice(6);
      }
      if (event.data) yield event;
    }
  }
}

function showConnection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection-text").textContent = text;
}

// Follows the service for as long as the page is open, and says when it is gone and when it is back.
const connect = {
  now: () => {},
  async follow(take) {
    let wait = 250, isLost = false;
    for (;;) {
      let reason = LOST;
      try {
        const response = await ask("/_vision/events");
        showConnection("live", "live");
        if (isLost) say("The service is back");
        isLost = false;
        wait = 250;
        for await (const event of eventsOf(response)) take(event.name, JSON.parse(event.data));
      } catch (error) {
        if (error instanceof Refusal && byId("key").open) {
          showConnection("waiting", "needs a key");
          await new Promise((done) => { connect.now = done; });
          continue;
        }
        if (!(error instanceof Refusal || error instanceof TypeError || error.name === "AbortError")) throw error;
        if (error instanceof Refusal) reason = error.message;
      }
      if (!isLost) say(reason === LOST ? "The service does not answer; trying again" : reason, true);
      isLost = true;
      showConnection("lost", reason);
      await new Promise((done) => {
        connect.now = done;
        setTimeout(done, wait);
      });
      wait = Math.min(wait * 1.6, LONGEST_WAIT_MS);
    }
  },
};
