"""What of a run's texts may be handed on: names without the folders around them, and signs that can be seen.

A path tells who works where, so of a path only the last name is shown. Characters that change how others are read, or
that nobody sees, are shown as signs: a name must not look like another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

# A path inside a sentence: from a root, a home or a drive on, up to the next quote, bracket or blank.
_PATH = re.compile(
    r"(?<![\w/<:])(?:~[\w.-]*|\.{1,2}|[A-Za-z]:)?[/\\](?:[^\s/\\\"'`,;()\[\]{}|]+[/\\])*([^\s/\\\"'`,;()\[\]{}|]*)"
)
_LISTED = frozenset({"weights", "late"})  # settings whose items are name=number, the name perhaps a path
_NAMED = {"\n": "\u21b5", "\t": "\u21e5", "\r": "\u240d"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # categories of characters that nobody sees


def base_name(path: str) -> str:
    """Return the last name of a path; built-in texts and objectives of one's own keep what tells them apart.

    >>> [base_name(path) for path in ("/home/ann/my book.txt", "builtin:docs", "hf://ann/set", "own.py:Mine", "a/")]
    ['my book.txt', 'builtin:docs', 'set', 'own.py:Mine', 'a']
    """
    whole = path.replace("\\", "/").rstrip("/")
    return whole.rpartition("/")[2] or path


def base_names(value: Any, key: str = "") -> Any:
    """Return settings with the base name of every path in them.

    >>> base_names({"paths": ["/a/b.txt"], "weights": ["/a/b.txt=2", "c=1"], "order": "source=/a/b.txt"})
    {'paths': ['b.txt'], 'weights': ['b.txt=2', 'c=1'], 'order': 'source=b.txt'}
    """
    if isinstance(value, Mapping):
        return {name: base_names(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [base_names(item, key) for item in value]
    if not isinstance(value, str):
        return value
    name, equals, number = value.rpartition("=")
    if key in _LISTED and equals:
        return f"{base_name(name)}={number}"
    field, equals, name = value.partition("=")
    if key == "order" and equals:
        return f"{field}={base_name(name)}"
    return base_name(value)


def paths_in(value: Any) -> set[str]:
    """Return the texts in a value that are paths, or begin with one as name=number does.

    >>> sorted(paths_in({"paths": ["/a/b.txt", "c.txt"], "weights": ["/d/e=0.5"], "order": "source=/f/g"}))
    ['/a/b.txt', '/d/e', '/f/g']
    """
    if isinstance(value, Mapping):
        return set().union(*map(paths_in, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(paths_in, value))
    if not isinstance(value, str) or not any(sign in value for sign in "/\\"):
        return set()
    return {part for part in value.split("=") if any(sign in part for sign in "/\\")}


def without_paths(sentence: str, *places: str) -> str:
    """Return a sentence with the base names of the paths in it: of `places`, and of whatever looks like one.

    >>> without_paths("The plan at /home/ann/runs/a/plan.json is damaged.")
    'The plan at plan.json is damaged.'
    >>> without_paths("There is no run in my runs/a b: 3 bits/byte.", "my runs/a b")
    'There is no run in a b: 3 bits/byte.'
    """
    for place in sorted(places, key=len, reverse=True):
        sentence = sentence.replace(place, base_name(place))
    return _PATH.sub(lambda found: found[1] or "/", sentence)


def visible(text: str) -> str:
    """Return a text with signs in place of characters that are not seen, or that turn the order of others.

    >>> visible("a\\u202eb\\x07c\\nd")
    'a<U+202E>b<U+0007>c\u21b5d'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _NAMED.get(sign, f"<U+{ord(sign):04X}>") if unicodedata.category(sign) in _HIDDEN else sign for sign in text
    )
