"""Using a model: continue a text, fill masked positions, fill gaps. All on ids; text is the caller's.

Decoding     how the next token is chosen, as one value
generate     the continuation of each prompt          stream   the same, one step at a time
fill         candidates for each mask                 unmask   a text for all masks, most certain first
read_spans   the text of each sentinel in an output of T5's form
"""

from __future__ import annotations

from hornbook.generate.autoregressive import Ended, generate, stream
from hornbook.generate.decoding import Decoding
from hornbook.generate.spans import read_spans
from hornbook.generate.unmask import fill, unmask

__all__ = ["Decoding", "Ended", "fill", "generate", "read_spans", "stream", "unmask"]
