// Notices never lie on what is clicked next: they rise above buttons and fields, and let clicks through where no place is free.
(() => {
  const CONTROLS = ".q-btn, .m-btn, button, input, textarea, select, .q-field__control, [role=button], [role=switch], [role=checkbox]";
  const RIM = 8;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

  function controls() {
    const height = innerHeight;
    return all(CONTROLS).filter((el) => !el.closest(".q-notifications") && !el.disabled)
      .map((el) => el.getBoundingClientRect())
      .filter((r) => r.width && r.height && r.bottom > 0 && r.top < height);
  }
  function place(list) {
    const notices = [...list.querySelectorAll(".q-notification")];
    if (!notices.length) { list.style.transform = ""; return false; }
    const shift = Number(list.dataset.shift || 0), boxes = notices.map((n) => n.getBoundingClientRect());
    const own = {
      left: Math.min(...boxes.map((b) => b.left)), right: Math.max(...boxes.map((b) => b.right)),
      top: Math.min(...boxes.map((b) => b.top)) + shift, bottom: Math.max(...boxes.map((b) => b.bottom)) + shift,
    };
    const taken = controls().map((r) => ({ left: r.left - RIM, right: r.right + RIM, top: r.top - RIM, bottom: r.bottom + RIM }));
    const at = (rise) => ({ ...own, top: own.top - rise, bottom: own.bottom - rise });
    let rise = 0, free = false;
    while (at(rise).top > 0) {
      const hit = taken.filter((r) => over(r, at(rise)));
      if (!hit.length) { free = true; break; }
      rise = own.bottom - Math.min(...hit.map((r) => r.top)) + 1;
    }
    if (!free) rise = 0;
    const now = taken.some((r) => over(r, at(shift))) || !free;
    // What stands well stays where it is: a notice moves only when it has to.
    if (now && rise !== shift) {
      list.dataset.shift = String(rise);
      list.style.transform = rise ? `translateY(${-rise}px)` : "";
    }
    list.classList.toggle("m-notices--through", !free);
    return true;
  }
  const covers = (n) => { const r = n.getBoundingClientRect(); return controls().some((c) => over(c, r)); };
  window.maestroNotices = { free: () => !all(".q-notification").some(covers) };
  let ticking = 0;
  function look() {
    if (all(".q-notifications__list--bottom").map(place).includes(true)) ticking ||= setInterval(look, 120);
    else { clearInterval(ticking); ticking = 0; all("[data-shift]").forEach((list) => delete list.dataset.shift); }
  }
  new MutationObserver((changes) => {
    if (changes.some((c) => [...c.addedNodes].some((n) => n.classList?.contains("q-notification")))) requestAnimationFrame(look);
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
