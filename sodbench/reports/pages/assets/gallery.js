// Pictures of the gallery enlarge, and flip in place to their neighbours.
"use strict";

for (const gallery of document.querySelectorAll(".gallery")) {
  if (gallery.querySelector(".pictures img")) enlargeable(gallery);
}

function enlargeable(gallery) {
  const rows = [...gallery.querySelectorAll(".pictures")].map((list) => [...list.children]);
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.setAttribute("aria-labelledby", "enlarged-name");
  dialog.innerHTML = `
    <div class="tools">
      <h2 id="enlarged-name" tabindex="-1"></h2>
      <button type="button" data-step="-1">Previous</button>
      <button type="button" data-step="1">Next</button>
      <button type="button" data-flip aria-pressed="false">Errors</button>
      <button type="button" data-close>Close</button>
    </div>
    <div class="stage"></div>
    <p role="status"></p>`;
  document.body.append(dialog);
  const [title, stage, status] = ["h2", ".stage", "[role=status]"].map((name) => dialog.querySelector(name));
  const flip = dialog.querySelector("[data-flip]");
  let [row, column, flipped] = [0, 0, false];

  rows.forEach((cells, r) => {
    cells.forEach((cell, c) => {
      const pictures = [...cell.querySelectorAll("img, .absent")];
      const button = document.createElement("button");
      button.type = "button";
      button.className = "picture";
      button.tabIndex = c === 0 ? 0 : -1;
      pictures[0].before(button);
      button.append(...pictures);
      button.addEventListener("click", () => open(r, c));
      button.addEventListener("keydown", (event) => {
        const next = { ArrowLeft: c - 1, ArrowRight: c + 1, Home: 0, End: cells.length - 1 }[event.key];
        if (next === undefined) return;
        event.preventDefault();
        focusOn(r, next);
      });
    });
  });

  function focusOn(r, c) {
    const buttons = rows[r].map((cell) => cell.querySelector("button.picture"));
    if (!buttons[c]) return;
    buttons.forEach((button, k) => (button.tabIndex = k === c ? 0 : -1));
    buttons[c].focus();
  }

  function open(r, c) {
    flipped = gallery.querySelector("[value=errors]").checked;
    show(r, c);
    dialog.showModal();
    title.focus();
  }

  function show(r, c) {
    if (!rows[r]?.[c]) return;
    [row, column] = [r, c];
    const cell = rows[r][c];
    const kind = flipped ? ".errors" : ".maps";
    const picture = cell.querySelector(`${kind}, img:not(.maps, .errors), .absent`);
    const large = picture.cloneNode(true);
    large.removeAttribute("loading");
    large.removeAttribute("style");
    if (picture.width) large.style.maxWidth = `${6 * picture.getAttribute("width")}px`;
    stage.replaceChildren(large);
    const image = cell.closest("article");
    const caption = cell.querySelector(".caption").textContent.trim().replace(/\s+/g, " ");
    title.textContent = `${image.dataset.image}: ${caption}`;
    status.textContent = `${picture.alt ?? ""} (${c + 1} of ${rows[r].length})`;
    flip.setAttribute("aria-pressed", String(flipped));
    dialog.querySelector("[data-step='-1']").setAttribute("aria-disabled", String(c === 0));
    dialog.querySelector("[data-step='1']").setAttribute("aria-disabled", String(c === rows[r].length - 1));
  }

  for (const button of dialog.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => show(row, column + Number(button.dataset.step)));
  }
  flip.addEventListener("click", () => {
    flipped = !flipped;
    show(row, column);
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => focusOn(row, column));
  dialog.addEventListener("keydown", (event) => {
    const [down, right] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key] ?? [];
    if (down === undefined) return;
    event.preventDefault();
    show(row + down, column + right);
  });
  gallery.querySelector(".keys").hidden = false;
}
