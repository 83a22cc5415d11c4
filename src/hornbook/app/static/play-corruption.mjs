// The corruption viewer: what an objective does to a text, which is what training does to it.

import { html, post, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./shell.mjs";
import { Choice, Grid, Number, TextField, Wrong, percent, visible } from "./play-parts.mjs";

const WAIT_MILLISECONDS = 60; // after the last change, before the server is asked
const TEXT = "The quick brown fox jumps over the lazy dog. It was a long and lovely day by the river.";
// Of each kind of cell: its sign, and its name. The sign says what the colour says, as `hornbook show` has it.
const KINDS = {
  mask: ["?", "mask token"], changed: ["~", "another word"], sentinel: ["#", "sentinel: stands for a span"],
  special: ["'", "special token"], padding: ["-", "padding"],
};
const GROUPS = [["decoder", "Decoders (GPT)"], ["encoder", "Encoders (BERT)"], ["encoder-decoder", "Encoder-decoders (T5)"]];
const words = (name) => name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");

function Kind({ value, objectives, onInput, label }) {
  return html`<div class="field"><label>${label}
    <select onInput=${(event) => onInput(event.target.value)}>
      ${GROUPS.map(([key, title]) => html`<optgroup label=${title}>
        ${objectives.filter((one) => one.topology === key).map((one) => html`<option value=${one.kind} selected=${one.kind === value}>${one.kind}: ${one.meaning}</option>`)}
      </optgroup>`)}
    </select></label></div>`;
}

// One setting as the control that its type asks for; objectives inside have controls of their own.
function Setting({ item, value, set, objectives }) {
  const label = words(item.name);
  const typed = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);
  const inner = (table, put, name) => html`<${Settings} table=${table} set=${put} objectives=${objectives} label=${name} />`;
  switch (item.control) {
    case "number":
      return html`<${Number} label=${label} help=${item.help} value=${value} onInput=${set} ...${item} />`;
    case "choice":
      return html`<${Choice} label=${label} help=${item.help} value=${value} options=${item.choices.map((one) => [one, one])} onInput=${set} />`;
    case "flag":
      return html`<label class="field beside"><input type="checkbox" checked=${value} onChange=${(event) => set(event.target.checked)} /><span>${label}: ${item.help}</span></label>`;
    case "objective":
      return inner(value, set, label);
    case "objectives":
      return html`<fieldset><legend>${label}</legend>
        ${value.map((one, place) => html`${inner(one, (table) => set(value.with(place, table)), `Part ${place + 1}`)}
          ${value.length > 1 && html`<button type="button" class="plain" onClick=${() => set(value.toSpliced(place, 1))}>Remove part ${place + 1}</button>`}`)}
        <button type="button" class="plain" onClick=${() => set([...value, objectives.find((one) => one.kind === value[0].kind).default])}>Add a part</button>
      </fieldset>`;
    default: {
      const read = { numbers: (text) => typed(text).map((part) => +part || 0), texts: typed }[item.control] ?? String;
      return html`<div class="field"><label>${label} (${item.type})
        <input value=${[value].flat().join(", ")} onChange=${(event) => set(read(event.target.value))} /></label><small>${item.help}</small></div>`;
    }
  }
}

function Settings({ table, set, objectives, label }) {
  const objective = objectives.find((one) => one.kind === table.kind);
  const change = (kind) => set(objectives.find((one) => one.kind === kind).default);
  const body = html`<${Kind} value=${table.kind} objectives=${objectives} onInput=${change} label=${label} />
    ${objective.settings.map((item) => html`<${Setting} key=${`${table.kind}.${item.name}`} item=${item} value=${table[item.name] ?? item.default} objectives=${objectives} set=${(value) => set({ ...table, [item.name]: value })} />`)}`;
  return label === "Objective" ? body : html`<fieldset><legend>${label}</legend>${body}</fieldset>`;
}

function Chip({ cell, place, link }) {
  const [sign] = KINDS[cell.kind] ?? [""];
  const scored = cell.weight !== 0 && cell.says !== null;
  return html`<li class=${`chip cell ${cell.kind}${scored ? " asked" : ""}`} data-link=${link} title=${`position ${place}`}>
    <span><b>${sign}</b>${visible(cell.reads)}</span>
    ${scored && html`<small>= ${visible(cell.says)}${cell.weight === 1 ? "" : ` ×${+cell.weight.toPrecision(3)}`}</small>`}
    ${cell.type !== null && html`<small>type ${cell.type}</small>`}
  </li>`;
}

// Where each sentinel is read first, and where what it stands for begins to be said: [side, position] of both.
function spansOf(sides) {
  const found = new Map();
  sides.forEach((side, number) => side.cells.forEach((cell, place) => {
    if (cell.kind === "sentinel" && !found.has(cell.reads)) found.set(cell.reads, { from: [number, place], says: [] });
  }));
  sides.forEach((side, number) => {
    let open = null;
    side.cells.forEach((cell, place) => {
      if (!cell.weight || cell.says === null) return;
      if (found.has(cell.says)) { open = found.get(cell.says); open.to = [number, place]; }
      else if (open && place < side.cells.length - 1) open.says.push(cell.says);
    });
  });
  return [...found].filter(([, span]) => span.to);
}

function Lines({ spans, box }) {
  const [lines, setLines] = useState([]);
  useLayoutEffect(() => {
    const measure = () => {
      const own = box.current.getBoundingClientRect();
      const chip = (link) => box.current.querySelector(`[data-link="${link}"]`)?.getBoundingClientRect();
      setLines(spans.flatMap(([, span]) => {
        const [a, b] = [chip(span.from.join()), chip(span.to.join())];
        return a && b && own.width ? [{ x1: a.left + a.width / 2 - own.left, y1: a.bottom - own.top, x2: b.left + b.width / 2 - own.left, y2: b.top - own.top }] : [];
      }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [spans]);
  const path = ({ x1, y1, x2, y2 }) => `M${x1} ${y1}C${x1} ${y1 + 24} ${x2} ${y2 - 24} ${x2} ${y2}`;
  return html`<svg class="lines-over" aria-hidden="true">${lines.map((line) => html`<path d=${path(line)} />`)}</svg>`;
}

function bitsOf(rows) {
  const bytes = rows.map((row) => Uint8Array.from(atob(row), (sign) => sign.charCodeAt(0)));
  return (row, column) => (bytes[row][column >> 3] >> (7 - (column & 7))) & 1;
}

function Sees({ side }) {
  const bit = useMemo(() => bitsOf(side.sees), [side]);
  const size = side.cells.length;
  const told = (row, column) => {
    const seen = side.cells.map((_, place) => place).filter((place) => bit(row, place));
    const runs = seen.reduce((list, place) => (list.at(-1)?.[1] === place - 1 ? (list.at(-1)[1] = place) && list : [...list, [place, place]]), []);
    const where = runs.map(([first, last]) => (first === last ? first : `${first}–${last}`)).join(", ");
    return `Position ${row}, “${visible(side.cells[row].reads)}”, sees ${where || "nothing"}; it ${bit(row, column) ? "sees" : "does not see"} ${column}, “${visible(side.cells[column].reads)}”.`;
  };
  return html`<details open><summary>Who sees whom: the ${side.name}</summary>
    <${Grid} rows=${size} columns=${size} share=${bit} told=${told} label=${`Mask of the ${side.name}: a line for each position, a column for each that it sees`} />
  </details>`;
}

function Picture({ shown }) {
  const box = useRef(null);
  const spans = useMemo(() => spansOf(shown.sides), [shown]);
  const links = new Set(spans.flatMap(([, span]) => [span.from.join(), span.to.join()]));
  const used = new Set(shown.sides.flatMap((side) => side.cells.map((cell) => cell.kind)));
  const scored = shown.counts["scored positions"];
  return html`<div class="over" ref=${box}>
      ${shown.sides.map((side, number) => html`<h2>The ${side.name} reads${side.cells.some((cell) => cell.weight) ? ", and must say what is below" : ""}</h2>
        <ol class="chips">${side.cells.map((cell, place) => html`<${Chip} cell=${cell} place=${place} link=${links.has(`${number},${place}`) ? `${number},${place}` : undefined} />`)}</ol>`)}
      <${Lines} spans=${spans} box=${box} />
    </div>
    ${spans.length > 0 && html`<ul class="soft">${spans.map(([name, span]) => html`<li>${visible(name)} stands for: ${span.says.map(visible).join(" ")}</li>`)}</ul>`}
    <p class="soft">${Object.entries(KINDS).filter(([kind]) => used.has(kind)).map(([, [sign, name]]) => `${sign} ${name} · `)}= what must be said, × its weight</p>
    <p><b>${scored} of ${shown.counts["output positions"]} positions count (${percent(scored / shown.counts["output positions"])})</b><span class="soft">${Object.entries(shown.counts).map(([name, value]) => ` · ${name} ${+value.toPrecision(4)}`)}</span></p>
    ${shown.notes.map((note) => html`<p class="soft">${note}</p>`)}
    ${shown.sides.map((side) => side.cells.length > 0 && html`<${Sees} side=${side} />`)}`;
}

// The newest answer to what is asked, and nothing older; the last picture stays while the next is made.
function useAnswer(asked) {
  const [answer, setAnswer] = useState(null);
  const [wrong, setWrong] = useState("");
  const key = JSON.stringify(asked);
  useEffect(() => {
    const mine = new AbortController();
    const timer = setTimeout(() => post("/api/corrupt", asked, mine.signal).then(
      (found) => { if (!mine.signal.aborted) { setAnswer(found); setWrong(found.refused ?? ""); } },
      (error) => mine.signal.aborted || setWrong(error.message),
    ), WAIT_MILLISECONDS);
    return () => { clearTimeout(timer); mine.abort(); };
  }, [key]);
  return [answer, wrong];
}

export function Corruption({ play, all }) {
  const [table, setTable] = useState(play.objectives.find((one) => one.kind === "span").default);
  const [text, setText] = useState(TEXT);
  const [second, setSecond] = useState("");
  const [run, setRun] = useState("");
  const [seed, setSeed] = useState(0);
  const [epoch, setEpoch] = useState(0);
  const [way, setWay] = useState(0);
  const pairs = play.objectives.find((one) => one.kind === table.kind).second;
  const [answer, wrong] = useAnswer({ objective: table, text, seed, epoch, ...(pairs && second ? { second } : {}), ...(run === "" ? {} : { run: +run }) });
  const ways = answer && !answer.refused ? [answer, ...answer.others] : [];
  const shown = ways[Math.min(way, ways.length - 1)];
  const noise = !answer || answer.refused ? "" : answer.period === 0 ? "Dynamic: each epoch has new noise." : answer.period === 1 ? "Static: every epoch is the same." : `Static: after ${answer.period} epochs the same noise comes again.`;
  return html`<h1>What an objective does to a text</h1>
    <p class="soft">This is what training itself does. Change a setting and look.</p>
    <div class="beside-each-other">
      <form class="card" onSubmit=${(event) => event.preventDefault()}>
        <${TextField} label="Text" value=${text} onInput=${setText} most=${play.limits.text} />
        ${pairs && html`<${TextField} label="Second text, of another document" value=${second} onInput=${setSecond} rows="2" most=${play.limits.text} help="Empty: a page of Python's documentation." />`}
        <${Settings} table=${table} set=${(value) => { setTable(value); setWay(0); }} objectives=${play.objectives} label="Objective" />
        <div class="row"><${Number} label="Seed" value=${seed} onInput=${(value) => setSeed(Math.max(0, Math.floor(value)))} low="0" high="20" step="1" open /><button type="button" onClick=${() => setSeed(seed + 1)}>Draw again</button></div>
        <${Number} label="Epoch" value=${epoch} onInput=${(value) => setEpoch(Math.max(0, Math.floor(value)))} low="0" high="10" step="1" open help=${noise} />
        <${Choice} label="Tokenizer" value=${run} onInput=${setRun} options=${[["", "made for this text"], ...all.map((one) => [one.id, `of ${one.name}`])]} />
      </form>
      <div class="pictures" aria-busy=${answer ? "false" : "true"}>
        <${Wrong}>${wrong}<//>
        ${answer?.added.length > 0 && html`<p class="note">The run's tokenizer lacks ${answer.added.length} special tokens of this objective. They are added here behind its last id: ${answer.added.slice(0, 6).join(", ")}${answer.added.length > 6 ? " …" : ""}</p>`}
        ${ways.length > 1 && html`<${Choice} label="Way" value=${Math.min(way, ways.length - 1)} onInput=${(value) => setWay(+value)} options=${ways.map((one, place) => [place, `${place + 1} of ${ways.length}: ${one.notes[0] ?? one.objective}`])} />`}
        ${shown && html`<p class="name"><code>${shown.objective}</code></p><${Picture} shown=${shown} />`}
      </div>
    </div>`;
}
