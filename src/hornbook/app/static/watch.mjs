// The page "watch": the list of runs, their curves, and what one of them said. It asks for what is new every 2 seconds.

import { html, post, say, useEffect, useMemo, useRef, useState } from "./shell.mjs";
import Chart, { short } from "./chart.mjs";

const POLL = 2000, CALM = 30_000, FIRST = 8, LISTED = 20; // milliseconds between two requests; lines that are drawn, and listed, at first
const AXES = { step: "step", tokens: "tokens", time: "training time", FLOPs: "FLOPs" };
const MEASURES = { tokens_per_second: "tokens per second", model_flops_utilization: "share of the measured peak", learning_rate: "learning rate", gradient_norm: "gradient norm",
  waiting_share: "share of time waiting for data", useful_share: "share of positions that are no padding", memory_bytes: "memory, bytes" };

const two = (count) => String(Math.floor(count)).padStart(2, "0");
const clock = (seconds) => (seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)} h` : `${Math.floor(seconds / 60)}:${two(seconds % 60)} min`);
const number = (text) => (text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text));
const mean = (values) => (values.length ? values.reduce((a, b) => a + b) / values.length : Infinity);

// The lines of the list: a run, or the runs of an arm of a study.
const itemsOf = (runs) => [...Map.groupBy(runs, (run) => run.item)].map(([key, own]) => {
  const value = mean(own.map((run) => run.value).filter((one) => one !== null)), states = [...Map.groupBy(own, (run) => run.told)], alone = own.length === 1;
  return {
    key, runs: own, name: own[0].label, value, changed: Math.max(...own.map((run) => run.changed)), live: own.some((run) => run.live),
    state: alone ? own[0].told : states.map(([told, many]) => `${many.length} ${told}`).join(", "), told: alone ? own[0].measured : value < Infinity ? `${short(value)} on average` : "",
  };
});

const SORTS = { // of the list
  "newest first": (a, b) => b.changed - a.changed, name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  "held-out value": (a, b) => a.value - b.value, "running first": (a, b) => b.live - a.live || b.changed - a.changed,
};
const added = (old, more) => Object.fromEntries(Object.keys(more).map((name) => [name, [...(old[name] ?? []), ...more[name]]]));

// A mean of what was, in which a number counts half after so many tokens; without the pull of the first one.
function smoothed(xs, ys, half) {
  let sum = 0, weight = 0, before = 0;
  return ys.map((y, place) => {
    if (y === null) return null;
    const keep = 0.5 ** ((xs[place] - before) / half);
    [before, sum, weight] = [xs[place], keep * sum + (1 - keep) * y, keep * weight + (1 - keep)];
    return weight > 0 ? sum / weight : y;
  });
}

// What came so far, kept beside the page's state: it grows, and is no reason to draw by itself.
class Store {
  runs = new Map(); data = new Map(); tick = 0; focus = null;
  take(answer) {
    for (const run of answer.runs) {
      if ((this.runs.get(run.number)?.state ?? run.state) !== run.state) say(`${run.name}: ${run.told}`);
      this.runs.set(run.number, run);
    }
    const { records, tick, focus = this.focus } = answer, parts = Object.values(records);
    for (const [name, part] of Object.entries(records)) {
      const old = part.whole ? { columns: {}, held_out: {} } : this.data.get(Number(name));
      this.data.set(Number(name), { ...part, columns: added(old.columns, part.columns), held_out: added(old.held_out, part.held_out) });
    }
    Object.assign(this, { tick, focus });
    return { more: parts.some((part) => part.more), news: answer.runs.length > 0 || parts.some((part) => part.whole || part.columns.step.length > 0) };
  }
}

function placesOf(run, rows, axis) {
  const each = { step: 1, tokens: run.tokens, FLOPs: run.flops }[axis];
  return axis === "time" ? rows.seconds : rows.step.map((step) => (each ? step * each : null));
}

export function chartsOf(store, chosen, { axis, half, measure }) {
  const charts = new Map(), lost = [];
  const into = (key, title, note) => charts.get(key) ?? charts.set(key, { key, title, note, series: [], marks: [] }).get(key);
  chosen.forEach(({ name: item, runs }, look) => runs.forEach((run) => {
    const data = store.data.get(run.number), held = data?.held_out;
    if (!data) return;
    const name = runs.length > 1 ? `${item} (${run.name.split(".").at(-1)})` : item, rows = added(data.columns, data.tip);
    const xs = placesOf(run, rows, axis), add = (chart, ys, more = {}, at = xs) => chart.series.push({ name, look, xs: at, ys, ...more });
    if (rows.step.length && !xs.some((x) => x !== null)) return lost.push(name);
    const train = (chart, ys) => {
      // The record behind a stop may be one of those that were thinned.
      chart.marks.push(...data.stops.map((stop) => xs[rows.step.findIndex((step) => step >= stop)] ?? null).filter((x) => x !== null));
      if (half) add(chart, ys, { faint: true });
      add(chart, half && run.tokens ? smoothed(rows.step.map((step) => step * run.tokens), ys, half) : ys);
    };
    train(into(`loss ${run.group}`, `Loss, ${run.objective || "objective unknown"}: nats per scored token`, "training; points: held-out text"), rows.loss);
    add(into(`loss ${run.group}`), held.loss, { dots: true, name: `${name}, held out` }, placesOf(run, held, axis));
    const bits = "on the same text: comparable across objectives and tokens. The number of a diffusion model is an upper bound";
    if (held.bits_per_byte.some((value) => value !== null)) add(into(`bits ${run.text}`, "Held-out text: bits per byte", bits), held.bits_per_byte, {}, placesOf(run, held, axis));
    const alike = measure === "gradient_norm" ? run.group : "", peak = measure === "model_flops_utilization" && run.peak ? `peak of matrix products: ${short(run.peak)}FLOP/s` : "";
    if (rows[measure]?.some((value) => value !== null)) train(into(`${measure} ${alike}`, `${MEASURES[measure]}${alike && `, ${run.objective}`}`, peak), rows[measure]);
  }));
  const told = store.focus?.domains, domains = Object.keys(told?.names ?? {});
  if (domains.length > 1) {
    const run = store.runs.get(store.focus.number), held = store.data.get(run.number)?.held_out ?? { step: [], seconds: [] };
    const xs = placesOf(run, { step: told.step, seconds: told.step.map((step) => held.seconds[held.step.indexOf(step)] ?? null) }, axis);
    domains.forEach((name, look) => into("domains", `Held-out text of ${run.label} by domain: ${told.unit}`).series.push({ name, look, xs, ys: told.names[name] }));
  }
  const rank = ({ key }) => ["loss", "bits"].indexOf(key.split(" ")[0]) >>> 0; // losses, bits per byte, then the rest
  const found = [...charts.values()].sort((a, b) => rank(a) - rank(b)), seen = new Set();
  // Two groups of one objective differ in its settings, or in their tokens.
  for (const chart of found) if (seen.size === seen.add(chart.title).size) chart.title += ` (${chart.series[0].name}: another setting, tokens or text)`;
  return [found, lost];
}

function Runs({ items, chosen, choose, places }) {
  const [filter, setFilter] = useState(""), [sort, setSort] = useState("newest first"), [all, setAll] = useState(false);
  const shown = items.filter((item) => `${item.name} ${item.state} ${item.runs[0].objective}`.toLowerCase().includes(filter.toLowerCase())).sort(SORTS[sort]);
  return html`<section class="card" aria-labelledby="runs"><h2 id="runs">Runs</h2>
    <div class="row"><label class="field">Filter <input type="search" value=${filter} onInput=${(event) => setFilter(event.target.value)} /></label>
    <label class="field">Sort <select value=${sort} onChange=${(event) => setSort(event.target.value)}>${Object.keys(SORTS).map((name) => html`<option>${name}</option>`)}</select></label></div>
    ${items.length ? html`<ul class="run-list">${shown.slice(0, all ? undefined : LISTED).map((item) => html`<li key=${item.key}><label class="field beside"><input type="checkbox" checked=${chosen.has(item.key)} onChange=${() => choose(item.key)} />
      <span>${item.name} <small>${[item.runs[0].objective, item.state, item.told].filter(Boolean).join(" · ")}</small></span></label>
      ${item.runs.length === 1 && item.runs[0].sentence && html`<p class="soft"><small>${item.runs[0].sentence}</small></p>`}</li>`)}</ul>`
      : html`<p class="note">There are no runs below ${places.join(", ")} yet. They appear here by themselves: <code>hornbook pretrain</code> begins one.</p>`}
    ${shown.length > LISTED && html`<button type="button" class="plain" aria-expanded=${all} onClick=${() => setAll(!all)}>${all ? "Fewer" : `All ${shown.length}`}</button>`}
    ${items.length > 0 && !shown.length && html`<p>No run contains “${filter}”.</p>`}</section>`;
}

const playWith = (run) => post("/api/play", { run }).then(() => location.assign("/play"), (error) => say(error.message));

function Details({ focus, run, names, plays }) {
  if (!focus || focus.number !== run.number) return html`<p class="soft">Reading ...</p>`;
  const table = ({ asked, way }, said) => html`<table><caption>${asked}</caption><thead><tr><th scope="col">Step</th><th scope="col">It says (${way})</th></tr></thead>
    <tbody>${said.map((one) => html`<tr key=${one.step}><th scope="row" class="number">${one.step}</th><td>${one.text}</td></tr>`)}</tbody></table>`;
  return html`<p><code>${run.path}</code>: ${run.told}. ${run.sentence} ${run.playable && (plays ? html`<button type="button" class="plain" onClick=${() => playWith(run.number)}>Play with it</button>` : html`Play with it: <code>hornbook play ${run.path}</code>`)}</p>
    <h3>What it says of the same texts</h3>
    ${focus.samples.length ? focus.samples.map((one) => html`<div key=${one.text}>${table(one, one.said.filter((_, n, { length }) => [0, length >> 1, length - 1].includes(n)))}
      ${one.said.length > 3 && html`<details><summary>All ${one.said.length} steps</summary>${table(one, one.said)}</details>`}</div>`) : html`<p class="soft">No samples yet.</p>`}
    <h3>What happened</h3>
    ${focus.events.length ? html`<ul>${focus.events.map((event) => html`<li>Step ${event.step}: ${event.what}</li>`)}</ul>` : html`<p class="soft">Nothing out of the ordinary.</p>`}
    <h3>Where the recipes differ</h3>
    ${focus.settings.length ? html`<table class="settings"><thead><tr><th scope="col">Setting</th><th scope="col">Values</th></tr></thead><tbody>${focus.settings.map((row) => html`<tr>
      <th scope="row">${row.name}</th><td>${row.values.map((one) => html`<div><span class="number">${one.value}</span> <small>${one.runs.map(names).join(", ")}</small></div>`)}</td></tr>`)}</tbody></table>`
      : html`<p class="soft">The runs that are shown have the same settings.</p>`}`;
}

export default function Watch({ session: { watch } }) {
  const [store] = useState(() => ({ current: new Store() })), asking = useRef();
  const [version, setVersion] = useState(0), [chosen, setChosen] = useState(null), [view, setView] = useState({ axis: "step", smooth: 4, logX: false, logY: false, from: "", to: "", measure: "tokens_per_second" });
  const [paused, setPaused] = useState(false), [updated, setUpdated] = useState(""), [wrong, setWrong] = useState(""), [focus, setFocus] = useState(-1);
  const items = useMemo(() => itemsOf([...store.current.runs.values()]), [version]);
  const keys = chosen ?? new Set(items.toSorted(SORTS["newest first"]).slice(0, FIRST).map((item) => item.key));
  const shown = items.filter((item) => keys.has(item.key)), runs = shown.flatMap((item) => item.runs), focused = runs.find((run) => run.number === focus) ?? runs[0];
  const wanted = `${runs.map((run) => run.number)} ${focused?.number} ${view.measure}`;
  asking.current = { runs, focus: focused?.number ?? -1, measure: view.measure };
  useEffect(() => {
    if (paused) return;
    const stop = new AbortController();
    let timer, wait = POLL, busy = false; // two requests at once would bring points twice
    const ask = async () => {
      clearTimeout(timer);
      if (document.hidden || busy) return; // the listener below asks when it is seen again
      busy = true;
      const { data, tick, focus: told } = store.current, { runs: now, focus: one, measure } = asking.current;
      const cursor = (known) => (known?.columns[measure] ? [known.gen, known.offset] : [-1, 0]); // of another measure nothing is known
      try {
        const have = Object.fromEntries(now.map((run) => [run.number, cursor(data.get(run.number))]));
        const answer = await post("/api/records", { have, columns: ["loss", measure], since: tick, focus: one, told: told?.number === one ? told.tag : "" }, stop.signal);
        const { more, news } = store.current.take(answer), live = now.some((run) => run.live);
        setVersion((n) => n + 1); setUpdated(new Date().toLocaleTimeString()); setWrong("");
        wait = more ? 0 : live || news ? POLL : Math.min(CALM, wait * 1.5 || POLL);
      } catch (error) {
        if (stop.signal.aborted) return;
        setWrong(error.message); wait = Math.min(CALM, wait * 2 || POLL);
      }
      busy = false; timer = setTimeout(ask, wait);
    };
    ask(); document.addEventListener("visibilitychange", ask);
    return () => { stop.abort(); clearTimeout(timer); document.removeEventListener("visibilitychange", ask); };
  }, [paused, wanted]);
  const set = (name, value) => setView((old) => ({ ...old, [name]: value })), longest = Math.max(0, ...runs.map((run) => (run.step ?? 0) * (run.tokens ?? 0))), half = view.smooth ? (longest * view.smooth) / 400 : 0;
  const [charts, lost] = useMemo(() => chartsOf(store.current, shown, { axis: view.axis, half, measure: view.measure }), [version, keys, view]);
  const write = view.axis === "time" ? clock : short, [from, to] = [number(view.from), number(view.to)], choose = (key) => setChosen(keys.has(key) ? new Set([...keys].filter((one) => one !== key)) : new Set([...keys, key]));
  const check = (name, words) => html`<label class="field beside"><input type="checkbox" checked=${view[name]} onChange=${(event) => set(name, event.target.checked)} /> ${words}</label>`;
  const pick = (name, words, options) => html`<label class="field">${words} <select value=${view[name]} onChange=${(event) => set(name, event.target.value)}>${Object.entries(options).map(([value, told]) => html`<option value=${value}>${told}</option>`)}</select></label>`;
  return html`<link rel="stylesheet" href="/static/vendor/uplot.css" /><h1>Runs as they go</h1>
    <div class="watch"><${Runs} items=${items} chosen=${keys} choose=${choose} places=${watch.places} />
    <div><section class="card" aria-label="How the curves are drawn"><div class="row">${pick("axis", "Along", AXES)} ${pick("measure", "Beside the loss", MEASURES)}
      <label class="field">Smooth: ${half ? `half after ${short(half)} tokens` : "off"} <input type="range" min="0" max="20" value=${view.smooth} onInput=${(event) => set("smooth", Number(event.target.value))} /></label>
      ${["from", "to"].map((name) => html`<label class="field">${name === "from" ? "From" : "To"} <input class="narrow" inputmode="decimal" value=${view[name]} onInput=${(event) => set(name, event.target.value)} /></label>`)}
      ${check("logX", "log along")} ${check("logY", "log up")} <button type="button" class="plain" onClick=${() => setView((old) => ({ ...old, from: "", to: "" }))}>Whole run</button> <button type="button" aria-pressed=${paused} onClick=${() => setPaused(!paused)}>${paused ? "Go on" : "Pause"}</button></div>
      <p class="soft" data-updated>${wrong ? html`<span class="note wrong">${wrong}</span>` : paused ? "Paused." : updated && `Updated at ${updated}.`}</p>
      ${lost.length > 0 && html`<p class="note">${lost.join(", ")}: the records do not tell the ${AXES[view.axis]}, so there is no curve along it.</p>`}</section>
    <div class="charts">${charts.map((chart) => html`<${Chart} key=${chart.key} ...${chart} xName=${AXES[view.axis]} write=${write} logX=${view.logX} logY=${view.logY} from=${from} to=${to}
      onZoom=${(a, b) => setView((old) => ({ ...old, from: String(a), to: String(b) }))} />`)}</div>
    ${focused && html`<section class="card" aria-labelledby="details"><h2 id="details">One run</h2>
      <label class="field">Run <select value=${focused.number} onChange=${(event) => setFocus(Number(event.target.value))}>${runs.map((run) => html`<option value=${run.number}>${run.label === run.name ? run.name : `${run.label} (${run.name})`}</option>`)}</select></label>
      <${Details} plays=${watch.plays} focus=${store.current.focus} run=${focused} names=${(one) => store.current.runs.get(one)?.name ?? one} /></section>`}</div></div>`;
}
