// The masked word: the reader guesses first, then each model says what it thinks, all over one list of words.

import { html, say, useEffect, useRef, useState } from "./shell.mjs";
import { Bar, Choice, Number, TextField, Wrong, nats, percent, useStream, visible } from "./play-parts.mjs";

const GAP = "___";
const ROUNDS = 10;
const SHOWN = 8; // words of a list; the reader's and the right one are shown wherever they stand
const nameOf = (event, runs) => (event.run === null ? "Word counts" : (runs.find((run) => run.id === event.run)?.name ?? "a model"));
const aboutOf = (event, runs) => (event.run === null ? "knows no context" : (runs.find((run) => run.id === event.run)?.objective ?? ""));
const truth = (event) => (event.answer === null ? null : event.words[event.answer]);

// The reader's nats: their share on the right word, or what they left to the other words, alike.
function readerNats(right, sure, tried) {
  return -Math.log(right ? sure / 100 : (1 - sure / 100) / Math.max(1, tried - 1));
}

function Line({ word, event, place }) {
  const yours = place === event.guess;
  const right = place === event.answer;
  return html`<li class="line">
    <span class="said">${visible(word.text)}</span>
    <${Bar} share=${word.share} yours=${yours} />
    <output>${word.nats === null ? "cannot spell it" : percent(word.share)}</output>
    <span class="tags">${yours && html`<strong>your word</strong>`} ${right && html`<em>the word that stood there</em>`}</span>
  </li>`;
}

function Answer({ event, runs, films }) {
  const rows = event.words.map((word, place) => [word, place]).filter(([, place]) => place < SHOWN || place === event.guess || place === event.answer);
  return html`<article class="card">
    <h2>${nameOf(event, runs)} <small>${aboutOf(event, runs)}</small></h2>
    <ol class="lines">${rows.map(([word, place]) => html`<${Line} word=${word} event=${event} place=${place} />`)}</ol>
    <p class="soft"><small>How: ${event.how}. ${event.outside !== null && `Words that were not tried: ${percent(event.outside)}.`}</small></p>
    ${films.length > 0 &&
    html`<h3>Filled step by step</h3>
      <ol>
        ${films.map((film) => html`<li>${film.filled.map((one) => `${visible(one.name)} (${percent(one.p)})`).join(", ")} → <b>${visible(film.text)}</b></li>`)}
      </ol>`}
  </article>`;
}

function Table({ answers, runs, tried }) {
  const find = (event, text) => event.words.find((word) => word.text === text);
  const causal = answers.filter((event) => event.words.some((word) => word.left));
  return html`<details>
      <summary>All ${tried} words as a table</summary>
      <div class="scroll" tabindex="0" role="group" aria-label="Table of all words">
        <table class="cells">
          <caption>Nats: −ln p, smaller is likelier</caption>
          <thead><tr><th scope="col">word</th>${answers.map((event) => html`<th scope="col">${nameOf(event, runs)}</th>`)}</tr></thead>
          <tbody>
            ${answers[0].words.map((word) => html`<tr><th scope="row">${visible(word.text)}</th>${answers.map((event) => html`<td>${nats(find(event, word.text)?.nats)}</td>`)}</tr>`)}
          </tbody>
        </table>
      </div>
    </details>
    <details>
      <summary>What each of them reads</summary>
      <ul>${answers.map((event) => html`<li><b>${nameOf(event, runs)}</b>: ${event.how}.</li>`)}</ul>
      ${causal.map((event) => {
        const best = event.words.filter((word) => word.left).sort((one, other) => one.left.nats - other.left.nats).slice(0, 5);
        return html`<p>From what stands before the gap alone, ${nameOf(event, runs)} would say: ${best.map((word) => `${visible(word.text)} (${percent(word.left.share)})`).join(", ")}.</p>`;
      })}
    </details>`;
}

function Score({ rounds, runs }) {
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round)))];
  const line = (name) => {
    const own = rounds.map((round) => round[name]).filter((one) => one !== undefined);
    const known = own.filter((one) => one.nats !== null);
    const mean = known.length ? known.reduce((sum, one) => sum + one.nats, 0) / known.length : null;
    return html`<tr><th scope="row">${name}</th><td>${own.filter((one) => one.right).length} of ${own.length}</td><td>${nats(mean)}</td></tr>`;
  };
  return html`<div class="scroll" tabindex="0" role="group" aria-label="The score">
    <table class="cells score">
      <caption>The score: first guesses that were right, and mean nats of the right word</caption>
      <thead><tr><th scope="col">who</th><th scope="col">right</th><th scope="col">nats</th></tr></thead>
      <tbody>${names.map(line)}</tbody>
    </table>
  </div>`;
}

function Own({ text, setText, onDone }) {
  const fine = text.split(GAP).length === 2;
  return html`<form class="card" onSubmit=${(event) => { event.preventDefault(); if (fine) onDone({ text, answer: "", source: "yours" }); }}>
    <${TextField} label=${`Your sentence, with ${GAP} (three underscores) for the word`} value=${text} onInput=${setText} rows="2" most="600" />
    <button disabled=${!fine}>Play it</button>
  </form>`;
}

export function Word({ play, runs, all, missing }) {
  const [source, setSource] = useState("");
  const [sentences, setSentences] = useState(play.sentences);
  const [place, setPlace] = useState(0);
  const [own, setOwn] = useState(null); // the reader's own sentence, while it is played
  const [writing, setWriting] = useState(null); // and while it is written
  const [guess, setGuess] = useState("");
  const [sure, setSure] = useState(50);
  const [answers, setAnswers] = useState([]);
  const [films, setFilms] = useState([]);
  const [tried, setTried] = useState(0);
  const [wrong, setWrong] = useState("");
  const [doing, setDoing] = useState("");
  const [rounds, setRounds] = useState([]);
  const { busy, ask, stop } = useStream();
  const drawer = useStream();
  const field = useRef(null);
  const next = useRef(null);
  const sentence = own ?? sentences[place % sentences.length];
  const [before, after] = sentence.text.split(GAP);
  const over = tried > 0 && !busy;
  const finished = rounds.length >= ROUNDS;
  useEffect(() => { if (over) next.current?.focus(); }, [over]);

  const fresh = (found) => {
    stop();
    setOwn(found);
    [setGuess, setWrong, setDoing].forEach((set) => set(""));
    [setAnswers, setFilms].forEach((set) => set([]));
    setTried(0);
    if (!found) setPlace((number) => number + 1);
    setTimeout(() => field.current?.focus());
  };
  const again = () => { setRounds([]); fresh(null); };
  const choose = async (value) => {
    setSource(value);
    let found = play.sentences;
    if (value !== "") {
      found = [];
      const asked = { run: +value, number: 40, seed: place + 1 };
      setWrong(await drawer.ask("/api/sentences", asked, (event) => event.event === "sentences" && (found = event.sentences)));
    }
    if (found.length) { setSentences(found); setPlace(-1); again(); }
  };
  const submit = async (event) => {
    event.preventDefault();
    if (!guess.trim() || busy || over) return;
    const said = [];
    let number = 0;
    [setAnswers, setFilms].forEach((set) => set([]));
    const asked = { runs: runs.map((run) => run.id), text: sentence.text, guess: guess.trim(), answer: sentence.answer };
    const failed = await ask("/api/gap", asked, (one) => {
      if (one.event === "gap") { said.push(one); setAnswers([...said]); }
      if (one.event === "film") setFilms((list) => [...list, one]);
      if (one.event === "refused") setWrong(`${nameOf(one, all)}: ${one.why}`);
      if (one.event === "progress") setDoing(`${nameOf(one, all)} is ${one.doing} …`);
      if (one.event === "end") number = one.tried;
    });
    setDoing("");
    if (failed) return setWrong(failed);
    if (!number) return undefined;
    setTried(number);
    if (sentence.answer) {
      const right = guess.trim().toLowerCase() === sentence.answer.toLowerCase();
      const round = { You: { right, nats: readerNats(right, sure, number) } };
      for (const one of said) round[nameOf(one, all)] = { right: one.answer === 0, nats: truth(one)?.nats ?? null };
      setRounds((list) => [...list, round]);
    }
    return say(`${said.length} answers over ${number} words. ${sentence.answer ? `The word was ${sentence.answer}.` : ""}`);
  };
  const readable = runs.map((run) => [run.id, `held-out text of ${run.name}`]);

  return html`<h1>The masked word</h1>
    <p class="soft">You guess first. Then each model says what it thinks, all over the same words.</p>
    ${finished && over
      ? html`<p class="note">${ROUNDS} rounds are over. <button type="button" ref=${next} onClick=${again}>Play again</button></p>`
      : html`<form onSubmit=${submit}>
          <p class="sentence">${visible(before)}<input class="gap" aria-label="Your word for the gap" ref=${field} value=${guess} maxlength="64" autocomplete="off" autocapitalize="off" spellcheck=${false} readonly=${over} onInput=${(event) => setGuess(event.target.value)} />${visible(after)}</p>
          <div class="row">
            ${over
              ? html`<button type="button" ref=${next} onClick=${() => fresh(null)}>Next sentence</button>`
              : html`<button disabled=${!runs.length || busy || !guess.trim()}>That is my word</button>
                  <button type="button" class="plain" disabled=${busy} onClick=${() => fresh(null)}>Another sentence</button>`}
            <button type="button" class="plain" aria-expanded=${writing === null ? "false" : "true"} onClick=${() => setWriting(writing === null ? sentence.text : null)}>My own sentence</button>
            <span class="soft">${sentence.answer ? `Round ${Math.min(ROUNDS, rounds.length + (over ? 0 : 1))} of ${ROUNDS}` : "Your sentence: no score"}</span>
          </div>
          ${!over && sentence.answer && html`<${Number} label="How sure are you, in per cent?" value=${sure} onInput=${(value) => setSure(Math.max(1, Math.min(99, value)))} low="1" high="99" step="1" help="If you are right, this is your share of the word; if not, the rest is what you left to all others." />`}
        </form>`}
    ${writing !== null && html`<${Own} text=${writing} setText=${setWriting} onDone=${(found) => { setWriting(null); fresh(found); }} />`}
    ${!runs.length && missing}
    <${Wrong}>${wrong}<//>
    ${busy && html`<p class="soft">${doing || "The models are reading …"}</p>`}
    ${over && sentence.answer && html`<p>The word was <b>${visible(sentence.answer)}</b>. You: ${nats(rounds.at(-1).You.nats)} nats${answers.map((event) => `, ${nameOf(event, all)} ${nats(truth(event)?.nats)}`)}. <span class="soft">Fewer is better.</span></p>`}
    ${answers.length > 0 && html`<div class="grid">${answers.map((event) => html`<${Answer} key=${event.run} event=${event} runs=${all} films=${films.filter((film) => film.run === event.run)} />`)}</div>`}
    ${over && answers.length > 0 && html`<${Table} answers=${answers} runs=${all} tried=${tried} />`}
    ${rounds.length > 0 && html`<${Score} rounds=${rounds} />`}
    ${readable.length > 0 && html`<${Choice} label="Sentences" value=${source} options=${[["", "forty that come with Hornbook"], ...readable]} onInput=${choose} />`}`;
}
