// Inside: nearest embeddings, attention, the judge of replaced tokens, the class of a pair. What a model has is offered.

import { html, useMemo, useState } from "./shell.mjs";
import { Choice, Field, Grid, Number, Share, TextField, Wrong, named, percent, submits, useFields, useStream, visible, within } from "./play-parts.mjs";

const SIDES = [["self", "the encoder, or the only stack"], ["decoder", "the decoder"], ["cross", "from the decoder to the encoder"]];
const Line = ({ name, share, text }) => html`<li class="line"><span class="spoken">${visible(name)}</span><${Share} share=${share} text=${text} /></li>`;

// A form that asks for one event of a stream, and shows what `children` make of it.
function Form({ title, path, verb, body, fields, children }) {
  const [found, setFound] = useState(null);
  const [wrong, setWrong] = useState("");
  const { busy, ask } = useStream();
  const submit = async () => setWrong(await ask(path, body, (one) => one.event !== "progress" && setFound(one)));
  return html`<form class="card" onSubmit=${submits(submit)}><h2>${title}</h2>${fields}<button disabled=${busy}>${verb}</button><${Wrong}>${wrong}<//>${found && !wrong && children(found)}</form>`;
}

function Neighbours({ run }) {
  const [text, setText] = useState("cat");
  const field = html`<${Field} label="Word">${(id) => html`<input id=${id} value=${text} maxlength="64" onInput=${(event) => setText(event.target.value)} />`}<//>`;
  return html`<${Form} title="Tokens with like embeddings" path="/api/neighbours" verb="Look" body=${{ run, text, top: 10 }} fields=${field}>${(found) => html`
    <p class="soft">${visible(found.name)}${found.pieces > 1 ? `, the mean of ${found.pieces} tokens` : ""}. The number is the cosine of the embeddings.</p>
    <ol class="lines">${found.nearest.map((one) => html`<${Line} name=${one.name} share=${one.cosine} text=${one.cosine.toFixed(2)} />`)}</ol>`}<//>`;
}

function Heads({ found }) {
  const [chosen, setHead] = useState(0);
  const bytes = useMemo(() => Uint8Array.from(atob(found.weights), (sign) => sign.charCodeAt(0)), [found]);
  const [rows, columns, head] = [found.queries.length, found.keys.length, Math.min(chosen, found.heads - 1)];
  const share = (row, column) => bytes[(head * rows + row) * columns + column] / 255;
  const told = (row, column) => `Position ${row}, “${visible(found.queries[row])}”, gives ${percent(share(row, column))} of its attention to position ${column}, “${visible(found.keys[column])}”.`;
  return html`<${Number} label="Head" value=${head} low="0" high=${found.heads - 1} step="1" onInput=${(value) => setHead(within(Math.round(value), 0, found.heads - 1))} />
    <${Grid} rows=${rows} columns=${columns} share=${share} told=${told} label=${`Attention of head ${head} in layer ${found.layer}`} /><p class="note">${found.note}</p>`;
}

function Attention({ run, layers, topology, pairs }) {
  const [{ text, second, layer, side }, put] = useFields({ text: "The cat sat on the mat because it was tired.", second: "", layer: 0, side: "self" });
  const two = topology === "encoder-decoder";
  const fields = html`<${TextField} label="Text" value=${text} onInput=${(value) => put({ text: value })} rows="2" />
    ${(two || pairs) && html`<${TextField} label=${two ? "What the decoder says" : "Second text"} value=${second} onInput=${(value) => put({ second: value })} rows="2" help=${two ? "Empty: the text itself." : ""} />`}
    ${two && html`<${Choice} label="Where" value=${side} options=${SIDES} onInput=${(value) => put({ side: value })} />`}
    <${Number} label="Layer" value=${layer} low="0" high=${layers - 1} step="1" onInput=${(value) => put({ layer: within(Math.round(value), 0, layers - 1) })} />`;
  return html`<${Form} title="Attention" path="/api/attention" verb="Look" body=${{ run, text, layer, side: two ? side : "self", second: two || pairs ? second : "" }} fields=${fields}>${(found) => html`<${Heads} found=${found} />`}<//>`;
}

function Judge({ run }) {
  const [text, setText] = useState("The cat sat on the window because it was purple.");
  const field = html`<${TextField} label="Text" value=${text} onInput=${setText} rows="2" help="Change a word and see whether the judge notices." />`;
  const chip = (token) => html`<li class="chip heat" style=${{ "--n": 12 * token.replaced }}><span>${visible(token.text)}</span><small>${percent(token.replaced)}</small></li>`;
  return html`<${Form} title="The judge: which tokens look replaced?" path="/api/judge" verb="Judge" body=${{ run, text }} fields=${field}>${(found) => html`<ol class="cells">${found.tokens.map(chip)}</ol><p class="soft">${found.how}</p>`}<//>`;
}

function Pair({ run }) {
  const [first, setFirst] = useState("The sun went down behind the hills.");
  const [second, setSecond] = useState("Then the stars came out.");
  const fields = html`<${TextField} label="First text" value=${first} onInput=${setFirst} rows="2" /><${TextField} label="Second text" value=${second} onInput=${setSecond} rows="2" />`;
  return html`<${Form} title="Do two texts belong together?" path="/api/pair" verb="Ask" body=${{ run, first, second }} fields=${fields}>${(found) => html`
    <ol class="lines">${found.classes.map((one) => html`<${Line} name=${one.meaning} share=${one.p} />`)}</ol><p class="soft">${found.how}</p>`}<//>`;
}

export function Inside({ runs }) {
  const [chosen, setChosen] = useState(runs[0].id);
  const run = runs.find((one) => one.id === +chosen) ?? runs[0];
  const can = (name) => run.can.includes(name);
  return html`<h1>Inside</h1>
    <div class="sure"><${Choice} label="Model" value=${run.id} options=${named(runs)} onInput=${setChosen} /></div>
    <div class="grid wide" key=${run.id}>
      <${Neighbours} run=${run.id} /><${Attention} run=${run.id} layers=${run.layers} topology=${run.topology} pairs=${can("pair")} />
      ${can("judge") && html`<${Judge} run=${run.id} />`}${can("pair") && html`<${Pair} run=${run.id} />`}</div>`;
}
