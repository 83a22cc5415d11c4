// What the tabs of play share: numbers in words, bars, fields, streams that can be stopped, cells on a canvas.

import { html, stream, useEffect, useId, useLayoutEffect, useRef, useState } from "./shell.mjs";

// Control, bidirectional and invisible signs as what they are called: a text of a model must not rearrange the page.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const LARGEST = 24; // pixels of a cell

// A text as it can be shown anywhere: · is a blank before a word or a blank alone, ¶ a line end.
const hiddenName = (sign) => `⟨U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
export const visible = (text) => String(text).replace(/[⏎\n]/g, "¶").replace(/\t/g, "»").replace(/▁|^ +$/g, (blank) => "·".repeat(blank.length)).replace(HIDDEN, hiddenName);

const places = (share) => (share < 0.001 ? 3 : share < 0.01 ? 2 : 1);
export const percent = (share) => (typeof share !== "number" ? "–" : share && share < 0.00001 ? "< 0.001 %" : `${(100 * share).toFixed(places(share))} %`);
export const nats = (value) => (typeof value === "number" ? value.toFixed(value < 10 ? 2 : 1) : "–");
export const named = (runs) => runs.map((run) => [run.id, `${run.name} · ${run.objective}`]);
export const submits = (act) => (event) => { event.preventDefault(); act(); };
export const within = (value, low, high) => Math.max(low, Math.min(high, value));
export const Wrong = ({ children }) => (children ? html`<p class="note wrong" role="alert">${children}</p>` : null);
export const Scroll = ({ label, children }) => html`<div class="scroll" tabindex="0" role="group" aria-label=${label}>${children}</div>`;

// Several values of a page in one: `put` changes some of them.
export function useFields(first) {
  const [now, setNow] = useState(first);
  return [now, (changes) => setNow((before) => ({ ...before, ...changes }))];
}

// A stream of the server that one asks for again and again: the older is stopped. `ask` resolves to what went wrong.
export function useStream() {
  const asked = useRef(null);
  const [busy, setBusy] = useState(false);
  const stop = () => asked.current?.abort();
  useEffect(() => stop, []);
  const ask = async (path, body, onEvent) => {
    stop();
    const mine = (asked.current = new AbortController());
    setBusy(true);
    const wrong = await stream(path, body, onEvent, mine.signal).then(() => "", (error) => error.message);
    if (asked.current === mine) setBusy(false);
    return mine.signal.aborted ? "" : wrong;
  };
  return { busy, ask, stop };
}

// A share as a line, and as a number beside it; `most` is what the whole width stands for.
export function Share({ share, most = 1, yours, text }) {
  const width = `${within((100 * (share ?? 0)) / most, 0, 100)}%`;
  return html`<span class="share"><span class=${yours ? "bar yours" : "bar"} aria-hidden="true"><span style=${{ width }}></span></span><output>${text ?? percent(share)}</output></span>`;
}

export function Field({ label, help, children }) {
  const [id, told] = [useId(), useId()];
  return html`<div class="field"><label for=${id}>${label}</label>${children(id, help ? told : undefined)}${help && html`<small id=${told}>${help}</small>`}</div>`;
}

// A number that is set by a slider, or typed.
export function Number({ label, help, value, onInput, low, high, step, open }) {
  const shared = { min: low, value, onInput: (event) => event.target.value !== "" && onInput(+event.target.value) };
  return html`<${Field} label=${label} help=${help}>${(id, told) => html`<div class="row slider">
    <input type="range" id=${id} max=${high} step=${step} aria-describedby=${told} ...${shared} />
    <input type="number" aria-label=${`${label}, typed`} max=${open ? undefined : high} step="any" ...${shared} /></div>`}<//>`;
}

export function Choice({ label, help, value, options, onInput }) {
  const option = ([key, name]) => html`<option key=${key} value=${key} selected=${String(key) === String(value)}>${name}</option>`;
  return html`<${Field} label=${label} help=${help}>${(id, told) => html`<select id=${id} aria-describedby=${told} onInput=${(event) => onInput(event.target.value)}>${options.map(option)}</select>`}<//>`;
}

export function TextField({ label, help, value, onInput, rows = 3, most }) {
  return html`<${Field} label=${label} help=${help}>${(id, told) => html`<textarea id=${id} rows=${rows} maxlength=${most} aria-describedby=${told} value=${value} onInput=${(event) => onInput(event.target.value)}></textarea>`}<//>`;
}

// Cells on a canvas; the mouse and the arrow keys read one out, in words below. share(row, column) is from 0 to 1.
export function Grid({ rows, columns, share, told, label }) {
  const canvas = useRef(null);
  const [at, setAt] = useState([0, 0]);
  const go = (y, x) => setAt([within(y, 0, rows - 1), within(x, 0, columns - 1)]);
  const [row, column] = [Math.min(at[0], rows - 1), Math.min(at[1], columns - 1)]; // the cells may have become fewer
  useLayoutEffect(() => {
    const draw = () => {
      const [node, scale] = [canvas.current, devicePixelRatio || 1];
      const cell = within(Math.floor(node.parentElement.clientWidth / columns), 1, LARGEST);
      [node.width, node.height] = [columns * cell * scale, rows * cell * scale];
      [node.style.width, node.style.height] = [`${columns * cell}px`, `${rows * cell}px`];
      const colour = (name) => getComputedStyle(node).getPropertyValue(name);
      const [empty, full, mark] = [colour("--wash"), colour("--blue"), colour("--rust")];
      const pen = node.getContext("2d");
      const fill = (y, x, style, alpha) => { [pen.fillStyle, pen.globalAlpha] = [style, alpha]; pen.fillRect(x * cell, y * cell, cell - (cell > 3), cell - (cell > 3)); };
      pen.scale(scale, scale);
      for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) { fill(y, x, empty, 1); fill(y, x, full, share(y, x)); }
      [pen.strokeStyle, pen.lineWidth, pen.globalAlpha] = [mark, 2, 1];
      pen.strokeRect(column * cell + 1, row * cell + 1, Math.max(2, cell - 2), Math.max(2, cell - 2));
    };
    const [box, system] = [new ResizeObserver(draw), matchMedia("(prefers-color-scheme: dark)")];
    box.observe(canvas.current.parentElement);
    addEventListener("scheme", draw);
    system.addEventListener("change", draw);
    return () => { box.disconnect(); removeEventListener("scheme", draw); system.removeEventListener("change", draw); };
  });
  const point = (event) => {
    const box = canvas.current.getBoundingClientRect();
    go(Math.floor(((event.clientY - box.top) / box.height) * rows), Math.floor(((event.clientX - box.left) / box.width) * columns));
  };
  const press = (event) => {
    const [down, right] = STEPS[event.key] ?? [];
    if (event.key in STEPS) submits(() => go(row + down, column + right))(event);
  };
  return html`<div class="grid-picture" role="group" tabindex="0" aria-label=${`${label}. Arrow keys move.`} onKeyDown=${press}><canvas ref=${canvas} aria-hidden="true" onPointerMove=${point} onPointerDown=${point}></canvas></div>
    <p class="soft" aria-live="polite">${told(row, column)}</p>`;
}
