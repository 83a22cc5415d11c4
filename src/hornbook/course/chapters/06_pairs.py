# %% [markdown]
# # 6 Pairs of texts
#
# You learn how BERT and ALBERT look at two texts at once: does the second one follow the first, and are the two
# in order? You see why one task is easy and the other is not. And you meet four mistakes of well-known code.
#
# Time: 30 minutes.

# %%
import hornbook as hb
from hornbook.course import check, text

# %% [markdown]
# ## Two texts in one row
#
# "I like cats." and "They are cute." belong together. "I like cats." and "The sky is blue." do not. BERT puts
# two texts in one row and learns to tell:
#
#     [CLS] I like cats . [SEP] They are cute . [SEP]
#
# Half of the pairs are true, half have a random second text. The model gives P(is next | A, B). This is
# next-sentence prediction, NSP (Devlin et al. 2019). At the same time BERT guesses masked words in the whole
# row.
#
# ALBERT (Lan et al. 2020) takes two neighbours and swaps half of the pairs. The model says whether they are in
# order. This is sentence-order prediction, SOP.
#
# :::corrupt kind=sop short=0

# %% [markdown]
# ## Zero means yes
#
# Each pair has a class, 0 or 1. In BERT, in ALBERT and in transformers, 0 is the true pair: next, or in order.
# One tutorial has it the other way round. A model that was trained so, and is used as BERT's is, answers each
# question wrongly.

# %% tutorial
# B-37 and B-38: the classes are exchanged, and a random text may be the next one.
import random


class NSPDataCollator:
    def create_nsp_pair(self, sentence_a, sentence_b, all_sentences):
        if random.random() < 0.5:
            return sentence_a, sentence_b, 1
        return sentence_a, random.choice(all_sentences), 0


class SOPDataCollator:
    def create_sop_pair(self, sentence_a, sentence_b):
        return (sentence_a, sentence_b, 1) if random.random() < 0.5 else (sentence_b, sentence_a, 0)


random.seed(1)
likes, cute, sky = "I like cats.", "They are cute.", "The sky is blue."
pairs = [NSPDataCollator().create_nsp_pair(likes, cute, [sky]) for _ in range(100)]
orders = [SOPDataCollator().create_sop_pair(likes, cute) for _ in range(100)]
print("B-37 class of a text and its next one:", {label for _, second, label in pairs if second == cute})
print("B-37 class of two texts in order:", {label for first, _, label in orders if first == likes})
documents = [[f"Sentence {number} of document {name}." for number in range(4)] for name in "abc"]
everything = [sentence for document in documents for sentence in document]
drawn = [NSPDataCollator().create_nsp_pair(everything[0], everything[1], everything) for _ in range(20_000)]
random_ones = [second for _, second, label in drawn if label == 0]
same = sum("document a" in second for second in random_ones)
print(f"B-38 random texts that are of the same document: {same / len(random_ones):.0%}")

# %% [markdown]
# A random text of the same document is hardly random. It may even be the true next one, with the wrong class.
# Google's code draws another document. Ours too: give it the sentences of other documents, or let the objective
# do it.

# %%
pairs = [hb.collators.create_nsp_pair(likes, cute, [sky], seed) for seed in range(100)]
orders = [hb.collators.create_sop_pair(likes, cute, seed) for seed in range(100)]
print("B-37 class of a text and its next one:", {label for _, second, label in pairs if second == cute})
print("B-37 class of two texts in order:", {label for first, _, label in orders if first == likes})

# %%
import numpy as np

from hornbook.course.small import word_tokenizer

letters = "abcdefghijklmnopqrstuvwx"
vocab = word_tokenizer(" ".join(letters) + " .").vocab
stop = int(np.flatnonzero(vocab.ends_sentence)[0])
others = [int(word) for word in vocab.words if word != stop]
# Three documents with words of their own, four rows of each: two sentences of 8 words.
rows = []
for document in range(3):
    own = others[8 * document : 8 * document + 8]
    rows += [{"input_ids": [*own, stop, *own, stop], "document": document}] * 4
same, count, batches = 0, 0, 100
for seed in range(batches):
    batch = hb.collators.NSPDataCollator(vocab, short=0.0, seed=seed)(rows)
    for number in np.flatnonzero(batch["next_sentence_label"].numpy() == 1):
        second = batch["labels"][number].where(batch["labels"][number] >= 0, batch["input_ids"][number])
        second = second[batch["token_type_ids"][number] == 1]
        own = set(rows[number]["input_ids"]) - {stop}
        same += bool(own & set(second.tolist()))
        count += 1
print(f"B-38 random texts that are of the same document: {same / count:.0%}")
print(f"pairs that are random: {count / (batches * len(rows)):.0%}")

# %% [markdown]
# ## How long is a sentence?
#
# In BERT a "sentence" is a piece of text, as long as the row allows. In many tutorials it is one sentence. Then
# most of the row is padding, and the model never reads a long text. (One tenth of BERT's rows are short on
# purpose. And its rows of one piece always get a random partner, so a little more than half of its pairs are
# random.)

# %% tutorial
# B-39: one sentence each.
words = likes.replace(".", " .").split(), cute.replace(".", " .").split()
print("B-39 places that are used, of 128:", len(words[0]) + len(words[1]) + 3)

# %%
from hornbook.batch import Rows
from hornbook.keys import row_keys
from hornbook.objectives.base import with_vocab

nsp = with_vocab(hb.objective("nsp", short=0.0), vocab)
tokens = nsp.row_length(128)
generator = np.random.default_rng(0)
row, other = (generator.choice([*others, stop], (1, tokens)).astype(np.int32) for _ in range(2))
batch = nsp(Rows(row, row_keys(0, np.zeros(1, np.int64), 0), companion=other))
print("B-39 places that are used, of 128:", int((batch.segments > 0).sum()))

# %% [markdown]
# ## Which text is which?
#
# BERT adds a type to each token: 0 in the first text, 1 in the second. One tutorial puts both texts in one
# string, with [SEP] between them. The tokenizer does not know that these are two texts, and gives type 0
# everywhere.

# %% tutorial
# B-41: two texts as one string.
from tokenizers import Tokenizer

tokenizer = word_tokenizer(f"{likes} {cute} {sky}")
raw = Tokenizer.from_str(tokenizer.text)
print("B-41 types of the tokens:", raw.encode(likes + " [SEP] " + cute).type_ids)

# %%
print("B-41 types of the tokens:", raw.encode(likes, cute).type_ids)

# %% [markdown]
# ## Why NSP is easy
#
# A random text is often about something else. So a model can tell by the topic alone, without reading how one
# sentence leads to the next. RoBERTa left the task out and lost nothing. ALBERT's two sentences come from the
# same place: the topic says nothing about their order.
#
# Here is a rule that knows topics only: "B is next if it shares a long word with A". Try it on four small
# texts.

# %%
from itertools import pairwise

stories = [
    "The baker lights the oven. The oven is old and slow. A slow oven makes good bread. The bread is sold at six.",
    "A storm hit the harbour. The harbour was full of ships. Two ships lost their masts. The masts were mended.",
    "Maria plays the violin. Her violin is very small. A small child made it. The child lives next door.",
    "The train left late. A late train waits for nobody. Nobody was in the last carriage. The carriage was cold.",
]
parts = [[sentence.strip(" .") for sentence in story.split(". ")] for story in stories]


def topic_says_next(first, second):
    long_words = {word.lower() for word in first.split() if len(word) > 4}
    return any(word.lower() in long_words for word in second.split())


nsp_right, sop_right, asked = 0, 0, 0
for number, story in enumerate(parts):
    for first, second in pairwise(story):
        for stranger in (sentence for other in range(4) if other != number for sentence in parts[other]):
            nsp_right += topic_says_next(first, second) + (not topic_says_next(first, stranger))
            sop_right += topic_says_next(first, second) + (not topic_says_next(second, first))
            asked += 2
print(f"right by the topic alone: NSP {nsp_right / asked:.0%}, SOP {sop_right / asked:.0%}")

# %% [markdown]
# These texts are made for the purpose, so the first number is high. On real text the rule does worse, but a
# trained model knows more words.
#
# ## On your text

# %%
from hornbook.prepare.preview import preview

words = text()[:600]
yours = word_tokenizer(words)
picture = preview(words, hb.objective("sop", short=0.0), yours, seed=1)
for one in (picture, *picture.others):
    types = [cell.type for cell in one.sides[0].cells]
    print(f"{one.notes[0]}: {types.count(0)} tokens of type 0, {types.count(1)} of type 1")

# %% [markdown]
# ## What was mended
#
# Each line: what is counted, the number of the tutorial's way, and the right one.

# %%
from hornbook.course.faults import mended

mended(6)

# %% exercise 6.1
# In BERT and in transformers: which class has a pair whose second text really follows the first?
# solution
answer = 0
check("6.1", answer)

# %% exercise 6.2
# There are 5 documents of 10 sentences each. A "random" sentence is drawn from all 50. What is the chance that it is of
# the same document?
# solution
answer = 10 / 50
check("6.2", answer)

# %% exercise 6.3
# A row has 128 places: [CLS], the first text, [SEP], the second text, [SEP]. How many tokens of text does it hold?
# solution
answer = nsp.row_length(128)
check("6.3", answer)
