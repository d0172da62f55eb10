// The preview follows what is typed, and a colour can be picked as well as typed. Without scripts there is a button.

const WAIT_MS = 350;
const SIX_DIGITS = /^#[0-9a-f]{6}$/i;

const form = document.getElementById("branding");
const frame = document.getElementById("preview");

if (form && frame) {
  const address = new URL(frame.src);
  const accent = form.elements.accent;
  let waiting = 0;

  const show = () => {
    for (const name of ["name", "accent", "support"]) {
      address.searchParams.set(name, form.elements[name].value);
    }
    frame.contentWindow.location.replace(address);
  };

  const picker = document.createElement("input");
  picker.type = "color";
  picker.className = "picker";
  picker.setAttribute("aria-label", "Pick the accent colour");
  picker.value = SIX_DIGITS.test(accent.value) ? accent.value : "#17594a";
  picker.addEventListener("input", () => {
    accent.value = picker.value;
    accent.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const pair = document.createElement("div");
  pair.className = "with-picker";
  accent.replaceWith(pair);
  pair.append(accent, picker);

  form.addEventListener("input", (event) => {
    if (event.target === accent && SIX_DIGITS.test(accent.value)) {
      picker.value = accent.value;
    }
    clearTimeout(waiting);
    waiting = setTimeout(show, WAIT_MS);
  });
  document.getElementById("look-first").remove();
}
