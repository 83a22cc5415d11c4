// The masked word: the reader guesses first, then each model says what it thinks, all over one list of words.

import { html, say, useEffect, useRef, useState } from "./shell.mjs";
import { Choice, Number, Scroll, Share, TextField, Wrong, nats, percent, submits, useFields, useStream, visible, within } from "./play-parts.mjs";

const GAP = "___";
const ROUNDS = 10;
const SHOWN = 8; // words of a list; the reader's and the right one are shown wherever they stand
const FIRST = { guess: "", answers: [], films: [], tried: 0, wrong: "", doing: "" }; // of a new sentence
const nameOf = (event, runs) => (event.run === null ? "Word counts" : (runs.find((run) => run.id === event.run)?.name ?? "a model"));

// Nats of the right word among the words that were tried, for models whose shares are those of a distribution.
function listed(event) {
  const word = event.answer === null ? null : event.words[event.answer];
  if (!word?.share || event.kind === "judge") return null;
  return -Math.log(word.share / event.total);
}

function Answer({ event, runs, films, most }) {
  const shown = event.words.map((word, place) => [word, place]).filter(([, place]) => place < SHOWN || place === event.guess || place === event.answer);
  return html`<article class="card">
    <h2>${nameOf(event, runs)} <small>${event.run === null ? "knows no context" : runs.find((run) => run.id === event.run)?.objective}</small></h2>
    <ol class="lines">${shown.map(([word, place]) => html`<li class="line"><span class="spoken">${visible(word.text)}</span>
      <${Share} share=${word.share} most=${most} yours=${place === event.guess} text=${word.nats === null ? "cannot spell it" : undefined} />
      <span class="tags">${place === event.guess && html`<strong>your word </strong>`}${place === event.answer && html`<em>the word that stood there</em>`}</span></li>`)}</ol>
    <p class="soft"><small>How: ${event.how}. ${event.outside !== null && `Words that were not tried: ${percent(event.outside)}.`}</small></p>
    ${films.length > 0 && html`<h3>Filled step by step</h3>
      <ol>${films.map((film) => html`<li>${film.filled.map((one) => html`${visible(one.name)} (${percent(one.p)}) `)} → <b>${visible(film.text)}</b></li>`)}</ol>`}</article>`;
}

function More({ answers, runs }) {
  const find = (event, text) => event.words.find((word) => word.text === text);
  const left = (event) => event.words.filter((word) => word.left).sort((one, other) => one.left.nats - other.left.nats).slice(0, 5);
  const names = answers.map((event) => html`<th scope="col">${nameOf(event, runs)}</th>`);
  return html`<details><summary>All ${answers[0].words.length} words as a table</summary>
      <${Scroll} label="Table of all words"><table class="numeric"><caption>Nats, −ln p</caption><thead><tr><th scope="col">word</th>${names}</tr></thead>
        <tbody>${answers[0].words.map((word) => html`<tr><th scope="row">${visible(word.text)}</th>${answers.map((event) => html`<td>${nats(find(event, word.text)?.nats)}</td>`)}</tr>`)}</tbody>
      </table><//></details>
    <details><summary>What each of them reads</summary>
      ${answers.filter((event) => event.reads.length).map((event) => html`<p><b>${nameOf(event, runs)}</b>: ${event.reads.map((side, place) => html`${place > 0 && html` <i>its decoder:</i> `}<code>${side.map(visible).join(" ")}</code>`)}</p>`)}
      <p class="soft">Here with the first word of the list. The other words are asked for in the same way.</p></details>
    ${answers.some((event) => left(event).length) && html`<details><summary>What they say from the words before the gap alone</summary>
      ${answers.filter((event) => left(event).length).map((event) => html`<p><b>${nameOf(event, runs)}</b>: ${left(event).map((word) => `${visible(word.text)} (${percent(word.left.share)})`).join(", ")}.</p>`)}</details>`}`;
}

function Score({ rounds }) {
  const line = (name) => {
    const own = rounds.map((round) => round[name]).filter(Boolean);
    const known = own.map((one) => one.nats).filter((value) => value !== null);
    const mean = known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
    return html`<tr><th scope="row">${name}</th><td>${own.filter((one) => one.right).length} of ${own.length}</td><td>${nats(mean)}</td></tr>`;
  };
  return html`<h2>The score</h2><p class="soft">How often the first guess was right, and the mean nats of the right word among the words tried. Fewer nats are better.</p>
    <${Scroll} label="The score"><table class="numeric"><thead><tr><th scope="col">who</th><th scope="col">right</th><th scope="col">nats</th></tr></thead>
      <tbody>${[...new Set(rounds.flatMap(Object.keys))].map(line)}</tbody></table><//>`;
}

export function Word({ play, runs, all, missing }) {
  const [{ source, sentences, place, own }, putDeck] = useFields({ source: "", sentences: play.sentences, place: 0, own: null });
  const [draft, setDraft] = useState(null); // the reader's own sentence, while it is written; `own` while it is played
  const [sure, setSure] = useState(50);
  const [rounds, setRounds] = useState([]);
  const [now, put] = useFields(FIRST);
  const { busy, ask, stop } = useStream();
  const [field, next] = [useRef(null), useRef(null)];
  const sentence = own ?? sentences[place % sentences.length];
  const [before, after] = sentence.text.split(GAP);
  const over = now.tried > 0 && !busy;
  useEffect(() => { if (over) next.current?.focus(); }, [over]);

  const fresh = (deck = { own: null, place: place + 1 }) => {
    stop();
    put(FIRST);
    putDeck(deck);
    setDraft(null);
    if (deck.sentences || rounds.length >= ROUNDS) setRounds([]);
    setTimeout(() => field.current?.focus());
  };
  const choose = async (value) => {
    let found = value === "" ? play.sentences : [];
    const asked = { run: +value, number: 40, seed: place + 1 };
    const wrong = value && (await ask("/api/sentences", asked, (event) => event.event === "sentences" && (found = event.sentences)));
    return wrong ? put({ wrong }) : fresh({ source: value, sentences: found, place: 0, own: null });
  };
  const submit = async () => {
    const guess = now.guess.trim();
    if (!guess || busy || over || !runs.length) return;
    const [answers, films, refused] = [[], [], []];
    let tried = 0;
    const asked = { runs: runs.slice(0, play.limits.runs).map((run) => run.id), text: sentence.text, guess, answer: sentence.answer };
    put({ ...FIRST, guess: now.guess });
    const heard = {
      gap: (one) => answers.push(one) && put({ answers: [...answers] }),
      film: (one) => films.push(one) && put({ films: [...films] }),
      refused: (one) => refused.push(`${nameOf(one, all)}: ${one.why}`) && put({ wrong: refused.join(" ") }),
      progress: (one) => put({ doing: `${nameOf(one, all)} is ${one.doing} …` }),
      end: (one) => { tried = one.tried; },
    };
    const wrong = await ask("/api/gap", asked, (one) => heard[one.event]?.(one));
    put({ tried, doing: "", ...(wrong && { wrong }) });
    if (!tried) return;
    const right = guess.toLowerCase() === sentence.answer.toLowerCase();
    const share = right ? sure / 100 : (1 - sure / 100) / Math.max(1, tried - 1); // the rest is for the others, alike
    const models = answers.map((event) => [nameOf(event, all), { right: event.answer === 0, nats: listed(event) }]);
    if (sentence.answer) setRounds((list) => [...list, { You: { right, nats: -Math.log(share) }, ...Object.fromEntries(models) }]);
    say(`${answers.length} answers over ${tried} words. ${sentence.answer && `The word was ${sentence.answer}.`}`);
  };
  const drafted = draft?.replace(/\[MASK\]|<mask>|_{3,}/g, GAP), fine = drafted?.split(GAP).length === 2;
  const most = Math.max(0.01, ...now.answers.flatMap((event) => event.words.map((word) => word.share ?? 0)));
  const sources = [["", "forty that come with Hornbook"], ...runs.map((run) => [run.id, `held-out text of ${run.name}`])];
  return html`<h1>The masked word</h1><p class="soft">You guess first. Then each model says what it thinks, all over the same words.</p>
    <form onSubmit=${submits(submit)}>
      <p class="sentence">${visible(before)}<input class="gap" aria-label="Your word for the gap" ref=${field} value=${now.guess} maxlength="64" autocomplete="off" autocapitalize="off" spellcheck=${false} readonly=${over} onInput=${(event) => put({ guess: event.target.value })} />${visible(after)}</p>
      <div class="row">${over
          ? html`<button type="button" key="next" ref=${next} onClick=${() => fresh()}>${rounds.length >= ROUNDS ? "Play again" : "Next sentence"}</button>`
          : html`<button key="say" disabled=${!runs.length || busy || !now.guess.trim()}>That is my word</button><button type="button" key="other" class="plain" disabled=${busy} onClick=${() => fresh()}>Another sentence</button>`}
        <button type="button" key="own" class="plain" aria-expanded=${String(draft !== null)} onClick=${() => setDraft(draft === null ? sentence.text : null)}>My own sentence</button>
        <span class="soft">${sentence.answer ? `Round ${Math.min(ROUNDS, rounds.length + !over)} of ${ROUNDS}` : "Your own sentence has no score"}</span></div>
      ${!over && sentence.answer && html`<div class="sure"><${Number} label="How sure are you, in per cent?" value=${sure} onInput=${(value) => setSure(within(value, 1, 99))} low="1" high="99" step="1" help="Your share of the word, if it is right; all other words have the rest." /></div>`}</form>
    ${draft !== null && html`<form class="card" onSubmit=${submits(() => fine && fresh({ own: { text: drafted, answer: "" } }))}>
      <${TextField} label=${`Your sentence, with ${GAP} (three underscores) for the word`} value=${draft} onInput=${setDraft} rows="2" most="600" /><button disabled=${!fine}>Play it</button></form>`}
    ${missing}<${Wrong}>${now.wrong}<//>
    ${busy && html`<p class="soft">${now.doing || "The models are reading …"}</p>`}
    ${over && sentence.answer && html`<p>The word was <b>${visible(sentence.answer)}</b>. Nats of it among the ${now.tried} words: ${Object.entries(rounds.at(-1) ?? {}).map(([name, one]) => `${name} ${nats(one.nats)}`).join(", ")}.</p>`}
    ${now.answers.length > 0 && html`<div class="grid">${now.answers.map((event) => html`<${Answer} key=${event.run} event=${event} runs=${all} most=${most} films=${now.films.filter((film) => film.run === event.run)} />`)}</div>`}
    ${over && now.answers.length > 0 && html`<${More} answers=${now.answers} runs=${all} />`}${rounds.length > 0 && html`<${Score} rounds=${rounds} />`}
    ${runs.length > 0 && html`<div class="sure"><${Choice} label="Sentences" value=${source} options=${sources} onInput=${choose} />
      ${source !== "" && runs.length > 1 && html`<p class="note">These sentences are new to one model. Another one may have been trained on them.</p>`}</div>`}`;
}
