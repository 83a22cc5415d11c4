// Writing: a text token by token, each with its probability, its alternatives, and a way to go on from one of them.

import { html, say, useEffect, useState } from "./shell.mjs";
import { Choice, Number, Scroll, Share, TextField, Wrong, named, nats, percent, submits, useFields, useStream, visible, within } from "./play-parts.mjs";

const WAIT_MILLISECONDS = 200; // after the last change, before the next token is asked for
const CHOOSING = { temperature: 0.8, top_k: 0, top_p: 1, min_p: 0, repetition_penalty: 1, max_new: 64, seed: 0 };
const SLIDERS = [
  ["temperature", "Temperature", 0, 2, 0.05, "0 takes the likeliest token."], ["top_k", "Top k", 0, 100, 1, "0: from all tokens."],
  ["top_p", "Top p", 0.05, 1, 0.05], ["min_p", "Min p", 0, 1, 0.01], ["repetition_penalty", "Repetition penalty", 1, 2, 0.05], ["max_new", "New tokens", 1, 256, 1], ["seed", "Seed", 0, 100, 1],
];
const ENDS = { stop: "The model ended the text.", full: "No position is left.", length: "As many tokens as asked for." };

// The likeliest next tokens: the model's p, and the share after temperature, cuts and penalty.
function Next({ token, onPick }) {
  const name = (one) => (onPick ? html`<button type="button" class="chip" onClick=${() => onPick(one)}><span>${visible(one.name)}</span></button>` : visible(one.name));
  return html`<${Scroll} label="The likeliest tokens"><table class="numeric next"><thead><tr><th scope="col">token</th><th scope="col">the model's p</th><th scope="col">share when drawn</th></tr></thead>
    <tbody>${token.top.map((one) => html`<tr key=${one.id}><th scope="row">${name(one)}</th><td><${Share} share=${one.p} /></td><td><${Share} share=${one.drawn} yours /></td></tr>`)}</tbody></table><//>`;
}

function Written({ token, open, onClick }) {
  const level = within(Math.round(token.nats ?? 0), 0, 6);
  const [, blank, text] = (token.text + (token.rest ?? "")).match(/^(\s*)(.*)$/s); // a line may break at the blank
  return html`${blank}<button type="button" class=${`token level-${level}${token.chosen ? " chosen" : ""}`} aria-expanded=${String(open)} aria-label=${`${visible(token.name)}, ${percent(token.p)}`} onClick=${onClick}>${visible(text) || (blank ? "·" : "…")}</button>`;
}

export function Writing({ play, runs }) {
  const [decoding, setDecoding] = useState(CHOOSING);
  const first = { chosen: runs[0].id, prompt: "The", shown: "", tokens: [], open: null, wrong: "", coming: null };
  const [{ chosen, prompt, shown, tokens, open, wrong, coming }, put] = useFields(first); // open: a token's place
  const [writing, looking] = [useStream(), useStream()];
  const run = (runs.find((one) => one.id === +chosen) ?? runs[0]).id;
  const asking = (kept, max_new) => ({ run, prompt, tokens: kept.map((token) => token.id), decoding: { ...decoding, max_new }, alternatives: play.limits.alternatives });
  const anew = (name) => (value) => { writing.stop(); put({ [name]: value, tokens: [], open: null }); };

  const write = async (kept) => {
    looking.stop();
    const list = [...kept];
    put({ tokens: kept, open: null });
    const body = asking(kept, within(decoding.max_new, 1, play.limits.new - kept.length));
    const failed = await writing.ask("/api/write", body, (event) => {
      if (event.event === "start" && !kept.length) put({ shown: event.shown });
      if (event.event === "token") list.push(event);
      if (event.event === "end" && event.text && list.length) list.push({ ...list.pop(), rest: event.text });
      put({ tokens: [...list] });
      if (event.event === "end") say(ENDS[event.why]);
    });
    put({ wrong: failed });
  };
  const spelled = (name) => name.replaceAll("▁", " ").replaceAll("⏎", "\n");
  const branch = (place, one) => write([...tokens.slice(0, place), { ...one, text: spelled(one.name), nats: -Math.log(one.p), chosen: true, top: tokens[place].top }]);
  useEffect(() => {
    if (writing.busy) return undefined;
    const look = (event) => {
      if (event.event === "token" || event.last) put({ coming: event.last ?? event });
      else if (event.why === "stop") put({ coming: null }); // the reader chose the end of the text
    };
    const timer = setTimeout(() => looking.ask("/api/write", asking(tokens.slice(0, play.limits.new - 1), 1), look), WAIT_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [run, prompt, JSON.stringify(decoding), tokens.length, writing.busy]);
  const token = tokens[open];
  return html`<h1>Writing</h1>
    <div class="beside-each-other"><form class="card" onSubmit=${submits(() => write([]))}>
        <${Choice} label="Model" value=${run} options=${named(runs)} onInput=${anew("chosen")} />
        <${TextField} label="Your text" value=${prompt} onInput=${anew("prompt")} most=${play.limits.text} />
        <div class="row"><button disabled=${writing.busy}>Write</button><button type="button" class="plain" disabled=${!writing.busy} onClick=${writing.stop}>Stop</button></div>
        ${SLIDERS.map(([name, label, low, high, step, help]) => html`<${Number} key=${name} ...${{ label, help, low, high, step }} value=${decoding[name]} onInput=${(value) => setDecoding({ ...decoding, [name]: within(value, low, high) })} />`)}
      </form><div><${Wrong}>${wrong}<//>
        <p class="sentence written" aria-busy=${String(writing.busy)}><span class="soft">${visible(tokens.length ? shown || prompt : prompt)}</span>${tokens.map((one, place) => html`<${Written} key=${place} token=${one} open=${open === place} onClick=${() => put({ open: open === place ? null : place })} />`)}</p>
        <p class="soft"><small>The thicker the line, the more surprising the token. Press a token for its alternatives.</small></p>
        ${token && html`<div class="card"><h2>“${visible(token.name)}” and its alternatives</h2>
          <p>p ${percent(token.p)}, ${nats(token.nats)} nats${token.rank ? `, rank ${token.rank}` : ""}${token.chosen ? ", chosen by you" : ""}. Press another token to go on from it.</p>
          <${Next} token=${token} onPick=${(one) => branch(open, one)} /></div>`}
        ${coming && !writing.busy && html`<div class="card coming"><h2>The next token</h2><p class="soft">After ${tokens.length ? `${tokens.length} new tokens` : "your text"}, as the sliders are now.</p><${Next} token=${coming} /></div>`}</div></div>`;
}
