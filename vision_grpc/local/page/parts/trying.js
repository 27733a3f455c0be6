// An image of the user's own, sent as any client sends it.

const MOST_IMAGES = 8;
// No request may be as long, and a browser would be busy with longer ones.
const MOST_FILE_BYTES = 100e6;
const trying = { files: [] };

function showTrying(files = trying.files) {
  chooseFiles(files);
  fillChoices();
  if (!byId("trying").open) byId("trying").showModal();
  (trying.files.length ? byId("read") : byId("file")).focus();
}

function fillChoices() {
  const saved = remembered();
  const boxes = byId("language-choices");
  const name = new Intl.DisplayNames("en", { type: "language", fallback: "code" });
  // An engine that does not say what it reads is asked for the usual.
  const known = service?.languages?.length ? service.languages : ["en", "ru"];
  boxes.replaceChildren(...["*", ...known].map((code) => make("label", {},
    make("input", { type: "checkbox", value: code, checked: saved.languages.includes(code), onchange: keepOneKind }),
    code === "*" ? " All" : ` ${name.of(code)}`, code === "*" ? "" : make("code", {}, ` ${code}`))));
  if (!boxes.querySelector(":checked")) boxes.querySelector("input").checked = true;
  const model = byId("model");
  model.replaceChildren(...(service?.models ?? ["page"]).map((each) => make("option", { selected: each === saved.model }, each)));
}

// `*` stands for all languages, and is sent alone.
function keepOneKind(event) {
  const boxes = [...byId("language-choices").querySelectorAll("input")];
  if (event.target.checked) for (const box of boxes) if ((box.value === "*") !== (event.target.value === "*")) box.checked = false;
  if (!boxes.some((box) => box.checked)) boxes[0].checked = true;
}

function remembered() {
  try {
    const { languages, model } = JSON.parse(stored("localStorage", "trying"));
    return { languages: languages.map(String), model: String(model) };
  } catch {
    return { languages: ["*"], model: "page" };
  }
}

function chooseFiles(files) {
  trying.files = [...files].slice(0, MOST_IMAGES);
  if (files.length > MOST_IMAGES) say(`A call takes ${MOST_IMAGES} images; the first ${MOST_IMAGES} are chosen`, true);
  const names = trying.files.map((file) => file.name || "pasted image");
  byId("chosen").replaceChildren(...(names.length
    ? names.flatMap((name, at) => [at ? ", " : "", make("bdi", {}, name)])
    : ["Choose JPEG or PNG files, drop them anywhere on the page, or paste one"]));
  byId("drop").toggleAttribute("data-full", names.length > 0);
  byId("read").disabled = !names.length;
}

function takeFiles(files) {
  if (!files.length) return;
  if (byId("trying").open) return chooseFiles(files);
  chooseFiles(files);
  fillChoices();
  read();
}

async function fetchAgain(call) {
  const response = await ask(`/_vision/requests/${encodeURIComponent(call.id)}/images/${shown.image}`);
  const content = await response.blob();
  return new File([content], `image ${shown.image + 1} of ${call.id.slice(0, 8)}`, { type: content.type });
}

async function read() {
  const languages = [...byId("language-choices").querySelectorAll(":checked")].map((box) => box.value);
  const model = byId("model").value;
  const files = trying.files;
  store("localStorage", "trying", JSON.stringify({ languages, model }));
  byId("trying").close();
  chooseFiles([]);
  byId("file").value = "";
  say(`Reading ${counted(files.length, "image")}`);
  try {
    const config = { languageCodes: languages, ...(model === "page" ? {} : { model }) };
    const specs = await Promise.all(files.map(async (file) => ({
      content: await base64(file), features: [{ type: "TEXT_DETECTION", textDetectionConfig: config }],
    })));
    const response = await ask(service.rest_path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ analyzeSpecs: specs }),
    });
    const answer = await response.json();
    const words = (answer.results ?? []).flatMap((result) => result.results ?? []).flatMap((feature) => feature.textDetection?.pages ?? [])
      .flatMap((page) => page.blocks ?? []).flatMap((block) => block.lines ?? []).reduce((sum, line) => sum + (line.words?.length ?? 0), 0);
    const failed = (answer.results ?? []).filter((result) => result.error).length;
    say([words || !failed ? `Read ${counted(words, "word")}` : "", failed ? `${counted(failed, "image")} failed` : ""].filter(Boolean).join("; "), failed > 0);
    if (service.memory.most_calls) go({ call: response.headers.get("x-request-id"), image: 0, tab: "images" });
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException)) throw error;
    say(error instanceof Refusal ? error.message : "The answer did not come: a fault, or a service that has gone", true);
    if (error.requestId && service.memory.most_calls) go({ call: error.requestId, image: 0, tab: "images" });
  }
}

const base64 = (file) => new Promise((done, failed) => {
  const refuse = (problem) => failed(new Refusal(`${file.name || "The pasted image"}: ${problem}`));
  if (file.size > MOST_FILE_BYTES) return refuse(`${sized(file.size)} are more than a request may have`);
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => refuse("this cannot be read; is it a folder?");
  reader.readAsDataURL(file);
});

const filesOf = (transfer) => [...(transfer?.files ?? [])];
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  byId("veil").hidden = false;
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) byId("veil").hidden = true;
});
addEventListener("drop", (event) => {
  byId("veil").hidden = true;
  if (!hasFiles(event)) return;
  event.preventDefault();
  takeFiles(filesOf(event.dataTransfer));
});
addEventListener("paste", (event) => {
  const files = filesOf(event.clipboardData);
  if (!files.length) return;
  event.preventDefault();
  takeFiles(files);
});
