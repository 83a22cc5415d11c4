# %% [markdown]
# # 10 Your comparison
#
# You learn to compare four objectives on your text so that the answer means something, what it costs, and what may be
# concluded.
#
# Time: 30 minutes, and the trainings: one to two minutes as it stands here, longer if you ask for more.

# %%
import hornbook as hb
from hornbook.course import aside, check, corpus, here, place, wish

# %% [markdown]
# ## A comparison that compares nothing
#
# A tutorial ends with a comparison of objectives: it loads GPT-2, BERT and T5-small, gives each a sentence, and looks
# at what comes back. How much else differs, besides the objective?

# %% tutorial
three = {  # parameters, tokens in the vocabulary, gigabytes of training text, what the text is, what was asked
    "GPT-2": (124_439_808, 50_257, 40, "web pages", "continue a sentence"),
    "BERT base": (109_482_240, 30_522, 16, "books and Wikipedia", "fill a gap"),
    "T5 small": (60_506_624, 32_128, 750, "web pages, and tasks with answers", "translate"),
}
columns = ("parameters", "vocabulary", "amount of text", "kind of text", "question")
differing = [
    name for name, values in zip(columns, zip(*three.values(), strict=True), strict=True) if len(set(values)) == 3
]
print(f"{len(differing)} of {len(columns)} other things differ too: {', '.join(differing)}")
print(f"sizes differ by a factor of {124_439_808 / 60_506_624:.2f}, amounts of text by {750 / 16:.0f}")

# %% [markdown]
# With five differences nobody can say which one made the outcome. And one of the three, T5, was asked to translate,
# which it had been taught from examples: that shows nothing of span corruption.
#
# ## One that does
#
# Here four objectives are trained alike: the same text, the same vocabulary, the same number of tokens read, and
# models of the same size. All of them are then asked the same question on text that none has read: how many bits for
# each byte of it?
#
# - causal: predict the next token
# - masked: fill gaps of one token
# - span: write what was cut out
# - ul2: a mixture of cutting out and continuing

# %%
from pathlib import Path

from hornbook.study.design import STUDY, ArmSettings, BudgetSettings, Study, to_toml
from hornbook.study.layout import read_plan
from hornbook.study.report import report_study
from hornbook.study.workers import run_processes

objectives = ("causal", "masked", "span", "ul2")
alike = (
    "model.max_length=64",
    "training.batch_rows=16",
    "training.evaluate_tokens=2000",
    "training.precision=fp32",
    "training.compile=no",
)
tokens, seeds, width = wish("tokens", 30_000), int(wish("seeds", 1)), int(wish("width", 32))
study = Study(
    text=(corpus(),),
    arms={name: ArmSettings(name, settings=alike) for name in objectives},
    budget=BudgetSettings(tokens=tokens),
    seeds=seeds,
    width=width,
    layers=2,
    trials=1,
)
words = Path(corpus()).stem.replace(":", "-")
folder = place(f"objectives-{words}-{tokens:.0f}-{width}", keep=True)
(folder / STUDY).write_text(to_toml(study), encoding="utf-8")
print(f"the study is {folder}")

# %% [markdown]
# The folder has the text's name, the tokens and the width in its name. If you run this again, the study goes on: what
# is trained stays, and more seeds are added to those that are there.

# %% exercise 10.1
# Four objectives with three seeds each: how many trainings?
# solution
trainings = 4 * 3
check("10.1", trainings)

# %% exercise 10.2
# How many pairs of the four may be compared?
# solution
pairs = 4 * 3 // 2
check("10.2", pairs)

# %% [markdown]
# ## Run it

# %%
import time

from hornbook.study.report import finished_runs


def finished() -> int:
    """Return how many trainings of the study are there."""
    return sum(map(len, finished_runs(folder).values()))


there, start = finished(), time.monotonic()
with aside():
    run_processes(folder, 1, plain=True)
minutes = (time.monotonic() - start) / 60
with here():
    if trained := finished() - there:
        print(f"{trained} trainings took {minutes:.1f} minutes.")
        print(f"Three seeds of each take about {12 * minutes / trained:.0f} minutes at this size, from the beginning.")

# %% [markdown]
# ## What was equal, and what was not

# %%
plans = read_plan(folder).values()


def apart(name: str) -> float:
    """Return how many times as large the largest is as the smallest."""
    values = [getattr(plan, name) for plan in plans]
    return max(values) / min(values)


print(f"parameters are equal within 10 %: {apart('parameters') < 1.1}")
print(f"tokens read are equal within 5 %: {apart('tokens') < 1.05}")
print(f"targets scored differ by a factor above 4: {apart('targets') > 4}")
with here():
    for plan in plans:
        print(f"{plan.name:7} {plan.parameters:,} parameters, {plan.tokens:,} tokens read, {plan.targets:,} scored")

# %% [markdown]
# Not everything can be equal at once. The causal model is scored at every token, the masked one at 15 % of them.
# Whoever makes the scored tokens equal lets the masked model read seven times as much. Say which one you held equal.
#
# ## The verdict

# %%
report = report_study(folder)
yardstick = report.yardsticks[0]
with here():
    for arm in yardstick.arms:
        print(f"{arm.arm:7} {arm.value:.3f} {yardstick.unit}   {arm.how}")
    for verdict in yardstick.verdicts:
        print(verdict.sentence)
said = {verdict.word for verdict in yardstick.verdicts}
print(f"number of verdicts: {len(yardstick.verdicts)}")
print(f"with one seed of each, the only word is 'not tested': {said == {'not tested'} or seeds > 1}")
hb.write_report(folder)

# %% [markdown]
# Read three things in it:
#
# - One seed gives numbers and no verdict. A second training of the same objective, with another seed, has another
#   number. Only two seeds or more show how far apart these are.
# - An upper bound (masked) that lies above another model's number proves nothing. It may only be a loose bound.
# - "Off its training" means that the model was asked something that it was never taught. Span corruption never
#   continued a text.

# %% exercise 10.3
# With one seed of each objective, what does a verdict say: "better", "equivalent", "not distinguishable", "not tested"?
# solution
word = "not tested"
check("10.3", word)

# %% [markdown]
# ## More seeds, and their price

# %%
from hornbook.study.verdicts import smallest_effect

for number in (2, 3, 5, 10):
    print(f"{number:2} seeds: differences from {smallest_effect(number):.1f} deviations between seeds on are seen")

# %% [markdown]
# "Seen" means: in four of five studies. The price grows with the number of seeds, and what is seen shrinks with its
# root. Three seeds cost three times as much as one:
#
# `hornbook course run 10 --text BOOK.txt --seeds 3 --tokens 1e6 --width 128`
#
# The cells above print how long that may take: time grows with tokens and seeds, and with the width squared.

# %% exercise 10.4
# One round of four trainings takes 2 minutes. How many minutes do three seeds of each take with ten times the tokens?
# solution
minutes = 2 * 3 * 10
check("10.4", minutes)

# %% [markdown]
# ## What you may conclude
#
# Mostly this: one seed and a minute decide little. If a verdict says "better", it is about models of this size, this
# text and this many tokens, and about bits per byte. It is not about which objective is best. For a task of yours, add
# it to the study: see `hornbook study new --help` and the page on studies.
#
# The whole report, with charts, is `report/report.md` in the study's folder, and `hornbook report` with that folder
# makes a page of it. Its runs are in `runs`: `hornbook play` with two of them lets you ask both models the same
# sentence.
