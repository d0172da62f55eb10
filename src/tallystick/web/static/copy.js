// A button that copies, on everything that is there to be copied. Without scripts, or where the browser has no
// clipboard for us, it can still be selected.

const SHOWN_MS = 2000;

function addButton(source) {
  const frame = document.createElement("div");
  frame.className = "copied";
  source.replaceWith(frame);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = "Copy"; }, SHOWN_MS);
  });
  frame.append(source, button);
}

if (navigator.clipboard) {
  document.querySelectorAll(".code").forEach(addButton);
}
