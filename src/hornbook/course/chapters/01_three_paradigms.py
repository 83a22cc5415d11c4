# %% [markdown]
# # 1 Three ways to learn from text
#
# You learn how a model learns from plain text, without labels made by people. You see the three large families:
# causal, masked, and prefix or span models. You see what each one reads, what it must say, and who may look
# where.
#
# Time: 30 minutes.
#
# Nothing is downloaded: every number is computed here.
#
# The course has numbers for mistakes that circulate in tutorials: B-1 to B-43. Each has a cell with the faulty
# way, which prints a wrong number, and a cell with the right one.

# %%
import hornbook as hb
from hornbook.course import check, text

# %% [markdown]
# ## The label is in the text
#
# Take the sentence "The cat sat on the mat". Hide the word "cat". Now you have a question and its answer, and
# nobody had to write a label. This is self-supervised learning.
#
# Before 2018 most models were trained from random weights for one task, such as telling good reviews from bad
# ones. Today a model is first pre-trained on much plain text. Then it is fine-tuned on a task with few
# examples. This is transfer learning.
#
# There are several ways to hide something:
#
# - Causal: hide all that comes later. Guess the next word. It is like writing an essay: you cannot look ahead.
# - Masked: hide some words. Guess them from both sides. It is like a test with gaps.
# - Prefix and span: read one part from both sides, then write the other part from left to right.

# %% [markdown]
# ## See it on your text
#
# :::corrupt kind=causal
#
# :::corrupt kind=masked rate=0.15
#
# :::corrupt kind=prefix
#
# :::corrupt kind=span density=0.15

# %% [markdown]
# ## Who may look where
#
# Here is the sentence "A B C D E" as three models meet it. "Reads" is the input. "Says" is the right answer at
# that place. A dot means that nothing is scored there. Below, each line is one place: `#` is a place that it
# may see.

# %%
from hornbook.course.small import word_tokenizer
from hornbook.objectives.show import text as drawn
from hornbook.prepare.preview import preview

letters = word_tokenizer("A B C D E")
for kind in ("causal", "masked", "prefix"):
    print(drawn(preview("A B C D E", hb.objective(kind), letters, seed=1)))
    print()

# %% [markdown]
# The causal model sees a triangle: a place sees itself and what is before it. The masked model sees a full
# square. The prefix model sees a square for its prefix, and a triangle behind it.
#
# A prefix model is not the same thing as an encoder-decoder, although diagrams often show it as one. The prefix
# is a rule about who sees whom. The encoder-decoder is a kind of model. The same objective works with both:

# %%
for topology in ("decoder", "encoder-decoder"):
    objective = hb.objective("prefix", topology=topology)
    picture = preview("A B C D E", objective, letters, seed=1)
    print(f"{topology}: stacks {[side.name for side in picture.sides]}")

# %% [markdown]
# ## The families side by side
#
# This table is not written by hand. The program makes it from your text:
#
# - model: what kind of model learns it
# - sees: which share of all pairs of places in the input may look at each other
# - scored: which share of the text's tokens is a target. The more there are, the more a model learns from each
#   row.
# - use: how the trained model is used

# %%
from hornbook.objectives.base import with_vocab

words = text()[:2000]
tokenizer = word_tokenizer(words)
print(f"{'objective':10} {'model':16} {'sees':>6} {'scored':>7}  use")
for kind in ("causal", "masked", "prefix", "span", "bart", "ul2"):
    objective = with_vocab(hb.objective(kind), tokenizer.vocab)
    picture = preview(words, objective, tokenizer, seed=0)
    counts = picture.counts
    sees = picture.sides[0].sees.mean()
    scored = counts["scored positions"] / counts["corpus tokens"]
    use = ", ".join(dict.fromkeys(form.kind for form in objective.prompting))
    print(f"{kind:10} {objective.topology:16} {sees:6.0%} {scored:7.0%}  {use}")

# %% [markdown]
# The usual table in words (a rule of thumb; what is measured stands above):
#
# | | causal | masked | prefix, span |
# |---|---|---|---|
# | known from | GPT, LLaMA | BERT, RoBERTa | T5, BART |
# | context | what is before | both sides | both sides of the input, then what is before |
# | training signal | every token | the masked tokens, 15 % | the hidden part |
# | generation | natural | needs more training | natural |
# | understanding | without examples, by prompting | strong features for a task | balanced |
#
# ## BERT, GPT, T5
#
# The program knows these three as recipes. "Best for" is a rule of thumb.

# %%
best_for = {"bert": "understanding, classes, names", "gpt": "writing", "t5": "translation, summaries"}
for name, best in best_for.items():
    recipe = hb.recipe(name)
    print(f"{name:5} {recipe.model.topology:16} {type(recipe.objective).__name__:15} {best}")

# %% [markdown]
# ## Which objective for which task
#
# `hornbook advise` prints what is said about a task, and what the saying is worth. Here are the lines of the
# usual table. All of them are marked as rules of thumb: no experiment stands beside them.

# %%
for task in ("generation", "classify", "answer", "write", "few-shot", "general"):
    rules = [line for line in hb.advise(task, studies="none").lines if line.mark == "rule of thumb"]
    print(f"{task:11} {rules[0].says}  [{rules[0].mark}]")

# %% [markdown]
# Many courses also teach a table by the size of the model. It is a rule of thumb too. Studies on your own
# machine can agree with it or not: chapter 10 makes one.

# %%
for line in hb.advise("classify", studies="none").lines:
    if "billion" in line.says:
        print(f"{line.says}  [{line.mark}]")

# %% [markdown]
# ## A comparison that compares nothing
#
# One tutorial asks three public models for an answer: GPT-2, BERT and a small T5. It says that this compares
# three objectives. Look at what else differs between them.

# %% tutorial
# B-43: compare_objectives() sets three public models side by side.
from hornbook.model.sizes import SIZES
from hornbook.scaling.count import parameters


def compare_objectives():
    text_of = {"gpt2": "WebText", "bert-base": "books and Wikipedia", "t5-small": "C4"}
    models = {name: SIZES[name] for name in text_of}
    return {
        "parameters": {name: parameters(model) for name, model in models.items()},
        "vocabulary": {name: model.vocab_size for name, model in models.items()},
        "longest row": {name: model.max_length for name, model in models.items()},
        "training text": text_of,
    }


found = compare_objectives()
for thing, values in found.items():
    print(f"{thing:14} {values}")
print("B-43 things that differ beside the objective:", sum(len(set(values.values())) > 1 for values in found.values()))

# %% [markdown]
# Four things differ. If one answer is better, nobody knows why. To compare objectives, change the objective
# alone: the same text, the same tokenizer, the same size, the same budget. Chapter 10 trains such models.

# %%
recipes = [
    hb.recipe(objective=kind, text="BOOK.txt", steps=1000, settings={"model.width": 128, "model.layers": 4})
    for kind in ("causal", "masked", "span")
]
things = {
    "text": [recipe.data for recipe in recipes],
    "tokenizer": [recipe.tokenizer for recipe in recipes],
    "budget": [recipe.budget for recipe in recipes],
    "training": [recipe.training for recipe in recipes],
    "seed": [recipe.seed for recipe in recipes],
    "size": [(recipe.model.width, recipe.model.layers, recipe.model.max_length) for recipe in recipes],
}
differ = [name for name, values in things.items() if any(value != values[0] for value in values)]
print("B-43 things that differ beside the objective:", len(differ))

# %% [markdown]
# One thing cannot be made equal by a setting: an encoder-decoder of the same width and depth has two stacks, so
# it has more parameters and costs more for each step. A fair comparison says what was equal, and what was not.
#
# ## How long it takes to learn this
#
# One tutorial suggests two to three days for the ideas and five to seven days for the code. This is its
# author's guess. For reading, it names section 3 of the BERT paper (Devlin et al. 2019), section 2 of the GPT
# paper (Radford et al. 2018) and the GPT-2 paper (Radford et al. 2019).

# %% [markdown]
# ## What was mended
#
# Each line: what is counted, the number of the tutorial's way, and the right one.

# %%
from hornbook.course.faults import mended

mended(1)

# %% exercise 1.1
# A causal model reads "<s> A B C D E" and must end the text with "</s>". How many tokens must it predict?
# solution
answer = int(preview("A B C D E", hb.objective("causal"), letters, seed=0).counts["scored positions"])
check("1.1", answer)

# %% exercise 1.2
# In a causal model with 6 places, how many pairs (who looks, where) are allowed? A place may look at itself.
# solution
answer = 6 * 7 // 2
check("1.2", answer)

# %% exercise 1.3
# A masked model hides 15 % of the words of a row, at least one, as a whole number. How many of 40 words?
# solution
answer = max(1, round(0.15 * 40))
check("1.3", answer)
