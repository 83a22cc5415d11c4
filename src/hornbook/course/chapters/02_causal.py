# %% [markdown]
# # 2 Causal: the next word
#
# You learn what a causal model is trained on, and you compute its loss by hand. Then you meet eight mistakes of
# well-known code: labels that are shifted twice, chunks that get lost, documents that leak into each other.
#
# Time: 45 minutes.

# %%
import hornbook as hb
from hornbook.course import check, text

# %% [markdown]
# ## One sentence, many questions
#
# A causal model reads from left to right. At each place it must say the next token. So one sentence gives as
# many questions as it has tokens. The loss is the sum over all places:
#
#     loss = - sum over t of  ln P(token t | all tokens before t)
#
# Read it aloud: at each place take the probability that the model gave to the right token, take its logarithm,
# and change the sign. A sure and right answer costs 0. A probability of one half costs ln 2 = 0.693 nats.
#
# :::corrupt kind=causal

# %% [markdown]
# ## The first token
#
# The formula begins with the first token: nothing stands before it. One tutorial lists the questions of "The
# cat sat on the mat" and leaves this one out. It also leaves out the end.

# %% tutorial
# B-8: the list begins with the second word, and the model never learns where a text begins or ends.
words = ["The", "cat", "sat", "on", "the", "mat"]
examples = [(words[:place], words[place]) for place in range(1, len(words))]
for context, target in examples:
    print(f"{' '.join(context):20} -> {target}")
print("B-8 questions in a text of 6 words:", len(examples))

# %% [markdown]
# With a start mark in front and an end mark behind, there is a question for each of the six words, and one for
# the end. The model learns how texts begin, and when to stop.

# %%
from hornbook.course.small import word_tokenizer
from hornbook.prepare.preview import preview

tokenizer = word_tokenizer("The cat sat on the mat")
picture = preview("The cat sat on the mat", hb.objective("causal"), tokenizer, seed=0)
context = []
for cell in picture.sides[0].cells:
    context.append(cell.reads)
    print(f"{' '.join(context):29} -> {cell.says}")
print("B-8 questions in a text of 6 words:", int(picture.counts["scored positions"]))

# %% [markdown]
# ## The loss by hand
#
# Let us make the smallest language model: it looks at one word only, and counts what followed it. In "the cat
# sat on the mat", "the" is followed once by "cat" and once by "mat". So P(cat | the) = 1/2. All other words
# have one follower, with probability 1.

# %%
import math
from collections import Counter
from itertools import pairwise

sentence = ["<s>", "the", "cat", "sat", "on", "the", "mat", "</s>"]
pairs = list(pairwise(sentence))
together, before = Counter(pairs), Counter(sentence[:-1])
nats = []
for first, second in pairs:
    share = together[first, second] / before[first]
    nats.append(math.log(1 / share))
    print(f"P({second} | {first}) = {share:.2f}   {nats[-1]:.4f} nats")
loss = sum(nats) / len(nats)
print(f"loss {loss:.4f} nats a token, perplexity {math.exp(loss):.4f}")

# %% [markdown]
# Perplexity is e to the power of the loss. It says among how many equally likely words the model is in doubt.
# Here it is 1.22: the model is nearly sure. Chapter 8 is about these numbers.
#
# ## Shift once
#
# Code must line up places and answers. Place 0 must say token 1. Somebody has to shift by one: the data, or the
# loss. If both do it, the model learns to skip a word.
#
# One tutorial's data set shifts. Another tutorial's loss shifts, and so does every `...ForCausalLM` of
# transformers. Put the two together and ask a perfect model, which knows the next token with certainty.

# %% tutorial
# B-4: the data is shifted, and causal_lm_loss shifts again.
import torch
import torch.nn.functional as F


def causal_lm_loss(logits, labels):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


row = torch.arange(10)[None]
inputs, labels = row[:, :-1], row[:, 1:]
oracle = 40.0 * F.one_hot(labels, 10).float()  # 40 for the next token, 0 for all others
print(f"B-4 loss of a perfect model: {causal_lm_loss(oracle, labels):.1f}")

# %% [markdown]
# The perfect model is punished with 40 nats at each place. Ours says which of the two it takes.

# %%
print(f"B-4 loss of a perfect model: {hb.collators.causal_lm_loss(oracle, labels, shifted=True):.1f}")
print(f"the same, with the row itself as labels: {hb.collators.causal_lm_loss(oracle, inputs):.1f}")

# %% [markdown]
# ## Chunks: where does the tail go?
#
# Texts are put one behind the other and cut into rows of equal length. One tutorial lets the rows begin at
#
#     range(0, len(tokens) - max_length, max_length)
#
# Count what is left of texts that fill 1, 2 and 10 rows exactly.


# %% tutorial
# B-1 and B-2: the last row is lost, and no document gets its start mark.
class GPTPretraining:
    def __init__(self, tokenizer, max_length=1024):
        self.tokenizer, self.max_length = tokenizer, max_length

    def prepare_data(self, texts):
        stream = []
        for document in texts:
            stream += [*self.tokenizer.encode(document), self.tokenizer.eos_token_id]
        starts = range(0, len(stream) - self.max_length, self.max_length)
        return [stream[start : start + self.max_length] for start in starts]


class Words:  # a tokenizer: each word is token 7
    bos_token_id, eos_token_id = 1, 2

    def encode(self, document):
        return [7] * len(document.split())


usual = GPTPretraining(Words())
print("B-1 rows kept of 1, 2 and 10:", [len(usual.prepare_data(["a " * (1024 * n - 1)])) for n in (1, 2, 10)])
two = GPTPretraining(Words(), 4).prepare_data(["a b c", "a b c", "a b c"])
print("B-2 start marks of 2 documents:", sum(row.count(Words.bos_token_id) for row in two))

# %% [markdown]
# A text of exactly one row gives nothing at all. And the comment above the tutorial's code promises a start
# mark, but the code adds none.
#
# Some tokenizers add marks by themselves: BERT's adds one at either end, LLaMA's one in front, GPT-2's none. So
# the same code gives other rows with another tokenizer. Ours keeps every token, pads the last row, and puts
# both marks itself.

# %%
from tokenizers import Tokenizer

raw = Tokenizer.from_str(tokenizer.text)
mine = hb.collators.GPTPretraining(None, raw)
kept = [len(mine.prepare_data(["cat " * (1024 * number - 2)])["input_ids"]) for number in (1, 2, 10)]
print("B-1 rows kept of 1, 2 and 10:", kept)
rows = hb.collators.GPTPretraining(None, raw, 16).prepare_data(["cat sat on", "the mat"])
print("B-2 start marks of 2 documents:", int((rows["input_ids"] == tokenizer.vocab.bos).sum()))

# %% [markdown]
# ## Documents in one row
#
# A row often holds the end of one document and the beginning of the next. In the usual code the second document
# reads the first one, and its first word is predicted from another text. Take documents of 5 and 7 tokens in
# one row, and count the pairs (who looks, where) that cross the border.

# %% tutorial
# B-3: one triangle over the whole row.
document = torch.tensor([1] * 5 + [2] * 7)
sees = torch.ones(12, 12).tril().bool()
print("B-3 looks into another document:", int((sees & (document[:, None] != document)).sum()))

# %%
import numpy as np

from hornbook.batch import Rows, allowed
from hornbook.keys import row_keys
from hornbook.objectives.base import with_vocab

causal = with_vocab(hb.objective("causal"), tokenizer.vocab)
numbers = document.numpy()[None].astype(np.int32)
batch = causal(Rows(np.full((1, 12), 7, np.int32), row_keys(0, np.zeros(1, np.int64), 0), numbers))
sees = allowed(batch.segments, batch.visible, 11, "decoder")[0]
print("B-3 looks into another document:", int((sees & (numbers[0, :11, None] != numbers[0, :11])).sum()))
print("places that are scored, of 11:", int(batch.count[0]))

# %% [markdown]
# Ten of eleven places are scored. The one that is left out would have predicted the first word of the second
# document from the end of the first. Starting the positions anew does not part documents: the mask must do it.
#
# ## Padding
#
# Short texts are filled up with padding. One tutorial's data set returns no attention mask, and its labels keep
# the padding. So the model is trained to say padding, most of the time. Long texts are cut off, and their rest
# is lost.


# %% tutorial
# B-5: padding is scored, and what is too long is thrown away.
class LanguageModelingDataset:
    def __init__(self, texts, tokenizer, max_length=512):
        self.texts, self.tokenizer, self.max_length = texts, tokenizer, max_length

    def __getitem__(self, idx):
        tokens = self.tokenizer.encode(self.texts[idx])[: self.max_length]
        tokens = torch.tensor(tokens + [0] * (self.max_length - len(tokens)))  # 0 is padding
        return tokens[:-1], tokens[1:]


usual = LanguageModelingDataset(["The cat sat on the mat", "cat " * 600], Words())
print("B-5 labels that are padding, of a text of 6 words:", int((usual[0][1] == 0).sum()))
print("B-5 words lost, of a text of 600:", 600 - int((usual[1][0] != 0).sum()) - 1)

# %% [markdown]
# 506 of 511 labels are padding. (And a tokenizer without a padding token, such as GPT-2's, refuses to pad at
# all.) Ours never scores padding, and a long text becomes several rows.

# %%
mine = hb.collators.LanguageModelingDataset(["The cat sat on the mat"], raw)
labels = mine[0]["labels"]
print("B-5 labels that are padding, of a text of 6 words:", int((labels == tokenizer.vocab.pad).sum()))
long = hb.collators.LanguageModelingDataset(["cat " * 600], raw)
said = sum(int((long[number]["labels"] >= 0).sum()) for number in range(len(long)))
print("B-5 words lost, of a text of 600:", 600 + 1 - said)  # each word and the end are predicted once

# %% [markdown]
# ## What does True mean?
#
# A mask is a table of True and False. For `torch.nn.MultiheadAttention`, True means "blocked". For
# `F.scaled_dot_product_attention`, True means "look". One tutorial's `create_causal_mask` returns the first
# kind and does not say so. Give it to the second function: each place now looks at the future alone.


# %% tutorial
# B-6: a mask of one kind, given to a function of the other kind.
def create_causal_mask(seq_len):
    return torch.ones(seq_len, seq_len).triu(1).bool()


def share_of_future(mask):
    size = len(mask)
    seen = F.scaled_dot_product_attention(torch.zeros(size, 4), torch.zeros(size, 4), torch.eye(size), attn_mask=mask)
    return float(seen[0, 1:].sum())  # each place's value names it, so what is seen is the share of each place


print(f"B-6 share of its look that the first place gives to the future: {share_of_future(create_causal_mask(6)):.0%}")

# %%
mask = hb.collators.create_causal_mask(6, true_means="attend")
print(f"B-6 share of its look that the first place gives to the future: {share_of_future(mask):.0%}")

# %% [markdown]
# ## The mean of means
#
# A large batch is often computed in parts, called micro-batches. Each part has its mean loss. If the parts have
# different numbers of tokens, the mean of the means is not the mean. Here the first part has 100 tokens with a
# loss of 2, the second has 50 tokens with a loss of 5.

# %% tutorial
# B-7: the mean of two means.
parts = [torch.full((100,), 2.0), torch.full((50,), 5.0)]
print(f"B-7 loss of a step of two parts: {sum(part.mean() for part in parts) / 2:.2f}")

# %% [markdown]
# The tokens of the short part count double. In batches of real rows the difference was 2.2 % when it was
# measured. Divide the sum of all nats by the number of all tokens. That is what the program does over
# micro-batches, processes and machines.

# %%
total = sum(len(part) for part in parts)
print(f"B-7 loss of a step of two parts: {sum(part.sum() for part in parts) / total:.2f}")

# %% [markdown]
# ## A training loop on your text
#
# Here is a whole causal model in few lines. It looks at one word only, as the counts did, but it learns by
# gradients. Watch its perplexity while it trains.

# %%
words = text()[:2000]
tokenizer = word_tokenizer(words)
ids = torch.tensor([[tokenizer.vocab.bos, *tokenizer.encode([words])[0].tolist(), tokenizer.vocab.eos]])
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Embedding(tokenizer.vocab.size, 32), hb.collators.CausalLMHead(32, tokenizer.vocab.size)
)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
perplexities = []
for step in range(61):
    loss = hb.collators.causal_lm_loss(model(ids), ids)
    if step % 20 == 0:
        perplexities.append(math.exp(loss.item()))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("perplexity falls at each look:", perplexities == sorted(perplexities, reverse=True))
print("at first it is about the size of the vocabulary:", perplexities[0] > tokenizer.vocab.size / 3)
print("at last it is below 5:", perplexities[-1] < 5)

# %% [markdown]
# The perplexity falls fast, because the model sees one short text again and again. It learns it by heart. Only
# text that it has never seen tells what it is worth. That is why `hornbook pretrain` keeps some documents back.
#
# With a model of your own, ask for the next words: `hornbook generate RUN "The cat sits on the"`.

# %% [markdown]
# ## What was mended
#
# Each line: what is counted, the number of the tutorial's way, and the right one.

# %%
from hornbook.course.faults import mended

mended(2)

# %% exercise 2.1
# A perfect model has the loss 0. A model that is in doubt between 2 words at each place has which loss, in nats?
# solution
answer = math.log(2)
check("2.1", answer)

# %% exercise 2.2
# Three documents of 10, 20 and 30 words are put into rows of 16 tokens, each with a start and an end mark. The last
# row is padded. How many rows are there?
# solution
answer = len(
    hb.collators.GPTPretraining(None, raw, 16).prepare_data(["cat " * 10, "cat " * 20, "cat " * 30])["input_ids"]
)
check("2.2", answer)

# %% exercise 2.3
# Two parts of a step: 300 tokens with a loss of 3.0 nats, 100 tokens with 1.0. Which loss has the step?
# solution
answer = (300 * 3.0 + 100 * 1.0) / 400
check("2.3", answer)
