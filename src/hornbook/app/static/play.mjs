// Play: the runs, and the six tabs. A tab that was opened once keeps what it shows.

import { html, say, useEffect, useRef, useState } from "./shell.mjs";
import { Corruption } from "./play-corruption.mjs";
import { Inside } from "./play-inside.mjs";
import { SideBySide, Surprise } from "./play-surprise.mjs";
import { Word } from "./play-word.mjs";
import { Writing } from "./play-writing.mjs";

const TABS = [
  ["word", "Masked word", Word, ["gap"]],
  ["corruption", "Corruption", Corruption, null],
  ["writing", "Writing", Writing, ["write"]],
  ["surprise", "Surprise", Surprise, ["surprise"]],
  ["side", "Side by side", SideBySide, ["surprise"]],
  ["inside", "Inside", Inside, ["neighbours", "attention", "judge", "pair"]],
];
const POLL_MILLISECONDS = 700;
const pending = (run) => run.state === "waiting" || run.state === "loading";

function millions(number) {
  return number >= 1e6 ? `${(number / 1e6).toFixed(1)}M` : `${Math.round(number / 1e3)}k`;
}

function Runs({ runs, chosen, setChosen }) {
  const change = (id) => setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return html`<fieldset class="runs">
    <legend>Models</legend>
    <div class="row">
      ${runs.map((run) =>
        run.state === "ready"
          ? html`<label class="field beside" key=${run.id}>
              <input type="checkbox" checked=${chosen.includes(run.id)} onChange=${() => change(run.id)} />
              <span>${run.name} <span class="soft">${run.objective}, ${millions(run.parameters)}, step ${run.step}</span></span>
            </label>`
          : html`<span class="field beside" key=${run.id}>
              ${run.name} <span class="soft">${pending(run) ? `${run.state} …` : `cannot be opened: ${run.note}`}</span>
            </span>`,
      )}
    </div>
  </fieldset>`;
}

// The runs of the session, asked for again until all are there.
function useRuns(session) {
  const [runs, setRuns] = useState(session.play.runs);
  useEffect(() => {
    if (!runs.some(pending)) return undefined;
    const timer = setTimeout(async () => {
      try {
        const found = (await (await fetch("/api/session")).json()).play.runs;
        const ready = found.filter((run, place) => run.state === "ready" && runs[place].state !== "ready");
        if (ready.length) say(`Ready: ${ready.map((run) => run.name).join(", ")}.`);
        setRuns(found);
      } catch {
        setRuns([...runs]); // asked for again
      }
    }, POLL_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [runs]);
  return runs;
}

function Missing({ runs, title }) {
  if (runs.some(pending)) return html`<p class="note">The models are being loaded. This takes a few seconds.</p>`;
  if (runs.length) return html`<p class="note">None of the chosen models can do this.</p>`;
  return html`<p class="note">
    ${title} needs a trained model. Start the page with one: <code>hornbook play runs/a</code>. The tab “Corruption” works without.
  </p>`;
}

export default function Play({ session }) {
  const runs = useRuns(session);
  const [left, setLeft] = useState([]); // numbers of the runs that were taken out
  const first = session.play.runs.length ? "word" : "corruption";
  const known = (name) => TABS.some(([key]) => key === name);
  const [tab, setTab] = useState(known(location.hash.slice(1)) ? location.hash.slice(1) : first);
  const [seen, setSeen] = useState([tab]);
  const list = useRef(null);
  const open = (name) => {
    history.replaceState(null, "", `#${name}`);
    setTab(name);
    setSeen((before) => (before.includes(name) ? before : [...before, name]));
  };
  const press = (event) => {
    const place = TABS.findIndex(([key]) => key === tab);
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    open(TABS[(next + TABS.length) % TABS.length][0]);
    list.current.children[(next + TABS.length) % TABS.length].focus();
  };
  const chosen = runs.filter((run) => !left.includes(run.id)).map((run) => run.id);
  const setChosen = (ids) => setLeft(runs.map((run) => run.id).filter((id) => !ids.includes(id)));
  return html`<div class="tabs" role="tablist" aria-label="What to play with" ref=${list} onKeyDown=${press}>
      ${TABS.map(
        ([key, title]) =>
          html`<button type="button" role="tab" class="plain" key=${key} id=${`tab-${key}`} aria-selected=${key === tab ? "true" : "false"}
            aria-controls=${`panel-${key}`} tabindex=${key === tab ? 0 : -1} onClick=${() => open(key)}>${title}</button>`,
      )}
    </div>
    ${runs.length > 0 && html`<${Runs} runs=${runs} chosen=${chosen} setChosen=${setChosen} />`}
    ${TABS.map(([key, title, Body, needs]) => {
      const able = runs.filter((run) => run.state === "ready" && chosen.includes(run.id));
      const may = needs ? able.filter((run) => needs.some((need) => run.can.includes(need))) : able;
      return html`<section role="tabpanel" id=${`panel-${key}`} key=${key} aria-labelledby=${`tab-${key}`} hidden=${key !== tab}>
        ${seen.includes(key) && (needs && !may.length && key !== "word" ? html`<h1>${title}</h1><${Missing} runs=${runs} title=${title} />` : html`<${Body} play=${session.play} runs=${may} all=${runs} missing=${html`<${Missing} runs=${runs} title=${title} />`} />`)}
      </section>`;
    })}`;
}
