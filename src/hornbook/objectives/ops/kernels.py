"""Kernels: compiled counterparts of functions of arrays, each equal bit for bit to the numpy body that asks for it.

Only `hornbook.objectives.ops.compiled` imports this module, since it needs numba. A kernel has the name of its
function, and its shapes; it raises ValueError or IndexError for what it leaves to the numpy body, which then says what
is wrong. Floats are computed in the same order as there. Streams and flags come as arguments, and all kernels are in
one file, long as it is, because numba keeps compiled code until the file of the function changes, whatever else
changes: those of `hornbook.tokens` (order, keys, packing, copying) mix keys by the same inlined functions, and so stand
here as well.
Functions above 60 lines make whole rows in one pass: that is what is gained. Arguments have no types here: numba makes
code for those that come.

Shapes: B rows, T tokens of a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])
_kernel = cast(Callable[[Function], Function], numba.njit(cache=True, nogil=True, error_model="numpy"))
_int: Any = np.int64
_float: Any = np.float64
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)
_ONE, _27, _30, _31, _32 = (np.uint64(number) for number in (1, 27, 30, 31, 32))


@_kernel
def _copy(values, into, number):
    """Copy the first values; a loop, since assigning slices makes slower code."""
    for place in range(number):
        into[place] = values[place]


@_kernel
def _fill(into, begin, value):
    for place in range(begin, len(into)):
        into[place] = value


@_kernel
def _mix(z):
    """See `hornbook.keys.mix`."""
    z = (z ^ (z >> _30)) * _MIX_1
    z = (z ^ (z >> _27)) * _MIX_2
    return z ^ (z >> _31)


@_kernel
def _word(key, number, stream):
    """Return word `number`, from 0, of a stream; see `hornbook.keys.bits`."""
    return _mix(key + ((np.uint64(stream) << _32) + np.uint64(number) + _ONE) * _GOLDEN)


@_kernel
def _fold(key, part):
    """See `hornbook.keys.fold`."""
    return _mix((key ^ _mix(np.uint64(part) + _GOLDEN)) + _GOLDEN)


@_kernel
def _halves(into, key, stream):
    """Fill uint32[N] with the low and the high half of each word in turn; see `hornbook.keys.halves`."""
    for pair in range(len(into) // 2):
        word = _word(key, pair, stream)
        into[2 * pair] = np.uint32(word & _LOW)
        into[2 * pair + 1] = np.uint32(word >> _32)
    if len(into) % 2:
        into[-1] = np.uint32(_word(key, len(into) // 2, stream) & _LOW)


@_kernel
def _bits_for(count):
    bits = 0
    while (1 << bits) < count:
        bits += 1
    return bits


@_kernel
def _tickets(words, key, stream):
    """Fill uint32[T] or uint64[T] with different words: random bits, then the column; see `noise.exact`."""
    length = len(words)
    column_bits = _bits_for(length)
    if words.itemsize == 4:
        _halves(words, key, stream)
        mask = np.uint32((1 << 31) - (1 << column_bits))
        for column in range(length):
            words[column] = (words[column] & mask) | np.uint32(column)
    else:
        wide = (_ONE << np.uint64(63)) - (_ONE << np.uint64(column_bits))
        for column in range(length):
            words[column] = (_word(key, column, stream) & wide) | np.uint64(column)


@_kernel
def _upto(words, limit):
    """Return how many words are at most `limit`; LLVM makes vector code of this."""
    number = 0
    for place in range(len(words)):
        number += _int(words[place] <= limit)
    return number


@_kernel
def _limit(words, wanted, total, top):
    """Return a number that exactly `wanted` of the words, all different, do not exceed; `total` of them are below top.

    The words are uniform, so that interpolation finds it in a few looks; every second look halves the interval.
    """
    low, high = np.uint64(0), np.uint64(top) - _ONE  # it lies in [low, high]
    below, above = 0, total
    halve = False
    while True:
        if halve or above <= below:
            middle = low + ((high - low) >> _ONE)
        else:
            share = _float(wanted - below) / _float(above - below)
            middle = min(low + np.uint64(_float(high - low) * min(max(share, 0.0), 1.0)), high)
        halve = not halve
        found = _upto(words, words.dtype.type(middle))
        if found == wanted:
            return words.dtype.type(middle)
        if low >= high:
            raise ValueError("more are wanted than there are")
        if found < wanted:
            low, below = middle + _ONE, found
        else:
            high, above = middle, found


@_kernel
def exact(allowed, counts, keys, stream, words):
    """See `noise.exact`; `words` is room for a row's tickets."""
    rows, length = allowed.shape
    chosen = np.empty((rows, length), np.bool_)
    none = words.dtype.type(-1)
    top = _ONE << np.uint64(8 * words.itemsize - 1)
    for row in range(rows):
        if counts[row] <= 0:
            chosen[row] = False
            continue
        _tickets(words, keys[row], stream)
        free = 0
        for column in range(length):
            free += _int(allowed[row, column])
        for column in range(length):
            words[column] |= none * words.dtype.type(not allowed[row, column])
        limit = _limit(words, counts[row], free, top)
        for column in range(length):
            chosen[row, column] = words[column] <= limit
    return chosen


@_kernel
def _known(tokens, size):
    """Refuse tokens that a table of `size` ids does not have."""
    most = np.uint64(0)
    for row in range(tokens.shape[0]):
        for column in range(tokens.shape[1]):
            most = max(most, np.uint64(tokens[row, column]))
    if tokens.size and most >= np.uint64(size):
        raise IndexError("not in the vocabulary")


@_kernel
def candidates(tokens, segments, special):
    """See `noise.candidates`; segments without rows stand for none."""
    _known(tokens, len(special))
    free = np.empty(tokens.shape, np.bool_)
    rows, length = tokens.shape
    for row in range(rows):
        for column in range(length):
            free[row, column] = not special[np.uint64(tokens[row, column])]
    if len(segments):
        for row in range(rows):
            for column in range(length):
                free[row, column] &= segments[row, column] != 0
    return free


@_kernel
def bernoulli(allowed, bound, keys, stream):
    """See `noise.bernoulli`; `bound` float64[B] is the rate in steps of 2**-32."""
    rows, length = allowed.shape
    chosen = np.empty((rows, length), np.bool_)
    words = np.empty(length, np.uint32)
    for row in range(rows):
        most = bound[row]
        _halves(words, keys[row], stream)
        limit = np.uint32(max(most - 1.0, 0.0))
        some = most > 0.0
        for column in range(length):
            chosen[row, column] = (words[column] <= limit) & allowed[row, column] & some
    return chosen


@_kernel
def substitute(tokens, noise, keys, mask, hidden, replaced, words, units, stream):
    """See `rewrite.substitute`; `hidden` and `replaced` are bounds in steps of 2**-32, units may have no entries."""
    rows, length = tokens.shape
    inputs = tokens.copy()
    place = np.empty(length + 1, np.int64)
    number = np.uint64(len(words))
    below, upto = np.uint64(hidden), np.uint64(replaced)
    if below < upto and not len(words):
        raise IndexError("no words to draw from")
    seen = 0
    for row in range(rows):
        found = 0
        for column in range(length):
            place[found] = column
            found += _int(noise[row, column])
        if len(units) and seen + found > len(units):
            raise ValueError("not a unit for each token")
        for item in range(found):
            column = place[item]
            draw = _word(keys[row], column, stream)
            deciding = draw
            if len(units):
                unit = units[seen + item]
                deciding = _word(keys[unit // length], unit % length, stream)
            choice = deciding >> _32
            if choice < below:
                inputs[row, column] = mask
            elif choice < upto:
                inputs[row, column] = words[((draw & _LOW) * number) >> _32]
        seen += found
    return inputs


@_kernel
def words(tokens, segments, table, text, starts, ends, blank):
    """See `words.words`; `table` uint8[V] has the flags of each token, segments without rows stand for none."""
    _known(tokens, len(table))
    rows, length = tokens.shape
    free = np.empty((rows, length), np.bool_)
    begins = np.empty((rows, length), np.bool_)
    flags = np.empty(length, np.uint8)
    text, starts, both, white = np.uint8(text), np.uint8(starts), np.uint8(text | ends), np.uint8(blank)
    none = np.zeros(0, segments.dtype)
    for row in range(rows):
        for column in range(length):
            flags[column] = table[np.uint64(tokens[row, column])]
        for column in range(length):
            free[row, column] = (flags[column] & text) != 0
        if length:
            begins[row, 0] = True
        for column in range(1, length):
            begins[row, column] = ((flags[column] & starts) != 0) | ((flags[column - 1] & both) != text)
        if len(segments):
            for column in range(length):
                free[row, column] &= segments[row, column] != 0
            for column in range(1, length):
                begins[row, column] |= segments[row, column] != segments[row, column - 1]
        for column in range(length):
            begins[row, column] &= free[row, column]
        blanks = np.uint8(0)
        for column in range(length):
            blanks |= flags[column] & white
        if blanks:
            _join_blanks(begins[row], free[row], flags, white, segments[row] if len(segments) else none)
    return free, begins


@_kernel
def _join_blanks(begins, free, flags, white, segments):
    """See `words._join_blanks`, of one row."""
    length, start = len(begins), -1  # of a run of blanks before this column
    for column in range(length + 1):
        goes_on = 0 < column < length and free[column] and free[column - 1]
        if goes_on and len(segments):
            goes_on = segments[column] == segments[column - 1]
        if start >= 0 and goes_on:
            begins[column] = False
        elif start >= 0:
            fresh = start == 0 or not free[start - 1]
            begins[start] &= fresh or (len(segments) and segments[start] != segments[start - 1])
            start = -1
        here = column < length and free[column] and (flags[column] & white) != 0
        if not here:
            start = -1
        elif start < 0:
            start = column


@_kernel
def tile(begins, free, segments, lengths, keys, stream, shift):
    """See `words.tile`; `lengths` uint8[65536] has a length for each draw, segments without rows stand for none."""
    rows, length = begins.shape
    starts = np.empty((rows, length), np.bool_)
    place = np.empty(length + 1, np.int64)
    for row in range(rows):
        found = 0
        for column in range(length):
            place[found] = column
            found += _int(begins[row, column])
        if length:
            starts[row, 0] = begins[row, 0]
        for column in range(1, length):
            starts[row, column] = begins[row, column] & (not free[row, column - 1])
        if len(segments):
            for column in range(1, length):
                starts[row, column] |= begins[row, column] & (segments[row, column] != segments[row, column - 1])
        first, draw = 0, 0
        while first < found:
            word = _word(keys[row], draw // 2, stream)
            for half in (word & _LOW, word >> _32):
                if first < found:
                    starts[row, place[first]] = True
                    first += _int(lengths[half >> np.uint64(shift)])
            draw += 2
    return starts


@_kernel
def _sort(words, into, begins, top):
    """Sort words [N], uniform below `top` < 2**32 or so, into `into`: by a bucket for each, then by insertion.

    begins   int64[N + 1], to work in
    """
    number = len(words)
    scale = _float(number) / _float(top)
    begins[: number + 1] = 0
    for place in range(number):
        begins[min(_int(_float(words[place]) * scale), number - 1) + 1] += 1
    for place in range(number):
        begins[place + 1] += begins[place]
    for place in range(number):
        bucket = min(_int(_float(words[place]) * scale), number - 1)
        into[begins[bucket]] = words[place]
        begins[bucket] += 1
    for place in range(1, number):
        word, before = into[place], place - 1
        while before >= 0 and into[before] > word:
            into[before + 1] = into[before]
            before -= 1
        into[before + 1] = word


@_kernel
def choose(free, begins, counts, keys, cut, stream, words):
    """See `words.choose`: the mask and the units; `words` is room for a row's tickets."""
    rows, length = free.shape
    mask = np.zeros((rows, length), np.bool_)
    units = np.empty(rows * length, np.int64)
    place = np.empty(length + 1, np.int64)
    sizes = np.empty(length + 1, np.int64)
    taken = np.empty(length + 1, np.int64)  # how many tokens are taken of the unit that begins at a column
    tickets, lowest = np.empty(length + 1, words.dtype), np.empty(length + 1, words.dtype)
    order = np.empty(length + 1, words.dtype)
    buckets, owner = np.empty(length + 2, np.int64), np.empty(length + 1, np.int64)
    columns = (_ONE << np.uint64(_bits_for(length))) - _ONE
    top = _ONE << np.uint64(8 * words.itemsize - 1)
    given = 0
    for row in range(rows):
        wanted = counts[row]
        if wanted <= 0:
            continue
        found = 0
        for column in range(length):
            place[found] = column
            found += _int(begins[row, column] | (not free[row, column]))
        place[found] = length
        if found and place[0]:
            raise ValueError("the row begins inside a unit")
        _tickets(words, keys[row], stream)
        number, covered = 0, 0
        for edge in range(found):
            column = place[edge]
            taken[column] = 0
            sizes[column] = place[edge + 1] - column
            tickets[number] = words[column]
            here = _int(begins[row, column])
            covered += here * sizes[column]
            number += here
        if number == 0 or covered < wanted:
            raise ValueError("no units for what is wanted")
        looked = min(number, _int(wanted * number // covered + 28))
        while True:
            if looked < number:
                limit = _limit(tickets[:number], looked, number, top)
                kept = 0
                for unit in range(number):
                    lowest[kept] = tickets[unit]
                    kept += _int(tickets[unit] <= limit)
                _sort(lowest[:looked], order, buckets, np.uint64(limit) + _ONE)
            else:
                _sort(tickets[:number], order, buckets, top)
            left = wanted
            for unit in range(looked):
                column = _int(np.uint64(order[unit]) & columns)
                if sizes[column] <= left:
                    taken[column] = sizes[column]
                    left -= sizes[column]
                    if left == 0:
                        break
            if left == 0 or looked == number:
                break
            for unit in range(looked):
                taken[_int(np.uint64(order[unit]) & columns)] = 0
            looked = number
        if left > 0 and (cut or left == wanted):
            unit = 0
            while taken[_int(np.uint64(order[unit]) & columns)]:
                unit += 1
            column = _int(np.uint64(order[unit]) & columns)
            taken[column] = min(sizes[column], left) if cut else sizes[column]
        for unit in range(looked):
            column = _int(np.uint64(order[unit]) & columns)
            for here in range(column, column + taken[column]):
                mask[row, here] = True
                owner[here] = column
        found = 0
        for column in range(length):
            place[found] = column
            found += _int(mask[row, column])
        for item in range(found):
            units[given + item] = row * length + owner[place[item]]
        given += found
    return mask, units[:given].copy()


@_kernel
def causal(tokens, segments):
    """See `causal.Causal`: inputs, targets, weights, their sums, and the segments of inputs."""
    rows, length = tokens.shape[0], tokens.shape[1] - 1
    inputs, targets = np.empty((rows, length), tokens.dtype), np.empty((rows, length), tokens.dtype)
    weights, count = np.empty((rows, length), np.float32), np.empty(rows, np.float64)
    kept = np.empty((rows, length), segments.dtype)
    for row in range(rows):
        _copy(tokens[row], inputs[row], length)
        _copy(tokens[row, 1:], targets[row], length)
        _copy(segments[row], kept[row], length)
        own, scores = segments[row], weights[row]
        for column in range(length):
            here = (own[column] == own[column + 1]) & (own[column] != 0)
            scores[column] = np.float32(1.0) if here else np.float32(0.0)
        scored = 0
        for column in range(length):
            scored += _int(scores[column] != 0)
        count[row] = scored
    return inputs, targets, weights, count, kept


@_kernel
def _systematic(quota, cap, draw, rounded):
    """See `noise.systematic`: the quotas [D] of one row."""
    margin = _int(1 << 20)
    offset = min(max(_int(draw), margin), _int(1 << 32) - margin)
    running = _int(0)
    for document in range(len(quota)):
        fixed = min(_int(np.rint(quota[document] * 4294967296.0)), cap[document] << 32)
        rounded[document] = ((running + fixed + offset) >> 32) - ((running + offset) >> 32)
        running += fixed


@_kernel
def _by_size(wanted, size, draw, shares):
    """See `noise.by_size`: fill the shares [D] of the documents of a row; return whether they can hold all."""
    quota, total = np.empty(len(size), np.float64), _int(0)
    for document in range(len(size)):
        total += size[document]
    part = _float(min(wanted, total)) / _float(max(total, 1))
    for document in range(len(size)):
        quota[document] = part * _float(size[document])
    _systematic(quota, size, draw, shares)
    return total >= wanted


@_kernel
def _by_spans(wanted, spans, own_spans, cap, draw, shares):
    """See `noise.by_spans`: fill the shares [D] of the documents of a row; return whether they can hold all."""
    quota, room, shared, rest = np.empty(len(cap), np.float64), _int(0), 0.0, 0.0
    for document in range(len(cap)):
        room += cap[document]
    wanted_here = _float(min(wanted, room))
    part = wanted_here / _float(max(spans, 1))
    for document in range(len(cap)):
        quota[document] = min(part * _float(own_spans[document]), _float(cap[document]))
        shared += quota[document]
        rest += _float(cap[document]) - quota[document]
    left = (wanted_here - shared) / max(rest, 1e-9)
    for document in range(len(cap)):
        quota[document] += left * (_float(cap[document]) - quota[document])
    _systematic(quota, cap, draw, shares)
    return room >= wanted


@_kernel
def _share_out(lengths, tokens, spans, suffix, draws, own, own_spans):
    """See `noise._share_out`: fill noise tokens and spans of each document [D] of a row, if these can hold them."""
    number, cap = len(lengths), np.empty(len(lengths), np.int64)
    if suffix:
        for document in range(number):
            cap[document] = max(lengths[document] - 1, 0)
        enough = _by_size(tokens, cap, draws[0], own)
        for document in range(number):
            own_spans[document] = own[document] > 0
        return enough
    for document in range(number):
        cap[document] = lengths[document] // 2
    enough = _by_size(spans, cap, draws[0], own_spans)
    for document in range(number):
        cap[document] = lengths[document] - 2 * own_spans[document] if own_spans[document] > 0 else 0
    enough &= _by_spans(tokens - spans, spans, own_spans, cap, draws[1], own)
    for document in range(number):
        own[document] += own_spans[document]
    return enough


@_kernel
def _parts(draws, begin, length, parts, column_bits, words, starts):
    """Fill `starts` [parts] with the columns where the parts of a block begin, ascending; see `noise._block_starts`."""
    kind = words.dtype.type
    shift, low = kind(column_bits), kind((1 << column_bits) - 1)
    deep = kind(8 * words.itemsize - 32)
    factor = kind(length)
    for place in range(length):
        drawn = ((kind(draws[begin + place]) << deep) >> shift) * factor
        words[place] = (drawn & ~low) | kind(begin + place)
    words[0] = kind(begin)
    top = np.uint64(length) << np.uint64(8 * words.itemsize - column_bits)
    limit = _limit(words[:length], parts, length, top) if parts < length else words.dtype.type(-1)
    found = 0
    for place in range(length):
        starts[found] = begin + place
        found += _int(words[place] <= limit)


@_kernel
def _documents(segments, begins):
    """Fill `begins` with where the documents of a row [T] begin, and its text ends; return their number, and that."""
    length, real = len(segments), 0
    for column in range(length):
        real += _int(segments[column] != 0)
    covered = 0
    for column in range(real):
        covered += _int(segments[column] != 0)
    if covered < real:
        raise ValueError("text behind padding")
    documents = min(real, 1)
    begins[0] = 0
    for column in range(1, real):
        begins[documents] = column
        documents += _int(segments[column] != segments[column - 1])
    begins[documents] = real
    return documents, real


@_kernel
def spans(segments, tokens, spans, suffix, keys, stream, words):
    """See `noise.spans`: noise, kept_starts, noise_starts, rank, and which rows' documents were respected, bool[B].

    words   room for the places of a row
    """
    rows, length = segments.shape
    column_bits = max(_bits_for(length), 1)
    noise, respected = np.zeros((rows, length), np.bool_), np.ones(rows, np.bool_)
    kept_starts, noise_starts = np.empty(rows * length, np.int64), np.empty(rows * length, np.int64)
    rank = np.empty(rows * length, np.int64)
    draws = np.empty(length + 2, np.uint32)
    begins, lengths = np.empty(length + 1, np.int64), np.empty(length, np.int64)
    own, own_spans = np.empty(length, np.int64), np.empty(length, np.int64)
    kept, hidden = np.empty(length + 1, np.int64), np.empty(length + 1, np.int64)
    given = 0
    for row in range(rows):
        documents, real = _documents(segments[row], begins)
        if tokens[row] <= 0:
            continue
        if tokens[row] < spans[row] or spans[row] < 1 or tokens[row] + spans[row] > real:
            raise ValueError("more noise than a row holds")
        _halves(draws, keys[row], stream)
        for document in range(documents):
            lengths[document] = begins[document + 1] - begins[document]
        ends = bool(len(suffix)) and suffix[row]
        if documents > 1:
            respected[row] = _share_out(lengths[:documents], tokens[row], spans[row], ends, draws, own, own_spans)
        if documents == 1 or not respected[row]:
            begins[1], documents, own[0], own_spans[0] = real, 1, tokens[row], spans[row]
        for document in range(documents):
            parts, start, end = own_spans[document], begins[document], begins[document + 1]
            if parts == 0:
                continue
            middle = end - own[document]  # here the kept tokens end, if all of them came first
            _parts(draws[2:], start, middle - start, parts, column_bits, words, kept)
            _parts(draws[2:], middle, end - middle, parts, column_bits, words, hidden)
            kept[parts], hidden[parts], place = middle, end, row * length + start
            for part in range(parts):
                kept_starts[given], rank[given] = place, part
                place += kept[part + 1] - kept[part]
                noise_starts[given] = place
                column = place - row * length
                for number in range(column, column + hidden[part + 1] - hidden[part]):
                    noise[row, number] = True
                place += hidden[part + 1] - hidden[part]
                given += 1
    return noise, kept_starts[:given].copy(), noise_starts[:given].copy(), rank[:given].copy(), respected


@_kernel
def _lay(values, number, last, pad, into):
    """See `rewrite.lay`: one row."""
    _copy(values, into, number)
    _fill(into, number, pad)
    into[number] = last


@_kernel
def _finish(targets, segments, count, start, weights, before):
    """See `encoder_decoder.finish`: weights and decoder inputs of one row."""
    for column in range(len(weights)):
        weights[column] = np.float32(1.0) if column < count else np.float32(0.0)
    before[0] = start
    for column in range(1, len(before)):
        before[column] = targets[column - 1] if segments[column] == segments[column - 1] else start


@_kernel
def build(tokens, segments, noise, kept_starts, noise_starts, sentinels, reads, says, width, height, pad, eos, start):
    """See `encoder_decoder.build`: inputs, targets, weights, count, decoder inputs, and the segments of both sides."""
    rows, length = tokens.shape
    kind, number = tokens.dtype, segments.dtype
    inputs, targets = np.empty((rows, width), kind), np.empty((rows, height), kind)
    weights, count = np.empty((rows, height), np.float32), np.empty(rows, np.float64)
    before = np.empty((rows, height), kind)
    own, behind = np.empty((rows, width), number), np.empty((rows, height), number)
    shown, named = np.empty(length + 1, kind), np.empty(length + 1, kind)
    stays, said = np.empty(length + 1, np.bool_), np.empty(length + 1, np.bool_)
    first, second = np.empty(length + 1, kind), np.empty(length + 1, kind)
    left, right = np.empty(length + 1, number), np.empty(length + 1, number)
    span = 0
    for row in range(rows):
        own_tokens, own_segments, own_noise = tokens[row], segments[row], noise[row]
        _copy(own_tokens, shown, length)
        _copy(own_tokens, named, length)
        _copy(own_noise, said, length)
        real = 0
        for column in range(length):
            stays[column] = (not own_noise[column]) & (own_segments[column] != 0)
        for column in range(length):
            real += _int(own_segments[column] != 0)
        last = own_segments[max(real - 1, 0)]
        base = row * length
        while span < len(noise_starts) and noise_starts[span] < base + length:
            hidden, kept = noise_starts[span] - base, kept_starts[span] - base
            if min(hidden, kept) < 0 or kept >= length:
                raise ValueError("spans out of order")
            shown[hidden] = named[kept] = sentinels[span]
            stays[hidden] = said[kept] = True
            span += 1
        read, told = 0, 0
        for column in range(length):
            first[read], left[read] = shown[column], own_segments[column]
            second[told], right[told] = named[column], own_segments[column]
            read += _int(stays[column])
            told += _int(said[column])
        if read != reads[row] or told != says[row] or read >= width or told >= height:
            raise ValueError("other lengths than expected")
        some = _int(told > 0)
        _lay(first, read, eos if read else pad, pad, inputs[row])
        _lay(second, told, eos if some else pad, pad, targets[row])
        _lay(left, read, last, 0, own[row])
        _lay(right, told, last if some else 0, 0, behind[row])
        count[row] = told + some
        _finish(targets[row], behind[row], told + some, start, weights[row], before[row])
    if span < len(noise_starts):
        raise ValueError("spans out of order")
    return inputs, targets, weights, count, before, own, behind


@_kernel
def find_documents(segments):
    """See `noise.find_documents`: row, start, length, room and first."""
    rows, length = segments.shape
    starts, owner = np.empty(rows * length + 1, np.int64), np.empty(rows * length + 1, np.int64)
    first = np.empty(rows, np.int64)
    found = 0
    for row in range(rows):
        first[row] = found
        for column in range(length):
            if column == 0 or segments[row, column] != segments[row, column - 1]:
                if column > 0 and segments[row, column - 1] == 0:
                    raise ValueError("text behind padding")
                starts[found], owner[found] = row * length + column, row
                found += 1
    starts[found] = rows * length
    lengths, room = np.empty(found, np.int64), np.empty(found, np.int64)
    for place in range(found):
        lengths[place] = starts[place + 1] - starts[place]
        column = starts[place] - owner[place] * length
        room[place] = lengths[place] if segments[owner[place], column] != 0 else 0
    return owner[:found].copy(), starts[:found].copy(), lengths, room, first


@_kernel
def _sentences(flags, fresh, last, passed, opens, blank, starts):
    """Fill `starts` with the places where sentences begin, and return their number; see `sentences.sentence_starts`.

    flags   uint8[N] of the tokens
    fresh   bool[N], where documents begin
    """
    found, ended = 0, False
    for place in range(len(flags)):
        ended |= place > 0 and (flags[place - 1] & last) != 0
        begins = fresh[place]
        if ended and (fresh[place] or (flags[place] & passed) == 0):
            begins |= (flags[place] & opens) != 0 or (place > 0 and (flags[place - 1] & blank) != 0)
            ended = False
        starts[found] = place
        found += _int(begins)
    return found


@_kernel
def permute_sentences(tokens, documents, keys, table, last, passed, opens, blank, stream):
    """See `sentences.permute_sentences`; `documents` are the flat places where documents begin."""
    _known(tokens, len(table))
    rows, length = tokens.shape
    flags, fresh = np.empty(rows * length, np.uint8), np.zeros(rows * length, np.bool_)
    for row in range(rows):
        for column in range(length):
            flags[row * length + column] = table[np.uint64(tokens[row, column])]
    for document in range(len(documents)):
        fresh[documents[document]] = True
    starts = np.empty(rows * length + 1, np.int64)
    number = _sentences(flags, fresh, np.uint8(last), np.uint8(passed), np.uint8(opens), np.uint8(blank), starts)
    starts[number] = rows * length
    flat, moved = tokens.reshape(-1), np.empty(rows * length, tokens.dtype)
    draws, order = np.empty(number, np.uint64), np.empty(number, np.int64)
    row = 0
    for sentence in range(number):
        while starts[sentence] >= (row + 1) * length:
            row += 1
        draws[sentence] = _word(keys[row], starts[sentence] - row * length, stream) >> _32
    begin, place = 0, 0
    while begin < number:
        end = begin + 1
        while end < number and not fresh[starts[end]]:
            end += 1
        if end - begin > 64:
            order[begin:end] = begin + np.argsort(draws[begin:end], kind="mergesort")
        else:
            for sentence in range(begin, end):
                before = sentence - 1
                while before >= begin and draws[order[before]] > draws[sentence]:
                    order[before + 1] = order[before]
                    before -= 1
                order[before + 1] = sentence
        for item in range(begin, end):
            sentence = order[item]
            size = starts[sentence + 1] - starts[sentence]
            _copy(flat[starts[sentence] :], moved[place:], size)
            place += size
        begin = end
    return moved.reshape(rows, length)


@_kernel
def pair(source, companion, used, draws, table, last, passed, opens, blank, swaps, cls, sep, pad):
    """See `sentence_pairs.SentencePairs`: tokens, types, segments [B, T + 3] and the class of each pair."""
    _known(source, len(table))
    rows, length = source.shape
    tokens = np.empty((rows, length + 3), source.dtype)
    types, there = np.empty((rows, length + 3), np.int32), np.empty((rows, length + 3), np.int32)
    classes = np.zeros(rows, np.int32)
    flags = np.empty(max(length, companion.shape[1]), np.uint8)
    fresh, starts = np.zeros(len(flags), np.bool_), np.empty(len(flags) + 1, np.int64)
    fresh[:1] = True
    bits = np.uint8(last), np.uint8(passed), np.uint8(opens), np.uint8(blank)
    size = _int(len(table))
    for row in range(rows):
        for column in range(length):
            flags[column] = table[np.uint64(source[row, column])]
        found = _sentences(flags[:length], fresh[:length], bits[0], bits[1], bits[2], bits[3], starts)
        choices = 0
        while 1 + choices < found and starts[1 + choices] < used[row]:
            choices += 1
        draw = draws[row, 3] >> _32
        if choices:
            cut = starts[1 + _int((draw * np.uint64(choices)) >> _32)]
        else:
            cut = min(1 + _int((draw * np.uint64(max(used[row] - 1, 1))) >> _32), used[row])
        other = used[row] >= 2 and ((draws[row, 0] >> _32) * np.uint64(2)) >> _32 == _ONE
        rest = used[row] - cut
        first, length_first, second, both = _int(0), cut, cut, used[row]
        foreign = False
        if swaps:
            if other:
                first, length_first, second = cut, rest, _int(0)
        elif not len(companion):
            other = False
        else:
            end = 0
            for column in range(companion.shape[1]):
                token = _int(companion[row, column])
                end += _int(token >= 0)
                if token >= size:
                    raise IndexError("not in the vocabulary")
                flags[column] = table[max(token, 0)]
            width = companion.shape[1]
            found = _sentences(flags[:width], fresh[:width], bits[0], bits[1], bits[2], bits[3], starts)
            begin = starts[1] if found > 1 and starts[1] <= cut and starts[1] < end else _int(0)
            other &= end > 0
            foreign = other
            second = begin if other else cut
            both = cut + (min(rest, end - begin) if end > 0 else rest)
        classes[row] = other
        gap, stop = length_first + 1, both + 2
        if used[row] <= 0:
            _fill(tokens[row], 0, pad)
            _fill(types[row], 0, 0)
            _fill(there[row], 0, 0)
            continue
        tokens[row, 0], tokens[row, gap], tokens[row, stop] = cls, sep, sep
        _copy(source[row, first:], tokens[row, 1:], length_first)
        if foreign:
            for place in range(stop - gap - 1):
                tokens[row, gap + 1 + place] = max(companion[row, second + place], 0)
        else:
            _copy(source[row, second:], tokens[row, gap + 1 :], stop - gap - 1)
        _fill(tokens[row], stop + 1, pad)
        for column in range(length + 3):
            there[row, column] = column <= stop
        for column in range(length + 3):
            types[row, column] = (column > gap) & (column <= stop)
    return tokens, types, there, classes


@_kernel
def _infill_shares(lengths, hidden, spans, draws, own, own_spans):
    """See `bart._shared`: fill the hidden tokens and spans of each document [D] of one row, if these can hold them."""
    cap = np.empty(len(lengths), np.int64)
    _by_size(spans, lengths, draws[0], own_spans)
    for document in range(len(lengths)):
        cap[document] = lengths[document] if own_spans[document] > 0 else 0
    return _by_spans(hidden, spans, own_spans, cap, draws[1], own)


@_kernel
def infill(segments, hidden, spans, keys, streams):
    """See `bart._infilled`: starts, gone, the segment of each span, and which rows' documents were respected.

    streams   of shares, lengths and places
    """
    rows, length = segments.shape
    gone, respected = np.zeros((rows, length), np.bool_), np.ones(rows, np.bool_)
    total = 0
    for row in range(rows):
        total += spans[row]
    starts, belongs = np.empty(total, np.int64), np.empty(total, segments.dtype)
    begins, lengths = np.empty(length + 1, np.int64), np.empty(length, np.int64)
    own, own_spans = np.empty(length, np.int64), np.empty(length, np.int64)
    draws, falls, gaps = np.empty(2, np.uint32), np.empty(length, np.uint32), np.empty(length, np.uint32)
    sizes, place = np.empty(length, np.int64), np.empty(length, np.int64)
    given = 0
    for row in range(rows):
        documents, real = _documents(segments[row], begins)
        if spans[row] <= 0:
            if hidden[row] > 0:
                raise ValueError("hidden tokens without spans")
            continue
        if spans[row] > hidden[row] or hidden[row] > real:
            raise ValueError("more noise than a row holds")
        for document in range(documents):
            lengths[document] = begins[document + 1] - begins[document]
        if documents > 1:
            _halves(draws, keys[row], streams[0])
            respected[row] = _infill_shares(lengths[:documents], hidden[row], spans[row], draws, own, own_spans)
        if documents == 1 or not respected[row]:
            begins[1], documents, own[0], own_spans[0] = real, 1, hidden[row], spans[row]
        _halves(falls[: hidden[row]], keys[row], streams[1])
        _halves(gaps[: spans[row]], keys[row], streams[2])
        fallen, gap = 0, 0
        for document in range(documents):
            parts, start = own_spans[document], begins[document]
            sizes[:parts] = 0
            for item in range(fallen, fallen + own[document]):
                sizes[_int((np.uint64(falls[item]) * np.uint64(parts)) >> _32)] += 1
            fallen += own[document]
            choices = np.uint64(begins[document + 1] - start - own[document] + 1)
            for part in range(parts):
                drawn = _int((np.uint64(gaps[gap + part]) * choices) >> _32)
                other = part - 1
                while other >= 0 and place[other] > drawn:
                    place[other + 1] = place[other]
                    other -= 1
                place[other + 1] = drawn
            gap += parts
            covered = start
            for part in range(parts):
                starts[given] = row * length + place[part] + covered
                belongs[given] = segments[row, start] if respected[row] else 1
                for column in range(place[part] + covered, place[part] + covered + sizes[part]):
                    gone[row, column] = True
                covered += sizes[part]
                given += 1
    return starts, gone, belongs, respected


@_kernel
def mend(tokens, segments, shown, stays, starts, belongs, spans, reads, width, mask, pad, eos, start):
    """See `bart.BARTDenoising`: as `build`, for inputs with a mask for each span and targets that are the rows.

    tokens   of the rows, which targets say
    shown    the same as inputs show them, where `stays`
    """
    rows, length = tokens.shape
    kind, number = tokens.dtype, segments.dtype
    inputs, targets = np.empty((rows, width), kind), np.empty((rows, length + 1), kind)
    weights, count = np.empty((rows, length + 1), np.float32), np.empty(rows, np.float64)
    before = np.empty((rows, length + 1), kind)
    own, behind = np.empty((rows, width), number), np.empty((rows, length + 1), number)
    first, left = np.empty(2 * length + 1, kind), np.empty(2 * length + 1, number)
    span = 0
    for row in range(rows):
        real, own_segments, own_shown, own_stays = 0, segments[row], shown[row], stays[row]
        for column in range(length):
            real += _int(own_segments[column] != 0)
        read, column = 0, 0
        for mark in range(spans[row] + 1):
            last = mark == spans[row]
            stop = length if last else starts[span + mark] - row * length
            if stop < column or stop > length:
                raise ValueError("spans out of order")
            for place in range(column, stop):
                first[read], left[read] = own_shown[place], own_segments[place]
                read += _int(own_stays[place])
            column = stop
            if not last:
                first[read], left[read] = mask, belongs[span + mark]
                read += 1
        span += spans[row]
        if read != reads[row] or read >= width:
            raise ValueError("other lengths than expected")
        end = eos if real > 0 else pad
        final = segments[row, max(real - 1, 0)]
        _lay(first, read, end, pad, inputs[row])
        _lay(left, read, final, 0, own[row])
        _lay(tokens[row], real, end, pad, targets[row])
        _lay(own_segments, real, final, 0, behind[row])
        told = real + _int(real > 0)
        count[row] = told
        _finish(targets[row], behind[row], told, start, weights[row], before[row])
    return inputs, targets, weights, count, before, own, behind


@_kernel
def folded(first, second, seed):
    """See `order.folded`."""
    keys = np.empty(len(first), np.uint64)
    for place in range(len(first)):
        keys[place] = _fold(_fold(np.uint64(seed), first[place]), second[place])
    return keys


@_kernel
def permute(index, key, size, half, rounds):
    """See `hornbook.keys.permute`; `half`: bits of a side of the network."""
    folds, where = np.empty(rounds, np.uint64), np.empty(len(index), np.int64)
    shift, most = np.uint64(half), np.uint64(size)
    mask = (_ONE << shift) - _ONE
    for place in range(len(index)):
        value = np.uint64(index[place])
        if value >= most:
            raise ValueError("out of range")
        for turn in range(rounds):
            folds[turn] = _fold(key[place], turn)
        while True:
            left, right = value >> shift, value & mask
            for turn in range(rounds):
                left, right = right, left ^ (_mix(right ^ folds[turn]) & mask)
            value = (left << shift) | right
            if value < most:
                break
        where[place] = _int(value)
    return where


@_kernel
def _upto_sorted(values, wanted):
    """Return how many of ascending values are at most `wanted`."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] <= wanted:
            low = middle + 1
        else:
            high = middle
    return low


@_kernel
def pack(tokens, index, lengths, begins, starts, chosen, prefix, suffix, first_of, begin_of):
    """See `packing.PackedRows._pack`; `first_of` and `begin_of` are `first` and `begin` of the store."""
    rows, length, cycle = tokens.shape[0], tokens.shape[1], len(lengths)
    begin, first = np.empty(rows, np.int64), np.empty(rows, np.int64)
    pieces, total = 0, starts[-1]
    for row in range(rows):
        turn, kind = index[row] // cycle, index[row] % cycle
        begin[row] = turn * begins[-1] + begins[kind]
        if lengths[kind] != length or begin[row] < 0 or begin[row] >= total:
            raise ValueError("no row, or one of another length")
        first[row] = _upto_sorted(starts, begin[row]) - 1
        last, end = first[row], min(begin[row] + length, total)
        while starts[last] < end:
            last += 1
        pieces += last - first[row]
    segments = np.empty((rows, length), np.int32)
    part, source = np.empty(pieces, np.int64), np.empty(pieces, np.int64)
    count, at = np.empty(pieces, np.int64), np.empty(pieces, np.int64)
    piece = 0
    for row in range(rows):
        line, own, shift = tokens[row], segments[row], begin[row]
        end, place, number = min(shift + length, total), first[row], np.int32(0)
        while starts[place] < end:
            low, high = max(starts[place], shift), min(starts[place + 1], end)
            text, stop = starts[place] + len(prefix), starts[place + 1] - len(suffix)
            number += np.int32(1)
            for column in range(low - shift, high - shift):
                own[column] = number
            for where in range(low, min(text, high)):
                line[where - shift] = prefix[where - starts[place]]
            for where in range(max(stop, low), high):
                line[where - shift] = suffix[where - stop]
            start = max(low, text)
            if min(high, stop) > start:
                part[piece] = _upto_sorted(first_of, chosen[place]) - 1
                source[piece] = begin_of[chosen[place]] + start - text
                count[piece], at[piece] = min(high, stop) - start, row * length + start - shift
                piece += 1
            place += 1
        _fill(line, end - shift, 0)
        _fill(own, end - shift, 0)
    return segments, part[:piece], source[:piece], count[:piece], at[:piece]


@_kernel
def copy_pieces(into, tokens, wanted, part, source, count, at):
    """See `shards.TokenStore.copy_pieces`: fill in the pieces of part `wanted`, whose tokens these are."""
    for piece in range(len(part)):
        if part[piece] == wanted:
            begin, end, place, stop = source[piece], source[piece] + count[piece], at[piece], at[piece] + count[piece]
            if begin < 0 or end > len(tokens) or place < 0 or stop > len(into):
                raise IndexError("outside its part")
            _copy(tokens[begin:end], into[place:stop], count[piece])
    return True
