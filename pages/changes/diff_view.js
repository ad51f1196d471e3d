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
      <div class="dv__pane" ref="pane" tabindex="0" aria-label="Diff" @scroll.passive="scrolled">
        <slot></slot>
        <section v-for="file in files" :key="run + '-' + file.i" class="dv__file" :data-file="file.i" :data-path="file.path" :aria-label="file.path">
          <header class="dv__head">
            <button type="button" class="dv__fold" :aria-expanded="String(isOpen(file))" :aria-label="(isOpen(file) ? 'Fold ' : 'Unfold ') + file.path" @click="toggle(file)">
              <i class="mi" :class="isOpen(file) ? 'mi-chevron-down' : 'mi-chevron-right'" aria-hidden="true"></i></button>
            <span class="dv__path"><template v-if="file.old">{{ file.old }} → </template>{{ file.path }}</span>
            <span class="dv__status" v-if="file.status !== 'modified'" :class="'dv__letter--' + file.status">{{ WORD[file.status] }}</span>
            <span class="dv__counts"><span v-if="file.add" class="dv__plus">+{{ file.add.toLocaleString() }}</span><span v-if="file.del" class="dv__minus">−{{ file.del.toLocaleString() }}</span></span>
            <button type="button" class="m-copy" data-do="copy" :data-copy="file.path" title="Copy the path" aria-label="Copy the path"><i class="mi mi-copy" aria-hidden="true"></i></button>
          </header>
          <div v-if="file.note" class="dv__note">{{ file.note }}</div>
          <button v-else-if="!isOpen(file)" type="button" class="dv__show" @click="toggle(file)">
            {{ file.folded ? 'Long or machine-made: ' : '' }}{{ (file.add + file.del).toLocaleString() }} changed lines. Show them</button>
          <div v-else class="dv__lines" :style="html[file.i] === undefined ? { minHeight: Math.min(file.height, 3000) * 20 + 'px' } : null" v-html="html[file.i] ?? ''"></div>
        </section>
      </div>
    </div>`,
  props: { given: Array },
  data() {
    return { LETTER, WORD, files: this.given, html: {}, open: {}, words: "", here: this.given[0]?.i ?? 0, run: 0 };
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
  mounted() { this.watch(); },
  unmounted() { this.near?.disconnect(); },
  methods: {
    reset(files) {
      Object.assign(this, { files, html: {}, open: {}, here: files[0]?.i ?? 0, run: this.run + 1 });
      this.asked = new Set();
      this.$nextTick(this.watch);
    },
    fill(number, html) { this.html[number] = html; },
    isOpen(file) { return this.open[file.i] ?? !file.folded; },
    toggle(file) {
      this.open[file.i] = !this.isOpen(file);
      if (this.open[file.i]) this.ask(file);
    },
    watch() {
      this.near?.disconnect();
      this.asked ??= new Set();
      this.near = new IntersectionObserver((seen) => {
        for (const { isIntersecting, target } of seen) {
          const file = this.files.find((f) => f.i === Number(target.dataset.file));
          if (isIntersecting && file && this.isOpen(file)) this.ask(file);
        }
      }, { root: this.$refs.pane, rootMargin: "800px 0px" });
      for (const section of this.$refs.pane.querySelectorAll(".dv__file")) this.near.observe(section);
    },
    ask(file) {
      if (file.note || this.asked.has(file.i)) return;
      this.asked.add(file.i);
      this.$emit("need", file.i);
    },
    go(number) {
      const section = this.$refs.pane.querySelector(`[data-file="${number}"]`);
      section?.scrollIntoView({ block: "start" });
      this.here = number;
      this.held = Date.now() + 400;
    },
    scrolled() {
      if (Date.now() < (this.held ?? 0)) return;
      const top = this.$refs.pane.getBoundingClientRect().top + 60;
      let found = this.here;
      for (const section of this.$refs.pane.querySelectorAll(".dv__file")) {
        if (section.getBoundingClientRect().top > top) break;
        found = Number(section.dataset.file);
      }
      this.here = found;
    },
  },
};
