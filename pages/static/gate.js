// Allow works only when the end of what is allowed was seen: a press before that shows the next part instead, by mouse,
// keys and screen readers alike.
(() => {
  const MUST = ".q-must .m-code__text, .q-must.q-diff";
  const read = new WeakSet();
  const unread = (el) => !read.has(el) && el.clientHeight > 0 && el.scrollHeight > el.clientHeight + 4;
  const look = (el) => { if (el.scrollTop + el.clientHeight >= el.scrollHeight - 4) read.add(el); };

  function say(gate, words) {
    let line = gate.querySelector(".q-unread");
    if (!line) {
      line = document.createElement("div");
      line.className = "q-unread m-meta";
      line.setAttribute("role", "status");
      gate.querySelector(".m-gate__foot").before(line);
    }
    line.textContent = words;
  }

  document.addEventListener("scroll", (event) => {
    const el = event.target;
    if (!(el instanceof Element) || !el.matches(MUST)) return;
    look(el);
    const gate = el.closest(".m-gate");
    if (gate && !unread(el)) gate.querySelector(".q-unread")?.remove();
  }, true);

  document.addEventListener("click", (event) => {
    const gate = event.target.closest?.("[data-allows]")?.closest(".m-gate");
    const left = gate && [...gate.querySelectorAll(MUST)].find(unread);
    if (!left) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    left.scrollTop += Math.max(40, left.clientHeight - 40);
    look(left);
    say(gate, unread(left) ? "Read to the end to allow this. The next part is shown." : "This is the end. Allow works now.");
  }, true);
})();
