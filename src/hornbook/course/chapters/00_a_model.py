# %% [markdown]
# # 0 A model in front of you
#
# You learn what pre-training is by doing it: you train a very small model on a text, see its loss fall, let it write,
# and compare it with models that only count words.
#
# Time: 20 minutes. The training takes less than a minute.

# %%
import math

import hornbook as hb
from hornbook.course import aside, check, corpus, here, place, wish

# %% [markdown]
# ## What it learns
#
# The model reads a text from left to right. At each place it says how likely each token is to come next. A token is a
# piece of a word, a word, or a sign. The text itself has the right answer, so nobody needs to label anything. Here is
# your text as the model meets it. The line "reads" is what it sees, the line "says" what it must predict.
#
# :::corrupt kind=causal
#
# ## Train it
#
# The model is tiny: two layers of width 64, and a vocabulary of about 2,000 tokens. It reads 100,000 tokens. The length
# is told in tokens and not in minutes: on a busy machine a minute can be almost no training.
#
# The text is yours if you gave one with `--text FILE`, and else the documentation of your Python.

# %%
small = {
    "model.width": 64,
    "model.layers": 2,
    "model.heads": 2,
    "model.max_length": 128,
    "tokenizer.size": 2000,
    "training.batch_rows": 16,
    "training.evaluate_tokens": 4000,
    "training.precision": "fp32",
    "training.compile": "no",
}
folder = place("first")
with aside():  # what is printed meanwhile has times in it
    run = hb.pretrain(
        corpus(), objective="causal", tokens=int(wish("tokens", 100_000)), out=folder, settings=small, plain=True
    )
with here():
    print(f"{run.result.parameters:,} parameters read {run.result.tokens:,} tokens")

# %% [markdown]
# ## Its loss falls
#
# The loss says how surprised the model is by the right answer, in nats. A model that knows nothing gives all V tokens
# the same probability, 1 / V, and has a loss of ln V. That is where a new model begins.

# %%
records = run.metrics()
first = next(record["loss"] for record in records if record["kind"] == "train")
last = [record["loss"] for record in records if record["kind"] == "held_out"][-1]
nothing = math.log(run.tokenizer.vocab.size)
print(f"the first loss is within half a nat of ln V: {abs(first - nothing) < 0.5}")
print(f"the last loss, on text that it never read, is smaller: {last < first}")
with here():
    print(f"ln V {nothing:.2f}, first {first:.2f}, last {last:.2f}")

# %% exercise 0.1
# A model with a vocabulary of 2,000 tokens knows nothing yet. What is its loss, in nats?
# solution
loss = math.log(2000)
check("0.1", loss)

# %% [markdown]
# ## Is that good?
#
# A loss alone says little. Beside it stand models that only count. The unigram model knows how frequent each token is.
# The 5-gram model knows which tokens followed the last four. Both counted the same text.

# %%
measured = run.result.numbers[0]
print(f"better than counting single tokens: {measured.value < measured.baselines['unigram']}")
with here():
    print(f"model {measured.value:.2f} nats per token; {measured.account}")

# %% [markdown]
# A model of this size and so little text beats the unigrams. It mostly loses to the 5-grams, which you can count in a
# second. That is worth knowing before you believe a falling curve.
#
# ## Let it write

# %%
with here():
    for seed in range(3):
        print(repr(run.generate("A function is", tokens=20, seed=seed)))

# %% [markdown]
# Hardly a sentence, but words of the text, in places where such words stand. More tokens help: try
# `hornbook course run 0 --tokens 2e6`, or `hornbook pretrain` for five minutes.
#
# ## What it is made of

# %% exercise 0.2
# Its table of tokens has a row of 64 numbers for each of 2,000 tokens. The whole model has 235,000 parameters.
# Which share of them is in the table?
# solution
share = 2000 * 64 / 235_000
check("0.2", share)

# %% exercise 0.3
# Each step reads 16 rows of 128 tokens. How many steps does it take to read at least 100,000 tokens?
# solution
steps = math.ceil(100_000 / (16 * 128))
check("0.3", steps)

# %% [markdown]
# ## Look inside
#
# The run lies in `course/work/first`. These commands open it:
#
# - `hornbook play course/work/first`: write with it and see what it thinks of each token.
# - `hornbook report course/work/first`: all numbers, with what they are worth.
# - `hornbook generate course/work/first "The"`
