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
  window.maestroChat = { toLatest };
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
