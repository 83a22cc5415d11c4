# %% [markdown]
# # 5 Prefix, middle, UL2, diffusion, ELECTRA
#
# You learn five more ways to make a question out of a text. For UL2 you see how far the table of many tutorials
# is from the paper: six mistakes, each with its number.
#
# Time: 45 minutes.

# %%
import hornbook as hb
from hornbook.course import check, text

# %% [markdown]
# ## Prefix: read the beginning, write the rest
#
# A document is cut at a random place. The model reads what is before from both sides. It writes what is behind
# from left to right. Only what is behind is scored.
#
# :::corrupt kind=prefix

# %%
from hornbook.course.small import t5_vocabulary, word_tokenizer
from hornbook.objectives.base import with_vocab
from hornbook.prepare.preview import preview

mat = "The cat sat on the mat and the dog sat on the cat"
tokenizer = word_tokenizer(mat)
for seed in range(3):
    cells = preview(mat, hb.objective("prefix"), tokenizer, seed).sides[0].cells
    first = next(place for place, cell in enumerate(cells) if cell.weight)
    print("reads", " ".join(cell.reads for cell in cells[: first + 1]), "| writes", end=" ")
    print(" ".join(cell.says for cell in cells[first:]))

# %% [markdown]
# ## Fill in the middle
#
# A causal model can only go on at the end. But it can learn to fill gaps, if some texts are put in another
# order: first the beginning, then the end, then the middle (Bavarian et al. 2022). Three marks say which part
# is which. Nothing else changes: every token is still predicted from those before it.
#
# :::corrupt kind=fim rate=1 spm_share=0

# %%
for order, share in (("beginning, end, middle", 0.0), ("end, beginning, middle", 1.0)):
    cells = preview(mat, hb.objective("fim", rate=1.0, spm_share=share), tokenizer, 4).sides[0].cells
    print(f"{order}: {' '.join(cell.reads for cell in cells)}")

# %% [markdown]
# ## UL2: several denoisers take turns
#
# UL2 (Tay et al. 2022) mixes tasks. A token in front of each row names its kind:
#
# - R, regular: short spans, few of them, as in T5.
# - X, extreme: long spans, or many, or both.
# - S, sequential: the end of the text from its beginning.
#
# Many tutorials say that S means "short". Here is the paper's table beside that of the tutorials. Both are
# objectives of this program: `ul2` and `ul2-short`.
#
# :::corrupt kind=ul2

# %%
for kind in ("ul2", "ul2-short"):
    print(kind)
    for part in dict.fromkeys(hb.objective(kind).cycle):
        spans = f"spans of {part.mean_span:g}" if part.task == "spans" else "the end of the text"
        print(f"  {part.mode} {part.density:.0%} in {spans}")

# %% [markdown]
# ## The tutorial's collator
#
# Here is the well-known `UL2Collator` in a few lines of ours.

# %% tutorial
# B-31 to B-36: another S, one X, no corruption, a mode that is three tokens, other shares.
import random


class Plain:  # a tokenizer to which nobody has added [R]: it splits at each sign
    def encode(self, words):
        return [ord(sign) for sign in words]


class UL2Collator:
    DENOISERS = {
        "R": {"span_length": (3, 8), "noise_density": 0.15, "prefix": "[R]"},
        "S": {"span_length": (1, 3), "noise_density": 0.15, "prefix": "[S]"},
        "X": {"span_length": (12, 64), "noise_density": 0.5, "prefix": "[X]"},
    }

    def __init__(self, tokenizer):
        self.tokenizer, self.weights = tokenizer, {"R": 0.5, "S": 0.25, "X": 0.25}

    def apply_denoiser(self, input_ids, config):
        random.randint(*config["span_length"])  # a length is drawn, and never used
        inputs = self.tokenizer.encode(config["prefix"]) + input_ids
        return inputs, targets


usual = UL2Collator(Plain())
short, extreme = usual.DENOISERS["S"], usual.DENOISERS["X"]
print("B-31 pieces that S hides in 512 tokens:", int(512 * short["noise_density"] / 2))
print("B-32 (span, density) of X:", [(sum(extreme["span_length"]) / 2, extreme["noise_density"])])
try:
    usual.apply_denoiser(list(range(100)), usual.DENOISERS["R"])
except NameError as error:
    print("B-33 tokens that R hides, of 100: 0,", type(error).__name__)
print("B-34 tokens of the mode [R]:", len(usual.tokenizer.encode("[R]")))
print("B-35 rows of R, S and X:", [f"{share:.0%}" for share in usual.weights.values()])
print(f"B-36 share of the text that S hides: {short['noise_density']:.0%}")

# %% [markdown]
# - B-31: S is sequential. It hides one piece, the end of the text. The tutorial's S hides many short spans.
# - B-32: the paper's X has four settings, and its R has two. The tutorial has one X.
# - B-33: the function hides nothing, and returns a name that does not exist. It also calls a `_collate` that
#   nobody wrote.
# - B-34: "[R]" must be one token. As text it is three: a bracket, an R, a bracket.
# - B-35: the shares of the tutorial are in no paper. The released code takes its seven denoisers alike. Users of
#   that code, and UL2R here, take 40 % R, 20 % S and 40 % X.
# - B-36: there are two official S: the last quarter of the text (the paper's table), or everything behind a
#   random place, half of the text on average (the paper's code). Both are here.

# %%
import numpy as np

from hornbook.batch import Rows
from hornbook.keys import row_keys

t5 = t5_vocabulary()


def rows_of(length, number=1):
    tokens = np.tile(np.arange(1000, 1000 + length, dtype=np.int32), (number, 1))
    return Rows(tokens, row_keys(0, np.arange(number), 0))


def hidden(part, length, number=1):
    """Return bool[number, length]: which tokens of the text the encoder does not see."""
    read = part(rows_of(length, number)).inputs
    return np.array([~np.isin(np.arange(1000, 1000 + length), line) for line in read])


paper = with_vocab(hb.objective("ul2", modes=()), t5)
suffix = next(part for part in paper.denoisers if part.task == "suffix")
other = with_vocab(hb.objective("ul2", sequential="split", modes=()), t5)
split = next(part for part in other.denoisers if part.task == "split")
gone = hidden(suffix, 512)[0]
print("B-31 pieces that S hides in 512 tokens:", int((np.diff(gone.astype(int), prepend=0) == 1).sum()))
named = hb.objective("ul2")
print("B-32 (span, density) of X:", [(part.mean_span, part.density) for part in named.denoisers if part.mode == "[X]"])
print("B-33 tokens that R hides, of 100:", int(hidden(paper.denoisers[0], 100).sum()))
print("B-34 tokens of the mode [R]:", len(tokenizer.encode_prompt("[R]")))


def shares(objective):
    modes = [part.mode for part in objective.cycle]
    return [f"{modes.count(mode) / len(modes):.0%}" for mode in ("[R]", "[S]", "[X]")]


print("B-35 rows of R, S and X:", shares(named))
print("of UL2R:", shares(hb.objective("ul2r")))
print(f"B-36 share of the text that S hides: {hidden(suffix, 512).mean():.0%} or {hidden(split, 512, 200).mean():.0%}")

# %% [markdown]
# The lengths of the denoisers' rows, for 512 places of the encoder. They are those of T5's helper for span
# corruption. In one case that helper is wrong: at 128 places, with spans of 64, it forgets that there is always
# one span. Its row would need 129 places.

# %%
print(f"{'places':>6} {'span':>4} {'density':>7} {'tokens':>6} {'read':>5} {'written':>7} {'hidden':>6} {'spans':>5}")
settings = [(512, mean, density) for mean in (3, 8, 64) for density in (0.15, 0.5)]
for places, mean, density in (*settings, (512, 32, 0.15), (128, 64, 0.15)):
    part = hb.objective("span", mean_span=mean, density=density)
    tokens = part.row_length(places)
    read, written, spans = part.lengths(tokens)
    print(f"{places:6} {mean:4} {density:7.0%} {tokens:6} {read:5} {written:7} {written - spans - 1:6} {spans:5}")

# %% [markdown]
# ## Diffusion: any share of masks
#
# A masked model always hides 15 %. A diffusion model hides any share, from nearly nothing to everything. So it
# learns to write a text from masks alone: fill some, look again, fill more. Each row draws its share p. Each
# hidden word counts 1 / p, so that rows with few masks are not forgotten. With these weights, the loss is a
# bound on the loss of the whole text (Nie et al. 2025; Sahoo et al. 2024).
#
# :::corrupt kind=diffusion

# %%
for seed in range(4):
    cells = preview(mat, hb.objective("diffusion"), tokenizer, seed).sides[0].cells
    weights = {f"{cell.weight:.2f}" for cell in cells if cell.weight}
    print(f"weight {', '.join(sorted(weights)) or '-':>5}: {' '.join(cell.reads for cell in cells)}")

# %% [markdown]
# ## ELECTRA: find the fake
#
# A small model, the generator, fills gaps. The large model reads the filled text. For each word it says
# "original" or "replaced" (Clark et al. 2020). So it learns from all words and not from 15 % of them. If the
# generator happens to find the right word, that counts as original.
#
# :::corrupt kind=replaced
#
# Of the generator's words 85 % show the mask and 15 % themselves, none a random word. The two losses are added:
# that of the large model counts 50 times.

# %%
picture = preview(mat, hb.objective("replaced", rate=0.3), tokenizer, seed=0)
for side in picture.sides:
    print(f"{side.name}: {sum(cell.weight > 0 for cell in side.cells)} of {len(side.cells)} places are scored")
replaced = hb.objective("replaced")
print("width of the generator, as a share of the large model's:", replaced.generator_width)
print("share of its words that show the mask:", replaced.mask_share, "weight of the large model's loss:", end=" ")
print(replaced.discriminator_weight)

# %% [markdown]
# ## On your text
#
# How much of the beginning of your text does each objective score?

# %%
words = text()[:1500]
yours = word_tokenizer(words)
for kind in ("prefix", "fim", "ul2", "diffusion", "replaced"):
    picture = preview(words, hb.objective(kind), yours, seed=3)
    scored = sum(cell.weight > 0 for cell in picture.sides[-1].cells)
    print(f"{kind:10} scores {scored:4} places for {picture.counts['corpus tokens']:.0f} tokens")

# %% [markdown]
# ## What was mended
#
# Each line: what is counted, the number of the tutorial's way, and the right one.

# %%
from hornbook.course.faults import mended

mended(5)

# %% exercise 5.1
# UL2's S hides the last quarter of the text. A row has 512 tokens. How many does the decoder write, with the end mark?
# solution
answer = 512 // 4 + 1
check("5.1", answer)

# %% exercise 5.2
# A diffusion model's row is masked with probability 0.25. How much does each hidden word count?
# solution
answer = 1 / 0.25
check("5.2", answer)

# %% exercise 5.3
# A document of 5 words stands between <s> and </s>. Fill-in-the-middle adds its marks. How many tokens has the row now?
# solution
answer = 5 + 2 + 3
check("5.3", answer)

# %% exercise 5.4
# UL2's seven denoisers take turns. Two of them are R, one is S, four are X. Which share of the rows is X?
# solution
answer = 4 / 7
check("5.4", answer)
