"""Using a model: continue a text, fill masked positions, fill gaps. All on ids; text is the caller's.

Decoding     how the next token is chosen, as one value
generate     the continuation of each prompt          stream   the same, one step at a time
explain      the same of one prompt, with what each token was chosen from
fill         candidates for each mask                 unmask   a text for all masks, most certain first
"""

from __future__ import annotations

from hornbook.generate.autoregressive import Ended, Step, explain, generate, stream
from hornbook.generate.decoding import Decoding
from hornbook.generate.unmask import fill, unmask

__all__ = ["Decoding", "Ended", "Step", "explain", "fill", "generate", "stream", "unmask"]
