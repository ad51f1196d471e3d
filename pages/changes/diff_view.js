// File tree and diff. Files come without their lines; the lines of a file are asked for when it comes near the window.
// The HTML of lines is made and escaped by the server (diff_html.py); all else is set as text.
const LETTER = { added: "A", deleted: "D", renamed: "R", modified: "M" };
const WORD = { added: "Added", deleted: "Deleted", renamed: "Renamed", modified: "Changed" };

export default {
  template: `
    <div class="dv">
      <nav class="dv__tree" aria-label="Changed files">
        <div class="dv__filter m-search" v-if="files.length > 12"><input type="search" v-model="words" placeholder="Find a file" aria-label="Find a file" spellcheck="false"></div>
        <template v-for="row in tree" :key="row.key">
          <div v-if="row.folder" class="dv__folder" :style="{ paddingLeft: 12 + row.depth * 12 + 'px' }" :title="row.folder">{{ row.name }}</div>
          <button v-else type="button" class="dv__item" data-nav :class="{ 'dv__item--here': row.file.i === here }" :style="{ paddingLeft: 12 + row.depth * 12 + 'px' }"
                  :title="WORD[row.file.status] + ': ' + row.file.path" :aria-current="row.file.i === here ? 'true' : null" @click="go(row.file.i)">
            <span class="dv__letter" :class="'dv__letter--' + row.file.status">{{ LETTER[row.file.status] }}</span><span class="dv__name">{{ row.name }}</span>
            <span class="dv__counts"><span v-if="row.file.add" class="dv__plus">+{{ row.file.add }}</span><span v-if="row.file.del" class="dv__minus">−{{ row.file.del }}</span></span>
          </button>
        </template>
        <div v-if="words && !tree.length" class="dv__nofile">No file with that name</div>
      </nav>
      <div class="dv__pane" ref="pane" tabindex="0" aria-label="Diff" :style="{ '--bar': bar + 'px' }">
        <slot></slot>
        <section v-for="file in files" :key="run + '-' + file.i" class="dv__file" :data-file="file.i" :data-path="file.path" :aria-label="file.path">
          <header class="dv__head">
            <button type="button" class="dv__fold" :aria-expanded="String(isOpen(file))" :aria-label="(isOpen(file) ? 'Fold ' : 'Unfold ') + file.path" @click="toggle(file)">
              <i class="mi" :class="isOpen(file) ? 'mi-chevron-down' : 'mi-chevron-right'" aria-hidden="true"></i></button>
            <span class="dv__path"><template v-if="file.old">{{ file.old }} → </template>{{ file.path }}</span>
            <span class="dv__status" v-if="file.status !== 'modified'" :class="'dv__letter--' + file.status">{{ WORD[file.status] }}</span>
            <span class="dv__counts"><span v-if="file.add" class="dv__plus">+{{ file.add.toLocaleString() }}</span><span v-if="file.del" class="dv__minus">−{{ file.del.toLocaleString() }}</span></span>
            <button type="button" class="dv__say" :title="'Comment on ' + file.path" :aria-label="'Comment on ' + file.path" @click="say(file)"><i class="mi mi-message-square" aria-hidden="true"></i></button>
            <button type="button" class="m-copy" data-do="copy" :data-copy="file.path" title="Copy the path" aria-label="Copy the path"><i class="mi mi-copy" aria-hidden="true"></i></button>
          </header>
          <div v-if="file.note" class="dv__note">{{ file.note }}</div>
          <button v-else-if="!isOpen(file)" type="button" class="dv__show" @click="toggle(file)">
            {{ file.folded ? 'Long or machine-made: ' : '' }}{{ (file.add + file.del).toLocaleString() }} changed lines. Show them</button>
          <div v-else class="dv__lines" :class="{ 'dv__lines--wait': html[file.i] === undefined }" :aria-busy="html[file.i] === undefined ? 'true' : null" :style="html[file.i] === undefined ? { minHeight: Math.min(file.height, 3000) * 20 + 'px' } : null" v-html="html[file.i] ?? ''" @click="pick(file, $event)"></div>
        </section>
      </div>
    </div>`,
  props: { given: Array, said: Array },
  data() {
    return { LETTER, WORD, files: this.given, html: {}, open: {}, words: "", here: this.given[0]?.i ?? 0, aim: null, bar: 40, run: 0 };
  },
  computed: {
    tree() {
      const rows = [], words = this.words.toLowerCase(), root = { folders: new Map(), files: [] };
      for (const file of this.files) {
        if (words && !file.path.toLowerCase().includes(words)) continue;
        const parts = file.path.split("/"), name = parts.pop();
        let at = root;
        for (const part of parts) at = at.folders.get(part) ?? at.folders.set(part, { folders: new Map(), files: [] }).get(part);
        at.files.push({ name, file });
      }
      const walk = (node, depth, path) => {
        for (let [name, child] of node.folders) {
          while (child.folders.size === 1 && !child.files.length) {
            const [[next, only]] = child.folders;
            name += "/" + next;
            child = only;
          }
          const whole = path + name;
          rows.push({ key: "d:" + whole, folder: whole, name, depth });
          walk(child, depth + 1, whole + "/");
        }
        for (const { name, file } of node.files) rows.push({ key: "f:" + file.i, name, file, depth });
      };
      walk(root, 0, "");
      return rows;
    },
  },
  mounted() {
    window.addEventListener("scroll", this.scrolled, { passive: true, capture: true });
    this.sizes = new ResizeObserver(this.measure);
    this.sizes.observe(this.$refs.pane);
    this.measure();
    this.watch();
    this.comments = this.said ?? [];
  },
  unmounted() {
    window.removeEventListener("scroll", this.scrolled, { capture: true });
    this.sizes.disconnect();
    this.near?.disconnect();
  },
  methods: {
    reset(files) {
      Object.assign(this, { files, html: {}, open: {}, here: files[0]?.i ?? 0, aim: null, run: this.run + 1 });
      this.asked = new Set();
      this.$nextTick(this.watch);
    },
    // Lines come late, and in another height than was kept free for them: what is looked at stays where it is.
    fill(number, html) { this.hold(() => { this.html[number] = html; this.$nextTick(() => this.mark()); }); },
    // A click on a line's number opens a comment on it; the server asks for the words.
    pick(file, event) {
      const line = event.target.closest(".dl");
      if (!line || event.clientX - line.getBoundingClientRect().left > parseFloat(getComputedStyle(line).paddingLeft) || !getSelection().isCollapsed) return;
      const side = line.dataset.n ? "new" : "old", number = Number(line.dataset.n || line.dataset.o);
      if (number) this.$emit("say", { file: file.i, line: number, side });
    },
    say(file) { this.$emit("say", { file: file.i, line: null, side: "new" }); },
    // Comments that wait stand below their lines. Their words are set as text.
    show_comments(comments) { this.comments = comments; this.mark(); },
    mark() {
      for (const old of this.$refs.pane.querySelectorAll(".dl-said")) old.remove();
      for (const { path, line, side, body } of this.comments ?? []) {
        const section = [...this.$refs.pane.querySelectorAll(".dv__file")].find((s) => s.dataset.path === path);
        const row = section?.querySelector(side === "old" ? `.dl--del[data-o="${line}"]` : `.dl[data-n="${line}"]`);
        if (!row) continue;
        const said = document.createElement("div");
        said.className = "dl-said";
        said.textContent = body;
        let at = row;
        while (at.nextElementSibling?.classList.contains("dl-said")) at = at.nextElementSibling;
        at.after(said);
      }
    },
    isOpen(file) { return this.open[file.i] ?? !file.folded; },
    toggle(file) {
      const section = this.section(file.i);
      this.aim = null;
      this.open[file.i] = !this.isOpen(file);
      if (this.open[file.i]) this.ask(file);
      else this.$nextTick(() => { if (section.getBoundingClientRect().top < this.line()) section.scrollIntoView({ block: "start" }); });
    },
    // In a narrow window the whole page scrolls, in a wide one the pane.
    scroller() {
      const own = getComputedStyle(this.$refs.pane).overflowY !== "visible";
      return own ? this.$refs.pane : document.scrollingElement;
    },
    measure() {
      const bar = this.$refs.pane.querySelector(".chg__top");
      if (bar && this.seenBar !== bar) {
        if (this.seenBar) this.sizes.unobserve(this.seenBar);
        this.sizes.observe((this.seenBar = bar)); // its words wrap where there is little room
      }
      this.hold(() => { this.bar = bar ? bar.offsetHeight : 0; });
      if (this.root !== undefined && this.root !== this.scroller()) this.watch();
    },
    watch() {
      this.near?.disconnect();
      this.asked ??= new Set();
      this.root = this.scroller();
      this.near = new IntersectionObserver((seen) => {
        for (const { isIntersecting, target } of seen) {
          const file = this.files.find((f) => f.i === Number(target.dataset.file));
          if (isIntersecting && file && this.isOpen(file)) this.ask(file);
        }
      }, { root: this.root === this.$refs.pane ? this.root : null, rootMargin: "800px 0px" });
      for (const section of this.$refs.pane.querySelectorAll(".dv__file")) this.near.observe(section);
    },
    ask(file) {
      if (file.note || this.asked.has(file.i)) return;
      this.asked.add(file.i);
      this.$emit("need", file.i);
    },
    section(number) { return this.$refs.pane.querySelector(`[data-file="${number}"]`); },
    // Where the files' own names stick, from the top of the window.
    line() { return parseFloat(getComputedStyle(this.$refs.pane.querySelector(".dv__head")).top) + (this.scroller() === this.$refs.pane ? this.$refs.pane.getBoundingClientRect().top : 0); },
    go(number) {
      Object.assign(this, { aim: number, here: number });
      this.settle();
    },
    // The file that was asked for stays at the top until one scrolls, whatever comes in above it.
    settle() {
      this.section(this.aim)?.scrollIntoView({ block: "start" });
      this.put = this.scroller().scrollTop;
    },
    hold(change) {
      const section = this.section(this.aim ?? this.seen()), before = section?.getBoundingClientRect().top;
      change();
      this.$nextTick(() => {
        if (!section?.isConnected) return;
        if (this.aim !== null) this.settle();
        else if (this.scroller().scrollTop > 0) this.scroller().scrollTop += section.getBoundingClientRect().top - before;
      });
    },
    seen() {
      if (!this.files.length) return this.here;
      const top = this.line() + 20;
      let found = this.files[0].i;
      for (const section of this.$refs.pane.querySelectorAll(".dv__file")) {
        if (section.getBoundingClientRect().top > top) break;
        found = Number(section.dataset.file);
      }
      return found;
    },
    scrolled(event) {
      if (event.target !== this.$refs.pane && event.target !== document) return;
      if (this.aim !== null && Math.abs(this.scroller().scrollTop - this.put) < 2) return;
      this.aim = null;
      this.here = this.seen();
    },
  },
};
