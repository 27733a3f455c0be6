// A call as a command that repeats it. The images come from the page's own address, so that commands stay short.

const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const quoteInPython = (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f");

// A service that listens on all addresses is where the page came from.
function addresses() {
  const port = service ? service.grpc_endpoint.replace(/^.*:/, "") : location.port;
  return { grpc: `${location.hostname}:${port}`, rest: location.origin, isTls: location.protocol === "https:" };
}

// What tests and faults go by; the rest is the client's own business.
const sentAlong = (call) => Object.entries(call.metadata).filter(([name]) => ["x-test-id", "x-fault"].includes(name));

const commands = {
  curl(call) {
    const { rest } = addresses();
    if (call.rest.verb === "GET") return `curl -sS ${key(" ")}${headers(call)}${quote(`${rest}${call.rest.path}`)}\n`;
    return [
      `curl -sSf ${key(" ")}${quote(`${rest}/_vision/requests/${call.id}/request`)} |`,
      `  curl -sS ${key(" ")}-H 'Content-Type: application/json' ${headers(call)}--data-binary @- ${quote(`${rest}${call.rest.path}`)}`,
    ].join("\n");
  },
  grpcurl(call) {
    const { grpc, rest, isTls } = addresses();
    return [
      `curl -sSf ${key(" ")}${quote(`${rest}/_vision/requests/${call.id}/request`)} |`,
      `  grpcurl ${isTls ? "" : "-plaintext "}-max-msg-sz 16777216 ${key(" ")}${headers(call)}-d @ ${quote(grpc)} ${quote(call.method.slice(1))}`,
    ].join("\n");
  },
  Python(call) {
    const { grpc, rest, isTls } = addresses();
    const url = quoteInPython(`${rest}/_vision/requests/${call.id}/request`);
    const metadata = sentAlong(call).map(([name, value]) => `${quoteInPython(name)}: ${quoteInPython(value)}`).join(", ");
    const connection = `${quoteInPython(grpc)}${isTls ? "" : ", insecure=True"}${metadata && `, metadata={${metadata}}`}`;
    return [
      ...(authorization ? ["import os"] : []),
      "import urllib.request",
      "",
      "from vision_grpc import VisionClient, from_json, messages",
      ...(authorization ? ["from vision_grpc.auth import ApiKey"] : []),
      "",
      ...(authorization
        ? ['key = os.environ["YC_API_KEY"]', `asked = urllib.request.Request(${url}, headers={"Authorization": f"Api-Key {key}"})`]
        : [`asked = ${url}`]),
      `request = from_json(urllib.request.urlopen(asked).read(), messages.${isOcr(call) ? "RecognizeTextRequest" : "BatchAnalyzeRequest"})`,
      `with VisionClient(${connection}${isOcr(call) ? ', api="ocr/v1"' : ""}${authorization ? ", credentials=ApiKey(key)" : ""}) as client:`,
      isOcr(call)
        ? "    print(client.analyze(request.content, languages=[*request.language_codes] or [\"*\"], model=request.model).raw)"
        : "    print(client.batch_analyze(request))",
      "",
    ].join("\n");
  },
};

const isOcr = (call) => call.method.includes(".ocr.");

// Our client has calls for files, and asks about operations by itself.
const commandsOf = (call) => Object.keys(commands).filter((kind) => kind !== "Python" || call.files.length);

// Never the key itself: commands end up in histories and tickets.
const key = (end) => (authorization ? `-H "Authorization: Api-Key $YC_API_KEY"${end}` : "");
const headers = (call) => sentAlong(call).map(([name, value]) => `-H ${quote(`${name}: ${value}`)} `).join("");

async function copyAs(kind, call) {
  if (!call.kept) return say("The request is not remembered any more", true);
  await copyText(commands[kind](call), `Copied as ${kind}`);
}

async function copyText(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
  } catch {
    byId("copying-text").value = text;
    byId("copying").showModal();
    byId("copying-text").select();
  }
}
