// What the tabs of play share: numbers in words, bars, streams that can be stopped, a picture of cells on a canvas.

import { html, stream, useEffect, useId, useLayoutEffect, useRef, useState } from "./shell.mjs";

// Control, bidirectional and invisible signs as what they are called: a text of a model must not rearrange the page.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

export function visible(text) {
  const name = (sign) => `⟨U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
  return String(text).replace(/\n/g, "⏎").replace(/\t/g, "⇥").replace(HIDDEN, name);
}

export function percent(share) {
  if (share === null || share === undefined) return "–";
  if (share < 0.00001) return share ? "< 0.001 %" : "0 %";
  return `${(100 * share).toFixed(share < 0.001 ? 3 : share < 0.01 ? 2 : 1)} %`;
}

export const nats = (value) => (value === null || value === undefined ? "–" : value.toFixed(value < 10 ? 2 : 1));

// A stream of the server that one asks for again and again: the older is stopped. `ask` resolves to what went wrong.
export function useStream() {
  const asked = useRef(null);
  const [busy, setBusy] = useState(false);
  const stop = () => asked.current?.abort();
  useEffect(() => stop, []);
  const ask = async (path, body, onEvent) => {
    stop();
    const mine = new AbortController();
    asked.current = mine;
    setBusy(true);
    try {
      await stream(path, body, onEvent, mine.signal);
      return "";
    } catch (error) {
      return mine.signal.aborted ? "" : error.message;
    } finally {
      if (asked.current === mine) setBusy(false);
    }
  };
  return { busy, ask, stop };
}

// All events of a stream in a list, for answers that come at once.
export async function events(path, body, signal) {
  const found = [];
  await stream(path, body, (event) => found.push(event), signal);
  return found;
}

export const Wrong = ({ children }) => (children ? html`<p class="note wrong" role="alert">${children}</p>` : null);

export function Bar({ share, yours }) {
  const width = `${Math.max(0, Math.min(100, 100 * (share ?? 0)))}%`;
  return html`<span class=${yours ? "bar yours" : "bar"} aria-hidden="true"><span style=${{ width }}></span></span>`;
}

// A number that is set by a slider or typed.
export function Number({ label, help, value, onInput, low, high, step, open }) {
  const id = useId();
  const typed = (event) => event.target.value !== "" && onInput(+event.target.value);
  const told = help ? `${id}-help` : undefined;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <div class="row slider">
      <input type="range" id=${id} min=${low} max=${high} step=${step} value=${value} onInput=${typed} aria-describedby=${told} />
      <input type="number" aria-label=${`${label}, typed`} min=${low} max=${open ? undefined : high} step="any" value=${value} onInput=${typed} />
    </div>
    ${help && html`<small id=${told}>${help}</small>`}
  </div>`;
}

export function Choice({ label, help, value, options, onInput }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} onInput=${(event) => onInput(event.target.value)} aria-describedby=${help ? `${id}-help` : undefined}>
      ${options.map(([key, name]) => html`<option key=${key} value=${key} selected=${String(key) === String(value)}>${name}</option>`)}
    </select>
    ${help && html`<small id=${`${id}-help`}>${help}</small>`}
  </div>`;
}

export function TextField({ label, help, value, onInput, rows = 3, most }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <textarea id=${id} rows=${rows} maxlength=${most} value=${value} onInput=${(event) => onInput(event.target.value)}></textarea>
    ${help && html`<small>${help}</small>`}
  </div>`;
}

export const named = (runs) => runs.map((run) => [run.id, `${run.name} · ${run.objective}`]);

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// Cells on a canvas; the mouse and the arrow keys read one out, in words below. share(row, column) is from 0 to 1.
export function Grid({ rows, columns, share, told, label }) {
  const canvas = useRef(null);
  const [at, setAt] = useState([0, 0]);
  const [row, column] = [Math.min(at[0], rows - 1), Math.min(at[1], columns - 1)];
  useLayoutEffect(() => {
    const draw = () => {
      const node = canvas.current;
      const wide = node.parentElement.clientWidth;
      if (!wide || !columns) return;
      const cell = Math.max(1, Math.min(18, Math.floor(wide / columns)));
      const scale = devicePixelRatio || 1;
      [node.width, node.height] = [columns * cell * scale, rows * cell * scale];
      [node.style.width, node.style.height] = [`${columns * cell}px`, `${rows * cell}px`];
      const colours = getComputedStyle(node);
      const pen = node.getContext("2d");
      pen.scale(scale, scale);
      const gap = cell > 3 ? 1 : 0;
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++) {
          pen.globalAlpha = 1;
          pen.fillStyle = colours.getPropertyValue("--wash");
          pen.fillRect(x * cell, y * cell, cell - gap, cell - gap);
          pen.globalAlpha = share(y, x);
          pen.fillStyle = colours.getPropertyValue("--blue");
          pen.fillRect(x * cell, y * cell, cell - gap, cell - gap);
        }
      pen.globalAlpha = 1;
      pen.strokeStyle = colours.getPropertyValue("--rust");
      pen.lineWidth = 2;
      pen.strokeRect(column * cell + 1, row * cell + 1, Math.max(2, cell - 2), Math.max(2, cell - 2));
    };
    draw();
    const box = new ResizeObserver(draw);
    box.observe(canvas.current.parentElement);
    const system = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("scheme", draw);
    system.addEventListener("change", draw);
    return () => {
      box.disconnect();
      removeEventListener("scheme", draw);
      system.removeEventListener("change", draw);
    };
  });
  const point = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const place = (part, size, many) => Math.max(0, Math.min(many - 1, Math.floor((part / size) * many)));
    setAt([place(event.clientY - box.top, box.height, rows), place(event.clientX - box.left, box.width, columns)]);
  };
  const press = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    setAt([Math.max(0, Math.min(rows - 1, row + step[0])), Math.max(0, Math.min(columns - 1, column + step[1]))]);
  };
  return html`<div class="grid-picture" role="group" tabindex="0" aria-label=${`${label}. Arrow keys move.`} onKeyDown=${press}>
      <canvas ref=${canvas} aria-hidden="true" onPointerMove=${point} onPointerDown=${point}></canvas>
    </div>
    <p class="soft" aria-live="polite">${rows && columns ? told(row, column) : ""}</p>`;
}
