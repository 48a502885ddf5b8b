// Lists what is too wide for the window, and text that is cut off or leaves its box.
() => {
  const SLACK = 1;
  const found = new Set();
  const root = document.scrollingElement;
  const named = (element) =>
    element.tagName.toLowerCase() + (element.id && `#${element.id}`) +
    [...element.classList].map((name) => `.${name}`).join("");
  const scrolls = (value) => value === "auto" || value === "scroll";
  const cuts = (value) => value === "hidden" || value === "clip";

  // Text for screen readers only: a box of a pixel, or one of which nothing is painted.
  const unseen = (style, box) =>
    /^(absolute|fixed)$/.test(style.position) &&
    ((cuts(style.overflowX) && box.width <= 2 && box.height <= 2) ||
      /^rect\((0px|1px)/.test(style.clip) || /^inset\((50|100)%/.test(style.clipPath));

  if (root.scrollWidth > root.clientWidth + SLACK) {
    const inside = (element) => element.parentElement && element.parentElement !== document.body &&
      (scrolls(getComputedStyle(element.parentElement).overflowX) || inside(element.parentElement));
    const wide = [...document.body.querySelectorAll("*")].filter(
      (element) => element.getBoundingClientRect().right > root.clientWidth + SLACK && !inside(element));
    const last = wide.filter((element) => !wide.some((other) => other !== element && element.contains(other)));
    found.add(`the page is ${root.scrollWidth} px wide in a window of ${root.clientWidth} px: ` +
      last.slice(0, 5).map(named).join(", "));
  }

  function check(text, element, rect) {
    if (rect.width <= 0 || rect.height <= 0) return;
    if (rect.right + scrollX <= 0 || rect.bottom + scrollY <= 0) return; // a link to skip the head, say
    const low = rect.height / 2; // lines are set tighter than their letters are high
    const shown = `"${text.trim().replace(/\s+/g, " ").slice(0, 60)}"`;
    let floats = false;
    const chain = [];
    for (let box = element; box && box !== document.documentElement; box = box.parentElement) {
      const style = getComputedStyle(box);
      const area = box.getBoundingClientRect();
      if (unseen(style, area)) return;
      chain.push([box, style, area]);
    }
    const where = `${shown} in ${named(element)}`;
    const left = new Set(); // allowed where an ancestor scrolls and nothing is beside the box
    for (const [box, style, area] of chain) {
      if (box === document.body && !cuts(style.overflowX)) break;
      if (scrolls(style.overflowX) || scrolls(style.overflowY)) return;
      const svg = box.namespaceURI.endsWith("/svg");
      if (svg ? box.ownerSVGElement : /^(contents|inline)$/.test(style.display)) continue;
      const across = rect.right > area.right + SLACK || rect.left < area.left - SLACK;
      const along = rect.bottom > area.bottom + low || rect.top < area.top - low;
      if ((across && cuts(style.overflowX)) || (along && cuts(style.overflowY))) {
        found.add(`${where} is cut off by ${named(box)}`);
      } else if (!floats && area.width > 0 && (across || (along && area.height > 0))) {
        const alone = /^(block|flow-root|list-item)$/.test(style.display) &&
          !/flex|grid/.test(getComputedStyle(box.parentElement).display);
        (alone ? left : found).add(`${where} leaves ${named(box)}`);
      }
      if (/^(absolute|fixed)$/.test(style.position)) floats = true;
      if (style.position === "fixed") break;
    }
    left.forEach((fault) => found.add(fault));
    if (rect.right + scrollX > root.clientWidth + SLACK || rect.left + scrollX < -SLACK) {
      found.add(`${where} leaves the window`);
    }
  }

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style, noscript, template, title, desc, option, textarea")) continue;
    if (!element.checkVisibility({ contentVisibilityAuto: true, opacityProperty: true, visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) check(node.data, element, rect);
  }
  return [...found].slice(0, 20);
}
