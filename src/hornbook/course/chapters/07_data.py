# %% [markdown]
# # 7 Data: clean it, weigh it, order it
#
# You learn what happens to text before a model reads it: duplicates, filters, private data, the mix of sources,
# the order. You compute each step on small examples. At the end you meet five mistakes of a well-known training
# script.
#
# Time: 60 minutes.

# %%
import hornbook as hb
from hornbook.course import check, text

# %% [markdown]
# ## Where text comes from
#
# | kind | sources that are often named |
# |---|---|
# | web | Common Crawl, C4, RefinedWeb |
# | books | Gutenberg, Books3 |
# | code | GitHub, Stack Overflow |
# | papers | arXiv, S2ORC |
# | encyclopedia | Wikipedia, in many languages |
#
# You may train on what you have a right to use. (Books3 was taken off the net, because its books have owners.)
#
# `hornbook corpus build` reads files of all these kinds, and writes an account of each document: kept, or
# dropped, and why. The steps are the usual ones: remove duplicates, filter, weigh the sources, cut into tokens.
# More data is better, and clean data is better than more data.
#
# ## Exact duplicates
#
# The same text twice teaches nothing new, and the model learns it by heart. Equal texts have equal hashes.
# Blanks should not matter, so they are made alike first.

# %%
from hornbook.corpus.document import Document, document_hash


def plain_hash(words):
    return document_hash(Document(" ".join(words.split()), "example", "example"))


pages = ["The cat sat on the mat.", "The cat  sat on\nthe mat.", "The cat sat on a mat."]
print("texts", len(pages), "different", len({plain_hash(page) for page in pages}))

# %% [markdown]
# ## Near duplicates
#
# The third page differs in one word. To find such pages, cut each text into runs of words, called shingles. The
# share of shingles that two texts have in common is their Jaccard similarity: shared ones / ones of either.


# %%
def shingles(words, size):
    listed = words.split()
    return {tuple(listed[place : place + size]) for place in range(len(listed) - size + 1)}


def jaccard(first, second):
    return len(first & second) / len(first | second)


for size in (1, 2, 3):
    print(f"shingles of {size}: {jaccard(shingles(pages[0], size), shingles(pages[2], size)):.2f}")

# %% [markdown]
# Nobody can compare all pairs of a million texts. MinHash makes it possible: similar texts get the same key in
# some of 20 bands, each of 6 numbers. A pair is looked at if one band agrees. So the chance to find a pair
# grows steeply:

# %%
for similarity in (0.3, 0.5, 0.7, 0.8, 0.9):
    print(f"similar by {similarity}: found with probability {1 - (1 - similarity**6) ** 20:.3f}")

# %% [markdown]
# In a corpus recipe these are the steps `exact-duplicates` and `near-duplicates`. Each pair that is found is
# then compared shingle by shingle, so chance decides only what is overlooked.
#
# ## Filters
#
# Rules drop what is no prose. Gopher's rules (Rae et al. 2021) look at the number of words, their length, and
# how often the text repeats itself. C4's rules (Raffel et al. 2020) take lines away that are no sentences.

# %%
import numpy as np

from hornbook.corpus.step import Page
from hornbook.corpus.steps.c4 import C4
from hornbook.corpus.steps.gopher import Gopher


def page_of(*texts):
    names = [f"page {number}" for number in range(len(texts))]
    return Page(np.arange(len(texts)), names, names, list(texts), [{} for _ in texts])


shop = "Buy now! " * 60
numbers = "12 33 45 $ 20 88 % 10 " * 20
letter = " ".join(
    f"On day {day} the cook wrote to her brother that the {thing} was ready, and that she would have to go home."
    for day, thing in enumerate(("soup", "bread", "lamp", "boat", "roof"))
)
verdicts = Gopher()(page_of(shop, numbers, letter, text())).reasons
for name, verdict in zip(("shop", "numbers", "letter", "yours"), verdicts, strict=True):
    print(f"{name:8} {verdict or 'kept'}")
lines = [
    "Home | News | Log in",
    "The harbour was full of ships. Two lost their masts.",
    "They were mended in May.",
    "More ...",
]
print(C4()(page_of("\n".join(lines))).texts[0])

# %% [markdown]
# ## Bad words, and what a list cannot do
#
# A list of words is a blunt tool. It drops insults. It also drops a text that speaks about insults. The program
# has no list of its own: you give one. A classifier that was trained on examples is finer (the step `score`).

# %%
from hornbook.corpus.steps.toxicity import BadWords
from hornbook.course import place

folder = place("bad-words")
folder.mkdir()
(folder / "words.txt").write_text("idiot\n", encoding="utf-8")
found = BadWords(str(folder / "words.txt"))(page_of("You idiot.", "Is it rude to say idiot? A study.", "Good morning."))
print(found.reasons)

# %% [markdown]
# ## Private data
#
# Addresses and numbers of people should not be learned. The step `pii` finds them by their form. Where there is
# a check digit, it looks at it: the second card number below is none, so it stays.

# %%
from hornbook.corpus.steps.pii import PersonalData

letters = page_of(
    "Write to maria@example.org or call +44 20 7946 0958.", "Cards: 4111 1111 1111 1111, 4111 1111 1111 1112."
)
for line in PersonalData()(letters).texts:
    print(line)

# %% [markdown]
# Names and streets have no form that a rule could know. They stay, unless you ask for a model that finds them.
#
# ## The mix
#
# A corpus has domains: web, books, code. How much of each should a model read? In the simplest mix each domain
# has its share of the text. A rule changes this. Let domain i have the size D_i. Its weight w_i is then
#
# - as-is: w_i = D_i / sum of all D
# - temperature T: w_i = D_i^(1/T) / sum. Small domains get more.
# - unimax: all alike, but none is read more than a few times
# - explicit: as you say

# %%
from hornbook.corpus.weights import PUBLISHED, shares

sizes = {"web": 900.0, "books": 90.0, "code": 10.0}
told = {"weights": {"web": 2.0, "books": 1.0, "code": 1.0}, "temperature": 2.0, "epochs": 4.0, "budget": 300.0}
for rule in ("as-is", "temperature", "unimax", "explicit"):
    found = shares(sizes, rule, **told)
    print(f"{rule:12}", ", ".join(f"{name} {share:.0%}" for name, share in found.items()))

# %% [markdown]
# A weight decides how often a text is read. GPT-3 read 300 billion tokens (Brown et al. 2020, table 2.2). Its
# corpus has 499 billion. So much of the web was never read, and Wikipedia was read more than once:

# %%
billions = {"commoncrawl": 410, "webtext2": 19, "books1": 12, "books2": 55, "wikipedia": 3}
published = {"commoncrawl": 0.44, "webtext2": 2.9, "books1": 1.9, "books2": 0.43, "wikipedia": 3.4}
print("billions of tokens in the corpus:", sum(billions.values()))
for name, share in PUBLISHED["gpt3"].items():
    passes = 300 * share / 100 / billions[name]
    print(f"{name:12} {share:3} %  {passes:.2f} times by these numbers, {published[name]} as published")
print("LLaMA-1:", ", ".join(f"{name} {share} %" for name, share in PUBLISHED["llama1"].items()))

# %% [markdown]
# The published shares are rounded: they add up to 101 %, and one of the numbers of passes does not fit them.
#
# A task that tutorials set is: compare the mixes of LLaMA 2, Mistral and Qwen. It cannot be done. We found no
# published shares for LLaMA 2 and Mistral: they are not disclosed. We know of none for Qwen. What is published
# is GPT-3's and LLaMA-1's, above. Be careful with numbers that you find elsewhere.
#
# ## The order
#
# Curriculum learning means an order from easy to hard. Three kinds are often named:
#
# | | setting here |
# |---|---|
# | short texts first | `mix.order=length` |
# | easy texts first | `mix.order=compression`, `rarity`, or a difficulty told by a small model |
# | the best text last | `mix.order=quality`, or `mix.late=encyclopedia=1` |
#
# Does it help? In the BabyLM challenges orders mostly did not (Warstadt et al. 2023). And the learning rate
# falls at the end of a run, so what comes last is learned in another way whatever the order. `hornbook study
# curriculum` tests an order against a shuffled one, its reverse, and more, with the same text. Let us order the
# paragraphs of your text:

# %%
import math
from collections import Counter

paragraphs = [part.split() for part in text().split("\n\n") if part.strip()]
often = Counter(word for part in paragraphs for word in part)
total = sum(often.values())
by = {
    "length": len,
    "rarity": lambda part: sum(math.log(total / often[word]) for word in part) / len(part),
}
for name, measure in by.items():
    order = sorted(range(len(paragraphs)), key=lambda number: measure(paragraphs[number]))
    print(f"{name:7} paragraphs in order: {order}")

# %% [markdown]
# ## A well-known training script
#
# A tutorial "pre-trains" on WikiText with a public model's tokenizer. Here is what its data goes through, in a
# few lines of ours.


# %% tutorial
# B-42: lines as texts, cut at 2,048, no padding token, and then the end as padding.
class Llama:  # a tokenizer of words without a padding token
    eos_token_id, pad_token_id = 2, None


def tokenize(texts, max_length=2048):
    return [[*[7] * len(line.split()), Llama.eos_token_id][:max_length] if line.strip() else [] for line in texts]


def collate(rows, pad):
    if pad is None:
        raise ValueError("there is no padding token")
    longest = max(map(len, rows))
    return [[-100 if token == pad else token for token in [*row, *[pad] * (longest - len(row))]] for row in rows]


article = ["", " = The mill = ", "", "The mill stands where the river turns .", "", "word " * 5000, ""]
rows = tokenize(article)
print("B-42 empty samples:", sum(not row for row in rows))
print("B-42 words lost of the long line:", f"{5000 - len(rows[5]):,}")
try:
    print("B-42 first batch:", len(collate(rows, Llama.pad_token_id)), "rows")
except ValueError as error:
    print("B-42 first batch:", type(error).__name__)
labels = collate(rows, Llama.eos_token_id)  # the usual advice: set the padding token to the end of text
ends = sum(row.count(Llama.eos_token_id) for row in rows)
print(f"B-42 ends of text that are learned: {sum(row.count(Llama.eos_token_id) for row in labels)} of {ends}")

# %% [markdown]
# - WikiText has one line after another, many of them empty. Each becomes a sample.
# - What is longer than 2,048 tokens is lost.
# - LLaMA's tokenizer has no padding token: the first batch fails.
# - With the end of text as padding, transformers' collator leaves all ends out of the labels. The model never
#   learns to stop.
# - And the script loads finished weights. That is no pre-training but more training of a trained model.
#
# Ours reads the file as documents (a long one becomes several), keeps every word, needs no padding token, and
# learns each end.

# %%
from tokenizers import Tokenizer, models, pre_tokenizers

from hornbook.corpus.read import read

folder = place("article")
folder.mkdir()
(folder / "wiki.txt").write_text("\n".join(article), encoding="utf-8")
documents = [document.text for document in read([str(folder / "wiki.txt")])]
print("B-42 empty samples:", sum(not document.strip() for document in documents))

entries = sorted({word for line in article for word in line.split()} | {"<unk>"})
raw = Tokenizer(models.WordLevel({word: number for number, word in enumerate(entries)}, "<unk>"))
raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
raw.add_special_tokens(["</s>"])  # the only special token
data = hb.collators.GPTPretraining(None, raw, 2048).prepare_data(documents)
word, end = raw.token_to_id("word"), raw.token_to_id("</s>")
print("B-42 words lost of the long line:", 5000 - int((data["input_ids"] == word).sum()))
print("B-42 first batch:", len(data["input_ids"]), "rows")
print(f"B-42 ends of text that are learned: {int((data['labels'] == end).sum())} of {len(documents)}")

# %% [markdown]
# The other settings of that script are common ones. Here they are as settings of this program:

# %%
recipe = hb.recipe(
    objective="causal",
    text="BOOK.txt",
    steps=100_000,
    settings={
        "training.optimizer": "adamw", "training.learning_rate": 2e-4, "training.warmup": 1000,
        "training.schedule": "cosine", "training.weight_decay": 0.1, "model.max_length": 2048,
        "training.micro_batch": 4, "training.batch_rows": 4 * 8,
    },
)  # fmt: skip
training = recipe.training
print(training.optimizer, training.learning_rate, training.warmup, training.schedule, training.weight_decay)
print("rows in a step:", training.batch_rows, "in parts of", training.micro_batch)

# %% [markdown]
# ## What was mended
#
# Each line: what is counted, the number of the tutorial's way, and the right one.

# %%
from hornbook.course.faults import mended

mended(7)

# %% exercise 7.1
# Two texts have the shingles {a, b, c, d} and {b, c, d, e}. What is their Jaccard similarity?
# solution
answer = jaccard(set("abcd"), set("bcde"))
check("7.1", answer)

# %% exercise 7.2
# Two domains have 900 and 100 million tokens. Which share of the mix has the small one at temperature 2?
# solution
answer = shares({"large": 900, "small": 100}, "temperature", **told)["small"]
check("7.2", answer)

# %% exercise 7.3
# A domain has 12 billion tokens and a weight of 8 %. A model reads 300 billion tokens. How often is the domain read?
# solution
answer = 300 * 0.08 / 12
check("7.3", answer)

# %% exercise 7.4
# For which of these models are the shares of its mix published: LLaMA-1, LLaMA-2 or Mistral? Answer with its name.
# solution
answer = "LLaMA-1"
check("7.4", answer)
