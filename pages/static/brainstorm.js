// The transcript follows what is said, lets go when one scrolls up, and offers the way back down.
(() => {
  const near = (el) => el.scrollHeight - el.scrollTop - el.clientHeight < 48;
  let scroller, button, stuck = true;

  function toLatest() {
    stuck = true;
    if (scroller) scroller.scrollTop = scroller.scrollHeight;
    show();
  }
  function show() { button?.classList.toggle("b-latest--on", !stuck); }

  function attach(found) {
    scroller = found;
    button = document.querySelector("[data-latest]");
    button?.addEventListener("click", toLatest);
    // Only the user's own movement lets go: a reply that grows moves the end away, not the user.
    let height = 0;
    scroller.addEventListener("scroll", () => {
      if (near(scroller)) stuck = true;
      else if (scroller.scrollHeight === height) stuck = false;
      height = scroller.scrollHeight;
      show();
    }, { passive: true });
    const follow = () => { if (stuck) scroller.scrollTop = scroller.scrollHeight; height = scroller.scrollHeight; };
    new ResizeObserver(follow).observe(scroller.firstElementChild);
    new ResizeObserver(follow).observe(scroller);
    toLatest();
  }
  window.maestroChat = { toLatest, offer, offering };

  // Completions: "@" files of the repository, "/" templates. The server finds, this shows; words are never read as markup.
  let offered = null, at = 0;
  const field = () => document.querySelector(".b-write textarea");
  const place = () => document.querySelector("[data-offer]");
  function offering() { return !!offered; }
  function token() {
    const el = field();
    if (!el || document.activeElement !== el || el.selectionStart !== el.selectionEnd) return null;
    const before = el.value.slice(0, el.selectionStart);
    const found = /(?:^|\s)@([^\s@]{0,200})$/.exec(before);
    if (found) return { kind: "@", typed: found[1], from: before.length - found[1].length - 1 };
    const named = /^\/([\w-]{0,60})$/.exec(before);
    return named ? { kind: "/", typed: named[1], from: 0 } : null;
  }
  function close() { offered = null; place()?.classList.add("m-hidden"); place()?.replaceChildren(); }
  function offer(answer) {
    const now = token(), box = place();
    if (!box || !now || now.kind !== answer.kind || now.typed !== answer.typed) return; // asked before more was typed
    if (!answer.found.length) return close();
    offered = answer.found; at = 0;
    box.replaceChildren(...offered.map((one, index) => {
      const row = document.createElement("button");
      row.type = "button"; row.className = "b-offer__row"; row.setAttribute("role", "option"); row.textContent = one.label;
      row.addEventListener("mousedown", (e) => { e.preventDefault(); take(index); });
      return row;
    }));
    box.classList.remove("m-hidden");
    mark();
  }
  function mark() { [...place().children].forEach((row, index) => row.setAttribute("aria-selected", String(index === at))); }
  function take(index) {
    const el = field(), now = token(), one = offered?.[index];
    if (el && now && one) {
      el.setRangeText(one.insert, now.from, el.selectionStart, "end");
      el.dispatchEvent(new Event("input", { bubbles: true }));
    }
    close();
  }
  document.addEventListener("input", (e) => {
    if (e.target !== field() || e.isComposing) return;
    const now = token();
    if (now) emitEvent("maestro_complete", { kind: now.kind, typed: now.typed }); else close();
  });
  document.addEventListener("keydown", (e) => {
    if (!offered || e.target !== field() || e.isComposing || e.keyCode === 229) return;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      at = (at + (e.key === "ArrowDown" ? 1 : offered.length - 1)) % offered.length;
      mark();
    } else if ((e.key === "Enter" && !e.shiftKey) || e.key === "Tab") {
      e.stopPropagation();
      take(at);
    } else if (e.key === "Escape") {
      e.stopPropagation();
      close();
    } else return;
    e.preventDefault();
  }, true);
  document.addEventListener("focusout", (e) => { if (e.target === field()) setTimeout(close, 150); });
  // Keys 1 to 9 answer the open question, unless one is typing something.
  document.addEventListener("keydown", (e) => {
    if (!/^[1-9]$/.test(e.key) || e.ctrlKey || e.metaKey || e.altKey || e.isComposing || e.keyCode === 229 || e.repeat) return;
    const at = e.target.closest?.("input, textarea, select, [contenteditable=true], [role=dialog], [role=menu]");
    if (at && !(at.closest(".b-write") && !at.value)) return;
    const options = document.querySelectorAll(`[data-option="${e.key}"]`);
    const option = options[options.length - 1];
    if (!option || !option.offsetParent) return;
    e.preventDefault();
    option.click();
  });
  const waiting = setInterval(() => {
    const found = document.querySelector("[data-stick]");
    if (found?.firstElementChild) { clearInterval(waiting); attach(found); }
  }, 30);
})();
