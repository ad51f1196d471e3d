// The plan's graph and list: moved, zoomed, searched, edited by mouse, touch and keys; what is typed kept through a reload.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  let selected = "";

  function select(key) {
    selected = key;
    const linked = new Set();
    for (const line of all(".p-line")) {
      const on = key && (line.dataset.from === key || line.dataset.to === key);
      line.classList.toggle("p-line--on", Boolean(on));
      if (on) { linked.add(line.dataset.from); linked.add(line.dataset.to); }
    }
    for (const box of all(".p-box")) {
      box.classList.toggle("p-box--on", box.dataset.task === key);
      box.classList.toggle("p-box--near", linked.has(box.dataset.task) && box.dataset.task !== key);
      if (box.dataset.task === key) reveal(box);
    }
  }

  function reveal(box) {
    const view = box.closest("[data-pan]"), a = box.getBoundingClientRect(), b = view.getBoundingClientRect(), rim = 24;
    const over = (low, high, from, to) => (low < from + rim ? low - from - rim : high > to - rim ? high - to + rim : 0);
    view.scrollBy({ left: over(a.left, a.right, b.left, b.right), top: over(a.top, a.bottom, b.top, b.bottom), behavior: "instant" });
  }

  // ---- drag the ground to move the graph
  let drag = null;
  document.addEventListener("pointerdown", (event) => {
    const view = event.target.closest?.("[data-pan]");
    if (!view || event.button || event.pointerType !== "mouse" || event.target.closest(".p-box, .p-line__hit")) return;
    drag = { view, x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop };
    view.classList.add("p-graph__view--drag");
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.view.scrollLeft = drag.left - event.clientX + drag.x;
    drag.view.scrollTop = drag.top - event.clientY + drag.y;
  });
  document.addEventListener("pointerup", () => { drag?.view.classList.remove("p-graph__view--drag"); drag = null; });

  // ---- zoom: by the buttons, Ctrl and the wheel, and the keys + - 0; fit: the whole graph in its box, or full size
  let zoom = 1, fitted = false;
  const LEAST = 0.1, MOST = 2;
  const drawingOf = (view) => view.querySelector(".p-drawing");
  function fitting(view) {
    const drawing = drawingOf(view);
    return drawing ? Math.max(LEAST, Math.min(1, view.clientWidth / drawing.offsetWidth, view.clientHeight / drawing.offsetHeight)) : 1;
  }
  function setZoom(view, to, x = view.clientWidth / 2, y = view.clientHeight / 2) {
    const drawing = drawingOf(view);
    if (!drawing) return;
    const before = zoom, left = (view.scrollLeft + x) / before, top = (view.scrollTop + y) / before;
    zoom = Math.min(MOST, Math.max(LEAST, to));
    applyZoom(view);
    view.scrollTo({ left: left * zoom - x, top: top * zoom - y, behavior: "instant" });
    fitted = false;
    offerFit();
  }
  function applyZoom(view) {
    const holder = drawingOf(view).parentElement;
    holder.style.zoom = zoom === 1 ? "" : String(zoom);
    view.classList.toggle("p-graph__view--far", zoom < 0.6);
    view.style.setProperty("--far", `${Math.min(44, 12 / zoom)}px`); // keys stay readable where titles no longer are
    view.parentElement.querySelector("[data-fit]")?.setAttribute("aria-pressed", String(fitted));
  }
  function toggleFit(view) {
    const full = fitted || zoom !== 1;
    zoom = full && fitted ? 1 : fitting(view);
    fitted = !(full && fitted);
    applyZoom(view);
    if (!fitted) select(selected);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fit], [data-zoom]"), view = button?.closest(".p-graph")?.querySelector("[data-pan]");
    if (!view) return;
    if (button.dataset.zoom) setZoom(view, zoom * (button.dataset.zoom > 0 ? 1.25 : 0.8)); else toggleFit(view);
  });
  document.addEventListener("wheel", (event) => {
    const view = (event.ctrlKey || event.metaKey) && event.target.closest?.("[data-pan]");
    if (!view) return;
    event.preventDefault();
    const at = view.getBoundingClientRect();
    setZoom(view, zoom * Math.exp(-event.deltaY / 300), event.clientX - at.left, event.clientY - at.top);
  }, { passive: false });
  function offerFit() {
    for (const view of all("[data-pan]")) {
      const fits = zoom === 1 && view.scrollWidth <= view.clientWidth + 1 && view.scrollHeight <= view.clientHeight + 1;
      view.parentElement.querySelector(".p-graph__zoom")?.classList.toggle("p-graph__zoom--idle", fits);
    }
  }

  // ---- hover: a task's neighbors stay bright
  let hovered = null;
  document.addEventListener("pointerover", (event) => {
    const box = event.pointerType === "mouse" ? event.target.closest?.(".p-box") : null;
    if (box === hovered || wire) return;
    hovered = box;
    const near = new Set(box ? [box.dataset.task] : []);
    for (const line of all(".p-line")) {
      const on = box && (line.dataset.from === box.dataset.task || line.dataset.to === box.dataset.task);
      line.classList.toggle("p-line--hover", Boolean(on));
      if (on) { near.add(line.dataset.from); near.add(line.dataset.to); }
    }
    document.querySelector("[data-pan]")?.classList.toggle("p-graph__view--hover", Boolean(box));
    for (const other of all(".p-box")) other.classList.toggle("p-box--lit", near.has(other.dataset.task));
  });

  // A drawing larger than its box is first seen where work goes on, or where it begins.
  let begun = false;
  function begin(view) {
    const boxes = all(".p-box");
    if (begun || !boxes.length) return;
    begun = true;
    if (selected) return;
    const first = boxes.find((box) => box.matches(".s-running, .s-checking, .s-waiting, .s-paused, .s-failed")) ?? boxes.reduce((a, b) => (b.offsetLeft < a.offsetLeft ? b : a));
    view.scrollTo({ left: first.offsetLeft - 24, top: first.offsetTop - (view.clientHeight - first.offsetHeight) / 2, behavior: "instant" });
  }
  const looking = setInterval(() => {
    const view = document.querySelector("[data-pan]");
    if (!view) return;
    clearInterval(looking);
    offerFit();
    begin(view);
    new ResizeObserver(offerFit).observe(view);
    new MutationObserver(() => { if (drawingOf(view)) applyZoom(view); offerFit(); begin(view); select(selected); find(); }).observe(view, { childList: true, subtree: true });
    const rows = document.querySelector(".p-rows__list");
    if (rows) new MutationObserver(() => { if (sought) find(); }).observe(rows, { childList: true, characterData: true, subtree: true });
  }, 100);

  // ---- find: what does not match leaves the list and fades in the graph
  let sought = "";
  function find() {
    const words = sought.split(/\s+/).filter(Boolean);
    const misses = (text) => words.some((word) => !text.includes(word));
    let found = 0;
    const rows = all(".p-row[data-row]").filter((row) => row.dataset.row);
    for (const row of rows) {
      const miss = misses(row.textContent.toLowerCase());
      row.toggleAttribute("data-miss", miss);
      if (!miss) found += 1;
    }
    for (const box of all(".p-box")) box.toggleAttribute("data-miss", misses(`${box.dataset.task} ${box.title}`.toLowerCase()));
    const count = document.querySelector("[data-found]");
    if (count) count.textContent = words.length ? `${found} of ${rows.length}` : "";
  }
  document.addEventListener("input", ({ target }) => {
    if (!target.matches?.("[data-find]")) return;
    sought = target.value.toLowerCase();
    find();
    const first = sought && document.querySelector(".p-box:not([data-miss])");
    if (first) reveal(first);
  });

  // ---- what is asked of the server (``acts.py``)
  const bench = () => document.querySelector("[data-plan-draft]");
  const ask = (what, more) => window.emitEvent("maestro_plan_do", { do: what, ...more });
  const rowOf = (el) => (bench() && el.closest?.(".p-row[data-row]")?.dataset.row ? el.closest(".p-row") : null);
  const picking = () => bench()?.hasAttribute("data-picking-on");
  function setPicking(on) {
    bench()?.toggleAttribute("data-picking-on", on);
    document.querySelector("[data-picking]")?.setAttribute("aria-pressed", String(on));
  }

  // ---- select several: Ctrl or Shift with a click, the button Select, x and Shift with the arrows
  let lastPicked = null, dropped = 0;
  const modified = (event) => event.ctrlKey || event.metaKey || event.shiftKey || picking();
  document.addEventListener("mousedown", (event) => { if (!event.button && modified(event) && rowOf(event.target)) event.preventDefault(); }, true);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-picking]")) { setPicking(!picking()); return; }
    const row = rowOf(event.target);
    if (!row) return;
    if (performance.now() - dropped < 50) { event.preventDefault(); event.stopPropagation(); return; }
    if (!modified(event)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey && (lastPicked || selected)) ask("extend", { key: lastPicked || selected, to: row.dataset.row });
    else ask("pick", { key: row.dataset.row });
    lastPicked = row.dataset.row;
  }, true);

  // ---- keys
  const typing = (el) => el.closest?.("input, textarea, select, [contenteditable]");
  let typed = null; // the field that was typed into since it got the focus: undo there is the browser's own
  document.addEventListener("focusin", (event) => { if (event.target !== typed) typed = null; });
  document.addEventListener("input", (event) => { if (event.isTrusted) typed = event.target; }, true);
  document.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
    if (event.target.matches?.("[data-find]") && !control) { findKey(event); return; }
    if (document.querySelector("dialog[open], .q-dialog")) return;
    if (control && bench() && (key === "z" || key === "y") && !(typed && typed === document.activeElement)) {
      event.preventDefault();
      ask(key === "y" || event.shiftKey ? "redo" : "undo");
      return;
    }
    if (typing(event.target) || control) return;
    if (event.target.matches?.("[data-pan]") && "+-=0".includes(event.key)) {
      event.preventDefault();
      if (event.key === "0") { if (zoom !== 1) fitted = true; toggleFit(event.target); } else setZoom(event.target, zoom * (event.key === "-" ? 0.8 : 1.25));
      return;
    }
    if (event.key === "Escape" && wire) { endWire(); return; }
    if (event.key === "Escape") { hideCut(); if (document.querySelector(".p-row--picked")) ask("clear"); setPicking(false); }
    const row = rowOf(event.target);
    if (row) rowKey(event, row);
  }, true);
  function rowKey(event, row) {
    const up = event.key === "ArrowUp", arrow = up || event.key === "ArrowDown";
    const rows = all(".p-row[data-row]").filter((el) => el.offsetParent !== null && el.dataset.row);
    const next = rows[rows.indexOf(row) + (up ? -1 : 1)];
    if (event.altKey && arrow) { event.preventDefault(); ask("move", { key: row.dataset.row, step: up ? -1 : 1 }); }
    else if (event.altKey) return;
    else if (event.shiftKey && arrow && next) ask("extend", { key: row.dataset.row, to: next.dataset.row });
    else if (event.key === "x") { event.preventDefault(); ask("pick", { key: row.dataset.row }); }
    else if (event.key === "Delete") { event.preventDefault(); ask("remove", { key: row.dataset.row }); }
  }
  function findKey(event) {
    if (event.key === "Escape" && event.target.value) {
      event.stopPropagation();
      event.target.value = "";
      event.target.dispatchEvent(new Event("input", { bubbles: true }));
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      all(".p-row[data-row]").find((row) => row.dataset.row && row.offsetParent !== null)?.focus();
    }
  }

  // ---- drag a task by its grip to another place in the list
  let carried = null;
  function landing(y) {
    const rows = all(".p-row[data-row]").filter((row) => row.dataset.row && row.offsetParent !== null);
    return { rows, before: rows.find((row) => { const at = row.getBoundingClientRect(); return y < at.top + at.height / 2; }) };
  }
  document.addEventListener("pointerdown", (event) => {
    const row = event.target.closest?.("[data-grip]") && rowOf(event.target);
    if (!row || event.button) return;
    event.preventDefault();
    carried = { row, list: row.closest(".p-rows") };
    row.classList.add("p-row--carried");
  });
  document.addEventListener("pointermove", (event) => {
    if (!carried) return;
    const { rows, before } = landing(event.clientY), box = carried.list.getBoundingClientRect();
    if (event.clientY < box.top + 30) carried.list.scrollBy(0, -10); else if (event.clientY > box.bottom - 30) carried.list.scrollBy(0, 10);
    for (const row of rows) { row.toggleAttribute("data-land", row === before); row.toggleAttribute("data-land-end", !before && row === rows.at(-1)); }
  });
  document.addEventListener("pointerup", (event) => {
    if (!carried) return;
    const { rows, before } = landing(event.clientY), key = carried.row.dataset.row;
    endCarry(rows);
    dropped = performance.now();
    if (before?.dataset.row !== key) ask("place", { key, to: before?.dataset.row ?? "" });
  });
  function endCarry(rows = all(".p-row")) {
    carried?.row.classList.remove("p-row--carried");
    for (const row of rows) { row.removeAttribute("data-land"); row.removeAttribute("data-land-end"); }
    carried = null;
  }

  // ---- draw a dependency from the right end of a box to the task that should wait; take one away by a click on its line
  let wire = null;
  document.addEventListener("pointerdown", (event) => {
    const box = event.target.closest?.("[data-link]") && bench() && event.target.closest(".p-box");
    if (!box || event.button) return;
    event.preventDefault();
    const svg = box.closest(".p-drawing").querySelector("svg"), path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("class", "p-wire");
    svg.append(path);
    wire = { from: box.dataset.task, x: box.offsetLeft + box.offsetWidth, y: box.offsetTop + box.offsetHeight / 2, svg, path, to: null };
    event.target.releasePointerCapture?.(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => {
    if (!wire) return;
    const at = wire.svg.getBoundingClientRect(), scale = at.width / Number(wire.svg.getAttribute("width"));
    wire.path.setAttribute("d", `M${wire.x} ${wire.y}L${(event.clientX - at.left) / scale} ${(event.clientY - at.top) / scale}`);
    const box = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".p-box");
    wire.to?.classList.remove("p-box--target");
    wire.to = box && box.dataset.task !== wire.from ? box : null;
    wire.to?.classList.add("p-box--target");
  });
  document.addEventListener("pointerup", () => {
    if (!wire) return;
    const { from, to } = wire;
    endWire();
    if (to) ask("link", { key: from, to: to.dataset.task });
  });
  function endWire() { wire?.path.remove(); wire?.to?.classList.remove("p-box--target"); wire = null; }
  document.addEventListener("pointercancel", () => { endWire(); endCarry(); });

  let cut = null;
  function hideCut() { cut?.remove(); cut = null; }
  document.addEventListener("click", (event) => {
    const line = event.target.closest?.(".p-line__hit");
    if (cut && !event.target.closest?.(".p-cut")) hideCut();
    if (!line || !bench()) return;
    const root = line.closest(".p-graph"), at = root.getBoundingClientRect(), { from, to } = line.dataset;
    cut = document.createElement("button");
    cut.className = "p-cut m-btn m-btn--small";
    cut.type = "button";
    cut.textContent = `Remove: ${to} waits for ${from}`;
    cut.style.top = `${Math.max(4, event.clientY - at.top - 14)}px`;
    root.append(cut);
    cut.style.left = `${Math.max(4, Math.min(event.clientX - at.left - cut.offsetWidth / 2, root.clientWidth - cut.offsetWidth - 4))}px`;
    cut.addEventListener("click", () => { hideCut(); ask("unlink", { key: from, to }); });
    cut.focus();
  });

  // What is kept of a plan without unsaved changes is only what could be undone: it goes after a while, or for want of room.
  const STEPS_S = 14 * 86400;
  function dropSteps(old, except) {
    for (const name of Object.keys(localStorage)) {
      if (!name.startsWith("maestro-plan:") || name === except) continue;
      try { const kept = JSON.parse(localStorage.getItem(name)); if (kept.dirty === false && old(kept)) localStorage.removeItem(name); } catch { /* not ours */ }
    }
  }
  try { dropSteps((kept) => !(Date.now() / 1000 - kept.at < STEPS_S)); } catch { /* private */ }

  const fieldsOf = (name) => `${name.replace("maestro-plan:", "plan-")}/`;
  window.maestroPlan = {
    select,
    detailsToTop() { const el = document.querySelector(".p-right"); if (el) el.scrollTop = 0; },
    focusDetails() { setTimeout(() => document.querySelector(".p-details input")?.focus(), 60); },
    focusFault() { setTimeout(() => document.querySelector(".p-details .q-field--error")?.scrollIntoView({ block: "center" }), 120); },
    keep(name, words) {
      try { localStorage.setItem(name, words); } catch { dropSteps(() => true, name); try { localStorage.setItem(name, words); } catch { return; /* full or private */ } }
      window.maestro?.dropDrafts(fieldsOf(name));
    },
    forget(name) { try { localStorage.removeItem(name); window.maestro?.dropDrafts(fieldsOf(name)); } catch { /* private */ } },
    // What was typed before a reload; before the fields get back what the server had not heard of yet.
    sendKept() {
      const name = document.querySelector("[data-plan-draft]")?.dataset.planDraft;
      const kept = name && localStorage.getItem(`maestro-plan:${name}`);
      if (kept) try { window.emitEvent("maestro_plan_draft", JSON.parse(kept)); } catch { /* not ours */ }
    },
  };
})();
