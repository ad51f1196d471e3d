// Runs in <head>, before the first paint: which colours, so that nothing flashes. The choice is this browser's own.
(() => {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("maestro-theme"); } catch { return null; } };
  const apply = () => {
    const dark = stored() ? stored() === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    window.Quasar?.Dark?.set(dark);
    window.dispatchEvent(new CustomEvent("maestro-theme", { detail: dark }));
  };
  window.maestroTheme = {
    apply,
    toggle() {
      const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      const same = (next === "dark") === system.matches;
      try { same ? localStorage.removeItem("maestro-theme") : localStorage.setItem("maestro-theme", next); } catch { /* private window */ }
      apply();
    },
  };
  system.addEventListener("change", apply);
  window.addEventListener("storage", (e) => e.key === "maestro-theme" && apply());
  window.addEventListener("load", apply); // Quasar is there now
  apply();
})();
