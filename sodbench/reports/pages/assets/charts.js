// Charts: each <figure data-chart="ID"> gets the Vega-Lite specification that <script id="ID"> holds, drawn when
// it comes near the window or is printed; buttons hide methods, zoom, and save the picture.
"use strict";

(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const themes = document.getElementById("chart-themes") ? read("chart-themes") : {};
  const system = matchMedia("(prefers-color-scheme: dark)");
  const SVG = "http://www.w3.org/2000/svg";
  const SYMBOLS = {
    circle: "M5 0A5 5 0 1 1-5 0A5 5 0 1 1 5 0Z",
    square: "M-4.5-4.5H4.5V4.5H-4.5Z",
    diamond: "M0-6L6 0L0 6L-6 0Z",
    "triangle-up": "M0-5.5L5.5 4.5H-5.5Z",
    "triangle-down": "M0 5.5L5.5-4.5H-5.5Z",
    cross: "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
  };
  const NARROW = 560;
  const PAPER = "42rem";
  let printing = false;
  const charts = [...document.querySelectorAll("figure[data-chart]")].map(prepared);

  function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return !printing && (chosen === "dark" || (chosen !== "light" && system.matches));
  }

  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function prepared(figure) {
    const spec = read(figure.dataset.chart);
    const canvas = element("div", {});
    const plot = element("div", { className: "plot" }, canvas);
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", spec.description);
    canvas.setAttribute("aria-hidden", "true"); // the label stands for all of it
    plot.style.minHeight = `${spec.height + 45}px`;
    figure.querySelector("figcaption").after(plot);
    figure.querySelector(".described")?.remove();
    const chart = { figure, spec, plot, canvas, meta: spec.usermeta, keys: [], hidden: new Set() };
    Object.assign(chart, { view: null, drawn: null, work: Promise.resolve() });
    if (chart.meta.buttons) addKeys(chart);
    addTools(chart);
    return chart;
  }

  function addKeys(chart) {
    const keys = element("div", { className: "keys" });
    keys.setAttribute("role", "group");
    keys.setAttribute("aria-label", "Shown");
    chart.keys = chart.meta.legend.map((entry) => {
      const name = element("span", { textContent: entry.name, title: entry.name, dir: "auto" });
      const button = element("button", { type: "button" }, swatch(entry, chart.meta.buttons), name);
      button.addEventListener("click", () => {
        if (!chart.hidden.delete(entry.name)) chart.hidden.add(entry.name);
        showHidden(chart);
      });
      keys.append(button);
      return { button, entry };
    });
    if (chart.keys.length > 2) {
      chart.all = element("button", { type: "button", className: "all" });
      chart.all.addEventListener("click", () => {
        const names = chart.hidden.size ? [] : chart.meta.legend.map((entry) => entry.name);
        chart.hidden = new Set(names);
        showHidden(chart);
      });
      keys.append(chart.all);
    }
    chart.figure.append(keys);
    showHidden(chart);
  }

  function swatch(entry, kind) {
    const svg = document.createElementNS(SVG, "svg");
    const line = kind === "line";
    const width = line ? 30 : 14;
    svg.setAttribute("width", width);
    svg.setAttribute("height", 14);
    svg.setAttribute("viewBox", `${-width / 2} -7 ${width} 14`);
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line ? `M${-width / 2} 0H${width / 2}` : SYMBOLS[entry.shape]);
    path.setAttribute("stroke-width", line ? entry.width : 0);
    path.setAttribute("stroke-dasharray", line ? entry.dash.join(" ") : "");
    svg.append(path);
    return svg;
  }

  function colourKeys(chart, theme) {
    for (const { button, entry } of chart.keys) {
      const path = button.querySelector("path");
      path.setAttribute("stroke", entry[theme]);
      path.setAttribute("fill", entry[theme]);
    }
  }

  function showHidden(chart) {
    for (const { button, entry } of chart.keys) {
      button.setAttribute("aria-pressed", String(!chart.hidden.has(entry.name)));
    }
    if (chart.all) chart.all.textContent = chart.hidden.size ? "Show all" : "Hide all";
    chart.view?.signal("hidden", [...chart.hidden]).runAsync();
  }

  function addTools(chart) {
    const tools = element("div", { className: "tools" });
    const add = (label, act) => {
      const button = element("button", { type: "button", textContent: label });
      button.addEventListener("click", act);
      tools.append(button);
    };
    if (chart.meta.zoom.length) {
      add("Zoom in", () => zoom(chart, 0.6));
      add("Zoom out", () => zoom(chart, 1 / 0.6));
      add("Reset", () => zoom(chart, null));
    }
    for (const kind of ["svg", "png"]) add(`Save ${kind.toUpperCase()}`, () => save(chart, kind));
    if (chart.meta.zoom.length) {
      const hint = "Drag moves, Ctrl and wheel zoom, a double click resets.";
      tools.append(element("p", { className: "hint", textContent: hint }));
    }
    chart.figure.append(tools);
  }

  function zoom(chart, factor) {
    if (!chart.view) return;
    chart.meta.zoom.forEach((field, k) => {
      const [low, high] = chart.view.scale("xy"[k]).domain();
      const middle = (low + high) / 2;
      const half = ((high - low) / 2) * factor;
      chart.view.signal(`zoom_${field}`, factor ? [middle - half, middle + half] : null);
    });
    chart.view.runAsync();
  }

  async function save(chart, kind) {
    if (!chart.view) return;
    const link = element("a", {
      href: await chart.view.toImageURL(kind, kind === "png" ? 2 : 1),
      download: `${chart.figure.dataset.chart}.${kind}`,
    });
    link.click();
  }

  function draw(chart) {
    chart.canvas.style.width = printing ? PAPER : "";
    const width = printing ? chart.canvas.clientWidth : chart.figure.clientWidth;
    const theme = isDark() ? "dark" : "light";
    const limit = width < NARROW ? 130 : 240;
    const look = `${theme} ${limit} ${printing}`;
    if (chart.drawn === look || !width) return;
    chart.drawn = look;
    chart.work = chart.work.then(() => embed(chart, theme, limit));
  }

  async function embed(chart, theme, limit) {
    const config = {
      ...themes[theme],
      axisY: { labelLimit: limit },
      range: { category: chart.meta.legend.map((entry) => entry[theme]) },
    };
    colourKeys(chart, theme);
    try {
      const { view } = await vegaEmbed(chart.canvas, chart.spec, {
        mode: "vega-lite",
        renderer: "svg",
        ast: true,
        actions: false,
        defaultStyle: false,
        config,
        tooltip: { theme: "page", disableDefaultStyle: true },
      });
      chart.view?.finalize();
      chart.view = view;
      if (chart.hidden.size) await view.signal("hidden", [...chart.hidden]).runAsync();
    } catch (error) {
      failed(chart, error);
    }
  }

  function failed(chart, error) {
    const text = `This chart could not be drawn (${error.message}). ${chart.spec.description}`;
    chart.plot.removeAttribute("role");
    chart.plot.removeAttribute("aria-label");
    chart.plot.style.minHeight = "";
    chart.plot.replaceChildren(element("p", { className: "failed", textContent: text }));
  }

  const redraw = () => charts.forEach((chart) => chart.drawn && draw(chart));
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((each) => each.isIntersecting)) {
        near.unobserve(entry.target);
        draw(charts.find((chart) => chart.figure === entry.target));
      }
    },
    { rootMargin: "600px" },
  );
  charts.forEach((chart) => near.observe(chart.figure));
  addEventListener("resize", redraw);
  system.addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  addEventListener("beforeprint", () => {
    printing = true;
    charts.forEach(draw);
  });
  addEventListener("afterprint", () => {
    printing = false;
    redraw();
  });
})();
