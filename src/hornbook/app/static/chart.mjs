// A chart of lines over a common axis: uPlot's canvas, a cursor for keys, and behind it the same numbers as a table,
// as CSV and as SVG. Series: { name, xs, ys, look, faint, dots }; equal looks are one run. A null is a gap.

import { html, post, say, useEffect, useRef, useState } from "./shell.mjs";
import uPlot from "./vendor/uplot.mjs";

const HEIGHT = 270, PLACES = 6, POINT = 5, SENT = 2400; // pixels; columns of the table; pixels; points of a request
const COLOURS = ["--blue", "--rust", "--good", "--ink"], DASHES = [[], [9, 4], [2, 3], [10, 3, 2, 3], [5, 5]];
const UNITS = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

// A number in few signs: 12.3 M, 0.0031.
export function short(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  const [size, letter] = UNITS.find(([unit]) => Math.abs(value) >= unit * 9.9995 || Math.abs(value) === unit) ?? [1, ""];
  const scaled = value / size, text = Math.abs(scaled) < 1e-3 && scaled ? scaled.toExponential(1) : String(Number(scaled.toPrecision(digits)));
  return letter ? `${text} ${letter}` : text;
}

// Marks of an axis: equal steps, or in a logarithmic one of more than a decade 1, 2 and 5 times powers of ten.
function ticks(low, high, log, most) {
  const found = [];
  if (log && low > 0 && high / low > 8) {
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const step of high / low > 1e4 ? [1] : [1, 2, 5]) found.push(Number((step * 10 ** power).toPrecision(3)));
    }
    return found.filter((value) => value >= low && value <= high);
  }
  const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].find((part) => part * size >= rough) * size;
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high * (1 + 1e-12); place++) found.push(Number((place * step).toPrecision(12)));
  return found;
}

// The ends of an axis: those that were asked for, else those of the data with some air; never an empty stretch.
function ends(low, high, log, air, from = null, to = null) {
  let [first, last] = low === null || low === undefined ? (log ? [1, 10] : [0, 1]) : [low, high];
  [first, last] = log ? [first * (first / last) ** air, last * (last / first) ** air] : [first - (last - first) * air, last + (last - first) * air];
  if (from !== null && !(log && from <= 0)) first = from;
  if (to !== null && to > first) last = to;
  const room = (Math.abs(first) || 1) / 20;
  return last > first ? [first, last] : log ? [first / 2, first * 2] : [first - room, first + room];
}

function looks() {
  const style = getComputedStyle(document.documentElement), forced = matchMedia("(forced-colors: active)").matches;
  const colour = (name) => (forced ? "CanvasText" : style.getPropertyValue(name).trim());
  return { colour, size: parseFloat(style.fontSize) * 0.76, sans: style.getPropertyValue("--sans") || "sans-serif" };
}

const colourOf = (look) => COLOURS[look % COLOURS.length], dashOf = (look) => DASHES[(look + Math.floor(look / COLOURS.length)) % DASHES.length];

// All series over one axis: [xs, ys, ys, ...]. What a logarithm does not have is a gap.
function joined(series, logX, logY) {
  const kept = series.map(({ xs, ys }) => xs.map((x, place) => [x, ys[place]]).filter(([x]) => x !== null && (!logX || x > 0)));
  return kept.length ? uPlot.join(kept.map((rows) => [rows.map(([x]) => x), rows.map(([, y]) => (y !== null && (!logY || y > 0) ? y : null))])) : [[]];
}

function names(plot, series, { colour, size, sans }) {
  const { ctx, bbox } = plot, ratio = devicePixelRatio, height = size * ratio * 1.25, bottom = bbox.top + bbox.height;
  const right = bbox.left + bbox.width, room = ctx.canvas.width - right - 8 * ratio;
  const placed = series.map((one, place) => {
    const ys = plot.data[place + 1], last = ys.findLastIndex((y, n) => y !== null && y !== undefined && plot.data[0][n] <= plot.scales.x.max);
    return one.faint || one.dots || last < 0 ? null : { one, y: plot.valToPos(ys[last], "y", true), value: ys[last] };
  }).filter((label) => label && label.y >= bbox.top - 1 && label.y <= bottom + 1).sort((a, b) => a.y - b.y);
  placed.forEach((label, n) => { label.y = Math.max(label.y, n ? placed[n - 1].y + height : 0); }); // no two on each other
  placed.reverse().forEach((label, n) => { label.y = Math.min(label.y, n ? placed[n - 1].y - height : bottom); });
  Object.assign(ctx, { font: `${size * ratio}px ${sans}`, textBaseline: "middle", textAlign: "left" });
  for (const { one, y, value } of placed) {
    ctx.fillStyle = colour(colourOf(one.look));
    let text = `${short(value, 3)} ${one.name}`;
    while (text.length > 3 && ctx.measureText(text).width > room) text = `${text.slice(0, -2).trimEnd()}…`;
    ctx.fillText(text, right + 6 * ratio, y);
  }
}

function stops(plot, marks, { colour }) {
  const { ctx, bbox: { top, height } } = plot, inside = marks.filter((x) => x >= plot.scales.x.min && x <= plot.scales.x.max);
  ctx.fillStyle = colour("--edge");
  for (const mark of inside) for (let y = top; y < top + height; y += 6 * devicePixelRatio) ctx.fillRect(plot.valToPos(mark, "x", true), y, devicePixelRatio, 2 * devicePixelRatio);
}

function drawn(box, shown, onZoom, onCursor) {
  const look = looks(), { colour, size, sans } = look, wide = box.clientWidth;
  const font = `${size}px ${sans}`, axis = { stroke: colour("--soft"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, filter: null };
  const of = () => shown.current, values = (plot, found) => found.map((value) => of().write?.(value) ?? short(value));
  return new uPlot({
    width: wide, height: HEIGHT, legend: { show: false }, padding: [10, size * (wide < 330 ? 5 : wide < 460 ? 8 : 11), 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 7 }, y: false },
    scales: {
      x: { time: false, distr: of().logX ? 3 : 1, range: (plot, low, high) => ends(low, high, of().logX, 0, of().from, of().to) },
      y: { distr: of().logY ? 3 : 1, range: (plot, low, high) => ends(low, high, of().logY, 0.06) },
    },
    axes: [
      { ...axis, size: size * 2.4, label: of().xName, labelSize: size * 1.6, labelFont: font, splits: (plot, n, low, high) => ticks(low, high, of().logX, Math.max(2, plot.width / (size * 9))), values },
      { ...axis, size: size * 4.6, splits: (plot, n, low, high) => ticks(low, high, of().logY, 5), values: (plot, found) => found.map((value) => short(value)) },
    ],
    series: [{}, ...of().series.map((one) => ({
      stroke: colour(colourOf(one.look)), width: one.faint ? 1 : 2, alpha: one.faint ? 0.4 : 1, dash: one.faint ? [] : dashOf(one.look),
      points: { show: Boolean(one.dots) || one.ys.length < 3, size: POINT, fill: colour(colourOf(one.look)) },
    }))],
    hooks: {
      draw: [(plot) => { stops(plot, of().marks, look); names(plot, of().series, look); }], setCursor: [(plot) => onCursor(plot.cursor.idx)],
      setSelect: [(plot) => {
        const { left, width } = plot.select;
        if (width > 4) onZoom(...[left, left + width].map((place) => Number(plot.posToVal(place, "x").toPrecision(4))));
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }] },
  }, joined(of().series, of().logX, of().logY), box);
}

// What the lines are at a place of the axis, in words.
function reading(data, series, place, xName, write) {
  if (place === null || place === undefined || !data[0].length) return "";
  const at = series.map((one, n) => [one, data[n + 1][place]]).filter(([one, y]) => !one.faint && Number.isFinite(y));
  return `${xName} ${write(data[0][place])}: ${at.map(([one, y]) => `${one.name} ${short(y)}`).join(", ") || "no value"}`;
}

// A table of at most so many places: { head, rows: [x, y, y, ...] }.
function tableOf(data, series, xName, most) {
  const count = data[0].length, rows = Math.min(count, most), chosen = [...new Set(Array.from({ length: rows }, (_, n) => Math.round((n * (count - 1)) / Math.max(1, rows - 1))))];
  const near = (ys, place) => ys.slice(0, place + 1).findLast((y) => y !== undefined) ?? null; // there or before it
  return { head: [xName, ...series.map((one) => one.name)], rows: chosen.map((place) => [data[0][place], ...series.map((_, n) => near(data[n + 1], place))]) };
}

const cell = (value) => (typeof value !== "string" ? value ?? "" : `"${value.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`);

// At most so many points, the least and the greatest of each part among them: what a request may carry.
function thin(points, most) {
  const width = Math.ceil((2 * points.length) / most), parts = Array.from({ length: Math.ceil(points.length / width) }, (_, n) => points.slice(n * width, (n + 1) * width));
  return width < 3 ? points : parts.flatMap((part) => [part.toSorted((a, b) => a[1] - b[1])].flatMap((sorted) => [sorted[0], sorted.at(-1)].sort((a, b) => a[0] - b[0])));
}

async function svgOf(series, facts) {
  const kept = series.map(({ name, xs, ys }) => [name, thin(xs.map((x, n) => [x, ys[n]]).filter(([x, y]) => x !== null && y !== null), SENT / series.length)]);
  const lines = kept.map(([name, points]) => ({ name, xs: points.map(([x]) => x), ys: points.map(([, y]) => Number(y.toPrecision(5))) }));
  return (await post("/api/svg", { ...facts, lines })).svg;
}

function save(text, name, kind) {
  const href = URL.createObjectURL(new Blob([text], { type: kind }));
  Object.assign(document.createElement("a"), { href, download: name }).click(); setTimeout(() => URL.revokeObjectURL(href), 10_000);
  say(`${name} is saved where your browser keeps downloads.`);
}

// marks: places of the axis where a run went on after a stop. write: the signs of a place of the axis.
export default function Chart({ title, note, series, xName, write, logX, logY, from, to, marks = [], onZoom }) {
  const box = useRef(), plot = useRef(), shown = useRef(), out = useRef(), [place, setPlace] = useState(null), [scheme, setScheme] = useState(0);
  shown.current = { series, logX, logY, from, to, marks, write, xName };
  const data = joined(series, logX, logY), shape = JSON.stringify([series.map((one) => [one.name, one.look, one.faint, one.dots, one.ys.length < 3]), logX, logY, scheme]);
  useEffect(() => {
    const frame = box.current, line = out.current; // they outlast the references, which an end of the chart clears
    plot.current = drawn(frame, shown, onZoom, (at) => { line.textContent = reading(plot.current?.data ?? [[]], shown.current.series, at, xName, write); });
    const anew = () => setScheme((n) => n + 1), watcher = new ResizeObserver(() => frame.isConnected && frame.clientWidth !== plot.current.width && anew()), media = ["(prefers-color-scheme: dark)", "(forced-colors: active)"].map((one) => matchMedia(one));
    watcher.observe(frame); addEventListener("scheme", anew); media.forEach((one) => one.addEventListener("change", anew));
    return () => { watcher.disconnect(); removeEventListener("scheme", anew); media.forEach((one) => one.removeEventListener("change", anew)); plot.current.destroy(); };
  }, [shape, xName]);
  useEffect(() => { plot.current.setData(data, true); }, [series, from, to]);
  const last = data[0].length - 1, at = Math.min(place ?? last, last), move = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: Math.ceil(last / 10), PageDown: -Math.ceil(last / 10), Home: -last, End: last }[event.key];
    if (step === undefined || last < 0) return;
    const next = Math.max(0, Math.min(last, at + step));
    event.preventDefault(); setPlace(next);
    plot.current.setCursor({ left: plot.current.valToPos(data[0][next], "x"), top: 10 });
    out.current.textContent = reading(data, series, next, xName, write);
  };
  const bold = series.filter((one) => !one.faint), small = tableOf(joined(bold, logX, logY), bold, xName, PLACES);
  const whole = () => tableOf(data, series, xName, data[0].length), name = title.replace(/[^\w]+/g, "-").slice(0, 60);
  const picture = () => svgOf(bold, { title, caption: note ?? "", x: xName, log_x: logX, log_y: logY }).then((svg) => save(svg, `${name}.svg`, "image/svg+xml"), (error) => say(error.message));
  const copied = () => navigator.clipboard.writeText([small.head, ...small.rows].map((row) => row.map((one) => one ?? "").join("\t")).join("\n"));
  const copy = () => Promise.resolve().then(copied).then(() => say("The table is copied."), () => say("The browser did not allow copying: open the table and select it."));
  return html`<figure class="card chart">
    <figcaption><h3>${title}</h3>${note && html`<p class="soft">${note}</p>`}</figcaption>
    <div ref=${box} class="plot" tabindex="0" role="slider" aria-label=${`${title}: cursor over ${xName}; the arrow keys move it`} aria-valuemin="0"
      aria-valuemax=${Math.max(0, last)} aria-valuenow=${Math.max(0, at)} aria-valuetext=${reading(data, series, at, xName, write) || "no values yet"} onKeyDown=${move}></div>
    <p ref=${out} class="reading number"></p>
    <details><summary>Table</summary><div class="scroll" tabindex="0" role="region" aria-label=${`Table: ${title}`}><table class="numbers">
      <thead><tr><th scope="col">${xName}</th>${small.rows.map(([x]) => html`<th scope="col" class="number">${write(x)}</th>`)}</tr></thead>
      <tbody>${bold.map((one, n) => html`<tr><th scope="row">${one.name}</th>${small.rows.map((row) => html`<td>${short(row[n + 1])}</td>`)}</tr>`)}</tbody></table></div>
      <div class="row"><button type="button" class="plain" onClick=${copy}>Copy as table</button> <button type="button" class="plain" onClick=${() => save(`${[whole().head, ...whole().rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`, `${name}.csv`, "text/csv")}>CSV</button> <button type="button" class="plain" onClick=${picture}>SVG</button></div></details>
  </figure>`;
}
