# %% [markdown]
# # 8 Numbers
#
# You learn what a loss is worth.
#
# Time: 30 minutes.

# %%
import math

from hornbook.course import check, text

print(len(text()))

# %% exercise 8.1
# A model has a loss of 3.2 nats per token. What is its perplexity?
loss = 3.2
# solution
perplexity = math.exp(loss)
check("8.1", perplexity)
