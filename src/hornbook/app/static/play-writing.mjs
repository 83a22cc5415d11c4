// Writing: a text token by token, each with its probability, its alternatives, and a way to go on from one of them.

import { html, say, useEffect, useRef, useState } from "./shell.mjs";
import { Bar, Choice, Number, TextField, Wrong, named, nats, percent, useStream, visible } from "./play-parts.mjs";

const WAIT_MILLISECONDS = 200;
const CHOOSING = { temperature: 0.8, top_k: 0, top_p: 1, min_p: 0, repetition_penalty: 1, max_new: 64, seed: 0 };
const SLIDERS = [
  ["temperature", "Temperature", 0, 2, 0.05, "0 takes the likeliest token"], ["top_k", "Top k", 0, 100, 1, "0: all tokens"],
  ["top_p", "Top p", 0.05, 1, 0.05], ["min_p", "Min p", 0, 1, 0.01], ["repetition_penalty", "Repetition penalty", 1, 2, 0.05],
  ["max_new", "New tokens", 1, 256, 1], ["seed", "Seed", 0, 100, 1],
];

// The likeliest next tokens: the model's p, and the share after temperature, cuts and penalty.
function Next({ token, onPick, caption }) {
  return html`<table class="cells next">
    <caption>${caption}</caption>
    <thead><tr><th scope="col">token</th><th scope="col">model's p</th><th scope="col">share when drawn</th></tr></thead>
    <tbody>${token.top.map((one) => html`<tr key=${one.id}>
      <th scope="row">${onPick ? html`<button type="button" class="chip" onClick=${() => onPick(one)}>${visible(one.name)}</button>` : visible(one.name)}</th>
      <td><${Bar} share=${one.p} />${percent(one.p)}</td><td><${Bar} share=${one.drawn} yours />${percent(one.drawn)}</td>
    </tr>`)}</tbody>
  </table>`;
}

export function Writing({ play, runs }) {
  const able = runs.filter((run) => run.can.includes("write"));
  const [run, setRun] = useState(able[0].id);
  const [prompt, setPrompt] = useState("The");
  const [decoding, setDecoding] = useState(CHOOSING);
  const [shown, setShown] = useState("");
  const [tokens, setTokens] = useState([]);
  const [open, setOpen] = useState(null); // place of the token whose alternatives are shown
  const [wrong, setWrong] = useState("");
  const [preview, setPreview] = useState(null);
  const writing = useStream();
  const looking = useStream();
  const head = useRef(null);

  const write = async (kept) => {
    looking.stop();
    const list = [...kept];
    setTokens(list);
    setOpen(null);
    setWrong("");
    const max_new = Math.max(1, Math.min(decoding.max_new, play.limits.new - kept.length));
    const asked = { run: +run, prompt, tokens: kept.map((token) => token.id), decoding: { ...decoding, max_new }, alternatives: play.limits.alternatives };
    setWrong(await writing.ask("/api/write", asked, (event) => {
      if (event.event === "start" && !kept.length) setShown(event.shown);
      if (event.event === "token") { list.push(event); setTokens([...list]); }
      if (event.event === "end") {
        if (event.text && list.length) { list.push({ ...list.pop(), rest: event.text }); setTokens([...list]); }
        say({ stop: "The model ended the text.", full: "No position is left.", length: "As many tokens as asked for." }[event.why]);
      }
    }));
  };
  const branch = (place, one) => write([...tokens.slice(0, place), { ...one, text: one.name.replaceAll("▁", " ").replaceAll("⏎", "\n"), nats: -Math.log(one.p), chosen: true, top: tokens[place].top }]);
  useEffect(() => {
    if (writing.busy) return undefined;
    const timer = setTimeout(() => {
      const asked = { run: +run, prompt, tokens: tokens.slice(0, play.limits.new - 1).map((token) => token.id), decoding: { ...decoding, max_new: 1 }, alternatives: play.limits.alternatives };
      looking.ask("/api/write", asked, (event) => {
        const found = event.event === "token" ? event : event.event === "end" ? event.last : null;
        if (found) setPreview(found);
      });
    }, WAIT_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [run, prompt, JSON.stringify(decoding), tokens.length, writing.busy]);
  const level = (token) => Math.max(0, Math.min(6, Math.round(token.nats ?? 0)));
  return html`<h1>Writing</h1>
    <div class="beside-each-other">
      <form class="card" onSubmit=${(event) => { event.preventDefault(); write([]); }}>
        <${Choice} label="Model" value=${run} options=${named(able)} onInput=${(value) => { setRun(value); setTokens([]); }} />
        <${TextField} label="Text to go on from" value=${prompt} onInput=${(value) => { setPrompt(value); setTokens([]); }} most=${play.limits.text} />
        <div class="row"><button disabled=${writing.busy}>Write</button><button type="button" class="plain" disabled=${!writing.busy} onClick=${writing.stop}>Stop</button></div>
        ${SLIDERS.map(([name, label, low, high, step, help]) => html`<${Number} key=${name} label=${label} help=${help} value=${decoding[name]} low=${low} high=${high} step=${step} onInput=${(value) => setDecoding({ ...decoding, [name]: Math.max(low, Math.min(high, value)) })} />`)}
      </form>
      <div>
        <${Wrong}>${wrong}<//>
        <p class="sentence written" aria-busy=${writing.busy ? "true" : "false"} ref=${head}>
          <span class="soft">${visible(shown && tokens.length ? shown : prompt)}</span>${tokens.map((token, place) => html`<button type="button" key=${place} class=${`token level-${level(token)}${token.chosen ? " chosen" : ""}`} aria-expanded=${open === place ? "true" : "false"} aria-label=${`${token.name}, ${percent(token.p)}`} onClick=${() => setOpen(open === place ? null : place)}>${visible(token.text + (token.rest ?? "")) || "◌"}</button>`)}
        </p>
        <p class="soft"><small>The thicker the line, the more surprising the token. Press one for its alternatives.</small></p>
        ${open !== null && tokens[open] && html`<div class="card"><h2>“${visible(tokens[open].name)}”</h2>
          <p>p ${percent(tokens[open].p)}, ${nats(tokens[open].nats)} nats${tokens[open].rank ? `, the ${tokens[open].rank}. likeliest` : ""}${tokens[open].chosen ? ", chosen by you" : ""}. Choose another token to go on from it.</p>
          <${Next} token=${tokens[open]} caption="Alternatives" onPick=${(one) => branch(open, one)} /></div>`}
        ${preview && !writing.busy && html`<div class="card"><h2>The next token</h2><${Next} token=${preview} caption=${`After ${tokens.length ? `${tokens.length} new tokens` : "the text"}, as the sliders are now`} /></div>`}
      </div>
    </div>`;
}
