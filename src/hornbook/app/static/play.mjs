// Play: the runs, and the six tabs. A tab that was opened once keeps what it shows.

import { html, say, stream, useEffect, useRef, useState } from "./shell.mjs";
import { Corruption } from "./play-corruption.mjs";
import { Inside } from "./play-inside.mjs";
import { SideBySide, Surprise } from "./play-surprise.mjs";
import { Word } from "./play-word.mjs";
import { Writing } from "./play-writing.mjs";

// Key, title, page, what one of the models must be able to do; Word and Corruption do something without any.
const TABS = [
  ["word", "Masked word", Word, ["gap"]], ["corruption", "Corruption", Corruption, []], ["writing", "Writing", Writing, ["write"]],
  ["surprise", "Surprise", Surprise, ["surprise"]], ["side", "Side by side", SideBySide, ["surprise"]], ["inside", "Inside", Inside, ["neighbours"]],
];
const ALONE = ["word", "corruption"];
const POLL_MILLISECONDS = 700;
const pending = (run) => run.state === "waiting" || run.state === "loading";
const size = (number) => (number >= 1e6 ? `${(number / 1e6).toFixed(1)}M` : `${Math.round(number / 1e3)}k`);

function Run({ run, chosen, onChange }) {
  if (run.state !== "ready")
    return html`<span class="field beside">${run.name} <span class="soft">${pending(run) ? `${run.state} …` : `cannot be opened: ${run.note}`}</span></span>`;
  return html`<label class="field beside"><input type="checkbox" checked=${chosen} onChange=${onChange} />
    <span>${run.name} <span class="soft">${run.objective}, ${size(run.parameters)}, step ${run.step}${run.note && `. ${run.note}`}</span></span></label>`;
}

// The runs of the session, asked for again until all are there. Those that the page Watch added are opened by asking.
function useRuns(session) {
  const [runs, setRuns] = useState(session.play.runs);
  const asked = useRef(new Set());
  useEffect(() => {
    for (const { id } of runs.filter((run) => run.added && run.state === "waiting" && !asked.current.has(run.id)))
      asked.current.add(id) && stream("/api/load", { run: id }, () => {}).catch((error) => say(error.message)).finally(() => asked.current.delete(id));
  }, [runs]); // a run waits again where another page, now closed, had begun to open it
  useEffect(() => {
    if (!runs.some(pending)) return undefined;
    const timer = setTimeout(async () => {
      const found = await fetch("/api/session").then((answer) => answer.json()).then((answer) => answer.play.runs).catch(() => [...runs]);
      const ready = found.filter((run, place) => run.state === "ready" && runs[place].state !== "ready");
      if (ready.length) say(`Ready: ${ready.map((run) => run.name).join(", ")}.`);
      setRuns(found);
    }, POLL_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [runs]);
  return runs;
}

function Missing({ runs }) {
  const why = runs.some(pending) ? "The models are being loaded. This takes a few seconds." : "None of the chosen models can do this.";
  return html`<p class="note">${runs.length ? why : html`This needs a trained model. Start the page with one: <code>hornbook play runs/a</code>. The tab “Corruption” works without.`}</p>`;
}

export default function Play({ session }) {
  const runs = useRuns(session);
  const [left, setLeft] = useState([]); // numbers of the runs that were taken out
  const asked = location.hash.slice(1);
  const [tab, setTab] = useState(TABS.some(([key]) => key === asked) ? asked : session.play.runs.length ? "word" : "corruption");
  const [seen, setSeen] = useState([tab]);
  const list = useRef(null);
  const open = (name) => {
    history.replaceState(null, "", `#${name}`);
    setTab(name);
    setSeen((before) => [...new Set([...before, name])]);
  };
  const press = (event) => {
    const place = TABS.findIndex(([key]) => key === tab);
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    open(TABS.at(next % TABS.length)[0]);
    [...list.current.children].at(next % TABS.length).focus();
  };
  const chosen = runs.filter((run) => run.state === "ready" && !left.includes(run.id));
  const change = (id) => setLeft(left.includes(id) ? left.filter((one) => one !== id) : [...left, id]);
  return html`<div class="tabs" role="tablist" aria-label="What to play with" ref=${list} onKeyDown=${press}>
      ${TABS.map(([key, title]) => html`<button type="button" role="tab" class="plain" key=${key} id=${`tab-${key}`} aria-selected=${String(key === tab)}
        aria-controls=${`panel-${key}`} tabindex=${key === tab ? 0 : -1} onClick=${() => open(key)}>${title}</button>`)}</div>
    ${runs.length > 0 && html`<fieldset class="runs"><legend>Models</legend><div class="row">${runs.map((run) => html`<${Run} key=${run.id} run=${run} chosen=${!left.includes(run.id)} onChange=${() => change(run.id)} />`)}</div></fieldset>`}
    ${TABS.map(([key, title, Body, needs]) => {
      const able = chosen.filter((run) => needs.every((need) => run.can.includes(need)));
      const missing = !able.length && html`<${Missing} runs=${runs} />`;
      const body = () => (missing && !ALONE.includes(key) ? html`<h1>${title}</h1>${missing}` : html`<${Body} play=${session.play} runs=${able} chosen=${chosen} all=${runs} missing=${missing} />`);
      return html`<section role="tabpanel" id=${`panel-${key}`} key=${key} aria-labelledby=${`tab-${key}`} hidden=${key !== tab}>${seen.includes(key) && body()}</section>`;
    })}`;
}
