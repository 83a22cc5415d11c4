"""What tests of tokens agree on: the kinds of tokenizers that they train, and what these must provide."""

from hornbook.objectives.base import Requirements

KINDS = ("bpe", "wordpiece", "unigram")
NEEDS = Requirements(roles=("mask", "eos"), sentinels=5, modes=("[R]", "[S]"))
