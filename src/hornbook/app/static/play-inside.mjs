// Inside: nearest embeddings, attention, the judge of replaced tokens, the class of a pair. What a model has is offered.

import { html, useMemo, useState } from "./shell.mjs";
import { Bar, Choice, Grid, Number, TextField, Wrong, events, named, percent, visible } from "./play-parts.mjs";

// A form whose answer is one event of a stream.
function useAsked(path) {
  const [found, setFound] = useState(null);
  const [wrong, setWrong] = useState("");
  const ask = async (body) => {
    try {
      setFound((await events(path, body)).find((event) => event.event !== "progress") ?? null);
      setWrong("");
    } catch (error) {
      setFound(null);
      setWrong(error.message);
    }
  };
  return [found, wrong, ask];
}

const Form = ({ title, onSubmit, children }) => html`<form class="card" onSubmit=${(event) => { event.preventDefault(); onSubmit(); }}><h2>${title}</h2>${children}</form>`;

function Neighbours({ run }) {
  const [text, setText] = useState("cat");
  const [found, wrong, ask] = useAsked("/api/neighbours");
  return html`<${Form} title="Tokens with like embeddings" onSubmit=${() => ask({ run, text, top: 10 })}>
    <div class="field"><label>Word <input value=${text} maxlength="64" onInput=${(event) => setText(event.target.value)} /></label></div>
    <button disabled=${!text.trim()}>Look</button><${Wrong}>${wrong}<//>
    ${found && html`<p class="soft">${visible(found.name)}${found.pieces > 1 ? `, the mean of ${found.pieces} tokens` : ""}; cosine of the embeddings</p>
      <ol class="lines">${found.nearest.map((one) => html`<li class="line"><span class="said">${visible(one.name)}</span><${Bar} share=${one.cosine} /><output>${one.cosine.toFixed(2)}</output></li>`)}</ol>`}
  <//>`;
}

function Heads({ found }) {
  const [head, setHead] = useState(0);
  const bytes = useMemo(() => Uint8Array.from(atob(found.weights), (sign) => sign.charCodeAt(0)), [found]);
  const [rows, columns] = [found.queries.length, found.keys.length];
  const shown = Math.min(head, found.heads - 1);
  const share = (row, column) => bytes[(shown * rows + row) * columns + column] / 255;
  const told = (row, column) => `Position ${row}, “${visible(found.queries[row])}”, gives ${percent(share(row, column))} of its attention to ${column}, “${visible(found.keys[column])}”.`;
  return html`<${Number} label="Head" value=${shown} low="0" high=${found.heads - 1} step="1" onInput=${(value) => setHead(Math.max(0, Math.min(found.heads - 1, Math.round(value))))} />
    <${Grid} rows=${rows} columns=${columns} share=${share} told=${told} label=${`Attention of head ${shown} of layer ${found.layer}`} />
    <p class="note">${found.note}</p>`;
}

const SIDES = { self: "the encoder, or the only stack", decoder: "the decoder", cross: "from the decoder to the encoder" };

function Attention({ run, layers, topology, pairs }) {
  const [text, setText] = useState("The cat sat on the mat because it was tired.");
  const [second, setSecond] = useState("");
  const [layer, setLayer] = useState(0);
  const [side, setSide] = useState("self");
  const [found, wrong, ask] = useAsked("/api/attention");
  const two = topology === "encoder-decoder";
  return html`<${Form} title="Attention" onSubmit=${() => ask({ run, text, layer, side: two ? side : "self", second: two || pairs ? second : "" })}>
    <${TextField} label="Text" value=${text} onInput=${setText} rows="2" />
    ${(two || pairs) && html`<${TextField} label=${two ? "What the decoder says" : "Second text"} value=${second} onInput=${setSecond} rows="2" help=${two ? "Empty: the text itself." : ""} />`}
    <${Number} label="Layer" value=${layer} low="0" high=${layers - 1} step="1" onInput=${(value) => setLayer(Math.max(0, Math.min(layers - 1, Math.round(value))))} />
    ${two && html`<${Choice} label="Where" value=${side} options=${Object.entries(SIDES)} onInput=${setSide} />`}
    <button disabled=${!text.trim()}>Look</button><${Wrong}>${wrong}<//>
    ${found && html`<${Heads} found=${found} />`}
  <//>`;
}

function Judge({ run }) {
  const [text, setText] = useState("The cat sat on the window because it was purple.");
  const [found, wrong, ask] = useAsked("/api/judge");
  return html`<${Form} title="The judge: which tokens look replaced?" onSubmit=${() => ask({ run, text })}>
    <${TextField} label="Text" value=${text} onInput=${setText} rows="2" help="Change a word and see whether the judge notices." />
    <button disabled=${!text.trim()}>Judge</button><${Wrong}>${wrong}<//>
    ${found && html`<ol class="chips">${found.tokens.map((token) => html`<li class="chip heat" style=${{ "--n": 12 * token.replaced }}><span>${visible(token.text)}</span><small>${percent(token.replaced)}</small></li>`)}</ol><p class="soft">${found.how}</p>`}
  <//>`;
}

function Pair({ run }) {
  const [first, setFirst] = useState("The sun went down behind the hills.");
  const [second, setSecond] = useState("Then the stars came out.");
  const [found, wrong, ask] = useAsked("/api/pair");
  return html`<${Form} title="Do two texts belong together?" onSubmit=${() => ask({ run, first, second })}>
    <${TextField} label="First text" value=${first} onInput=${setFirst} rows="2" /><${TextField} label="Second text" value=${second} onInput=${setSecond} rows="2" />
    <button disabled=${!first.trim() || !second.trim()}>Ask</button><${Wrong}>${wrong}<//>
    ${found && html`<ol class="lines">${found.classes.map((one) => html`<li class="line"><span class="said">${one.meaning}</span><${Bar} share=${one.p} /><output>${percent(one.p)}</output></li>`)}</ol><p class="soft">${found.how}</p>`}
  <//>`;
}

export function Inside({ runs }) {
  const [chosen, setChosen] = useState(runs[0].id);
  const run = runs.find((one) => one.id === +chosen) ?? runs[0];
  const can = (name) => run.can.includes(name);
  return html`<h1>Inside</h1>
    <${Choice} label="Model" value=${run.id} options=${named(runs)} onInput=${setChosen} />
    <div class="grid wide" key=${run.id}>
      ${can("neighbours") && html`<${Neighbours} run=${run.id} />`}
      ${can("attention") && html`<${Attention} run=${run.id} layers=${run.layers} topology=${run.topology} pairs=${can("pair")} />`}
      ${can("judge") && html`<${Judge} run=${run.id} />`}
      ${can("pair") && html`<${Pair} run=${run.id} />`}
    </div>`;
}
