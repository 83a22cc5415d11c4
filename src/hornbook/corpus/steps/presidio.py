"""Personal data as Microsoft's presidio-analyzer finds it: what has a form in some country, and with a spaCy pipeline
names and places. Nothing is downloaded, so every process says the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hornbook.errors import UserError, nearest, needing

# spaCy holds a document with all that it knows of each word in memory, and refuses a million characters.
_WINDOW = 100_000
_ONLINE = {"EMAIL_ADDRESS", "URL"}  # these look for a list of domains in the network
_LANGUAGE = "en"


def find(text: str, entities: tuple[str, ...], model: str, certainty: float) -> list[tuple[int, int, str]]:
    """Return (first character, character after the last, entity in lower case) of what is found, without overlaps.

    Of two that overlap the more certain one counts, then the one that begins earlier, then the longer one.
    """
    analyzer = _analyzer(entities, model)
    kept: list[tuple[int, int, str]] = []
    for begin, window in _windows(text):
        found = analyzer.analyze(window, _LANGUAGE, entities=list(entities), score_threshold=certainty)
        found.sort(key=lambda item: (-item.score, item.start, -item.end, item.entity_type))
        taken: list[tuple[int, int, str]] = []
        for item in found:
            if all(item.end <= start or end <= item.start for start, end, _ in taken):
                taken.append((item.start, item.end, item.entity_type.lower()))
        kept += [(begin + start, begin + end, kind) for start, end, kind in sorted(taken)]
    return kept


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Cut a long text after line ends or blanks; yields where each part begins, and the part."""
    begin = 0
    while begin < len(text):
        end = begin + _WINDOW
        if end < len(text):
            end = (text.rfind("\n", begin, end) + 1) or (text.rfind(" ", begin, end) + 1) or end
        yield begin, text[begin:end]
        begin = end


@cache
def _analyzer(entities: tuple[str, ...], model: str) -> Any:
    """Return what finds these entities; raises UserError for one that it does not know."""
    with needing("pii.entities", "presidio"):
        import spacy
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # it tells of every recogniser that it leaves out
    engine = SpacyNlpEngine([{"lang_code": _LANGUAGE, "model_name": model}])
    if model and not (spacy.util.is_package(model) or Path(model).exists()):
        raise UserError(f"The spaCy pipeline '{model}' (pii.spacy_model) is not installed; install it or leave it out.")
    engine.nlp = {_LANGUAGE: spacy.load(model) if model else _words_alone(spacy)}
    registry = RecognizerRegistry(supported_languages=[_LANGUAGE])
    registry.load_predefined_recognizers(languages=[_LANGUAGE], nlp_engine=engine)
    if not model:
        registry.remove_recognizer("SpacyRecognizer")
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[_LANGUAGE])
    known = set(analyzer.get_supported_entities(_LANGUAGE)) - _ONLINE
    for entity in entities:
        if entity in _ONLINE:
            raise UserError(f"pii.entities cannot have {entity}, which asks the network; the kind email does not.")
        if entity not in known:
            why = "" if model else " Names and places need pii.spacy_model."
            raise UserError(f"pii.entities has '{entity}', which Presidio does not find.{why}{nearest(entity, known)}")
    return analyzer


def _words_alone(spacy: Any) -> Any:
    """Return a pipeline that only parts words; as their lemmas, by which Presidio reads context, it gives them."""
    pipeline = spacy.blank(_LANGUAGE)
    parted = pipeline.tokenizer

    def tokenizer(text: str) -> Any:
        document = parted(text)
        for token in document:
            token.lemma_ = token.lower_
        return document

    pipeline.tokenizer = tokenizer
    return pipeline
