// Surprise: nats of every token of a text, in a fixed scale; and two models side by side on one text.

import { html, post, say, useState } from "./shell.mjs";
import { Choice, TextField, Wrong, named, nats, useStream, visible } from "./play-parts.mjs";

const MOST = 12; // nats at the end of the scale, which is the same for all models
const TEXT = "The cat sat on the mat and looked at the moon.";
const level = (value) => ({ "--n": Math.max(0, Math.min(MOST, value ?? 0)) });

function Heat({ text, value, title }) {
  return html`<li class="chip heat" style=${level(value)} title=${title}><span>${visible(text)}</span><small>${nats(value)}</small></li>`;
}

const Scale = () => html`<p class="soft row"><small>0 nats: certain</small><span class="scale" aria-hidden="true"></span><small>${MOST} nats or more. The scale is the same for all models.</small></p>`;

function Total({ end, start }) {
  const bits = end.bits_per_byte === null ? "no bits per byte for this kind of number" : `${end.bits_per_byte.toFixed(3)} bits per byte`;
  return html`<p><b>${nats(end.nats)} nats</b> over ${end.tokens} tokens and ${end.bytes} bytes; ${bits}.${start.comparable ? "" : html` <strong>Not comparable with other models.</strong>`} <span class="soft">${start.how}.</span></p>`;
}

function Card({ found, run }) {
  const best = (token) => (token.top?.length ? `likeliest here: ${token.top.slice(0, 3).map((one) => visible(one.name)).join(", ")}` : "");
  return html`<article class="card"><h2>${run.name} <small>${run.objective}</small></h2>
    <${Wrong}>${found.wrong}<//>
    <ol class="chips">${found.tokens.map((token) => html`<${Heat} text=${token.text} value=${token.nats} title=${best(token)} />`)}</ol>
    ${found.end && html`<${Total} end=${found.end} start=${found.start} />`}
  </article>`;
}

// Ask some models, one after another, how surprised they are; `found` has what each has said so far, by its number.
function useSurprise() {
  const [found, setFound] = useState({});
  const { busy, ask, stop } = useStream();
  const [going, setGoing] = useState(false);
  const measure = async (ids, text) => {
    const all = {};
    setFound({});
    setGoing(true);
    for (const id of ids) {
      const mine = (all[id] = { tokens: [], start: null, end: null, wrong: "" });
      const show = () => setFound({ ...all });
      mine.wrong = await ask("/api/surprise", { run: id, text }, (event) => {
        if (event.event === "token") mine.tokens.push(event);
        else if (event.event in mine) mine[event.event] = event;
        show();
      });
      show();
    }
    setGoing(false);
    say("Measured.");
    return all;
  };
  return { found, busy: busy || going, measure, stop };
}

export function Surprise({ play, runs }) {
  const able = runs.filter((run) => run.can.includes("surprise"));
  const [text, setText] = useState(TEXT);
  const { found, busy, measure, stop } = useSurprise();
  return html`<h1>Surprise</h1>
    <form onSubmit=${(event) => { event.preventDefault(); measure(able.map((run) => run.id), text); }}>
      <${TextField} label="Text" value=${text} onInput=${setText} rows="4" most=${play.limits.text} />
      <div class="row"><button disabled=${busy || !text.trim()}>Measure</button><button type="button" class="plain" disabled=${!busy} onClick=${stop}>Stop</button></div>
    </form>
    <${Scale} />
    ${able.map((run) => found[run.id] && html`<${Card} key=${run.id} run=${run} found=${found[run.id]} />`)}`;
}

function Differences({ first, second, runs }) {
  const words = first.end.words.map((word, place) => ({ text: word.text, by: word.nats - second.end.words[place].nats }));
  const largest = [...words].sort((one, other) => Math.abs(other.by) - Math.abs(one.by)).slice(0, 8);
  const sign = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;
  const comparable = first.start.comparable && second.start.comparable;
  return html`${!comparable && html`<p class="note wrong">These numbers are not of one kind: ${first.start.how}; ${second.start.how}. Do not compare them.</p>`}
    <ol class="chips">${words.map((word) => html`<li class=${`chip ${word.by > 0.5 ? "asked" : word.by < -0.5 ? "read" : ""}`}><span>${visible(word.text)}</span><small>${sign(word.by)}</small></li>`)}</ol>
    <p class="soft">+ (rust) surprises ${runs[0].name} more, − (blue) surprises ${runs[1].name} more; in nats per word.</p>
    <div class="scroll" tabindex="0" role="group" aria-label="Largest differences"><table class="cells"><caption>Where they differ most</caption>
      <thead><tr><th scope="col">word</th><th scope="col">${runs[0].name} − ${runs[1].name}</th></tr></thead>
      <tbody>${largest.map((word) => html`<tr><th scope="row">${visible(word.text)}</th><td>${sign(word.by)}</td></tr>`)}</tbody></table></div>`;
}

export function SideBySide({ play, runs }) {
  const able = runs.filter((run) => run.can.includes("surprise"));
  const [pair, setPair] = useState([able[0].id, (able[1] ?? able[0]).id]);
  const [text, setText] = useState(TEXT);
  const [settings, setSettings] = useState(null);
  const [wrong, setWrong] = useState("");
  const { found, busy, measure } = useSurprise();
  const both = pair.map((id) => found[id]);
  const chosen = pair.map((id) => runs.find((run) => run.id === id) ?? able[0]);
  const alike = both.every((one) => one?.end) && both[0].end.words.length === both[1].end.words.length;
  const set = (place) => (value) => { setPair(pair.with(place, +value)); setSettings(null); };
  const compare = async (event) => {
    event.preventDefault();
    setWrong("");
    try {
      setSettings((await post("/api/differences", { first: pair[0], second: pair[1] })).settings);
    } catch (error) {
      setWrong(error.message);
    }
    await measure([...new Set(pair)], text);
  };
  return html`<h1>Side by side</h1>
    <form onSubmit=${compare}>
      <div class="grid"><${Choice} label="First model" value=${pair[0]} options=${named(able)} onInput=${set(0)} /><${Choice} label="Second model" value=${pair[1]} options=${named(able)} onInput=${set(1)} /></div>
      <${TextField} label="Text" value=${text} onInput=${setText} rows="4" most=${play.limits.text} />
      <button disabled=${busy || !text.trim()}>Compare</button>
    </form>
    <${Wrong}>${wrong}<//>
    ${alike && html`<h2>Differences</h2><${Differences} first=${both[0]} second=${both[1]} runs=${chosen} />`}
    <div class="grid">${chosen.map((run, place) => both[place] && html`<${Card} key=${place} run=${run} found=${both[place]} />`)}</div>
    ${settings && html`<details open><summary>${settings.length} settings differ</summary><div class="scroll" tabindex="0" role="group" aria-label="Settings that differ"><table><thead><tr><th scope="col">setting</th>${chosen.map((run) => html`<th scope="col">${run.name}</th>`)}</tr></thead>
      <tbody>${settings.map(([name, one, other]) => html`<tr><th scope="row">${name}</th><td>${visible(one)}</td><td>${visible(other)}</td></tr>`)}</tbody></table></div></details>`}`;
}
