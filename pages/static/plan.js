// The plan's graph: dragged, fitted, its selected task marked; and what is typed kept through a reload.
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
    if (!view || event.button || event.pointerType !== "mouse" || event.target.closest(".p-box")) return;
    drag = { view, x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop };
    view.classList.add("p-graph__view--drag");
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.view.scrollLeft = drag.left - event.clientX + drag.x;
    drag.view.scrollTop = drag.top - event.clientY + drag.y;
  });
  document.addEventListener("pointerup", () => { drag?.view.classList.remove("p-graph__view--drag"); drag = null; });

  // ---- fit: the whole graph in its box, or full size
  function scale(view) {
    const drawing = view.querySelector(".p-drawing");
    return drawing ? Math.min(1, view.clientWidth / drawing.offsetWidth, view.clientHeight / drawing.offsetHeight) : 1;
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fit]");
    if (!button) return;
    const view = button.parentElement.querySelector("[data-pan]");
    const on = view.classList.toggle("p-graph__view--fit");
    const drawing = view.querySelector(".p-drawing");
    drawing.parentElement.style.zoom = on ? String(scale(view)) : "";
    button.setAttribute("aria-pressed", String(on));
    if (!on) select(selected);
  });
  function offerFit() {
    for (const view of all("[data-pan]")) {
      const fits = !view.classList.contains("p-graph__view--fit") && view.scrollWidth <= view.clientWidth + 1 && view.scrollHeight <= view.clientHeight + 1;
      view.parentElement.querySelector("[data-fit]")?.classList.toggle("m-hidden", fits);
    }
  }
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
    new MutationObserver(() => { offerFit(); begin(view); select(selected); }).observe(view, { childList: true, subtree: true });
  }, 100);

  const fieldsOf = (name) => `${name.replace("maestro-plan:", "plan-")}/`;
  window.maestroPlan = {
    select,
    detailsToTop() { const el = document.querySelector(".p-right"); if (el) el.scrollTop = 0; },
    focusDetails() { setTimeout(() => document.querySelector(".p-details input")?.focus(), 60); },
    focusFault() { setTimeout(() => document.querySelector(".p-details .q-field--error")?.scrollIntoView({ block: "center" }), 120); },
    keep(name, words) { try { localStorage.setItem(name, words); window.maestro?.dropDrafts(fieldsOf(name)); } catch { /* full or private */ } },
    forget(name) { try { localStorage.removeItem(name); window.maestro?.dropDrafts(fieldsOf(name)); } catch { /* private */ } },
    // What was typed before a reload; before the fields get back what the server had not heard of yet.
    sendKept() {
      const name = document.querySelector("[data-plan-draft]")?.dataset.planDraft;
      const kept = name && localStorage.getItem(`maestro-plan:${name}`);
      if (kept) try { window.emitEvent("maestro_plan_draft", JSON.parse(kept)); } catch { /* not ours */ }
    },
  };
})();
