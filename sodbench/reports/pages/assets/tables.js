// Tables that sort, filter, hide columns, and copy as CSV and LaTeX. Without this script they are plain tables.
"use strict";

for (const figure of document.querySelectorAll("figure.table")) {
  enhance(figure);
}

function enhance(figure) {
  const table = figure.querySelector("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.querySelectorAll("tr.labels th")];
  const tools = figure.querySelector(".tools");
  const filter = tools.querySelector("[data-filter]");
  const choices = [...tools.querySelectorAll("[data-choice]")];
  const count = tools.querySelector(".count");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  let order = rows;

  heads.forEach((head, k) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sortBy(k));
  });

  function sortBy(k) {
    const first = heads[k].dataset.sign === "1" ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const now = heads[k].getAttribute("aria-sort");
    const next = now === first ? other : now === other ? null : first;
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    if (next === null) {
      order = rows;
    } else {
      heads[k].setAttribute("aria-sort", next);
      order = [...rows].sort((a, b) => compared(a.cells[k], b.cells[k], next === "ascending" ? 1 : -1));
    }
    body.append(...order);
  }

  function compared(a, b, sign) {
    if (a.classList.contains("text")) {
      return sign * shown(a).localeCompare(shown(b), "en", { numeric: true, sensitivity: "base" });
    }
    const [x, y] = [a, b].map((cell) => parseFloat(cell.dataset.value ?? "NaN"));
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  }

  function narrow() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let kept = 0;
    rows.forEach((row, n) => {
      row.hidden = !(
        words.every((word) => texts[n].includes(word)) &&
        choices.every((choice) => !choice.value || shown(row.cells[choice.dataset.choice]) === choice.value)
      );
      kept += !row.hidden;
    });
    count.textContent = kept < rows.length ? `${kept} of ${rows.length} rows` : "";
  }

  filter.addEventListener("input", narrow);
  choices.forEach((choice) => choice.addEventListener("change", narrow));

  for (const box of tools.querySelectorAll("[data-switch]")) {
    box.addEventListener("change", () => figure.classList.toggle(`with-${box.dataset.switch}`, box.checked));
  }

  const menu = tools.querySelector(".menu");
  heads.forEach((head, k) => {
    if (k === 0) return;
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = !("off" in head.dataset);
    label.append(box, [head.dataset.group, shown(head)].filter(Boolean).join(" "));
    menu.append(label);
    box.addEventListener("change", () => show(k, box.checked));
    if (!box.checked) show(k, false);
  });
  tools.querySelector(".columns").hidden = heads.length < 3;

  function show(k, on) {
    for (const row of [heads[k].parentElement, ...rows]) row.cells[k].hidden = !on;
    let start = 0;
    for (const group of table.querySelectorAll("tr.groups > *")) {
      group.dataset.width ??= group.colSpan;
      const width = Number(group.dataset.width);
      const kept = heads.slice(start, start + width).filter((head) => !head.hidden).length;
      group.hidden = kept === 0;
      group.colSpan = kept || 1;
      start += width;
    }
  }

  for (const button of tools.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const text = (button.dataset.copy === "csv" ? csv : latex)(lines(), notesOf(figure));
      const copied = await copy(text);
      said(button, copied ? "Copied" : "Not copied: select the table by hand");
    });
  }

  // The head and the rows as they are shown now: cells of {text, mark, number}.
  function lines() {
    const kept = heads.map((head, k) => k).filter((k) => !heads[k].hidden);
    const head = kept.map((k) => ({
      text: [heads[k].dataset.group, shown(heads[k])].filter(Boolean).join(" "),
      id: heads[k].dataset.id,
      number: "sign" in heads[k].dataset,
    }));
    const shownRows = order.filter((row) => !row.hidden);
    return [
      head,
      ...shownRows.map((row) =>
        kept.map((k) => ({ text: shown(row.cells[k]), mark: row.cells[k].dataset.mark, extras: extras(row.cells[k]) })),
      ),
    ];
  }

  function extras(cell) {
    return Object.fromEntries(
      [...cell.querySelectorAll("[data-extra]")]
        .filter((extra) => figure.classList.contains(`with-${extra.dataset.extra}`))
        .map((extra) => [extra.dataset.extra, extra.textContent.trim()]),
    );
  }

  tools.hidden = false;
}

function notesOf(figure) {
  return [...figure.querySelectorAll("[data-notes] li")].map((note) => note.textContent);
}

function shown(cell) {
  return (cell.querySelector("b, bdi, span") ?? cell).textContent;
}

// What a cell shows on request becomes a column of its own.
function csv([head, ...rows], notes) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const plain = (text) =>
    text.length > 1 && /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
  const added = head.map((_, k) => [...new Set(rows.flatMap((row) => Object.keys(row[k].extras)))]);
  const line = (cells) => cells.map((text) => quoted(plain(text))).join(",");
  return [
    ...notes.map((note) => `# ${note}`),
    line(head.flatMap(({ id }, k) => [id, ...added[k].map((name) => `${id} ${name}`)])),
    ...rows.map((row) =>
      line(row.flatMap(({ text, extras }, k) => [text === "-" ? "" : text, ...added[k].map((name) => extras[name] ?? "")])),
    ),
    "",
  ].join("\n");
}

function latex([head, ...rows], notes) {
  const letters = JSON.parse(document.getElementById("table-tex").textContent);
  const tex = (text) => [...text].map((letter) => letters[letter] ?? letter).join("");
  const marks = { first: "\\textbf", second: "\\underline", third: "\\textit" };
  const cell = ({ text, mark, extras }) => {
    const number = tex(text).replace(/^-(?=[.\d])/, "$-$");
    return [mark ? `${marks[mark]}{${number}}` : number, ...Object.values(extras).map(tex)].join(" ");
  };
  return [
    ...notes.map((note) => `% ${note}`),
    `\\begin{tabular}{${head.map(({ number }) => (number ? "r" : "l")).join("")}}`,
    "\\toprule",
    `${head.map(({ text }) => tex(text)).join(" & ")} \\\\`,
    "\\midrule",
    ...rows.map((row) => `${row.map(cell).join(" & ")} \\\\`),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

// Pages from a file, or inside a notebook's frame, may have no clipboard: the old way is tried then.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

function said(button, text) {
  button.dataset.label ??= button.textContent;
  button.textContent = text;
  setTimeout(() => (button.textContent = button.dataset.label), 1200);
}
