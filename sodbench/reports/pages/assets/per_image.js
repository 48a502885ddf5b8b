// The table of all images: its rows are made of compact columns, a hundred at a time. After tables.js.
"use strict";

const PART = 100;

for (const figure of document.querySelectorAll("figure.paged")) {
  pageTable(figure, JSON.parse(document.getElementById("per-image").textContent));
}

function pageTable(figure, data) {
  const body = figure.querySelector("tbody");
  const heads = [...figure.querySelectorAll("tr.labels th")];
  const [tools, parts] = figure.querySelectorAll(".tools");
  const filter = tools.querySelector("[data-filter]");
  const choice = tools.querySelector("[data-dataset]");
  const count = tools.querySelector(".count");
  const scroll = figure.querySelector(".scroll");
  const total = data.images.length;
  const notes = new Array(total).fill("");
  data.notes.rows.forEach((row, k) => (notes[row] = data.notes.texts[data.notes.of[k]]));
  const dataset = (row) => data.datasets[data.dataset[row] ?? 0];
  const several = data.datasets.length > 1;
  const items = new Map();
  for (const item of document.querySelectorAll(".gallery article")) {
    items.set(JSON.stringify([item.dataset.dataset, item.dataset.image]), item.id);
  }
  const unpacked = new Map();
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  let metric = data.metrics[0];
  let sorted = null;
  let order = Array.from({ length: total }, (_, row) => row);
  let kept = order;
  let start = 0;

  // A column's whole numbers as a typed array, and what stands in it for nothing.
  function column(packed) {
    if (!unpacked.has(packed)) {
      const letters = atob(packed.data);
      const bytes = new Uint8Array(letters.length);
      for (let k = 0; k < letters.length; k += 1) bytes[k] = letters.charCodeAt(k);
      const small = packed.type === "i2";
      const numbers = small ? new Int16Array(bytes.buffer) : new Int32Array(bytes.buffer);
      unpacked.set(packed, { numbers, nothing: -(2 ** (small ? 15 : 31)) });
    }
    return unpacked.get(packed);
  }

  const shownValue = ({ numbers, nothing }, row) =>
    numbers[row] === nothing ? "-" : (numbers[row] / 10 ** metric.decimals).toFixed(metric.decimals);

  // What a column holds of a row: text, or a number.
  function columns() {
    return [
      { text: (row) => data.images[row] },
      ...(several ? [{ text: dataset }] : []),
      ...metric.values.map((packed) => ({ ...column(packed), best: metric.sign })),
      ...(metric.spread ? [column(metric.spread)] : []),
      { text: (row) => notes[row] },
    ];
  }

  function arrange() {
    order = Array.from({ length: total }, (_, row) => row);
    if (sorted) {
      const { numbers, nothing, text } = columns()[sorted.k];
      const sign = sorted.way === "ascending" ? 1 : -1;
      order.sort((a, b) => {
        if (!numbers) return sign * collator.compare(text(a), text(b));
        const [x, y] = [numbers[a], numbers[b]];
        if (x === nothing || y === nothing) return (x === nothing) - (y === nothing);
        return sign * (x - y);
      });
    }
    narrow();
  }

  function narrow() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = choice?.value ? Number(choice.value) : null;
    kept = order.filter((row) => {
      if (chosen !== null && data.dataset[row] !== chosen) return false;
      if (!words.length) return true;
      const text = `${data.images[row]} ${several ? dataset(row) : ""} ${notes[row]}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    start = 0;
    draw();
  }

  function draw() {
    const now = columns();
    body.replaceChildren(...kept.slice(start, start + PART).map((row) => line(row, now)));
    const end = Math.min(start + PART, kept.length);
    const which = kept.length ? `${(start + 1).toLocaleString("en")}–${end.toLocaleString("en")} of ` : "";
    count.textContent = `${which}${kept.length.toLocaleString("en")} ${kept.length === 1 ? "image" : "images"}`;
    parts.querySelector("[data-part='-1']").disabled = start === 0;
    parts.querySelector("[data-part='1']").disabled = end >= kept.length;
    parts.hidden = kept.length <= PART;
    scroll.scrollTop = 0;
  }

  function line(row, now) {
    const known = now
      .filter(({ best, numbers, nothing }) => best && numbers[row] !== nothing)
      .map(({ numbers }) => metric.sign * numbers[row]);
    const spread = now.find(({ best, numbers }) => numbers && !best);
    const alike = spread && spread.numbers[row] !== spread.nothing; // scores made differently have no spread
    const top = alike && new Set(known).size > 1 ? Math.max(...known) : null;
    const made = document.createElement("tr");
    now.forEach((each, k) => {
      const { text, numbers, nothing, best } = each;
      const cell = document.createElement(k === 0 ? "th" : "td");
      if (k === 0) cell.scope = "row";
      if (numbers) {
        const first = best && numbers[row] !== nothing && metric.sign * numbers[row] === top;
        const value = document.createElement(first ? "b" : "span");
        value.textContent = shownValue(each, row);
        if (first) {
          value.title = "best";
          cell.dataset.mark = "first";
        }
        cell.append(value);
      } else {
        cell.className = "text";
        const name = document.createElement("bdi");
        name.textContent = text(row);
        const item = k === 0 && items.get(JSON.stringify([dataset(row), text(row)]));
        if (item) {
          const link = document.createElement("a");
          link.href = `#${item}`;
          link.append(name);
          cell.append(link);
        } else {
          cell.append(name);
        }
      }
      made.append(cell);
    });
    return made;
  }

  heads.forEach((head, k) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = columns()[k].best === 1 || head.dataset.id === "spread" ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const next = now === first ? other : now === other ? null : first;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      if (next) head.setAttribute("aria-sort", next);
      sorted = next && { k, way: next };
      arrange();
    });
  });

  filter.addEventListener("input", narrow);
  choice?.addEventListener("change", narrow);
  tools.querySelector("[data-metric]").addEventListener("change", (event) => {
    metric = data.metrics[event.target.value];
    if (sorted && columns()[sorted.k].numbers) arrange();
    else draw();
  });
  for (const button of parts.querySelectorAll("[data-part]")) {
    button.addEventListener("click", () => {
      start += PART * Number(button.dataset.part);
      draw();
      scroll.focus();
    });
  }
  tools.querySelector("[data-copy]").addEventListener("click", async (event) => {
    const now = columns();
    const head = heads.map((each, k) => ({ id: now[k].best ? `${each.dataset.id} ${metric.id}` : each.dataset.id }));
    const cell = (row) => (each) => ({ text: each.numbers ? shownValue(each, row) : each.text(row), extras: {} });
    const button = event.currentTarget;
    const copied = await copy(csv([head, ...kept.map((row) => now.map(cell(row)))], notesOf(figure)));
    said(button, copied ? "Copied" : "Not copied");
  });

  const fallback = figure.querySelector(".fallback");
  if (fallback) fallback.hidden = true;
  tools.hidden = false;
  draw();
}
