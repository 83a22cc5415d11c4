# %% [markdown]
# # 8 Numbers
#
# You learn how a loss is made, what perplexity and bits are, which numbers of two models may be compared, and which
# slips are usual.
#
# Time: 45 minutes. Nothing is trained.

# %%
import math

from hornbook.course import check, text

# %% [markdown]
# ## A loss is a mean of surprises
#
# A model reads a text and gives each next token a probability. The surprise of a token is -ln p. A token that was
# certain has a surprise of 0. The unit is the nat, because the logarithm is the natural one.
#
# The loss is the mean surprise of all tokens: L = -(1/n) · Σ ln p.

# %%
said = {"The": 0.20, "cat": 0.01, "sat": 0.05, "on": 0.40, "the": 0.60, "mat": 0.02}
for token, probability in said.items():
    print(f"{token:4} p = {probability:.2f}   surprise {-math.log(probability):.3f} nats")
loss = -sum(map(math.log, said.values())) / len(said)
print(f"loss {loss:.4f} nats per token")

# %% [markdown]
# ## Three ways to write one number
#
# - Nats per token: the loss L itself.
# - Bits per token: H = L / ln 2. The logarithm has base 2.
# - Perplexity: e to the L, which is 2 to the H. It has no unit. It is a number of choices, also called the branching
#   factor: the model is as unsure as someone who draws one of so many tokens, all equally likely.

# %%
for choices in (2, 10, 1000):
    nats = math.log(choices)
    bits = nats / math.log(2)
    print(
        f"{choices:5} equal choices: {nats:.4f} nats, {bits:.4f} bits, perplexity {math.exp(nats):.1f} = {2**bits:.1f}"
    )

# %% [markdown]
# ## A slip in tutorials: "perplexity is in bits per token"
#
# One summary of perplexity calls it uncertainty in bits per token. Take it at its word, and read a perplexity as bits.

# %% tutorial
perplexity_of_a_loss = math.exp(3.2)
print(f"A loss of 3.2 nats, read so, is {perplexity_of_a_loss:.4f} bits per token.")
print(f"Those bits would mean a choice among {2**perplexity_of_a_loss:,.0f} tokens.")

# %% [markdown]
# GPT-2 has a vocabulary of 50,257 tokens. A model of it that knows nothing chooses among these, and not among millions.
# Here is the right way.

# %%
bits = 3.2 / math.log(2)
print(f"A loss of 3.2 nats is {bits:.4f} bits per token, a choice among {2**bits:.4f} tokens.")

# %% exercise 8.1
# A model has a loss of 3.2 nats per token. What is its perplexity?
# solution
perplexity = math.exp(3.2)
check("8.1", perplexity)

# %% exercise 8.2
# Another model has a loss of 2.8 nats on the same tokens. What is its perplexity?
# solution
perplexity = math.exp(2.8)
check("8.2", perplexity)

# %% exercise 8.3
# How many times as many choices has the first model as the second?
# solution
ratio = math.exp(3.2 - 2.8)
check("8.3", ratio)

# %% exercise 8.4
# How many bits per token has the model with a loss of 2.8 nats?
# solution
bits = 2.8 / math.log(2)
check("8.4", bits)

# %% [markdown]
# ## A mean of means is another number
#
# Long and short documents do not count alike. The loss of a text is the sum of all surprises through the number of all
# tokens. A mean of the documents' means gives a short document as much weight as a long one. A mean of perplexities is
# worse: it is ruled by the worst document.

# %% exercise 8.5
# Document A has 10 tokens and a loss of 2.0 nats. Document B has 90 tokens and a loss of 4.0 nats.
# What is the perplexity of both together?
# solution
perplexity = math.exp((10 * 2.0 + 90 * 4.0) / (10 + 90))
check("8.5", perplexity)

# %% [markdown]
# ## Perplexities of two vocabularies cannot be compared
#
# Here are two models of your text. Both are as simple as can be: each token has the probability of its share of the
# text. One cuts the text into characters, one into words and what stands between them.

# %%
import re
from collections import Counter


def surprise(tokens: list[str]) -> float:
    """Return the nats of all tokens, each with the probability of its share."""
    counts = Counter(tokens)
    return -sum(number * math.log(number / len(tokens)) for number in counts.values())


story = text()
size = len(story.encode())
for name, tokens in (("characters", list(story)), ("words", re.findall(r"\w+|\W", story))):
    nats = surprise(tokens)
    print(f"{name:10} {len(tokens):5} tokens, perplexity {math.exp(nats / len(tokens)):7.2f},", end=" ")
    print(f"bits per byte {nats / math.log(2) / size:.3f}")

# %% [markdown]
# By perplexity the characters look better. By bits per byte the words are better: they need fewer bits
# for the same text. A token of one vocabulary is not a token of the other, but a byte is a byte.
#
# Bits per byte = all nats / (ln 2 · bytes of the original text). Special tokens add no bytes. A letter such as é has
# two bytes, so bytes are not characters. Bits per byte need the whole text: a tokenizer that drops blanks or capitals
# has no right to it, because nobody can get the text back from its tokens.

# %% exercise 8.6
# A model reads a text of 4,200 bytes as 1,000 tokens, with a loss of 3.2 nats per token. How many bits per byte?
# solution
bits_per_byte = 1000 * 3.2 / math.log(2) / 4200
check("8.6", bits_per_byte)

# %% [markdown]
# ## Which objective has which number
#
# | objective | number | what it is |
# | --- | --- | --- |
# | causal, prefix, fim | bits per byte | exact: the probabilities of all tokens multiply to that of the text |
# | diffusion | bits per byte | an upper bound |
# | masked | pseudo-perplexity | each token is guessed from all others: no probability of the text, its own kind only |
# | span, ul2, bart | loss of what is left out | of other targets: compare it with no other loss |
# | replaced | loss of a yes or no | of other targets: compare it with no other loss |
#
# `hornbook evaluate RUN` prints what a run may print, beside a model that only counts words.
#
# ## Numbers that are passed around
#
# - "GPT-3 has a perplexity of about 20." The paper has 20.5 per word on Penn Treebank, without training on it (Brown et
#   al. 2020). It is not "on standard benchmarks", and not per token.
# - "GPT-4 has 10 to 15." No source is known. Its makers have not disclosed it.

# %% exercise 8.7
# Which one may you compare between a model with 8,000 tokens in its vocabulary and one with 50,000?
# Answer "loss per token", "perplexity" or "bits per byte".
# solution
number = "bits per byte"
check("8.7", number)
