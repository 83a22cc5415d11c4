// The course: a list of chapters, a chapter with its pictures, code, stored outputs and exercises, the quiz.
// Prose comes as trees; a node is made of each entry, for the tags in TAGS alone. Nothing here is run but the page.

import { Picture, useCorruption } from "./play-corruption.mjs";
import { Scroll, TextField } from "./play-parts.mjs";
import { html, post, say, useEffect, useRef, useState } from "./shell.mjs";

const TAGS = new Set("h1 h2 h3 p ul ol li em strong code pre table thead tbody tr th td blockquote hr".split(" "));

function Node({ of }) {
  if (typeof of === "string") return of;
  const [given, ...inner] = of;
  if (!TAGS.has(given)) return null;
  const tag = given === "th" && !inner.length ? "td" : given; // a corner without words heads nothing
  const made = html`<${tag}>${inner.map((one) => html`<${Node} of=${one} />`)}<//>`;
  return tag === "table" ? html`<${Scroll} label="Table">${made}<//>` : made;
}

const Tree = ({ tree }) => tree.map((one) => html`<${Node} of=${one} />`);

// Which part of the course the address names: "" the list, a chapter's number, or "quiz".
function useHash() {
  const [hash, setHash] = useState(location.hash.slice(1));
  useEffect(() => {
    const changed = () => setHash(location.hash.slice(1));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return hash;
}

function Contents({ course, solved, hash }) {
  const link = (to, words) => html`<a href=${`#${to}`} aria-current=${hash === to ? "page" : undefined}>${words}</a>`;
  return html`<nav class="contents" aria-label="Chapters">
    <ul>
      <li>${link("", "Start")}</li>
      ${course.chapters.map((one) => html`<li>${link(String(one.number), `${one.number} ${one.title}`)}</li>`)}
      ${course.quiz.length > 0 && html`<li>${link("quiz", "Quiz")}</li>`}
    </ul>
    <p class="soft">${solved} of ${course.chapters.flatMap((one) => one.exercises).length} exercises solved</p>
  </nav>`;
}

function Start({ course, progress }) {
  return html`<${Tree} tree=${course.welcome} />
    <div class="grid">
      ${course.chapters.map((one) => html`<section class="card">
          <h2><a href=${`#${one.number}`}>${one.number} ${one.title}</a></h2>
          <p>${one.learn}</p>
          <p class="soft">${one.time}</p>
          <p class="soft">${one.exercises.filter((name) => progress.exercises[name]).length} of${" "}
            ${one.exercises.length} exercises solved</p>
        </section>`)}
    </div>`;
}

function Corrupt({ objective, text }) {
  const { answer, wrong } = useCorruption({ objective, text });
  const settings = Object.entries(objective).filter(([name]) => name !== "kind");
  const title = [objective.kind, ...settings.map(([name, value]) => `${name} ${value}`)].join(", ");
  return html`<section class="card drawn" aria-label=${`Your text, ${title}`}>
    <p class="soft">Your text, ${title}</p>
    ${!answer && !wrong && html`<p class="soft">Drawing ...</p>`}
    ${wrong && html`<p class="note wrong">${wrong}</p>`}
    ${answer && !answer.refused && html`<${Picture} shown=${answer} />`}
  </section>`;
}

function Copy({ source, label }) {
  const copy = () =>
    navigator.clipboard.writeText(source).then(
      () => say(`Copied ${label}.`),
      () => say("This browser does not let the page copy: select the code and copy it."),
    );
  return html`<button type="button" class="plain" aria-label=${`Copy ${label}`} onClick=${copy}>Copy</button>`;
}

function Code({ cell }) {
  return html`<pre><code>${cell.code.map(([kind, text]) => (kind ? html`<span class=${kind}>${text}</span>` : text))}</code></pre>`;
}

function Said({ part }) {
  if (part.image) {
    return html`<figure><img src=${part.image} alt=${part.caption} /><figcaption>${part.caption}</figcaption></figure>`;
  }
  if (!part.here) return html`<pre>${part.text}</pre>`;
  return html`<p class="soft">On the machine where it was tested; yours has other numbers:</p><pre>${part.here}</pre>`;
}

function CodeCell({ cell }) {
  const tutorial = cell.kind === "tutorial";
  return html`<div class=${`cell ${cell.kind}`} role="group" aria-label=${`Cell ${cell.place}`}>
    <div class="row">
      <strong>${tutorial ? "As tutorials have it: the number below shows what is wrong" : "Code"}</strong>
      <${Copy} source=${cell.source} label=${`cell ${cell.place}`} />
    </div>
    <${Code} cell=${cell} />
    ${cell.said.length > 0 &&
    html`<div class="said"><p class="soft">It prints</p>${cell.said.map((part) => html`<${Said} part=${part} />`)}</div>`}
  </div>`;
}

function Exercise({ cell, solved, onSolved }) {
  const [answer, setAnswer] = useState("");
  const [told, setTold] = useState(null);
  const check = async (event) => {
    event.preventDefault();
    const refused = (error) => ({ right: false, says: error.message });
    const found = await post("/api/course/check", { exercise: cell.exercise, answer }).catch(refused);
    setTold(found);
    if (found.right) onSolved("exercises", cell.exercise);
    say(`Exercise ${cell.exercise}: ${found.says}`);
  };
  const id = `answer-${cell.exercise}`;
  return html`<section class="card exercise" aria-labelledby=${`title-${id}`}>
    <h3 id=${`title-${id}`}>Exercise ${cell.exercise}${solved && " (solved)"}</h3>
    <p>${cell.task}</p>
    <form class="row" onSubmit=${check}>
      <label class="field" for=${id}>Your answer to ${cell.exercise}</label>
      <input id=${id} value=${answer} autocomplete="off" aria-describedby=${`told-${id}`}
        onInput=${(event) => setAnswer(event.target.value)} />
      <button>Check</button>
    </form>
    <p id=${`told-${id}`} class=${told && (told.right ? "note" : "note wrong")}>${told?.says}</p>
    <details><summary>As code</summary><${Code} cell=${cell} /></details>
  </section>`;
}

async function save(number) {
  const file = await post("/api/course/notebook", { number }).catch((error) => say(error.message));
  if (!file) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], { type: "application/x-ipynb+json" }));
  link.download = file.name;
  link.click();
  URL.revokeObjectURL(link.href);
  say(`Saved ${file.name}. Open it with Jupyter, where Hornbook is installed.`);
}

function Chapter({ number, course, progress, onSolved, text, setText, most }) {
  const [shown, setShown] = useState(null);
  const begun = useRef(null);
  useEffect(() => {
    setShown(null);
    post("/api/course/chapter", { number }).then(setShown, (error) => setShown({ refused: error.message }));
  }, [number]);
  useEffect(() => {
    if (!shown?.cells) return;
    begun.current.focus({ preventScroll: true });
    say(`Chapter ${shown.number}, ${shown.title}.`);
  }, [shown]);
  if (!shown?.cells) return html`<p class="note">${shown ? shown.refused : `Opening chapter ${number} ...`}</p>`;
  const live = shown.cells.some((cell) => cell.pieces?.some((piece) => piece.corrupt));
  const next = course.chapters[course.chapters.findIndex((one) => one.number === number) + 1];
  const piece = ({ tree, corrupt }) =>
    tree ? html`<${Tree} tree=${tree} />` : html`<${Corrupt} objective=${corrupt} text=${text} />`;
  const part = (cell) => {
    if (cell.kind === "prose") return cell.pieces.map(piece);
    if (cell.kind !== "exercise") return html`<${CodeCell} cell=${cell} />`;
    const solved = progress.exercises[cell.exercise];
    return html`<${Exercise} key=${cell.exercise} cell=${cell} solved=${solved} onSolved=${onSolved} />`;
  };
  return html`<article ref=${begun} tabindex="-1" aria-label=${`Chapter ${shown.number}`}>
    ${part(shown.cells[0])}
    <div class="row">
      <button type="button" class="plain" onClick=${() => save(number)}>Open as notebook</button>
      <code>hornbook course run ${number}</code>
    </div>
    ${live && html`<${TextField} label="Your text: the pictures below are of it" value=${text} onInput=${setText} most=${most} />`}
    ${shown.cells.slice(1).map(part)}
    ${next && html`<p><a href=${`#${next.number}`}>Next: ${next.number} ${next.title}</a></p>`}
  </article>`;
}

function Question({ question, onSolved }) {
  const [chosen, setChosen] = useState("");
  const [told, setTold] = useState(null);
  const answer = async (event) => {
    event.preventDefault();
    const refused = (error) => ({ right: false, says: error.message });
    const found = await post("/api/course/quiz", { question: question.number, option: chosen }).catch(refused);
    setTold(found);
    if (found.right) onSolved("quiz", String(question.number));
    say(found.says);
  };
  const letters = question.options.map((words, place) => [String.fromCharCode(65 + place), words]);
  return html`<form class="card" onSubmit=${answer}>
    <fieldset>
      <legend>${question.number}. ${question.question}</legend>
      ${letters.map(([letter, words]) => html`<label class="field beside">
        <input type="radio" name=${`question-${question.number}`} checked=${chosen === letter}
          onChange=${() => (setTold(null), setChosen(letter))} />
        <span>${letter}: ${words}</span>
      </label>`)}
    </fieldset>
    <button disabled=${!chosen}>Answer ${question.number}</button>
    ${told && html`<p class=${told.right ? "note" : "note wrong"}>${told.says}</p>`}
  </form>`;
}

function Quiz({ course, progress, onSolved }) {
  const right = Object.values(progress.quiz).filter(Boolean).length;
  return html`<h1>Quiz</h1>
    <p>${course.quiz.length} questions. ${right} answered right so far.</p> ${course.quiz.map((one) => html`<${Question} key=${one.number} question=${one} onSolved=${onSolved} />`)}`;
}

export default function Course({ session }) {
  const course = session.course;
  const hash = useHash();
  useEffect(() => scrollTo(0, 0), [hash]);
  const [text, setText] = useState(course.text);
  const [progress, setProgress] = useState({ exercises: {}, quiz: {}, ...course.progress });
  const solved = Object.values(progress.exercises).filter(Boolean).length;
  const onSolved = (kind, name) => setProgress((now) => ({ ...now, [kind]: { ...now[kind], [name]: true } }));
  const shared = { course, progress, onSolved, text, setText, most: session.limits.text };
  const shown = /^\d+$/.test(hash)
    ? html`<${Chapter} ...${shared} number=${Number(hash)} />`
    : html`<${hash === "quiz" ? Quiz : Start} ...${shared} />`;
  return html`<div class="course"><${Contents} course=${course} solved=${solved} hash=${hash} /><div>${shown}</div></div>`;
}
