// Sends requests to /v1 with a secret of a sandbox that is typed in. Which requests there are is read from the OpenAPI document.
// The secret is in the form's field and nowhere else: it is not stored, and the field is empty when the page is left.

const SANDBOX = /^tsk_test_[0-9A-Za-z_]+$/;
const SHOWN_HEADERS = ["content-type", "etag", "idempotent-replay", "ratelimit", "retry-after", "tallystick-version"];

const form = document.getElementById("try");
const part = (name) => document.getElementById(`try-${name}`);

function operationsOf(description) {
  return Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })));
}

// The body of an example, with the fields that have to be there: the others show that there are more.
function exampleBody(operation) {
  const content = operation.requestBody?.content["application/json"];
  if (!content) return null;
  const required = content.schema.required ?? [];
  return Object.fromEntries(Object.entries(content.example).filter(([name]) => required.includes(name)));
}

function field(parameter) {
  const row = document.createElement("p");
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.id = `try-parameter-${parameter.name}`;
  input.name = parameter.name;
  input.dataset.in = parameter.in;
  input.autocomplete = "off";
  input.spellcheck = false;
  input.title = parameter.description;
  input.required = parameter.required;
  if (parameter.name === "Idempotency-Key") input.value = `try-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
  label.htmlFor = input.id;
  label.textContent = parameter.name + (parameter.required ? "" : " (optional)");
  row.append(label, input);
  return row;
}

// What would be sent: address, headers but for the secret, body.
function request(operation) {
  const headers = {};
  const query = new URLSearchParams();
  let path = operation.path;
  for (const input of part("parameters").querySelectorAll("input")) {
    const value = input.value.trim();
    if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(value || `{${input.name}}`));
    else if (value && input.dataset.in === "query") query.set(input.name, value);
    else if (value) headers[input.name] = value;
  }
  const body = operation.requestBody ? part("body").value : null;
  if (body !== null) headers["Content-Type"] = "application/json";
  return { address: path + (query.size ? `?${query}` : ""), headers, body };
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function showCurl(operation) {
  const { address, headers, body } = request(operation);
  const lines = [`curl ${quoted(location.origin + decodeURI(address))}`, `-H "Authorization: Bearer $API_KEY"`];
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== null) lines.push(`-d ${quoted(body.replace(/\s*\n\s*/g, " "))}`);
  if (!["GET", "POST"].includes(operation.method)) lines.push(`-X ${operation.method}`);
  part("curl").textContent = lines.join(" \\\n  ");
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(operation) {
  const secret = part("secret").value.trim();
  if (!SANDBOX.test(secret)) throw new Error("Only the secret of a sandbox is taken here: it begins with tsk_test_.");
  const { address, headers, body } = request(operation);
  const answer = await fetch(address, {
    method: operation.method,
    headers: { ...headers, Authorization: `Bearer ${secret}` },
    body: body ?? undefined,
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  });
  const text = await answer.text();
  const told = SHOWN_HEADERS.filter((name) => answer.headers.has(name)).map((name) => `${name}: ${answer.headers.get(name)}`);
  part("status").textContent = `${answer.status}`;
  part("headers").textContent = told.join("\n");
  part("content").textContent = pretty(text);
  part("answer").hidden = false;
}

async function begin() {
  const answer = await fetch("/v1/openapi.json", { credentials: "omit" });
  const operations = operationsOf(await answer.json());
  const chosen = () => operations[part("endpoint").selectedIndex];
  for (const operation of operations) part("endpoint").add(new Option(`${operation.method} ${operation.path}`));

  const choose = () => {
    const operation = chosen();
    part("summary").textContent = operation.summary;
    const asked = operation.parameters.filter((one) => one.name !== "Tallystick-Version");
    part("parameters").replaceChildren(...asked.map(field));
    part("with-body").hidden = !operation.requestBody;
    part("body").value = JSON.stringify(exampleBody(operation), null, 2);
    part("answer").hidden = true;
    part("problem").textContent = "";
    showCurl(operation);
  };
  part("endpoint").addEventListener("change", choose);
  form.addEventListener("input", () => showCurl(chosen()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    part("problem").textContent = "";
    try {
      await send(chosen());
    } catch (error) {
      part("problem").textContent = error.message;
    }
  });
  choose();
  form.hidden = false;
}

if (form) begin();
