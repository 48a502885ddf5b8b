// The choice of one metric: it hides the columns of all others, by the boxes of the table's menu of columns.
"use strict";

for (const figure of document.querySelectorAll("figure.table")) {
  const metrics = JSON.parse(document.getElementById("site-metrics").textContent);
  const heads = [...figure.querySelectorAll("tr.labels th")];
  const boxes = [...figure.querySelectorAll(".menu input")];
  const metricOf = (head) => Object.keys(metrics).find((id) => head.dataset.id === id || head.dataset.id.endsWith(` ${id}`));
  const there = [...new Set(heads.map(metricOf).filter(Boolean))];
  if (there.length < 2) continue;
  const choice = document.createElement("select");
  choice.dataset.metric = "";
  choice.append(new Option("all", ""), ...there.map((id) => new Option(metrics[id], id)));
  const label = document.createElement("label");
  label.append("Metric ", choice);
  figure.querySelector(".tools .columns").before(label);
  choice.addEventListener("change", () => {
    heads.forEach((head, k) => {
      const id = metricOf(head);
      if (!id) return;
      const box = boxes[k - 1];
      const on = !choice.value || id === choice.value;
      if (box.checked === on) return;
      box.checked = on;
      box.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });
}
