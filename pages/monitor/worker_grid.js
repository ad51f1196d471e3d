// The workers: one row each. Colour is the task's state, shape the life of the process; ended ones are folded away.
const FIELD = 60; // values in a sparkline

function quiet(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), m = Math.floor(s / 60), h = Math.floor(m / 60);
  if (s < 5) return "active";
  return h ? `${h} h ${m % 60} min` : m ? `${m} min ${m < 10 ? `${s % 60} s` : ""}`.trim() : `${s} s`;
}

export default {
  template: `
    <div class="wg">
      <div class="wg__line" v-for="row in shown" :key="row.id">
        <div class="wg__row" :class="['s-' + row.tone, { 'wg__row--ended': row.ended }]" :data-worker="row.name"
             data-nav tabindex="0" role="button" :aria-label="row.name + ', ' + row.life + ', ' + row.task + ' ' + row.title" @click="$emit('open', row.task_id)" @keydown.enter="$emit('open', row.task_id)">
          <span class="m-life" :class="['m-life--' + row.shape, 's-' + row.tone, { 'm-alive': row.shape === 'running' && !row.still }]" role="img" :title="row.life"></span>
          <span class="wg__name">{{ row.name }}</span>
          <span class="wg__what">
            <span class="wg__task"><b>{{ row.task }}</b> <bdi>{{ row.title }}</bdi></span>
            <span class="wg__last wg__last--still" v-if="row.still" title="The worker process is not responding. If that lasts, Maestro ends it and continues the task in the same conversation.">No sign of life for {{ still(row) }} s</span>
            <span class="wg__last" v-else dir="auto" :title="row.last">{{ row.last }}</span>
          </span>
          <svg class="wg__spark" viewBox="0 0 60 20" preserveAspectRatio="none" aria-hidden="true" v-if="!row.ended"><polyline :points="line(row.id)" /></svg>
          <span class="wg__num" v-if="!row.ended" :class="{ 'wg__num--quiet': row.still || (silent(row) > 120000 && row.shape === 'running') }" :title="'Silent for ' + quiet(silent(row))">
            {{ row.still ? still(row) + " s" : quiet(silent(row)) }}<small>{{ silent(row) < 5000 && !row.still ? "now" : "silent" }}</small></span>
          <span class="wg__num wg__num--end" v-else :title="row.outcome">{{ row.outcome }}</span>
          <span class="wg__num" :title="row.tokens_tip">{{ tokens(row.tokens) }}<small>tokens</small></span>
        </div>
        <button type="button" class="wg__say" v-if="row.hears" @click="$emit('say', row.task_id)" :title="'Message to ' + row.name" :aria-label="'Message to ' + row.name"><i class="mi mi-message-square" aria-hidden="true"></i></button>
      </div>
      <button type="button" class="wg__fold" v-if="ended.length" @click="open = !open; chosen = true" :aria-expanded="String(open)">
        <i class="mi" :class="open ? 'mi-chevron-down' : 'mi-chevron-right'" aria-hidden="true"></i>{{ ended.length }} ended</button>
      <div v-if="!list.length" class="wg__none"><slot></slot></div>
    </div>`,
  props: { rows: Array, more: Object },
  data() {
    return { list: this.rows, series: this.more.series ?? {}, now: Date.now(), open: this.rows.length > 0 && this.rows.every((row) => row.ended), chosen: false };
  },
  computed: {
    live() { return this.list.filter((row) => !row.ended); },
    ended() { return this.list.filter((row) => row.ended); },
    shown() { return this.open ? [...this.live, ...this.ended] : this.live; },
  },
  mounted() { this.clock = setInterval(() => { if (!document.hidden && this.live.length) this.now = Date.now(); }, 1000); },
  unmounted() { clearInterval(this.clock); },
  methods: {
    quiet,
    patch(changed, order, more) {
      const rows = new Map(this.list.map((row) => [row.id, row])), before = this.live.length;
      for (const row of changed) rows.set(row.id, row);
      this.list = (order ?? [...rows.keys()]).map((id) => rows.get(id)).filter(Boolean);
      if (!this.chosen && Boolean(before) !== Boolean(this.live.length)) this.open = !this.live.length;
      this.now = Date.now();
    },
    // What a worker did just now: {id: {last, at, cpu: [..], tokens}}
    pulse(news) {
      for (const row of this.list) {
        const came = news[row.id];
        if (!came) continue;
        if (came.last) row.last = came.last;
        if (came.at) row.at = Math.max(row.at, came.at);
        if (came.tokens) row.tokens = came.tokens;
        if (came.cpu) this.series = { ...this.series, [row.id]: [...(this.series[row.id] ?? []), ...came.cpu].slice(-FIELD) };
      }
      this.now = Date.now();
    },
    silent(row) { return this.now - row.at; },
    // Seconds that the process itself, not only the agent, has given no sign.
    still(row) { return Math.max(1, Math.round((this.now - row.still) / 1000)); },
    line(id) {
      const values = this.series[id] ?? [], top = Math.max(25, ...values), from = FIELD - values.length;
      return values.map((v, i) => `${from + i},${(18.5 - (v / top) * 17).toFixed(1)}`).join(" ");
    },
    tokens(n) {
      return n >= 1e6 ? `${(n / 1e6).toFixed(n < 1e8 ? 1 : 0)}M` : n >= 1e3 ? `${(n / 1e3).toFixed(n < 1e5 ? 1 : 0)}k` : String(n);
    },
  },
};
