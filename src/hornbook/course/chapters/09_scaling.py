# %% [markdown]
# # 9 Scaling and cost
#
# You learn what a training costs, how large a model should be for a budget, how far the published laws agree, and
# which common guides are only rules of thumb.
#
# Time: 60 minutes. Nothing is trained.

# %%
import math

import hornbook as hb
from hornbook.course import check, draw

# %% [markdown]
# ## Six operations for each parameter and token
#
# In training, each token costs each parameter about six floating-point operations (FLOPs): two in the forward pass, a
# multiplication and an addition, and twice as many in the backward pass. A model of N parameters that reads D tokens
# costs C = 6 · N · D.
#
# Loss falls with model size, with data and with compute, each as a power law, over many orders of magnitude. So small
# runs predict large ones, within limits.

# %%
models = {  # parameters, training tokens
    "GPT-3": (175e9, 300e9),
    "Gopher": (280e9, 300e9),
    "Chinchilla": (70e9, 1.4e12),
    "LLaMA 7B": (6.7e9, 1.0e12),
    "LLaMA 65B": (65.2e9, 1.4e12),
    "Llama 2 70B": (70e9, 2.0e12),
}
print("model         parameters   tokens   tokens/parameter       FLOPs")
for name, (parameters, tokens) in models.items():
    spent = hb.plan(params=parameters, tokens=tokens).spent
    print(f"{name:12} {parameters / 1e9:9.1f} G {tokens / 1e12:6.1f} T {spent['tokens_per_parameter']:13.1f}", end=" ")
    print(f"{spent['flops']:16.2e}")

# %% [markdown]
# Two notes on this table. GPT-3 was trained on 300 billion tokens; the 499 billion that are often named are those of
# the corpus it was drawn from (Brown et al. 2020, table 2.2). And of LLaMA, only the 33B and 65B models read 1.4
# trillion tokens; the smaller ones read 1.0.
#
# ## A slip in tutorials: Chinchilla's FLOPs
#
# A table of GPT-3 and Chinchilla that is passed around has 5.0e23 FLOPs for Chinchilla.

# %% tutorial
in_the_table = 5.0e23
computed = 6 * 70e9 * 1.4e12
print(f"in the table {in_the_table:.2e}, by 6 N D {computed:.2e}: {computed / in_the_table - 1:.0%} more")

# %% [markdown]
# The number in the table is that of another model, Gopher, which the paper sets beside Chinchilla. Here it is right:

# %%
print(f"Gopher      6 x 280e9 x 300e9  = {6 * 280e9 * 300e9:.2e}")
print(f"Chinchilla  6 x  70e9 x 1.4e12 = {computed:.2e}")

# %% exercise 9.1
# Chinchilla has a quarter of Gopher's parameters and read more. How many percent more FLOPs did its training take?
# solution
percent = 100 * (70e9 * 1.4e12 / (280e9 * 300e9) - 1)
check("9.1", percent)

# %% exercise 9.2
# GPT-3 has 175 billion parameters and read 300 billion tokens. How many FLOPs did its training take, by 6 N D?
# solution
flops = 6 * 175e9 * 300e9
check("9.2", flops)

# %% exercise 9.3
# How many tokens did it read for each parameter?
# solution
ratio = 300e9 / 175e9
check("9.3", ratio)

# %% [markdown]
# ## A budget of 1e24 FLOPs
#
# With a rule of 20 tokens for each parameter, D = 20 · N, so C = 120 · N².

# %% exercise 9.4
# How many parameters does the rule give a budget of 1e24 FLOPs?
# solution
parameters = math.sqrt(1e24 / 120)
check("9.4", parameters)

# %% exercise 9.5
# And how many tokens?
# solution
tokens = 20 * math.sqrt(1e24 / 120)
check("9.5", tokens)

# %% [markdown]
# Beside GPT-3: a budget that is three times as large would go into a model of half its size that reads six times as
# much.
#
# The rule of 20 is a rule of thumb. It comes from the first two of the three ways in which Hoffmann et al. (2022)
# looked at their runs. Here is what each known law and table says of the same budget.

# %%
print("law                    parameters   tokens   tokens/parameter  what it is")
for choice in hb.plan(flops=1e24).choices:
    size, tokens = choice.parameters, choice.tokens
    print(f"{choice.name:21} {size / 1e9:9.3f} G {tokens / 1e12:6.2f} T {tokens / size:13.1f}     {choice.mark}")

# %% [markdown]
# The same paper's third way, a fitted formula in full precision, says 62 tokens for each parameter and not 20.
# Besiroglu et al. (2024) fitted the paper's points anew, and got 18. So "20" stands on two of three ways and on a new
# fit of the third.
#
# ## A slip in tutorials: rounded coefficients
#
# The formula is L = E + A / N^α + B / D^β. The paper prints E = 1.69, A = 406.4, B = 410.7, α = 0.34, β = 0.28. Many
# notebooks compute with these.

# %% tutorial
A, B, alpha, beta = 406.4, 410.7, 0.34, 0.28
factor = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
rounded = factor * (1e24 / 6) ** (beta / (alpha + beta))
print(f"rounded: {rounded / 1e9:.1f} G parameters, {1e24 / 6 / rounded / rounded:.0f} tokens for each")

# %%
from hornbook.errors import UserError
from hornbook.scaling.laws import PUBLISHED, Law

size, tokens = PUBLISHED["hoffmann"].optimum(1e24)
print(f"full precision: {size / 1e9:.1f} G parameters, {tokens / size:.0f} tokens for each")
try:
    Law(1.69, 406.4, 410.7, 0.34, 0.28)
except UserError as error:
    print(error)

# %% [markdown]
# ## How flat the best is
#
# Along each curve the budget is 1e24 FLOPs: a larger model reads less. Near its lowest point a curve is flat. Half or
# double the best size costs little. The laws lie apart because their losses are of different texts and tokenizers:
# compare the places of the lowest points, never their heights.

# %%
from hornbook.charts.chart import Chart, Series
from hornbook.charts.scales import Axis

sizes = [10 ** (10 + step / 4) for step in range(9)]
curves = [Series(name, sizes, [law.loss(size, 1e24 / 6 / size) for size in sizes]) for name, law in PUBLISHED.items()]
draw(
    Chart(
        "Loss by model size, at 1e24 FLOPs",
        "Each law has its own text and tokenizer: only the places of the lowest points compare.",
        Axis("parameters", log=True),
        Axis("loss, nats per token of the law's own text"),
        tuple(curves),
    )
)

# %% [markdown]
# ## Text that is read again
#
# Good text runs out. Muennighoff et al. (2023) measured what repeats are worth: up to four readings nearly as much as
# new text, and later less and less. U tokens that are read E times count as U + U · R · (1 - e^(-(E - 1) / R)) new
# ones, with R = 15.4.

# %%
worth = 15.387756
for epochs in (1, 2, 4, 8, 16, 44):
    print(f"{epochs:3} readings count as {1 + worth * (1 - math.exp(-(epochs - 1) / worth)):6.3f} texts")

# %% exercise 9.6
# You have a billion tokens and read them 4 times. How many new tokens is that worth?
# solution
tokens = 1e9 * (1 + worth * (1 - math.exp(-3 / worth)))
check("9.6", tokens)

# %% [markdown]
# ## Time, money, memory
#
# - Time: C / (devices · useful FLOP per second of each). "Useful" is what `hornbook bench` measures. On large GPUs it
#   is often 30 to 50 % of what the maker prints: a rule of thumb.
# - Money: devices · hours · price of an hour.
# - Memory: AdamW in fp32 keeps four numbers of 4 bytes for each parameter (the weight, its gradient, two moments). That
#   is 16 bytes before any activation.
#
# `hornbook plan BOOK.txt --minutes 10` says it of a run of yours on this machine, before it runs.

# %% exercise 9.7
# How many days do 1,000 devices with 4e14 useful FLOP per second each need for 1e24 FLOPs?
# solution
days = 1e24 / (1000 * 4e14) / 86400
check("9.7", days)

# %% exercise 9.8
# How many gigabytes (1e9 bytes) do weights, gradients and both moments of 7 billion parameters take, with fp32 AdamW?
# solution
gigabytes = 16 * 7e9 / 1e9
check("9.8", gigabytes)

# %% [markdown]
# ## Guides by task and by size
#
# Two tables are copied from course to course: which objective for which task, and which for which size. Nobody who
# prints them prints an experiment beside them. Hornbook knows them as rules of thumb, and says so. Studies of yours
# below `runs` would stand beside them here.

# %%
for task in ("generation", "classify", "answer", "write", "few-shot", "general"):
    for line in hb.advise(task).lines:
        if "table of tasks" in line.by:
            print(f"{line.mark}: {line.says}")
print()
for line in hb.advise("generation").lines:
    if "table of sizes" in line.by:
        print(f"{line.mark}: {line.says}")

# %% [markdown]
# What Hornbook's own study of four objectives found (3 million parameters, one million tokens, five seeds):
#
# | the guide says | the study says |
# | --- | --- |
# | text generation: causal | causal 1.92 bits per byte, UL2 2.21, span 2.43: causal is better |
# | classification: masked or causal, fine-tuned | masked 58.8 %, causal 56.9 %: not told apart; counted words 65.7 % |
# | below 1 billion parameters: masked and fine-tuning | not shown: no two of the four are told apart on names |
#
# Published beside them: after pre-training alone, a causal decoder is best without examples (Wang et al. 2022, at 5
# billion parameters). Nothing of this says what your text and your budget will show. The next chapter does.
