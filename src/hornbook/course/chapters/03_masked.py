# %% [markdown]
# # 3 Masked: gaps in a text
#
# You learn how BERT hides words: which ones, what stands in their place, and what is scored. You see static and
# dynamic masking, and what really changed from BERT to RoBERTa. Then you meet eleven mistakes of well-known
# code.
#
# Time: 45 minutes.

# %%
import hornbook as hb
from hornbook.course import check, text

# %% [markdown]
# ## Fifteen in a hundred
#
# "The quick brown fox jumps over the lazy dog." Hide "quick" and "lazy". The model reads both sides of each gap
# and guesses the word. BERT does this with 15 % of the tokens. The loss counts the chosen places, called M, and
# nothing else. What the model reads is written x without M: all tokens but the hidden ones.
#
#     loss = - sum over i in M of  ln P(token i | x without M)
#
# Of the chosen places
#
# - 80 % show the mask token,
# - 10 % show a random word,
# - 10 % show the word itself.
#
# Why not always the mask? When the model is used later, there are no masks. So it must not rely on them: a word
# that is there may be wrong.
#
# :::corrupt kind=masked rate=0.15 mask_share=0.8 random_share=0.1

# %%
import numpy as np

from hornbook.batch import Rows
from hornbook.course.small import word_tokenizer
from hornbook.keys import row_keys
from hornbook.objectives.base import with_vocab
from hornbook.prepare.preview import preview

fox = "The quick brown fox jumps over the lazy dog"
tokenizer = word_tokenizer(fox + " cat sat mat mouse chasing")
vocab = tokenizer.vocab
cells = preview(fox, hb.objective("masked", rate=0.25), tokenizer, seed=2).sides[0].cells
print("reads ", " ".join(cell.reads for cell in cells))
print("says  ", " ".join(cell.says for cell in cells if cell.weight))

# %% [markdown]
# Count what 200,000 tokens show, to see the three shares. (A random word may happen to be the word itself.)

# %%
import torch

words = np.random.default_rng(0).choice(vocab.words, (1000, 200))
inputs, labels = hb.collators.mask_tokens(torch.tensor(words), vocab)
chosen = labels != -100
shown, original = inputs[chosen], labels[chosen]
print(f"chosen {chosen.float().mean():.1%}")
print(f"of these show the mask {(shown == vocab.mask).float().mean():.1%}")
print(f"of these show another word {((shown != vocab.mask) & (shown != original)).float().mean():.1%}")
print(f"of these show the word itself {(shown == original).float().mean():.1%}")

# %% [markdown]
# ## What is scored
#
# One tutorial's function returns a full copy of the row as labels. So the model is scored at every place. At
# most of them the right answer stands in front of it: it learns to copy. The function has a second fault: it
# writes the masks into the list that you gave it. And it masks padding too.

# %% tutorial
# B-9 and B-10: every place is scored, and the caller's list is changed.
import random


class Bert:  # the ids of BERT's tokenizer
    pad_token_id, unk_token_id, cls_token_id, sep_token_id, mask_token_id, vocab_size = 0, 100, 101, 102, 103, 30_522


def create_masked_lm_example(tokens, tokenizer, mask_prob=0.15):
    labels = tokens.copy()
    for place, token in enumerate(tokens):
        draw = random.random()
        if token in (tokenizer.cls_token_id, tokenizer.sep_token_id) or draw >= mask_prob:
            continue
        if draw < 0.8 * mask_prob:
            tokens[place] = tokenizer.mask_token_id
        elif draw < 0.9 * mask_prob:
            tokens[place] = random.randrange(tokenizer.vocab_size)
    return tokens, labels


random.seed(0)
row = [101, *range(2000, 2100), 102, *[0] * 18]  # [CLS], 100 words, [SEP], padding
mine = row.copy()
inputs, labels = create_masked_lm_example(mine, Bert())
print(f"B-9 places that are scored: {sum(label != -100 for label in labels) / len(row):.0%}")
changed = sum(new != old for new, old in zip(mine, row, strict=True))
print("B-10 places changed in the caller's list:", changed)
hidden = [create_masked_lm_example(row.copy(), Bert())[0][-18:].count(103) for _ in range(1000)]
print(f"B-10 padding shown as the mask, in 1,000 rows: {sum(hidden):,}")

# %%
row = [vocab.cls, *[int(word) for word in words[0, :100]], vocab.sep, *[vocab.pad] * 18]
mine = row.copy()
inputs, labels, places = hb.collators.create_masked_lm_example(mine, vocab)
print(f"B-9 places that are scored: {len(places) / 100:.0%}")
changed = sum(new != old for new, old in zip(mine, row, strict=True))
print("B-10 places changed in the caller's list:", changed)
hidden = 0
for seed in range(1000):
    inputs, labels, places = hb.collators.create_masked_lm_example(row, vocab, seed=seed)
    hidden += int((inputs[-18:] == vocab.mask).sum())
print("B-10 padding shown as the mask, in 1,000 rows:", hidden)

# %% [markdown]
# ## What must never be masked or drawn
#
# A collator of another tutorial protects three special tokens: [CLS], [SEP] and [PAD]. BERT has five: the
# unknown token and the mask itself may then be chosen, and the model is asked to guess "unknown". Its random
# words come from all ids of the vocabulary. So a random word may be [MASK] or [PAD].
#
# (Google's own code and transformers draw from all ids too; fairseq leaves special tokens out, as we do.)


# %% tutorial
# B-11, B-12 and B-15: two special tokens are forgotten, five may be drawn, and the input is written into.
class MLMDataCollator:
    def __init__(self, tokenizer, mlm_probability=0.15, mask_token_ratio=0.8, random_token_ratio=0.1):
        self.tokenizer, self.share = tokenizer, mlm_probability
        self.masked, self.random = mask_token_ratio, random_token_ratio
        self.special_tokens = {tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id}

    def mask_tokens(self, input_ids):
        special = torch.isin(input_ids, torch.tensor(list(self.special_tokens)))
        chosen = torch.bernoulli(torch.full(input_ids.shape, self.share).masked_fill(special, 0.0)).bool()
        masked = torch.bernoulli(torch.full(input_ids.shape, self.masked)).bool() & chosen
        rest = torch.bernoulli(torch.full(input_ids.shape, self.random / (1 - self.masked))).bool() & chosen & ~masked
        labels = input_ids.masked_fill(~chosen, -100)
        input_ids[masked] = self.tokenizer.mask_token_id
        input_ids[rest] = torch.randint(self.tokenizer.vocab_size, input_ids.shape)[rest]
        return input_ids, labels


bert = Bert()
special = {bert.pad_token_id, bert.unk_token_id, bert.cls_token_id, bert.sep_token_id, bert.mask_token_id}
collator = MLMDataCollator(bert)
print("B-11 kinds of special tokens that may be masked:", len(special - collator.special_tokens))
print(f"B-12 special tokens in a million random words: {1e6 * len(special) / bert.vocab_size:.0f}")
torch.manual_seed(0)
given = torch.arange(2000, 2100)[None]
collator.mask_tokens(given)
print("B-15 places changed in the caller's tensor:", int((given != torch.arange(2000, 2100)).sum()))

# %%
row = torch.tensor([[vocab.cls, vocab.unk, vocab.mask, *words[0, :40].tolist(), vocab.sep, vocab.pad]])
given = row.clone()
kinds = set()
for seed in range(200):
    inputs, labels = hb.collators.MLMDataCollator(vocab, 0.5, seed=seed).mask_tokens(given)
    kinds |= {int(label) for label in labels[labels >= 0] if vocab.special[label]}
print("B-11 kinds of special tokens that may be masked:", len(kinds))
print("B-12 special tokens in a million random words:", int(vocab.special[vocab.words].sum()))
print("B-15 places changed in the caller's tensor:", int((given != row).sum()))

# %% [markdown]
# ## Shares that break
#
# You may want to mask only, with no random words: a mask share of 1. The collator above divides by one minus
# that share. At 0.95 and 0.1 it asks for a probability of 2, which is an error too.

# %% tutorial
# B-13: a division by zero.
given = torch.arange(2000, 2100)[None]
try:
    shown = int((MLMDataCollator(bert, 0.15, 1.0, 0.0).mask_tokens(given)[0] == bert.mask_token_id).sum())
    print("B-13 words shown as the mask, of 100, at a mask share of 1:", shown)
except ZeroDivisionError as error:
    print("B-13 words shown as the mask, of 100, at a mask share of 1: 0,", type(error).__name__)

# %%
inputs, labels = hb.collators.MLMDataCollator(vocab, 0.15, 1.0, 0.0).mask_tokens(torch.tensor(words[:1, :100]))
print("B-13 words shown as the mask, of 100, at a mask share of 1:", int((inputs == vocab.mask).sum()))

# %% [markdown]
# ## Rows without a target
#
# If each token is chosen by a coin, a short row may get none at all. Its loss is then 0 divided by 0. The
# chance is 0.85 to the power of the number of words. Count rows of 8, 16 and 32 tokens, of which two are [CLS]
# and [SEP].

# %% tutorial
# B-14: many short rows have nothing to learn, and a batch of such a row has no loss.
import torch.nn.functional as F


def mlm_loss(logits, labels):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)


print("B-14 rows without a target, of 8, 16 and 32 tokens:", [f"{0.85 ** (size - 2):.1%}" for size in (8, 16, 32)])
nothing = torch.full((1, 8), -100)
print(f"B-14 loss of a row without a target: {mlm_loss(torch.zeros(1, 8, 50), nothing):.1f}")

# %% [markdown]
# BERT takes an exact number: 15 % of the row, rounded, and at least one. So do we. And a loss without targets
# is 0, not "not a number", so that it does no harm.

# %%
masked, empty = with_vocab(hb.objective("masked"), vocab), []
for size in (8, 16, 32):
    marks = np.full((500, 1), vocab.cls), np.full((500, 1), vocab.sep)
    framed = np.concatenate([marks[0], words[:500, : size - 2], marks[1]], axis=1)
    found = masked(Rows(framed, row_keys(0, np.arange(500), 0)))
    empty.append(f"{(found.weights.sum(axis=1) == 0).mean():.1%}")
print("B-14 rows without a target, of 8, 16 and 32 tokens:", empty)
print(f"B-14 loss of a row without a target: {hb.collators.mlm_loss(torch.zeros(1, 8, 50), nothing):.1f}")

# %% [markdown]
# ## Static and dynamic
#
# BERT's data was masked before training. RoBERTa draws new masks each time a text is read. This is called
# dynamic masking. But BERT's masks were not one per text: its code makes ten copies of the text, each with
# other masks. One tutorial tells it as one fixed mask.

# %% tutorial
# B-18: one masking for ever.
torch.manual_seed(0)
fixed = torch.bernoulli(torch.full((100,), 0.15))
print("B-18 maskings of one text in 20 epochs, as BERT has them:", len({tuple(fixed.tolist()) for epoch in range(20)}))


# %%
def maskings(static):
    maker = hb.collators.MLMDataCollator(vocab, static=static)
    found = set()
    for epoch in range(20):
        maker.set_epoch(epoch)
        found.add(tuple(maker([{"input_ids": words[0, :100].tolist()}])["labels"][0].tolist()))
    return len(found)


print("B-18 maskings of one text in 20 epochs, as BERT has them:", maskings(static=10))
print("as RoBERTa has them:", maskings(static=0))

# %% [markdown]
# ## New masks without a global seed
#
# One tutorial sets the seed of Python and of torch to the number of the epoch. Then the same places are masked
# in every text and on every machine. And dropout, which uses the same random numbers, repeats itself in each
# restart.


# %% tutorial
# B-16: the seed is the epoch.
class RoBERTaMLM:
    def create_epoch_data(self, texts, epoch):
        random.seed(epoch)
        torch.manual_seed(epoch)
        return torch.bernoulli(torch.full((len(texts), 100), 0.15)).bool()


before = torch.get_rng_state(), random.getstate()
here = RoBERTaMLM().create_epoch_data(["a text on this machine"], 3)
there = RoBERTaMLM().create_epoch_data(["another text on that machine"], 3)
print(f"B-16 masked places that two texts share: {(here & there).sum() / here.sum():.0%}")
changed = [not torch.equal(torch.get_rng_state(), before[0]), random.getstate() != before[1]]
print("B-16 global sources of random numbers that are changed:", sum(changed))

# %% [markdown]
# Ours draws from the seed, the text and the epoch. Two texts share masked places only by chance. Nothing global
# is touched. The same text has the same masks in any batch, on any machine, and after a restart.

# %%
from tokenizers import Tokenizer

generator = np.random.default_rng(0)
before = torch.get_rng_state(), random.getstate()
maker = hb.collators.RoBERTaMLM(Tokenizer.from_str(tokenizer.text))
texts = [" ".join(generator.choice(fox.split(), 100)) for _ in range(2)]
here, there = maker.create_epoch_data(texts, epoch=3)["labels"] != -100
print(f"B-16 masked places that two texts share: {(here & there).sum() / here.sum():.0%}")
changed = [not torch.equal(torch.get_rng_state(), before[0]), random.getstate() != before[1]]
print("B-16 global sources of random numbers that are changed:", sum(changed))

# %% [markdown]
# ## From BERT to RoBERTa
#
# Five changes are usually named. One of them is told wrongly: RoBERTa's rows are not longer than BERT's.

# %% tutorial
# B-17: "longer sequences".
print("B-17 longest row of RoBERTa:", "longer than 512")

# %%
from hornbook.model.sizes import SIZES

print("B-17 longest row of RoBERTa:", SIZES["roberta-base"].max_length)
print("longest row of BERT:", SIZES["bert-base"].max_length)

# %% [markdown]
# | | BERT | RoBERTa | here |
# |---|---|---|---|
# | masks | ten maskings of each text, made in advance | new ones each time | `static=10`, `static=0` |
# | rows | 128 tokens for 90 % of the steps, then 512 | 512 throughout | `model.max_length` |
# | batch | 256 rows | 8,000 rows | `training.batch_rows` |
# | pairs of texts | next sentence prediction | none | `nsp`, `masked` |
# | text and time | 16 GB, 1 million steps of 256 rows | 160 GB, 500,000 steps of 8,000 rows | your text, `--steps` |
#
# RoBERTa also changed the tokenizer: byte-level BPE with 50,000 entries instead of WordPiece with 30,000.
#
# ## Which words: other ways to choose
#
# Later models hide whole words, short runs of words, or spans. The share stays the same.

# %%
for style in ("exact", "iid", "whole_word", "ngram", "span"):
    objective = hb.objective("masked", rate=0.3, style=style, mask_share=1, random_share=0)
    side = preview(fox, objective, tokenizer, seed=5).sides[0]
    print(f"{style:11}", " ".join(cell.reads for cell in side.cells))

# %% [markdown]
# And on the beginning of your text: how many words does each row have, and how many of them are chosen?

# %%
yours = word_tokenizer(text()[:1500])
for share in (0.15, 0.3):
    counts = preview(text()[:1500], hb.objective("masked", rate=share), yours, seed=0).counts
    print(f"at {share:.0%}: {counts['scored positions']:.0f} of {counts['corpus tokens'] - 2:.0f} words")

# %% [markdown]
# ## Ask the right place
#
# To fill a gap, look at the model's answer at the place of the mask. One tutorial takes the last place. In "The
# cat sits on the [MASK]." the last place is not even the full stop: the tokenizer adds [SEP].

# %% tutorial
# B-40: the answer is read at the wrong place.
maker = Tokenizer.from_str(word_tokenizer("The cat sits on the mat.").text)
tokens = maker.encode("The cat sits on the [MASK].").tokens
place = len(tokens) - 1
print(f"B-40 place that is asked, and its token: {place}, {tokens[place]}")

# %%
place = tokens.index("[MASK]")
print(f"B-40 place that is asked, and its token: {place}, {tokens[place]}")

# %% [markdown]
# Now you can play: `hornbook play RUN` hides a word, you guess first, then the models of your runs say what
# they think. A famous sentence for it is "The [MASK] is chasing the mouse."

# %% [markdown]
# ## What was mended
#
# Each line: what is counted, the number of the tutorial's way, and the right one.

# %%
from hornbook.course.faults import mended

mended(3)

# %% exercise 3.1
# A row has 200 words. BERT chooses 15 %. Of the chosen, 80 % show the mask. How many masks do you expect to see?
# solution
answer = 200 * 0.15 * 0.8
check("3.1", answer)

# %% exercise 3.2
# Each of 10 words is chosen by a coin with probability 0.15. What is the chance that none is chosen?
# solution
answer = 0.85**10
check("3.2", answer)

# %% exercise 3.3
# A perfect model gives the right word the probability 0.9 at each chosen place. What is its loss, in nats?
# solution
answer = -np.log(0.9)
check("3.3", answer)
