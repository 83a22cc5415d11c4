"""A token store in memory, and its marks."""

import numpy as np

BOS, EOS, CLS = 900, 901, 902


class Memory:
    """A token store of lists, each document a part; token t of document d is 1000 (d + 1) + t."""

    def __init__(self, lengths):
        self.lengths = np.array(lengths, np.int64)
        self.documents = len(lengths)
        self.first, self.begin = np.arange(self.documents + 1), np.zeros(self.documents, np.int64)

    def copy(self, document, offset, count, into, at):
        self.copy_pieces(*self.places(document, offset), count, into, at)

    def places(self, document, offset):
        return document, offset

    def copy_pieces(self, part, source, count, into, at):
        assert ((source >= 0) & (source + count <= self.lengths[part])).all()
        for number, first, length, place in zip(part, source, count, at, strict=True):
            into[place : place + length] = 1000 * (number + 1) + first + np.arange(length)
