// The corruption viewer: what an objective does to a text, which is what training does to it.

import { html, post, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./shell.mjs";
import { Choice, Field, Grid, Number, TextField, Wrong, percent, submits, useFields, visible } from "./play-parts.mjs";

const WAIT_MILLISECONDS = 60; // after the last change, before the server is asked
const TEXT = "The quick brown fox jumps over the lazy dog and runs along the river until the sun goes down. It was a long and lovely day. In the evening the fox sleeps under an old oak, and the dog dreams of the fox.";
// Of each kind of cell: its sign, and its name. The sign says what the colour says, as `hornbook show` has it.
const KINDS = {
  mask: ["?", "mask token"], changed: ["~", "another word"], sentinel: ["#", "sentinel, which stands for a span"], special: ["'", "special token"], padding: ["-", "padding"],
};
const words = (name) => name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
const listed = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);
const READ = { numbers: (text) => listed(text).map((part) => +part || 0), texts: listed, text: (text) => text };

// One setting as the control that its type asks for; objectives inside it have controls of their own.
function Setting({ item, value, set, objectives }) {
  const shared = { label: words(item.name), help: item.help, value, onInput: set };
  const inner = (table, put, label) => html`<${Settings} table=${table} set=${put} objectives=${objectives} label=${label} />`;
  if (item.control === "number") return html`<${Number} ...${item} ...${shared} />`;
  if (item.control === "choice") return html`<${Choice} ...${shared} options=${item.choices.map((one) => [one, one])} />`;
  if (item.control === "objective") return inner(value, set, shared.label);
  if (item.control === "flag") return html`<label class="field beside"><input type="checkbox" checked=${value} onChange=${(event) => set(event.target.checked)} /><span>${shared.label}: ${item.help}</span></label>`;
  if (item.control !== "objectives") return html`<${Field} label=${`${shared.label} (${item.type})`} help=${item.help}>${(id, told) => html`<input id=${id} aria-describedby=${told} value=${[value].flat().join(", ")} onChange=${(event) => set(READ[item.control](event.target.value))} />`}<//>`;
  const part = (one, place) => html`${inner(one, (table) => set(value.with(place, table)), `Part ${place + 1}`)}
    ${value.length > 1 && html`<button type="button" class="plain" onClick=${() => set(value.toSpliced(place, 1))}>Remove part ${place + 1}</button>`}`;
  return html`<fieldset><legend>${shared.label}</legend>${value.map(part)}
    <button type="button" class="plain" onClick=${() => set([...value, objectives.find((one) => one.kind === value[0].kind).default])}>Add a part</button></fieldset>`;
}

function Settings({ table, set, objectives, label, bare }) {
  const find = (kind) => objectives.find((one) => one.kind === kind);
  const kinds = objectives.map((one) => [one.kind, `${one.kind}: ${one.meaning}`]);
  const body = html`<${Choice} label="Objective" value=${table.kind} options=${kinds} help=${`For a model of the kind ${find(table.kind).topology}.`} onInput=${(kind) => set(find(kind).default)} />
    ${find(table.kind).settings.map((item) => html`<${Setting} key=${`${table.kind}.${item.name}`} item=${item} value=${table[item.name] ?? item.default} objectives=${objectives} set=${(value) => set({ ...table, [item.name]: value })} />`)}`;
  return bare ? body : html`<fieldset><legend>${label}</legend>${body}</fieldset>`;
}

function Chip({ cell, link }) {
  const scored = cell.weight !== 0 && cell.says !== null;
  const [sign, meaning] = KINDS[cell.kind] ?? [];
  return html`<li class=${`chip spot ${cell.kind}${scored ? " asked" : ""}`} data-link=${link}>
    <span><b>${sign}</b>${visible(cell.reads)}${sign && html`<span class="unseen"> (${meaning})</span>`}</span>
    ${scored && html`<small>= ${visible(cell.says)}${cell.weight === 1 ? "" : ` ×${+cell.weight.toPrecision(3)}`}</small>`}
    ${cell.type !== null && html`<small class="soft">type ${cell.type}</small>`}</li>`;
}

// Each sentinel with the place where it is read first, where it is said, and what is said behind it.
function spansOf(sides) {
  const cells = sides.flatMap((side, number) => side.cells.map((cell, place) => ({ ...cell, link: `${number},${place}`, last: place === side.cells.length - 1 })));
  const found = new Map();
  for (const cell of cells) if (cell.kind === "sentinel" && !found.has(cell.reads)) found.set(cell.reads, { name: cell.reads, from: cell.link, says: [] });
  let open = null;
  for (const cell of cells.filter((one) => one.weight && one.says !== null)) {
    if (found.has(cell.says)) { open = found.get(cell.says); open.to = cell.link; }
    else if (open && !cell.last) open.says.push(cell.says);
  }
  return [...found.values()].filter((span) => span.to);
}

// Lines from each sentinel of the side above to where its span is said in the side below.
function Lines({ spans, box }) {
  const [paths, setPaths] = useState([]);
  const band = useRef(null);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      const { left, width, height } = band.current.getBoundingClientRect();
      const chip = (link) => box.current.querySelector(`[data-link="${link}"]`).getBoundingClientRect();
      const middle = (link) => chip(link).left + chip(link).width / 2 - left;
      const path = (x1, x2) => `M${x1} 0C${x1} ${height / 2} ${x2} ${height / 2} ${x2} ${height}`;
      setPaths(width ? spans.map((span) => path(middle(span.from), middle(span.to))) : []);
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [spans]);
  return html`<svg class="band" ref=${band} aria-hidden="true">${paths.map((d) => html`<path d=${d} />`)}</svg>`;
}

function Sees({ side }) {
  const rows = useMemo(() => side.sees.map((row) => Uint8Array.from(atob(row), (sign) => sign.charCodeAt(0))), [side]);
  const bit = (row, column) => (rows[row][column >> 3] >> (7 - (column & 7))) & 1;
  const told = (row, column) => {
    const runs = [];
    side.cells.forEach((_, place) => { if (bit(row, place)) { if (runs.at(-1)?.[1] === place - 1) runs.at(-1)[1] = place; else runs.push([place, place]); } });
    const where = runs.map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(", ") || "nothing";
    return `Position ${row}, “${visible(side.cells[row].reads)}”, sees ${where}. It ${bit(row, column) ? "sees" : "does not see"} position ${column}, “${visible(side.cells[column].reads)}”.`;
  };
  const full = rows.every((_, row) => rows.every((_, column) => bit(row, column)));
  return html`<details open=${!full}><summary>The ${side.name}: ${full ? `every position sees all ${rows.length}` : "who sees whom"}</summary>
    <${Grid} rows=${rows.length} columns=${rows.length} share=${bit} told=${told} label=${`Who sees whom in the ${side.name}: a line for each position, a column for each that it may see`} /></details>`;
}

export function Picture({ shown }) {
  const box = useRef(null);
  const spans = useMemo(() => spansOf(shown.sides), [shown]);
  const linked = new Set(spans.flatMap((span) => [span.from, span.to]));
  const used = new Set(shown.sides.flatMap((side) => side.cells.map((cell) => cell.kind)));
  const { "scored positions": scored, "output positions": all } = shown.counts;
  const chip = (number) => (cell, place) => html`<${Chip} cell=${cell} link=${linked.has(`${number},${place}`) ? `${number},${place}` : undefined} />`;
  const across = spans.filter((span) => span.from.startsWith("0") && span.to.startsWith("1"));
  const says = (side) => side.cells.some((cell) => cell.weight);
  return html`<div class="sides" ref=${box}>${shown.sides.map((side, number) => html`${number === 1 && across.length > 0 && html`<${Lines} spans=${across} box=${box} />`}
      <h2>${words(side.name)} <small>reads${says(side) && ", and must say what is below"}</small></h2><ol class="cells">${side.cells.map(chip(number))}</ol>`)}</div>
    <p class="soft legend">${Object.entries(KINDS).filter(([kind]) => used.has(kind)).map(([, [sign, name]]) => html`<span><b>${sign}</b> ${name}</span>`)}<span><b>=</b> must be said, × its weight</span><span><b>·</b> a blank</span></p>
    ${spans.length > 0 && html`<ul class="soft">${spans.map((span) => html`<li>${visible(span.name)} stands for: ${span.says.map((name) => html`${visible(name)} `)}</li>`)}</ul>`}
    <p><b>${scored} of ${all} output positions count (${percent(scored / all)}).</b> <small class="soft">${Object.entries(shown.counts).map(([name, value]) => `${name} ${+value.toPrecision(4)}`).join(" · ")}</small></p>
    ${shown.notes.map((note) => html`<p class="soft">${note}</p>`)}
    <div class="grid">${shown.sides.map((side) => html`<${Sees} side=${side} />`)}</div>`;
}

// The newest answer to what is asked, and nothing older; the last picture stays while the next is made.
export function useCorruption(asked) {
  const [found, setFound] = useState({ answer: null, wrong: "" });
  useEffect(() => {
    const mine = new AbortController();
    const put = (answer, wrong) => mine.signal.aborted || setFound((before) => ({ answer: answer ?? before.answer, wrong }));
    const send = () => post("/api/corrupt", asked, mine.signal).then((answer) => put(answer, answer.refused ?? ""), (error) => put(null, error.message));
    const timer = setTimeout(send, WAIT_MILLISECONDS);
    return () => { clearTimeout(timer); mine.abort(); };
  }, [JSON.stringify(asked)]);
  return found;
}

export function Corruption({ play, all }) {
  const [table, setTable] = useState(play.objectives.find((one) => one.kind === "span").default);
  const [{ text, second, run, seed, epoch, way }, put] = useFields({ text: TEXT, second: "", run: "", seed: 0, epoch: 0, way: 0 });
  const whole = (value) => Math.max(0, Math.floor(value));
  const pairs = play.objectives.find((one) => one.kind === table.kind).second;
  const { answer, wrong } = useCorruption({ objective: table, text, second: pairs ? second : "", seed, epoch, run: run === "" ? null : +run });
  const ways = answer && !answer.refused ? [answer, ...answer.others] : [];
  const shown = ways[Math.min(way, ways.length - 1)];
  const noise = !shown ? "" : answer.period ? `Static: the same noise comes again after ${answer.period} epoch${answer.period > 1 ? "s" : ""}.` : "Dynamic: each epoch has new noise.";
  return html`<h1>What an objective does to a text</h1><p class="soft">This is what training itself does. Change a setting and look.</p>
    <div class="beside-each-other"><form class="card" onSubmit=${submits(() => {})}>
        <${TextField} label="Text" value=${text} onInput=${(value) => put({ text: value })} rows="4" most=${play.limits.text} />
        ${pairs && html`<${TextField} label="Second text, of another document" value=${second} onInput=${(value) => put({ second: value })} rows="2" most=${play.limits.text} help="Empty: a page of Python's documentation." />`}
        <${Settings} bare table=${table} set=${(value) => { setTable(value); put({ way: 0 }); }} objectives=${play.objectives} />
        <${Number} label="Seed" value=${seed} onInput=${(value) => put({ seed: whole(value) })} low="0" high="20" step="1" open />
        <button type="button" onClick=${() => put({ seed: seed + 1 })}>Draw again</button>
        <${Number} label="Epoch" value=${epoch} onInput=${(value) => put({ epoch: whole(value) })} low="0" high="10" step="1" open help=${noise} />
        <${Choice} label="Tokenizer" value=${run} onInput=${(value) => put({ run: value })} options=${[["", "made for this text"], ...all.map((one) => [one.id, `of ${one.name}`])]} />
      </form><div aria-busy=${String(!answer)}><${Wrong}>${wrong}<//>
        ${shown && answer.added.length > 0 && html`<p class="note">The run's tokenizer lacks ${answer.added.length} of the special tokens. They are added behind its last id: ${answer.added.slice(0, 6).join(", ")}${answer.added.length > 6 ? " …" : ""}. Words keep their ids.</p>`}
        ${ways.length > 1 && html`<${Choice} label="Way" value=${Math.min(way, ways.length - 1)} onInput=${(value) => put({ way: +value })} options=${ways.map((one, place) => [place, `${place + 1} of ${ways.length}: ${one.objective === ways.at(-1).objective ? one.notes[0] : one.objective}`])} />`}
        ${shown && html`<p><code>${shown.objective}</code></p><${Picture} shown=${shown} />`}</div></div>`;
}
