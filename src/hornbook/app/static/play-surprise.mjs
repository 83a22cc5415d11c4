// Surprise: nats of every token of a text, in one scale for all models; and two models side by side on one text.

import { html, post, say, useState } from "./shell.mjs";
import { Choice, Scroll, TextField, Wrong, named, nats, submits, useFields, useStream, visible, within } from "./play-parts.mjs";

const MOST = 12; // nats at the end of the scale
const TEXT = "The cat sat on the mat and looked at the moon.";
const sign = (value) => !Number.isFinite(value) ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`;

function Card({ found, run }) {
  const [open, setOpen] = useState(null);
  const chip = (token, place) => html`<li><button type="button" class="chip heat" style=${{ "--n": within(token.nats ?? 0, 0, MOST) }} aria-expanded=${String(open === place)} onClick=${() => setOpen(open === place ? null : place)}><span>${visible(token.text)}</span><small>${nats(token.nats)}</small></button></li>`;
  const [token, { start, end }] = [found.tokens[open], found];
  const bits = end?.bits_per_byte ? `${end.bits_per_byte.toFixed(3)} bits per byte` : "bits per byte are not defined for it";
  return html`<article class="card"><h2>${run.name} <small>${run.objective}</small></h2><${Wrong}>${found.wrong}<//>
    <ol class="cells">${found.tokens.map(chip)}</ol>
    ${token && html`<p>“${visible(token.text)}”: ${nats(token.nats)} nats${token.rank ? `, rank ${token.rank}` : ""}. ${token.top?.length > 0 && html`Likeliest here: ${token.top.map((one) => html`${visible(one.name)} (${(100 * one.p).toFixed(1)} %) `)}`}</p>`}
    ${end && html`<p><b>${nats(end.nats)} nats</b> over ${end.tokens} tokens and ${end.bytes} bytes; ${bits}. ${!start.comparable && html`<strong>Not comparable with other models.</strong>`} <span class="soft">${start.how}.</span></p>`}</article>`;
}

// Ask some models, one after another, how surprised they are; `found` has what each has said so far, by its number.
function useSurprise() {
  const [found, setFound] = useState({});
  const [going, setGoing] = useState(null); // what says whether one goes on with the next model
  const { ask, stop } = useStream();
  const measure = async (ids, text) => {
    const [all, own] = [{}, { stopped: false }];
    setGoing(own);
    for (const id of ids) {
      const mine = { tokens: [], start: null, end: null, wrong: "" };
      const show = () => setFound({ ...Object.assign(all, { [id]: { ...mine } }) });
      mine.wrong = await ask("/api/surprise", { run: id, text }, (event) => {
        if (event.event === "token") mine.tokens.push(event);
        else if (event.event in mine) mine[event.event] = event;
        show();
      });
      show();
      if (own.stopped) break;
    }
    setGoing(null);
    say(own.stopped ? "Stopped." : "Measured.");
  };
  return { found, busy: going !== null, measure, stop: () => { going.stopped = true; stop(); } };
}

function Asked({ text, setText, play, verb, busy, stop, onSubmit, children }) {
  return html`<form onSubmit=${submits(onSubmit)}>${children}
    <${TextField} label="Text" value=${text} onInput=${setText} rows="3" most=${play.limits.text} />
    <div class="row"><button disabled=${busy || !text.trim()}>${verb}</button><button type="button" class="plain" disabled=${!busy} onClick=${stop}>Stop</button></div>
  </form><p class="soft row"><small>0 nats: certain</small><span class="scale" aria-hidden="true"></span><small>${MOST} nats or more. All models have this scale.</small></p>`;
}

export function Surprise({ play, chosen }) {
  const [text, setText] = useState(TEXT);
  const { found, busy, measure, stop } = useSurprise();
  return html`<h1>Surprise</h1>
    <${Asked} ...${{ text, setText, play, busy, stop }} verb="Measure" onSubmit=${() => measure(chosen.map((run) => run.id), text)} />
    ${chosen.map((run) => found[run.id] && html`<${Card} key=${run.id} run=${run} found=${found[run.id]} />`)}`;
}

// Two models' words of one text, and by how many nats the first has more. Unlike tokens have unlike words: those are put
// together up to where both have an end. NaN: one of them has no number.
export function differences(first, second) {
  const lists = [first, second], place = [0, 0], read = [0, 0], found = [];
  for (let word = { text: "", by: 0 }; place[0] < first.length || place[1] < second.length; ) {
    const n = place[1] >= second.length || (place[0] < first.length && read[0] <= read[1]) ? 0 : 1, next = lists[n][place[n]++];
    read[n] += next.text.length;
    word = { text: word.text + (n ? "" : next.text), by: word.by + (n ? -1 : 1) * (next.nats ?? NaN) };
    if (word.text && read[0] === read[1]) { found.push(word); word = { text: "", by: 0 }; }
  }
  return found;
}

function Differences({ first, second, names }) {
  const words = differences(first.end.words, second.end.words);
  const largest = words.filter((word) => Number.isFinite(word.by)).sort((one, other) => Math.abs(other.by) - Math.abs(one.by)).slice(0, 5);
  const kind = (by) => (by > 0.5 ? " asked" : by < -0.5 ? " read" : "");
  return html`<h2>Differences</h2>
    ${first.start.how !== second.start.how && html`<p class="note wrong">These numbers are not of one kind, so their difference says little. ${names[0]}: ${first.start.how}. ${names[1]}: ${second.start.how}.</p>`}
    <ol class="cells">${words.map((word) => html`<li class=${`chip${kind(word.by)}`}><span>${visible(word.text)}</span><small>${sign(word.by)}</small></li>`)}</ol>
    <p class="soft">Nats of each word. + (rust): it surprises ${names[0]} more. − (blue): it surprises ${names[1]} more.</p>
    <p>They differ most at ${largest.map((word) => `${visible(word.text)} (${sign(word.by)})`).join(", ")}.</p>`;
}

export function SideBySide({ play, runs }) {
  const [pair, setPair] = useState([runs[0].id, (runs[1] ?? runs[0]).id]);
  const [{ text, settings, wrong }, put] = useFields({ text: TEXT, settings: null, wrong: "" });
  const { found, busy, measure, stop } = useSurprise();
  const setText = (value) => put({ text: value });
  const chosen = pair.map((id) => runs.find((run) => run.id === id) ?? runs[0]);
  const [first, second] = chosen.map((run) => found[run.id]);
  const ready = first?.end && second?.end;
  const names = chosen.map((run) => run.name);
  const compare = async () => {
    const asked = { first: chosen[0].id, second: chosen[1].id };
    await post("/api/differences", asked).then((answer) => put({ settings: answer.settings, wrong: "" }), (error) => put({ wrong: error.message }));
    await measure([...new Set(chosen.map((run) => run.id))], text);
  };
  const choice = (label, place) => html`<${Choice} label=${label} value=${chosen[place].id} options=${named(runs)} onInput=${(value) => { setPair(pair.with(place, +value)); put({ settings: null }); }} />`;
  return html`<h1>Side by side</h1>
    <${Asked} ...${{ text, setText, play, busy, stop }} verb="Compare" onSubmit=${compare}><div class="grid">${choice("First model", 0)}${choice("Second model", 1)}</div><//>
    <${Wrong}>${wrong}<//>${ready && html`<${Differences} first=${first} second=${second} names=${names} />`}
    <div class="grid">${chosen.map((run, place) => found[run.id] && html`<${Card} key=${place} run=${run} found=${found[run.id]} />`)}</div>
    ${settings && html`<h2>${settings.length} settings differ</h2><${Scroll} label="Settings that differ"><table><thead><tr><th scope="col">setting</th>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${settings.map(([name, ...both]) => html`<tr><th scope="row">${name}</th>${both.map((value) => html`<td>${visible(value)}</td>`)}</tr>`)}</tbody></table><//>`}`;
}
