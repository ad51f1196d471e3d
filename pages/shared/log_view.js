// A window on a long log. The server sends batches; this keeps at most MAX lines in the document, appends in one write a
// frame, and asks for older or newer lines at its edges. Words are only ever set as text.
const MAX = 3000; // lines in the document
const KEEP = 2000; // while following: how many stay
const FEW = 100; // lines that may be too short to scroll
const NEAR = 600; // pixels from an edge at which more is asked for

const KINDS = {
  text: "message", tool: "tool", tool_result: "result", progress: "progress", gate: "approval",
  check: "check", git: "git", system: "system", error: "error",
};
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function el(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

export default {
  template: `
    <div class="log" :class="{ 'log--following': following }">
      <div class="log__scroll" ref="scroll" tabindex="0" role="log" aria-live="off" :aria-label="label"
           @scroll.passive="scrolled" @click="clicked" @keydown.enter="entered">
        <div class="log__edge" v-show="older && count">{{ loading ? "Loading older lines…" : "Scroll up for older lines" }}</div>
        <div class="log__lines" ref="lines"></div>
      </div>
      <div class="log__none" v-if="ready && !count"><slot></slot></div>
      <button type="button" class="log__pill" v-show="count" @click="follow" :aria-pressed="String(following)"
              :title="following ? 'New lines are shown as they come' : 'Show the newest lines and follow'">
        <i class="mi" :class="following ? 'mi-radio' : 'mi-arrow-down'" aria-hidden="true"></i><span>{{ pill }}</span>
      </button>
    </div>`,
  props: { label: String },
  data: () => ({ following: true, older: false, newer: false, loading: false, count: 0, missed: 0, ready: false }),
  computed: {
    pill() {
      if (this.following) return "Following";
      return this.missed ? `${this.missed.toLocaleString()} new ${this.missed === 1 ? "line" : "lines"}` : "Jump to newest";
    },
  },
  created() {
    this.queue = [];
    this.query = "";
    this.lastTop = 0;
  },
  mounted() {
    // What was made while nobody could see it (a folded tab) goes to its end once it is seen.
    this.sizes = new ResizeObserver(() => this.following && this.toEnd());
    this.sizes.observe(this.$refs.scroll);
  },
  unmounted() {
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
  },
  methods: {
    // ---- called by the server
    reset(rows, older, query) {
      this.queue = [];
      this.query = (query || "").toLowerCase();
      this.$refs.lines.replaceChildren(this.build(rows));
      Object.assign(this, { older, newer: false, loading: false, following: true, missed: 0, count: rows.length, ready: true });
      this.$nextTick(this.toEnd);
    },
    append(rows, gap) {
      if (this.newer || (!this.following && (gap || this.count + rows.length > MAX))) {
        this.newer = true;
        this.missed += rows.length;
        return;
      }
      // A few lines would not fill the view, so that nobody could scroll to those before them.
      if (gap) return rows.length < FEW ? this.$emit("tail") : this.reset(rows, true, this.query);
      if (!this.following) this.missed += rows.length;
      this.queue.push(...rows);
      if (this.queue.length > MAX) { this.queue.splice(0, this.queue.length - KEEP); this.older = true; }
      this.frame ??= requestAnimationFrame(this.flush);
    },
    prepend(rows, older) {
      const { scroll, lines } = this.$refs, height = scroll.scrollHeight, top = scroll.scrollTop;
      const made = this.build(rows), first = lines.querySelector(".log__line");
      if (first && rows.length && first.dataset.day !== this.dayOf(rows.at(-1).t)) made.append(this.separator(+first.dataset.t));
      lines.prepend(made);
      this.count += rows.length;
      Object.assign(this, { older, loading: false });
      this.$nextTick(() => {
        scroll.scrollTop = top + scroll.scrollHeight - height;
        if (this.trim(lines, "lastElementChild", MAX)) this.newer = true;
      });
    },
    more(rows, newer) {
      const { scroll, lines } = this.$refs;
      lines.append(this.build(rows, lines.lastElementChild));
      this.count += rows.length;
      const height = scroll.scrollHeight;
      if (this.trim(lines, "firstElementChild", MAX)) this.older = true;
      scroll.scrollTop -= height - scroll.scrollHeight;
      Object.assign(this, { newer, loading: false, missed: newer ? this.missed : 0 });
    },
    detail(id, parts) {
      const body = this.$refs.lines.querySelector(`[data-id="${Number(id)}"] .log__more`);
      if (!body) return;
      body.replaceChildren(...parts.map(([name, text, styles]) => {
        const part = el("div", name && text.length < 80 && !text.includes("\n") ? "log__part log__part--short" : "log__part");
        if (name) part.append(el("div", "log__name", name));
        const shown = el("pre", "log__text");
        this.color(shown, text, styles);
        part.append(shown);
        return part;
      }));
      if (!parts.length) body.replaceChildren(el("div", "log__name", "Nothing more was recorded."));
    },

    // ---- lines
    build(rows, before) {
      const made = document.createDocumentFragment();
      let last = before?.dataset.day;
      for (const row of rows) {
        const date = this.dayOf(row.t);
        if (last && date !== last) made.append(this.separator(row.t));
        last = date;
        made.append(this.line(row, date));
      }
      return made;
    },
    line(row, date) {
      const line = el("div", `log__line log__line--${row.l} log__line--k-${row.k}`);
      Object.assign(line.dataset, { id: row.i, t: row.t, day: date, nav: "" });
      line.tabIndex = -1;
      const time = el("span", "log__time", clock.format(row.t));
      time.title = exact.format(row.t);
      const words = el("span", "log__msg");
      this.mark(words, row.m, row.s);
      if (row.n) words.append(el("span", "log__cut", row.n));
      line.append(time, el("span", "log__task", row.a), el("span", "log__who", row.w), el("span", "log__kind", KINDS[row.k] || row.k), words);
      return line;
    },
    separator(t) {
      return el("div", "log__day", day.format(t));
    },
    dayOf: (t) => new Date(t).toDateString(),
    mark(into, text, styles) {
      if (!this.query) { this.color(into, text, styles); return; }
      const low = text.toLowerCase();
      let at = 0;
      for (let hit; (hit = low.indexOf(this.query, at)) >= 0; at = hit + this.query.length) {
        into.append(text.slice(at, hit), el("mark", "log__hit", text.slice(hit, hit + this.query.length)));
      }
      into.append(text.slice(at));
    },
    // Where a text is colored: [from, to, classes], in characters as Python counts them.
    color(into, text, styles) {
      if (!styles?.length) { into.append(text); return; }
      const letters = Array.from(text);
      let at = 0;
      for (const [from, to, classes] of styles) {
        into.append(letters.slice(at, from).join(""), el("span", classes, letters.slice(from, to).join("")));
        at = to;
      }
      into.append(letters.slice(at).join(""));
    },
    trim(lines, end, most) {
      let gone = 0;
      while (this.count > most && lines[end]) {
        if (lines[end].dataset.id) { this.count -= 1; gone += 1; }
        lines[end].remove();
      }
      return gone;
    },
    flush() {
      this.frame = undefined;
      const { lines } = this.$refs, rows = this.queue.splice(0);
      if (!lines || !rows.length) return;
      if (this.newer) { this.missed += rows.length; return; } // trimmed meanwhile: they are read when one scrolls there
      lines.append(this.build(rows, lines.lastElementChild));
      this.count += rows.length;
      if (this.following && this.trim(lines, "firstElementChild", KEEP)) this.older = true;
      if (this.following) this.$nextTick(this.toEnd);
    },

    // ---- scrolling
    toEnd() {
      const { scroll } = this.$refs;
      if (!scroll) return;
      scroll.scrollTop = scroll.scrollHeight;
      this.lastTop = scroll.scrollTop;
    },
    follow() {
      if (this.following) { this.following = false; return; }
      if (this.newer) { this.$emit("tail"); return; }
      Object.assign(this, { following: true, missed: 0 });
      this.toEnd();
    },
    scrolled() {
      const { scroll, lines } = this.$refs, top = scroll.scrollTop;
      const left = scroll.scrollHeight - top - scroll.clientHeight;
      const up = top < this.lastTop - 2;
      this.lastTop = top;
      if (!scroll.clientHeight) return;
      if (up && left > 24) this.following = false;
      if (left <= 24 && !this.newer && !this.following && !up) Object.assign(this, { following: true, missed: 0 });
      if (this.loading) return;
      if (up && top < NEAR && this.older) this.ask("older", lines.querySelector(".log__line"));
      else if (!up && left < NEAR && this.newer) this.ask("newer", lines.lastElementChild);
    },
    ask(what, line) {
      if (!line?.dataset.id) return;
      this.loading = true;
      this.$emit(what, Number(line.dataset.id));
    },

    // ---- unfolding
    entered(event) { if (event.target.classList.contains("log__line")) this.toggle(event.target); },
    clicked(event) {
      const line = event.target.closest(".log__line");
      if (!line || event.target.closest(".log__more") || String(getSelection())) return;
      this.toggle(line);
    },
    toggle(line) {
      const open = line.classList.toggle("log__line--open");
      if (!open || line.querySelector(".log__more")) return;
      line.append(el("div", "log__more", "…"));
      this.$emit("unfold", Number(line.dataset.id));
    },
  },
};
