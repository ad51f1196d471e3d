// Keyboard and screen reader: where the focus goes when what held it goes, keys in menus, panels that open and close,
// what scrolls can be scrolled by keys.
(() => {
  const FLOATS = ".q-dialog, .q-menu, dialog, .q-notification";
  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const seen = (el) => el.isConnected && el.getClientRects().length > 0 && getComputedStyle(el).visibility !== "hidden";
  const usable = (el) => seen(el) && !el.disabled && el.tabIndex >= 0;
  const modal = () => all(".q-dialog, dialog[open]").filter(seen).at(-1); // the one on top
  const lost = () => !document.activeElement || document.activeElement === document.body;

  // ---- the focus comes back: to what had it before a dialog or menu; when that is gone, to what stood around it
  let last = null, around = []; // the element on the page that had the focus last, and its ancestors at that time
  let byKey = false; // whether the last click was made with a key

  document.addEventListener("focusin", (event) => {
    if (event.target.closest(FLOATS) || modal()) return;
    last = event.target;
    around = [];
    for (let el = last.parentElement; el && el !== document.body; el = el.parentElement) around.push(el);
  });
  document.addEventListener("click", (event) => { byKey = event.detail === 0; }, true);

  function focusOn(el) {
    if (!el.matches(FOCUSABLE)) el.tabIndex = -1;
    el.focus({ preventScroll: true });
  }
  function restore() {
    if (!last || !lost() || modal()) return;
    const to = usable(last) || (seen(last) && last.hasAttribute("tabindex") && !last.disabled) ? last : around.find(seen);
    if (to) focusOn(to);
  }
  // A frame later: what takes the place of the lost one (a dialog's first field, a page's own choice) comes first.
  let waiting = 0;
  const look = () => { if (!waiting) waiting = setTimeout(() => { waiting = 0; restore(); }, 60); };

  // ---- a dialog keeps the focus: Tab goes round in it, and never to the page behind it
  document.addEventListener("keydown", (event) => {
    const inside = event.key === "Tab" && !event.ctrlKey && !event.altKey && !event.metaKey && modal();
    if (!inside || all(".q-menu").some(seen)) return;
    const stops = all(FOCUSABLE, inside).filter(usable), at = stops.indexOf(document.activeElement);
    if (at > 0 && at < stops.length - 1) return;
    const turn = event.shiftKey ? at < 1 : at < 0 || at === stops.length - 1;
    if (!turn) return;
    event.preventDefault();
    focusOn((event.shiftKey ? stops.at(-1) : stops[0]) ?? inside.querySelector(".q-dialog__inner") ?? inside);
  }, true);

  // ---- menus: arrows, Home, End and first letters, as in any menu
  const menuOf = (el) => el?.closest?.(".q-menu[data-named]");
  const itemsOf = (menu) => all(".q-item", menu).filter(usable);

  // Quasar gives the focus to the menu itself, some time while it appears.
  function toFirst(menu, tries) {
    if (!menu.isConnected || document.activeElement?.matches(".q-item, input, textarea")) return;
    if (byKey || lost() || menu.contains(document.activeElement)) itemsOf(menu)[0]?.focus();
    if (tries) setTimeout(() => toFirst(menu, tries - 1), 50);
  }
  function nameMenus() {
    for (const menu of all(".q-menu:has(.q-item):not([role=listbox], [data-named])")) {
      if (menu.querySelector("[role=listbox], [role=option]")) continue; // a choice: its field has the keys
      menu.dataset.named = "";
      menu.setAttribute("role", "menu");
      if (!menu.hasAttribute("aria-label")) menu.setAttribute("aria-label", last?.getAttribute("aria-label") || last?.textContent.trim() || "Menu");
      for (const item of all(".q-item", menu)) item.setAttribute("role", "menuitem");
      toFirst(menu, 8);
    }
  }
  // A choice's list holds its options only, so what Quasar puts around them says nothing.
  function nameLists() {
    for (const around of all(".q-menu[role=listbox] > .q-virtual-scroll__content:not([role])")) {
      around.setAttribute("role", "presentation");
      around.removeAttribute("tabindex");
    }
    for (const bar of all(".q-loading-bar:not([aria-hidden])")) bar.setAttribute("aria-hidden", "true"); // drawn only
  }
  document.addEventListener("keydown", (event) => {
    const menu = menuOf(event.target) ?? (event.key.startsWith("Arrow") && lost() ? all(".q-menu[data-named]").find(seen) : null);
    if (!menu || event.ctrlKey || event.metaKey || event.altKey) return;
    const items = itemsOf(menu), at = items.indexOf(document.activeElement);
    if (!items.length) return;
    let next = null;
    if (event.key === "ArrowDown") next = items[(at + 1) % items.length];
    else if (event.key === "ArrowUp") next = items.at(at < 1 ? -1 : at - 1);
    else if (event.key === "Home") next = items[0];
    else if (event.key === "End") next = items.at(-1);
    else if (event.key.length === 1 && event.key !== " ") {
      const letter = event.key.toLowerCase();
      next = [...items.slice(at + 1), ...items.slice(0, at + 1)].find((item) => item.textContent.trim().toLowerCase().startsWith(letter));
    }
    if (next) { event.preventDefault(); event.stopPropagation(); next.focus(); }
  }, true);

  // ---- panels: what is opened by key takes the focus, Escape gives it back; with Tab one that lies over the page comes after what opened it
  let opener = null, panel = null;
  function enter(selector, { always = false } = {}) {
    const from = last, take = always || byKey;
    setTimeout(() => {
      const found = document.querySelector(selector);
      if (!found || !seen(found)) return;
      if (from && !found.contains(from)) opener = from;
      panel = found;
      if (!take) return;
      const field = found.matches("[data-panel=field]") ? all("input, textarea", found).find(usable) : null;
      focusOn(field ?? found);
    }, 30);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.ctrlKey || event.metaKey || event.altKey || !panel?.matches("[data-follows]") || !opener) return;
    if (!seen(panel) || !seen(opener) || modal() || all(".q-menu").some(seen)) return;
    const step = event.shiftKey ? -1 : 1, drawn = all(FOCUSABLE).filter(usable), order = drawn.filter((el) => el !== panel && !panel.contains(el));
    order.splice(order.indexOf(opener) + 1, 0, panel, ...drawn.filter((el) => el !== panel && panel.contains(el)));
    const at = order.indexOf(event.target);
    if (at < 0) return;
    let next = order[at + step] ?? order.at(step < 0 ? -1 : 0);
    if (next === panel) next = order[order.indexOf(panel) + step]; // it takes the focus only when it is opened
    if (next && next !== drawn[drawn.indexOf(event.target) + step]) { event.preventDefault(); next.focus(); }
  });
  function leave() {
    const to = opener, was = panel;
    opener = panel = null;
    if (to && seen(to) && (lost() || was?.contains(document.activeElement) || !seen(was))) focusOn(to);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !panel?.contains(event.target) || modal() || all(".q-menu").some(seen)) return;
    const back = panel.closest("aside")?.querySelector("[data-back]");
    if (back && seen(back)) back.click();
    // A panel that can be closed is closed by its own key (maestro.js); fields keep that key to themselves.
    else if (event.target.matches("input, textarea")) panel.querySelector("[data-key=Escape]")?.click();
    setTimeout(leave, 30);
  });

  // ---- what scrolls and holds nothing to stop at can be stopped at itself
  const scrolls = new Set();
  let sheets = 0;
  function readSheets() {
    const walk = (rules) => {
      for (const rule of rules) {
        if (rule.cssRules?.length && !rule.selectorText) walk(rule.cssRules);
        else if (rule.selectorText && /auto|scroll/.test(`${rule.style?.overflowX} ${rule.style?.overflowY}`) && !rule.selectorText.includes("::")) scrolls.add(rule.selectorText);
      }
    };
    const own = [...document.styleSheets].filter((sheet) => sheet.href?.includes("/static/maestro/"));
    if (own.length === sheets) return;
    sheets = own.length;
    for (const sheet of own) try { walk(sheet.cssRules); } catch { /* not loaded yet */ sheets = 0; }
  }
  function nameScrollers() {
    readSheets();
    if (!scrolls.size) return;
    for (const el of all([...scrolls].join(", "))) {
      const over = el.scrollHeight > el.clientHeight + 1 || el.scrollWidth > el.clientWidth + 1;
      const mine = el.dataset.scrolls === "";
      if (over && !mine && !el.hasAttribute("tabindex") && !el.matches("textarea, input") && !all(FOCUSABLE, el).some(usable)) {
        el.tabIndex = 0;
        el.dataset.scrolls = "";
      } else if (mine && (!over || all(FOCUSABLE, el).some((each) => each.dataset.scrolls === undefined && usable(each)))) {
        el.removeAttribute("tabindex");
        delete el.dataset.scrolls;
      }
    }
  }

  // ---- the server is away: what needs it says so and cannot be pressed, by key either
  const NEEDS_SERVER = ".q-btn, .m-needs-server";
  const away = () => document.getElementById("popup")?.getAttribute("aria-hidden") === "false";
  function offer() {
    const off = away();
    for (const el of all(off ? NEEDS_SERVER : "[data-away]")) {
      if (off && el.getAttribute("aria-disabled") !== "true") { el.setAttribute("aria-disabled", "true"); el.dataset.away = ""; }
      if (!off) { el.removeAttribute("aria-disabled"); delete el.dataset.away; }
    }
  }
  document.addEventListener("click", (event) => {
    if (away() && event.target.closest?.(NEEDS_SERVER)) { event.preventDefault(); event.stopPropagation(); }
  }, true);
  const popup = document.getElementById("popup");
  if (popup) {
    popup.setAttribute("role", "status");
    new MutationObserver(offer).observe(popup, { attributes: true, attributeFilter: ["aria-hidden"] });
  }

  // ---- watch
  let due = 0;
  const later = () => { if (!due) due = setTimeout(() => { due = 0; nameScrollers(); }, 250); };
  new MutationObserver((changes) => {
    if (changes.some((c) => c.addedNodes.length)) { nameMenus(); nameLists(); }
    if (lost()) look();
    later();
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "open", "style"] });
  window.addEventListener("resize", later);
  window.maestroFocus = { enter, leave, opener: () => opener, settled: () => sheets > 0 && !due };
})();
