// The shell: header, tabs, light and dark, the status line, and the page that the address names.
// Pages import from here: html, the hooks, post, stream, say.

import { h, render } from "./vendor/preact.mjs";
import { useErrorBoundary, useState } from "./vendor/hooks.mjs";
import htm from "./vendor/htm.mjs";

export * from "./vendor/hooks.mjs";
export const html = htm.bind(h);

const SAY_MILLISECONDS = 1000; // between two changes of the status line, which screen readers speak

// What the server says of a request that it refuses: message, code, and the field that is wrong.
class Refusal extends Error {
  constructor({ message, code, field }) {
    super(message);
    Object.assign(this, { code, field });
  }
}

async function asked(path, body, signal) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body ?? {}),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("Hornbook does not answer. Is it still running in the terminal?");
  }
  if (answer.ok) return answer;
  if (answer.status === 401) location.reload(); // the server asks for its code
  throw new Refusal((await answer.json()).error);
}

// POST and return the JSON value that is answered. Throws an Error with the sentence of the server.
export async function post(path, body, signal) {
  return (await asked(path, body, signal)).json();
}

// POST and call onEvent with each line that is answered, until the last. Ends quietly when the signal aborts;
// throws an Error with the sentence of the server, or of what went wrong on the way.
export async function stream(path, body, onEvent, signal) {
  try {
    const reader = (await asked(path, body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const event = JSON.parse(line);
        if (event.error) throw new Refusal(event.error);
        if (!signal?.aborted) onEvent(event);
      }
    }
  } catch (error) {
    if (signal?.aborted) return;
    if (error instanceof TypeError) throw new Error("The answer broke off. Is Hornbook still running in the terminal?");
    throw error;
  }
}

let said = "";
let saying = 0;

// Put a sentence into the status line; of many in a second the last.
export function say(text) {
  said = text;
  if (saying) return;
  const show = () => {
    const line = document.getElementById("status");
    saying = line.textContent === said ? 0 : setTimeout(show, SAY_MILLISECONDS);
    line.textContent = said;
  };
  show();
}

const SCHEMES = { light: "dark", dark: "light" };

function currentScheme() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  return document.documentElement.dataset.scheme ?? system;
}

// A page that draws on a canvas listens for "scheme" at the window, and draws anew.
function SchemeSwitch() {
  const [scheme, setScheme] = useState(currentScheme);
  const change = () => {
    const next = SCHEMES[scheme];
    document.documentElement.dataset.scheme = next;
    try {
      localStorage.setItem("hornbook-scheme", next);
    } catch {
      // A browser that keeps nothing: the choice lasts as long as the page.
    }
    setScheme(next);
    dispatchEvent(new Event("scheme"));
  };
  return html`<button type="button" class="plain" onClick=${change}>${scheme === "light" ? "Dark" : "Light"}</button>`;
}

function Header({ pages, name }) {
  return html`<header class="top">
    <a class="skip" href="#main">To the content</a>
    <a class="mark" href="/">Hornbook</a>
    <nav aria-label="Pages">
      ${pages.map(
        (page) =>
          html`<a href=${`/${page.name}`} aria-current=${page.name === name ? "page" : undefined}>${page.title}</a>`,
      )}
    </nav>
    <${SchemeSwitch} />
  </header>`;
}

function Body({ page: Page, session }) {
  const [error] = useErrorBoundary((fault) => console.error(fault));
  if (error) return html`<p class="note wrong">This page has a fault: ${String(error)}. Load it again.</p>`;
  return html`<${Page} session=${session} />`;
}

function Shell({ session, name, page }) {
  return html`<${Header} pages=${session.pages} name=${name} />
    <main id="main" tabindex="-1"><${Body} page=${page} session=${session} /></main>
    <footer><p id="status" role="status"></p></footer>`;
}

function Failed({ error }) {
  return html`<h1>Hornbook</h1><p class="note wrong">The page cannot be shown: ${error.message}</p>`;
}

// The module of a page; where it or its session has failed, what says so: the other tabs go on.
async function moduleOf(name, session) {
  try {
    if (session[name].error) throw new Refusal(session[name].error);
    return (await import(`./${name}.mjs`)).default;
  } catch (error) {
    return () => html`<${Failed} error=${error} />`;
  }
}

async function begin() {
  const root = document.getElementById("app");
  try {
    const answer = await fetch("/api/session");
    if (answer.status === 401) return location.reload();
    const session = await answer.json();
    if (session.error) throw new Refusal(session.error);
    const name = location.pathname.slice(1) || session.pages[0].name;
    const page = await moduleOf(name, session);
    document.title = `${session.pages.find((one) => one.name === name).title} · Hornbook`;
    root.replaceChildren();
    render(html`<${Shell} session=${session} name=${name} page=${page} />`, root);
  } catch (error) {
    render(html`<main id="main"><${Failed} error=${error} /></main>`, root);
  }
}

begin();
