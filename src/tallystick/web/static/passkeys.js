// Passkeys. A part of a form says in data-passkey what to ask the browser for; the answer goes into the form's hidden
// field, and the form is sent as any other. Without this script, or without passkeys, the password does it all.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const named = (descriptors = []) => descriptors.map((one) => ({ ...one, id: bytes(one.id) }));

function asked(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  if (options.user) {
    publicKey.user = { ...options.user, id: bytes(options.user.id) };
    publicKey.excludeCredentials = named(options.excludeCredentials);
  } else {
    publicKey.allowCredentials = named(options.allowCredentials);
  }
  return publicKey;
}

function answered(credential) {
  const { response } = credential;
  const said = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) said[name] = text(response[name]);
  }
  if (response.getTransports) said.transports = response.getTransports();
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: said });
}

function offer(part) {
  const form = part.closest("form");
  const field = part.querySelector("input");
  const button = part.querySelector("button");
  const problem = part.querySelector("[role=alert]");
  const publicKey = asked(JSON.parse(part.dataset.passkey));
  const makesOne = "user" in publicKey;
  let waiting = null;

  const send = (credential) => {
    field.value = answered(credential);
    button.disabled = true;
    form.submit();
  };

  const whileTyping = async () => {
    waiting = new AbortController();
    const { signal } = waiting;
    try {
      const credential = await navigator.credentials.get({ publicKey, mediation: "conditional", signal });
      if (credential) send(credential);
    } catch {
      // the button was clicked instead, or the browser would rather not: the form is still there
    }
  };

  button.addEventListener("click", async () => {
    waiting?.abort();
    problem.hidden = true;
    if (makesOne && !form.reportValidity()) return;
    try {
      const credential = await (makesOne
        ? navigator.credentials.create({ publicKey })
        : navigator.credentials.get({ publicKey }));
      send(credential);
    } catch (error) {
      problem.textContent = error.name === "InvalidStateError" ? part.dataset.known : part.dataset.failed;
      problem.hidden = false;
    }
  });

  part.hidden = false;
  const refused = document.querySelector('#problems a[href="#passkey"]');
  if (form.querySelector("[autocomplete~=webauthn]") && !refused) {
    PublicKeyCredential.isConditionalMediationAvailable?.().then((available) => available && whileTyping());
  }
}

if (window.PublicKeyCredential) {
  document.querySelectorAll("[data-passkey]").forEach(offer);
}
