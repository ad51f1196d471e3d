// The timeline: tasks as rows, runs and checks as bars over time. Long spans in which nothing ran are folded.
const GAP = 0.03; // width of a folded span, as a share of the whole
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].map((s) => s * 1000);
const minutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function words(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60), pad = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`;
}

function span(ms) {
  const m = Math.round(ms / 60000), h = Math.floor(m / 60);
  return h >= 48 ? `${Math.round(h / 24)} days` : h ? `${h} h ${m % 60 ? `${m % 60} min` : ""}`.trim() : `${m} min`;
}

export default {
  template: `
    <div class="tl" :class="{ 'tl--empty': !scale }">
      <div class="tl__axis" aria-hidden="true">
        <span v-for="tick in ticks" :key="tick.t" class="tl__tick" :style="{ left: tick.x + '%' }">{{ tick.word }}</span>
      </div>
      <div class="tl__body" ref="body">
        <div class="tl__back" aria-hidden="true">
          <span v-for="tick in ticks" :key="tick.t" class="tl__line" :style="{ left: tick.x + '%' }"></span>
          <span v-for="gap in gaps" :key="gap.x" class="tl__gap" :style="{ left: gap.x + '%', width: gap.w + '%' }" :title="gap.tip"></span>
          <span v-if="nowX !== null" class="tl__now" :style="{ left: nowX + '%' }"></span>
        </div>
        <component :is="row.id ? 'button' : 'div'" v-for="row in list" :key="row.id" class="tl__row" :class="'s-' + row.tone" :type="row.id ? 'button' : null"
                :data-nav="row.id ? '' : null" :data-task="row.key || null" :aria-label="row.id ? row.key + ' ' + row.title + ': ' + row.word : null" @click="row.id && $emit('open', row.id)">
          <span class="tl__name" :title="row.title + '\\n' + row.word">
            <i class="mi" :class="'mi-' + row.icon" aria-hidden="true"></i>
            <span class="tl__key" v-if="row.key">{{ row.key }}</span><span class="tl__title" dir="auto">{{ row.title }}</span>
          </span>
          <span class="tl__lane">
            <span v-for="(bar, i) in row.bars" :key="i" class="tl__bar" :class="['s-' + bar.tone, 'tl__bar--' + bar.kind, { 'tl__bar--live': bar.live }]"
                  :style="place(bar)" :title="bar.tip">{{ bar.label }}</span>
            <span v-if="row.note" class="tl__note" :style="{ right: noteX + '%' }">{{ row.note }}</span>
          </span>
          <span class="tl__took" :title="row.from && waited(row) >= 1000 ? 'Without ' + words(waited(row)) + ' of waiting' : null">{{ took(row) }}</span>
        </component>
      </div>
    </div>`,
  props: { rows: Array, more: Object },
  data() {
    return { list: this.rows, still: this.more.still, now: Date.now(), width: 900 };
  },
  computed: {
    ends() {
      const all = this.list.flatMap((row) => row.bars.map((bar) => [bar.from, bar.to ?? this.now]));
      return all.sort((a, b) => a[0] - b[0]);
    },
    // Pieces of [from, to, x0, x1]: time to place, with what is idle for long squeezed.
    scale() {
      if (!this.ends.length) return null;
      const busy = [];
      for (const [from, to] of this.ends) {
        const last = busy.at(-1);
        if (last && from <= last[1]) last[1] = Math.max(last[1], to);
        else busy.push([from, to]);
      }
      if (!this.still && busy.at(-1)[1] < this.now) busy.push([this.now, this.now]);
      const active = Math.max(busy.reduce((sum, [a, b]) => sum + b - a, 0), 5000);
      const fold = Math.max(120000, active * 0.25);
      const merged = [];
      for (const part of busy) {
        const last = merged.at(-1);
        if (last && part[0] - last[1] < fold) last[1] = part[1];
        else merged.push([...part]);
      }
      const total = Math.max(merged.reduce((sum, [a, b]) => sum + b - a, 0), 5000);
      const room = (this.still ? 0.995 : 0.96) - GAP * (merged.length - 1);
      let x = 0;
      return merged.map(([from, to]) => {
        const piece = { from, to, x0: x, x1: x + ((to - from) / total) * room };
        x = piece.x1 + GAP;
        return piece;
      });
    },
    gaps() {
      if (!this.scale) return [];
      return this.scale.slice(1).map((piece, i) => ({ x: this.scale[i].x1 * 100, w: GAP * 100, tip: `Nothing ran for ${span(piece.from - this.scale[i].to)}` }));
    },
    nowX() { return this.still || !this.scale ? null : this.at(this.now); },
    noteX() { return this.nowX === null ? 0 : 100.6 - this.nowX; },
    ticks() {
      if (!this.scale) return [];
      const total = this.scale.reduce((sum, p) => sum + p.to - p.from, 0), many = Math.max(2, this.width / 110);
      const step = STEPS.find((s) => total / s <= many) ?? STEPS.at(-1), form = step < 60000 ? seconds : minutes;
      const found = [];
      for (const piece of this.scale) {
        const zone = new Date(piece.from).getTimezoneOffset() * 60000;
        for (let t = Math.ceil((piece.from - zone) / step) * step + zone; t <= piece.to; t += step) {
          const x = this.at(t);
          if (x < 97 && (!found.length || ((x - found.at(-1).x) / 100) * this.width > 56)) found.push({ t, x, word: form.format(t) });
        }
      }
      return found;
    },
  },
  mounted() {
    this.clock = setInterval(() => { if (!this.still && !document.hidden) this.now = Date.now(); }, 1000);
    this.sizes = new ResizeObserver(() => { this.width = this.$refs.body.clientWidth * 0.75; });
    this.sizes.observe(this.$refs.body);
    this.$nextTick(this.toLive);
  },
  unmounted() {
    clearInterval(this.clock);
    this.sizes.disconnect();
  },
  methods: {
    patch(changed, order, more) {
      const rows = new Map(this.list.map((row) => [row.id, row]));
      for (const row of changed) rows.set(row.id, row);
      this.list = (order ?? [...rows.keys()]).map((id) => rows.get(id)).filter(Boolean);
      if ("still" in more) this.still = more.still;
      this.now = Date.now();
    },
    at(t) {
      const piece = this.scale.find((p) => t <= p.to) ?? this.scale.at(-1);
      const share = piece.to > piece.from ? (Math.min(Math.max(t, piece.from), piece.to) - piece.from) / (piece.to - piece.from) : 0;
      return (piece.x0 + share * (piece.x1 - piece.x0)) * 100;
    },
    place(bar) {
      const from = this.at(bar.from), to = this.at(bar.to ?? this.now);
      return { left: `${from}%`, width: `${Math.max(to - from, 0)}%` };
    },
    words,
    took(row) {
      return row.from ? words((row.to ?? this.now) - row.from - this.waited(row)) : "";
    },
    // Milliseconds of a row's time in which it waited: spans that overlap count once.
    waited(row) {
      const end = row.to ?? this.now, waits = [...row.bars.filter((bar) => bar.kind === "wait"), ...row.idle].map((bar) => [Math.max(bar.from, row.from), Math.min(bar.to ?? this.now, end)]);
      let sum = 0, until = row.from;
      for (const [from, to] of waits.sort((a, b) => a[0] - b[0])) {
        sum += Math.max(to - Math.max(from, until), 0);
        until = Math.max(until, to);
      }
      return sum;
    },
    // Of many tasks, show those at work.
    toLive() {
      const at = this.list.findIndex((row) => row.bars.some((bar) => bar.to === null));
      const row = this.$refs.body.querySelectorAll(".tl__row")[at];
      if (row && row.offsetTop + row.offsetHeight > this.$refs.body.clientHeight) this.$refs.body.scrollTop = row.offsetTop - 60;
    },
  },
};
