"""What the pages ask of models: words for a gap, texts, surprise, and a look inside.

    request, a frozen dataclass -> function(models, request) -> dicts that JSON can hold, one after another

requests   what is asked, and every dict that is yielded; loads no torch
models     the opened runs, by number
gaps       the masked word: every model over one list of words
chances    what one model gives words in a gap          proposals  the words that it would put there itself
writing    texts, token by token          surprise   how likely a text is          inside   embeddings, attention, judge
sentences  sentences with a gap

Each step of a generator is a small piece of computing, so that several take turns in one thread; none holds
`inference_mode`, autocast or a lock while it waits for its turn.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hornbook.app.spoken import requests
from hornbook.app.spoken.models import Models

# Of each address: what it asks for, and the function that answers, which is imported when it is asked.
ADDRESSES: Mapping[str, tuple[type, str]] = {
    "/api/gap": (requests.GapRequest, "gaps:gap"),
    "/api/sentences": (requests.SentencesRequest, "sentences:sentences"),
    "/api/write": (requests.WriteRequest, "writing:write"),
    "/api/surprise": (requests.SurpriseRequest, "surprise:surprise"),
    "/api/neighbours": (requests.NeighboursRequest, "inside:neighbours"),
    "/api/attention": (requests.AttentionRequest, "inside:attention"),
    "/api/judge": (requests.JudgeRequest, "inside:judge"),
    "/api/pair": (requests.PairRequest, "inside:pair"),
}


def events_of(address: str, models: Models) -> Callable[[Any], Iterator[Mapping[str, Any]]]:
    """Return the function from a request of an address to its events; torch is loaded when it is first asked."""
    module, _, name = ADDRESSES[address][1].partition(":")

    def events(request: Any) -> Iterator[Mapping[str, Any]]:
        answer = getattr(importlib.import_module(f"{__name__}.{module}"), name)
        yield from answer(models, request)

    return events
