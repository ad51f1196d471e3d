// What a user does on the plan page: `act` does it, `seen` tells whether the page shows it. `n` runs from 1.
const row = (key) => document.querySelector(`.p-row[data-row="${key}"]`);
const box = (key) => document.querySelector(`.p-box[data-task="${key}"]`);
const order = () => [...document.querySelectorAll(".p-rows__list > .p-row")].map((el) => el.dataset.row).join();
const lines = () => document.querySelectorAll(".p-line").length;
const needs = (key) => row(key).querySelector(".p-row__after").textContent;
const press = (el, key, more) => el.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
function type(field, words) {
  field.value = words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
function drop(from, to) {
  const at = (el) => {
    const rect = el.getBoundingClientRect();
    return { clientX: rect.left + rect.width / 2, clientY: rect.top + rect.height / 2, bubbles: true, button: 0 };
  };
  from.dispatchEvent(new PointerEvent("pointerdown", at(from)));
  document.dispatchEvent(new PointerEvent("pointermove", at(to)));
  document.dispatchEvent(new PointerEvent("pointerup", at(to)));
}
let before;
const acts = {
  "show another task": {
    act: (n) => row(`t${n}`).focus(),
    seen: (n) => document.querySelector(".p-details input")?.value.startsWith(`Step ${n} `),
  },
  "type a letter": {
    act: (n) => type(document.querySelector(".p-details input"), `Typed ${n}`),
    seen: (n) => document.querySelector(".p-row[aria-current]").textContent.includes(`Typed ${n}`),
  },
  "select one more": {
    act: (n) => press(row(`t${n}`), "x"),
    seen: (n) => row(`t${n}`).matches(".p-row--picked"),
  },
  "move the selected tasks": {
    act: () => { before = order(); press(row("t1"), "ArrowDown", { altKey: true }); },
    seen: () => order() !== before,
  },
  "clear and select": {
    act: (n) => { press(document.body, "Escape"); press(row(`t${n + 20}`), "x"); },
    seen: (n) => row(`t${n + 20}`).matches(".p-row--picked") && document.querySelectorAll(".p-row--picked").length === 1,
  },
  "drag a task in the list": {
    act: (n) => { before = order(); drop(row(`t${n + 25}`).querySelector("[data-grip]"), row("t0")); },
    seen: () => order() !== before,
  },
  "draw a dependency": {
    act: (n) => { before = lines(); drop(box(`t${n}`).querySelector("[data-link]"), box(`t${n + 29}`)); },
    seen: (n) => lines() > before && needs(`t${n + 29}`).includes(`t${n}`),
  },
  "undo": {
    act: () => { before = lines() + order(); press(document.body, "z", { ctrlKey: true }); },
    seen: () => lines() + order() !== before,
  },
  "redo": {
    act: () => { before = lines() + order(); press(document.body, "y", { ctrlKey: true }); },
    seen: () => lines() + order() !== before,
  },
  "remove a task": {
    act: (n) => press(row(`t${n + 30}`), "Delete"),
    seen: (n) => !row(`t${n + 30}`) && !box(`t${n + 30}`),
  },
  "find": {
    act: (n) => type(document.querySelector("[data-find]"), n % 2 ? "step 5" : ""),
    seen: (n) => Boolean(document.querySelector("[data-found]").textContent) === Boolean(n % 2),
  },
  "zoom": {
    act: (n) => document.querySelector(`[data-zoom="${n % 2 ? -1 : 1}"]`).click(),
    seen: () => true,
  },
  "neighbors of a task": {
    act: (n) => box(`t${n}`).dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" })),
    seen: (n) => box(`t${n}`).matches(".p-box--lit"),
  },
};
const frame = () => new Promise((done) => requestAnimationFrame(done));
const soon = () => new Promise((done) => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });

// Milliseconds from the act until its effect is there and a frame was drawn.
window.timed = async (name, n) => {
  await frame();
  const start = performance.now();
  acts[name].act(n);
  while (!acts[name].seen(n)) {
    if (performance.now() - start > 20000) throw new Error(`${name}, ${n}: never seen`);
    await soon();
  }
  await frame();
  return performance.now() - start;
};
window.actNames = Object.keys(acts);
