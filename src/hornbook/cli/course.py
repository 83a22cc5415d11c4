"""`hornbook course`: the chapters in the browser, on this terminal and as notebooks; exercises and the quiz."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from hornbook.cli import tables
from hornbook.cli.common import Json, answer, loading, place
from hornbook.cli.pages import LOCAL, BehindProxy, Host, NoBrowser, NoCode, Port, options_of
from hornbook.console import phase, work_lasts
from hornbook.errors import UserError

if TYPE_CHECKING:
    from hornbook.course import Cell, Chapter
    from hornbook.course.quiz import Question

_EXAMPLES = """Examples

hornbook course  ·  opens the pages in a browser

hornbook course run 3 --text BOOK.txt  ·  runs a chapter here, on a text of yours

hornbook course check 8.1 24.5325

hornbook course export notebooks

Nothing is downloaded. What you answered is kept in ./course/progress.json."""

app = typer.Typer(help="Learn pre-training in eleven chapters that run, on your own text.", epilog=_EXAMPLES)
Number = Annotated[int, Argument(metavar="CHAPTER", help="Number of a chapter.", show_default=False)]
Text = Annotated[
    Path | None, Option(metavar="FILE", parser=place, help="Your text, UTF-8. Default: one that comes with the course.")
]


@app.callback(invoke_without_command=True)
def course(
    context: typer.Context,
    text: Text = None,
    port: Port = None,
    host: Host = LOCAL,
    behind_proxy: BehindProxy = "",
    no_code: NoCode = False,
    no_browser: NoBrowser = False,
) -> None:
    """Open the course in a browser: chapters with pictures of your text, exercises, the quiz."""
    if context.invoked_subcommand is not None:
        return
    work_lasts()
    options = options_of(port, host, behind_proxy, no_code, no_browser)
    with loading("libraries"):
        from hornbook.app.serving.server import serve
        from hornbook.app.tabs import course_tabs

    serve(course_tabs(text or ""), options)


@app.command("list")
def chapter_list(as_json: Json = False) -> None:
    """List the chapters: what one learns, how long it takes, which exercises are solved."""
    from hornbook.course import chapters
    from hornbook.course.reader import progress

    solved = progress().get("exercises", {})
    rows: list[dict[str, Any]] = [
        {
            "number": one.number,
            "title": one.title,
            "time": one.time,
            "learn": one.learn,
            "exercises": len(one.exercises),
            "solved": sum(solved.get(cell.exercise, False) for cell in one.exercises),
        }
        for one in chapters()
    ]
    columns = {"chapter": "bold", "title": "cyan", "time": "", "exercises solved": "green", "what you learn": ""}
    lines = [
        (str(row["number"]), row["title"], row["time"], f"{row['solved']} of {row['exercises']}", row["learn"])
        for row in rows
    ]
    answer(rows, as_json, lambda _: tables.table(columns, lines))


@app.command()
def export(
    folder: Annotated[Path, Argument(metavar="FOLDER", parser=place, help="Where to write.", show_default=False)],
) -> None:
    """Write every chapter as a notebook and as a script, without solutions, and the quiz."""
    from hornbook.course import export as exported

    for path in exported(folder):
        print(path)


@app.command()
def run(
    number: Number,
    text: Text = None,
    tokens: Annotated[float, Option(min=0, help="Chapters that train: tokens of a training. Default: few.")] = 0,
    seeds: Annotated[int, Option(min=0, help="Chapter 10: seeds of each objective. Default: 1.")] = 0,
    width: Annotated[int, Option(min=0, help="Chapter 10: width of the models. Default: 32.")] = 0,
    solutions: Annotated[bool, Option("--solutions", help="Run the solutions of the exercises too.")] = False,
) -> None:
    """Run a chapter here, with its text and what its cells print; what it makes is kept in ./course/work."""
    from hornbook.course import chapter, run_chapter
    from hornbook.course.reader import text as text_of

    found = chapter(number)
    text_of(text or "")  # what is wrong with it is said before anything is shown
    wishes = {name: value for name, value in (("tokens", tokens), ("seeds", seeds), ("width", width)) if value}
    _show_cells(found, 0, text, solutions)
    with phase("running the chapter"):
        for ran in run_chapter(found, text=text or "", wishes=wishes, solutions=solutions):
            print(ran.text, end="")
            _show_cells(found, ran.place + 1, text, solutions)


def _show_cells(chapter: Chapter, start: int, text: Path | None, solutions: bool) -> None:
    """Print the prose and pictures from a cell on, and the source of the next one that is run."""
    for cell in chapter.cells[start:]:
        if cell.kind != "markdown":
            source = cell.source if solutions else cell.asked
            print("\n" + "\n".join(f"    {line}".rstrip() for line in source.splitlines()) + "\n", flush=True)
            return
        _show_prose(cell, text)


def _show_prose(cell: Cell, text: Path | None) -> None:
    from hornbook.course.cells import Corrupt, prose
    from hornbook.course.reader import text as text_of
    from hornbook.course.shown import beginning, picture

    for piece in prose(cell.source):
        if isinstance(piece, Corrupt):
            picture(piece.kind, beginning(text_of(text or "")), **dict(piece.settings))
        else:
            _show_markdown(piece)


def _show_markdown(text: str) -> None:
    """Print Markdown, on a terminal with its looks."""
    screen = tables.console()
    if screen.is_terminal:
        from rich.markdown import Markdown

        screen.print(Markdown(text), soft_wrap=False)
    else:
        print(f"\n{text.strip()}")


@app.command(context_settings={"ignore_unknown_options": True})
def check(
    exercise: Annotated[str, Argument(metavar="EXERCISE", help="Such as 8.1.", show_default=False)],
    answers: Annotated[list[str], Argument(metavar="ANSWER...", help="A number, words, a list.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Check the answer to an exercise; the exit code is 1 if it is not right yet."""
    from hornbook.course.answers import checked, read_answer
    from hornbook.course.reader import record

    found = checked(exercise, read_answer(exercise, " ".join(answers)))
    record("exercises", exercise, bool(found.right))
    answer(found, as_json, lambda found: tables.sentence(f"Exercise {exercise}: {found.says}"))
    if not found.right:
        raise typer.Exit(1)


@app.command()
def quiz(
    number: Annotated[int, Argument(metavar="[QUESTION]", help="One question. Default: all.", show_default=False)] = 0,
    option: Annotated[str, Argument(metavar="[LETTER]", help="Your answer to it.", show_default=False)] = "",
) -> None:
    """Ask the questions of the quiz here, and say why an answer is right; an empty line leaves."""
    from hornbook.course.quiz import answer as answered
    from hornbook.course.quiz import questions

    if option:
        tables.sentence(answered(number, option).says)
        return
    asked = [one for one in questions() if number in (0, one.number)]
    if not asked:
        raise UserError(f"There is no question {number}: choose 1 to {len(questions())}.")
    right = 0
    for question in asked:
        _ask(question)
        with phase(""):
            letter = _typed()
        if not letter:
            break
        try:
            found = answered(question.number, letter)
        except UserError as error:
            tables.sentence(str(error))
            continue
        right += found.right
        tables.sentence(found.says)
    tables.sentence(f"{right} of {len(asked)} right.")


def _ask(question: Question) -> None:
    from hornbook.course.quiz import letters

    tables.sentence(f"\n{question.number}. {question.question}", "bold")
    for letter, words in zip(letters(question), question.options, strict=True):
        tables.sentence(f"  {letter}  {words}")


def _typed() -> str:
    try:
        return input("Your letter: ").strip()
    except EOFError:
        return ""
