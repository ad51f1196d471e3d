// What must answer at once, without a way to the server: keys, palette, relative times, copying, drafts, the phone's rail.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const typing = (el) => el?.closest?.("input, textarea, select, [contenteditable='true'], .cm-editor, .xterm");
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  const send = (name, detail) => window.emitEvent?.(name, detail);

  // ---- clicks on what the frame marks with data-do
  document.addEventListener("click", (event) => {
    const root = document.documentElement;
    if (root.classList.contains("m-rail-open") && !event.target.closest(".m-rail, .m-burger")) {
      root.classList.remove("m-rail-open");
      event.preventDefault();
      return;
    }
    const target = event.target.closest("[data-do]");
    if (target?.dataset.do === "theme") window.maestroTheme.toggle();
    if (target?.dataset.do === "rail") root.classList.toggle("m-rail-open");
    if (target?.dataset.do === "palette") openPalette();
    if (target?.dataset.do === "copy") copy(target);
  });

  function copy(button) {
    const text = button.dataset.copy ?? button.parentElement.querySelector(".m-code__text")?.textContent ?? "";
    const done = () => {
      button.classList.add("m-copy--done");
      button.firstElementChild?.classList.replace("mi-copy", "mi-check");
      setTimeout(() => {
        button.classList.remove("m-copy--done");
        button.firstElementChild?.classList.replace("mi-check", "mi-copy");
      }, 1200);
    };
    navigator.clipboard?.writeText(text).then(done, () => {});
  }

  // ---- a page that takes its time to come: said at the top, unless it is a file that the browser saves
  const LEAVING_MS = 20000;
  let saves = 0;
  document.addEventListener("click", ({ target }) => { if (target.closest?.("a[download], a[href^='/api/']")) saves = Date.now(); }, true);
  function leaving(on) { document.documentElement.toggleAttribute("data-leaving", on); }
  window.addEventListener("beforeunload", () => {
    if (Date.now() - saves < 1000) return;
    leaving(true);
    setTimeout(() => leaving(false), LEAVING_MS);
  });
  window.addEventListener("pageshow", () => leaving(false));

  // ---- keys
  let waitingForG = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open], .q-dialog")) return;
    if (event.key === "Escape") document.documentElement.classList.remove("m-rail-open");
    if (Date.now() - waitingForG < 1200) {
      waitingForG = 0;
      const to = $(`[data-key="g ${event.key}"]`);
      if (to) { event.preventDefault(); to.click(); return; }
    }
    if (event.key === "g") waitingForG = Date.now();
    else if (event.key === "j" || event.key === "k") moveInList(event.key === "j" ? 1 : -1, event);
    else if (event.key.startsWith("Arrow") && event.target.matches(".p-row")) { if (/Up|Down/.test(event.key)) moveInList(event.key === "ArrowDown" ? 1 : -1, event); }
    else if (event.key === "Enter" && event.target.matches("[data-nav][role=group]")) goInto(event);
    else if (event.key === "?") openHelp();
    else if (event.key === "c") location.assign("/session/new");
    else if (event.key === "/") { const field = $(".m-search input"); if (field) { event.preventDefault(); field.focus(); } }
    else {
      const marked = $(`[data-key="${CSS.escape(event.key)}"]`);
      if (marked) { event.preventDefault(); marked.click(); }
    }
  });

  // A question with the focus: Enter goes to its first field or answer.
  function goInto(event) {
    const first = all(".m-gate__foot :is(textarea, input, button)", event.target).find((el) => el.offsetParent !== null && !el.disabled);
    if (first) { event.preventDefault(); first.focus(); }
  }

  let lastStop = -1; // where j and k were, for when the focus is elsewhere meanwhile
  function moveInList(step, event) {
    const items = all("[data-nav]").filter((el) => el.offsetParent !== null);
    if (!items.length) return;
    event.preventDefault();
    const here = items.indexOf(document.activeElement?.closest?.("[data-nav]")), at = here < 0 ? lastStop : here;
    const next = items[(lastStop = Math.min(Math.max(at + step, 0), items.length - 1))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  // ---- palette: pages and keys are known here, sessions and actions come from the server while it is open
  let palette, entries = [], shown = [], selected = 0, answered = null, asking = 0;
  const h = (tag, props = {}, ...children) => {
    const el = Object.assign(document.createElement(tag), props);
    el.append(...children);
    return el;
  };

  function openPalette() {
    if (palette?.open) return;
    if (!palette) {
      palette = h("dialog", { className: "m-palette", ariaLabel: "Command palette" },
        h("input", { type: "text", placeholder: "Go to a session or page, or run an action…", ariaLabel: "Search", autocomplete: "off", spellcheck: false, role: "combobox", ariaExpanded: "true", ariaAutoComplete: "list" }),
        h("div", { className: "m-palette__list", role: "listbox", ariaLabel: "Pages, sessions, and actions", id: "m-palette-list" }));
      $("input", palette).setAttribute("aria-controls", "m-palette-list");
      palette.addEventListener("click", (e) => e.target === palette && palette.close());
      $("input", palette).addEventListener("input", () => {
        filter();
        clearTimeout(asking);
        asking = setTimeout(ask, 120);
      });
      palette.addEventListener("keydown", paletteKey);
      document.body.append(palette);
    }
    entries = all(".m-rail [data-key]").map((el) => ({
      title: $(".m-nav__word", el)?.textContent ?? "", icon: el.dataset.icon, group: "Pages", href: el.getAttribute("href"), hint: el.dataset.key,
    }));
    $("input", palette).value = "";
    answered = null;
    filter();
    palette.showModal();
    ask();
  }

  // The server looks for what is typed through all sessions, also in their ideas; until it answers, what is here is filtered.
  const typed = () => $("input", palette).value.slice(0, 200);
  function ask() { if (palette?.open) send("maestro_palette", { words: typed() }); }
  function answer(items, words) {
    if (!palette?.open || words !== typed()) return;
    const before = shown[selected]?.href ?? shown[selected]?.title, first = selected === 0;
    answered = words;
    entries = [...items, ...entries.filter((e) => e.group === "Pages")];
    filter();
    const at = shown.findIndex((e) => (e.href ?? e.title) === before);
    if (!first && at >= 0) select(at);
  }

  function filter() {
    const words = $("input", palette).value.toLowerCase().split(/\s+/).filter(Boolean), now = answered === typed();
    const fits = (e) => (now && e.group === "Sessions") || words.every((w) => `${e.title} ${e.group} ${e.more ?? ""}`.toLowerCase().includes(w));
    shown = entries.filter(fits).slice(0, 60);
    selected = 0;
    const list = $(".m-palette__list", palette);
    list.replaceChildren();
    let group = "";
    shown.forEach((entry, index) => {
      if (entry.group !== group) list.append(h("div", { className: "m-palette__group", role: "presentation", textContent: (group = entry.group) }));
      const row = h("div", { className: "m-palette__item", role: "option", id: `m-palette-${index}` },
        h("i", { className: `mi mi-${entry.icon || "arrow-right"}` }), h("span", { className: "m-cut", dir: "auto", textContent: entry.title }),
        h("span", { className: "m-palette__hint", textContent: entry.hint ?? "" }));
      row.addEventListener("click", () => choose(entry));
      row.addEventListener("pointermove", () => select(index));
      list.append(row);
    });
    list.setAttribute("role", shown.length ? "listbox" : "status");
    $("input", palette).setAttribute("aria-expanded", String(shown.length > 0));
    if (!shown.length) list.append(h("div", { className: "m-palette__none", textContent: now ? "Nothing found" : "Searching…" }));
    select(0);
  }

  function select(index) {
    selected = index;
    $("input", palette).setAttribute("aria-activedescendant", shown.length ? `m-palette-${index}` : "");
    all(".m-palette__item", palette).forEach((row, i) => row.setAttribute("aria-selected", String(i === index)));
  }

  function paletteKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) {
      event.preventDefault();
      select((selected + step + shown.length) % shown.length);
      all(".m-palette__item", palette)[selected].scrollIntoView({ block: "nearest" });
    }
    if (event.key === "Enter" && shown[selected]) { event.preventDefault(); choose(shown[selected]); }
  }

  function choose(entry) {
    palette.close();
    if (entry.href) location.assign(entry.href);
    else if (entry.theme) window.maestroTheme.toggle();
    else if (entry.action) send("maestro_action", { action: entry.action });
  }

  function openHelp() {
    const command = mac ? "⌘ K" : "Ctrl K";
    const keys = [[command, "Command palette: go anywhere, do anything"], ["g d", "Dashboard"], ["g s", "Sessions"], ["g a", "Approvals"],
      ["c", "New session"], ["j  k", "Move down and up in a list"], ["Enter", "Open"], ["/", "Search in a list"], ["1 – 5", "Tabs of a session"], ["?", "This list"], ["Esc", "Close"]];
    if ($("[data-plan-draft]")) keys.splice(-2, 0, ["x", "Plan: select the task, with others"], ["Shift ↑ ↓", "Plan: select more"], ["Alt ↑ ↓", "Plan: move the task"], ["Del", "Plan: remove the task"],
      [mac ? "⌘ Z" : "Ctrl Z", "Plan: undo"], [mac ? "⌘ Shift Z" : "Ctrl Y", "Plan: redo"], ["+ - 0", "Plan: zoom the graph that has the focus"]);
    const box = h("div", { className: "m-keys" }, h("h2", { textContent: "Keyboard shortcuts" }));
    for (const [key, what] of keys) {
      const cell = h("span", {});
      for (const part of key.split(/\s+/)) part === "–" ? cell.append(" – ") : cell.append(h("kbd", { textContent: part }), " ");
      box.append(cell, h("span", { textContent: what }));
    }
    const dialog = h("dialog", { className: "m-palette", ariaLabel: "Keyboard shortcuts" }, box);
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  // ---- times: "4 min ago", counted here, in this browser's clock and time zone
  function ago(seconds) {
    const s = Math.round(Math.abs(seconds)), word = (n, unit) => `${n} ${unit}`;
    const text = s < 60 ? "" : s < 3600 ? word(Math.floor(s / 60), "min") : s < 86400 ? word(Math.floor(s / 3600), "h") : s < 86400 * 14 ? word(Math.floor(s / 86400), s < 172800 ? "day" : "days") : null;
    if (text === "") return seconds < 0 ? "soon" : "just now";
    if (text === null) return null;
    return seconds < 0 ? `in ${text}` : `${text} ago`;
  }
  function clock(seconds) {
    const s = Math.max(0, Math.floor(seconds)), h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60), pad = (n) => String(n).padStart(2, "0");
    return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`;
  }
  function tick() {
    for (const el of all("time[datetime]")) {
      const at = new Date(el.dateTime);
      if (Number.isNaN(+at)) continue;
      const seconds = (Date.now() - at) / 1000;
      const text = el.dataset.form === "clock" ? clock(seconds) : el.dataset.form === "left" ? clock(-seconds) : ago(seconds) ?? at.toLocaleDateString(undefined, { dateStyle: "medium" });
      if (el.textContent !== text) el.textContent = text;
      if (el.dataset.exact !== el.dateTime) {
        el.dataset.exact = el.dateTime;
        el.title = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
      }
    }
  }
  setInterval(() => document.hidden || tick(), 1000);

  // ---- the session bar grows with banners; pages that fill the window hear of it (frame.css: --sub)
  function measure() {
    const bar = $(".m-sub");
    if (bar) new ResizeObserver(() => document.documentElement.style.setProperty("--sub-height", `${bar.offsetHeight}px`)).observe(bar);
  }

  // ---- drafts: what is typed into a field marked data-draft outlives reloads, restarts of the server and closed dialogs
  const DRAFT = "maestro-draft:", DRAFTS_MS = 60 * 86400e3, firstValue = new WeakMap();
  const DRAFTED = ["textarea", "input"].flatMap((f) => [`[data-draft] ${f}`, `${f}[data-draft]`]).join();
  const TICKS = "[data-draft][role=checkbox]";
  const draftKey = (field) => DRAFT + field.closest("[data-draft]").dataset.draft;
  function readDraft(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } }
  const draftKeys = (prefix = "") => Object.keys(localStorage).filter((k) => k.startsWith(DRAFT + prefix));
  function keepDraft(key, text, first) {
    try {
      if (text === first) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify({ text, at: Date.now() }));
    } catch { /* full or private */ }
  }
  document.addEventListener("input", ({ target }) => {
    if (target.matches?.(DRAFTED)) keepDraft(draftKey(target), target.value, firstValue.get(target) ?? "");
  });
  const isTicked = (box) => box.getAttribute("aria-checked");
  function keepTicks(changes) {
    for (const { target: box } of changes) if (box.matches(TICKS) && firstValue.has(box)) keepDraft(draftKey(box), isTicked(box), firstValue.get(box));
  }
  // For pages that look at what is in a field; the field's own words go to the server first.
  const sayRestored = (field) => setTimeout(() => field?.dispatchEvent(new Event("restored", { bubbles: true })));
  function restoreTicks() {
    for (const box of all(TICKS)) {
      if (firstValue.has(box)) continue;
      firstValue.set(box, isTicked(box));
      const text = readDraft(draftKey(box))?.text;
      if (text == null || text === isTicked(box)) continue;
      box.click();
      sayRestored(box);
    }
  }
  function restoreDrafts() {
    restoreTicks();
    for (const field of all(DRAFTED)) {
      if (firstValue.has(field)) continue;
      firstValue.set(field, field.value);
      const text = readDraft(draftKey(field))?.text;
      if (typeof text !== "string" || text === field.value || (field.value && !field.dataset.draftOver)) continue;
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      sayRestored(field);
    }
  }
  function beginDrafts() {
    for (const key of draftKeys()) if (!(Date.now() - readDraft(key)?.at < DRAFTS_MS)) localStorage.removeItem(key);
    window.maestroPlan?.sendKept();
    send("maestro_drafts", { names: draftKeys().map((key) => key.slice(DRAFT.length)) });
    restoreDrafts();
    let waiting = 0;
    new MutationObserver(() => { waiting ||= setTimeout(() => { waiting = 0; restoreDrafts(); }, 30); }).observe(document.body, { childList: true, subtree: true });
    new MutationObserver(keepTicks).observe(document.body, { attributes: true, attributeFilter: ["aria-checked"], subtree: true });
  }
  // What is kept under names that begin so: the rest of the name and the text.
  const drafts = (prefix) => Object.fromEntries(draftKeys(prefix).map((key) => [key.slice(DRAFT.length + prefix.length), readDraft(key)?.text]));
  function dropDrafts(prefix, words) {
    for (const key of draftKeys(prefix)) if (words == null || readDraft(key)?.text?.trim() === words.trim()) localStorage.removeItem(key);
  }
  // What is looked at, in the address: a reload and the browser's Back come to it again.
  function noteInAddress(name, value) {
    const to = new URL(location);
    if (value) to.searchParams.set(name, value); else to.searchParams.delete(name);
    if (to.href !== location.href) history.replaceState(history.state, "", to);
  }
  window.maestro = {
    noteInAddress,
    entries: answer,
    drafts,
    dropDrafts,
    keepDraft: (name, text) => keepDraft(DRAFT + name, text, ""),
    sayRestored,
    tick,
  };

  // ---- start: wait until NiceGUI has mounted the page and shaken hands
  const ready = setInterval(() => {
    if (!window.did_handshake) return;
    clearInterval(ready);
    window.maestroTheme.apply();
    beginDrafts();
    send("maestro_visible", { visible: !document.hidden });
  }, 50);
  const mounted = setInterval(() => { if ($(".m-shell")) { clearInterval(mounted); tick(); measure(); for (const el of all("[data-modkey]")) el.textContent = mac ? "⌘K" : "Ctrl K"; } }, 20);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); send("maestro_visible", { visible: !document.hidden }); });
})();
