r"""Tokens as a stack that is read from the front: arguments are taken from it, macros of the paper put back onto it.

Bounded for any source: what macros put back counts against a budget. When it is used up no macro is expanded any more,
and `exhausted` says so. A macro within itself is expanded NESTED times, not for ever. What is read ahead in vain, for
the end of an argument that has none, counts against another; when that is used up only short arguments are found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from hornbook.corpus.readers.papers.latex.tokens import BLANK_LINE, ENDS, MACRO_END

NESTED = 6  # times that a macro may stand within its own expansion
_FREE, _GROWTH = 200_000, 8  # the budget of any source, and how often a source may be put back in addition
_LETTERS = 16  # of a token, which cost as much as a token
_ARGUMENT = 200_000  # tokens of an argument
_OPTION = 400  # tokens of an argument in brackets
_BRACKETS = {"[": re.compile(r"[\[\]]"), "(": re.compile(r"[()]")}
_SHORT = 12  # tokens of either, once too much was read ahead in vain
_STOPS = ENDS | {BLANK_LINE}


class Macro(NamedTuple):
    """What a paper defines: how many arguments it takes, the first one's default, if that may be left out, its body."""

    arguments: int
    default: list[str] | None
    body: list[str]


@dataclass
class Stream:
    """The tokens that are left, last first, and the macros that are known; `fixed` are names of which none is made."""

    stack: list[str] = field(default_factory=list)
    macros: dict[str, Macro] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    budget: int = _FREE
    exhausted: bool = False
    ahead: int = _FREE
    _active: dict[str, int] = field(default_factory=dict)

    def put(self, tokens: list[str]) -> None:
        """Put a source's tokens before what is left; they are what the budget grows with."""
        self.budget += _GROWTH * _cost(tokens)
        self.ahead += 2 * len(tokens)
        self.stack.extend(reversed(tokens))

    def back(self, tokens: list[str]) -> None:
        """Put tokens back that were read."""
        self._pay(_cost(tokens))
        self.stack.extend(reversed(tokens))

    def _pay(self, cost: int) -> bool:
        self.budget -= cost + 1
        self.exhausted = self.exhausted or self.budget < 0
        return not self.exhausted

    def spaces(self, over_ends: bool = True) -> None:
        """Pass over blanks, as TeX does behind a command of letters; also where the ends of macros are between."""
        stack = self.stack
        while stack and stack[-1][0] in " \t\n\x00" and stack[-1] != BLANK_LINE:
            if stack[-1][0] == "\x00":
                if not over_ends or not stack[-1].startswith(MACRO_END):
                    return
                self.leave(stack.pop())
            elif rest := stack.pop().lstrip(" \t\n"):
                stack.append(rest)
                return

    def star(self) -> bool:
        """Take a star, if there is one."""
        stack = self.stack
        self.spaces()
        if not stack or stack[-1][0] != "*":
            return False
        if rest := stack.pop()[1:]:
            stack.append(rest)
        return True

    def option(self, opening: str = "[", closing: str = "]") -> list[str] | None:
        """Take an argument in brackets, if there is one; a bracket within braces does not end it."""
        stack = self.stack
        self.spaces()
        if not stack or stack[-1][0] != opening:
            return None
        held: list[str] = []
        depth = level = 0
        most = _OPTION if self.ahead > 0 else _SHORT
        while stack and len(held) < most and stack[-1] not in _STOPS:
            token = stack.pop()
            if token.startswith(MACRO_END):
                self.leave(token)
                continue
            if token == "{":
                depth += 1
            elif token == "}":
                depth -= 1
                if depth < 0:
                    held.append(token)
                    break
            elif depth == 0 and token[0] != "\\" and (opening in token or closing in token):
                for found in _BRACKETS[opening].finditer(token):
                    level += 1 if found[0] == opening else -1
                    if level == 0:
                        if rest := token[found.end() :]:
                            stack.append(rest)
                        if start := token[: found.start()]:
                            held.append(start)
                        self._pay(len(held))
                        return [held[0][1:], *held[1:]] if held and held[0] != opening else held[1:]
            held.append(token)
        self._in_vain(held)
        return None

    def argument(self) -> list[str] | None:
        """Take an argument: a group without its braces, or one letter or command. None where there is none."""
        stack = self.stack
        self.spaces()
        if not stack or stack[-1] in _STOPS or stack[-1] == "}" or stack[-1][0] == "\x00":
            return None
        token = stack.pop()
        if token != "{":
            if token[0] in "\\$&~#":
                return [token]
            if rest := token[1:]:
                stack.append(rest)
            return [token[0]]
        held: list[str] = []
        depth = 1
        most = _ARGUMENT if self.ahead > 0 else _SHORT
        while stack and len(held) < most:
            token = stack.pop()
            if token == "{":
                depth += 1
            elif token == "}":
                depth -= 1
                if depth == 0:
                    self._pay(len(held))
                    return held
            elif token in ENDS:
                stack.append(token)
                break
            elif token.startswith(MACRO_END):
                self.leave(token)
                continue
            held.append(token)
        self._in_vain(["{", *held])
        return None

    def _in_vain(self, tokens: list[str]) -> None:
        """Put back what was read ahead for an end that is not there."""
        self.ahead -= len(tokens)
        self.stack.extend(reversed(tokens))

    def skip(self, signature: str) -> None:
        """Pass over arguments: `*` a star, `o` in brackets, `d` in parentheses, `m` in braces."""
        for kind in signature:
            if kind == "*":
                self.star()
            elif kind == "o":
                self.option()
            elif kind == "d":
                self.option("(", ")")
            elif self.argument() is None:
                return

    def group(self) -> bool:
        """Take the opening brace of a group, if there is one."""
        self.spaces()
        if not self.stack or self.stack[-1] != "{":
            return False
        self.stack.pop()
        return True

    def expand(self, name: str, in_text: bool = True) -> bool:
        """Put the body of a macro in its place, with its arguments. False where this is none, or none that may be."""
        macro = self.macros.get(name)
        if macro is None or self.exhausted or self._active.get(name, 0) >= NESTED:
            return False
        values: list[list[str]] = []
        if macro.arguments and macro.default is not None:
            given = self.option()
            values.append(macro.default if given is None else given)
        while len(values) < macro.arguments:
            value = self.argument()
            values.append(value or [])
        if in_text and not macro.arguments and name[-1].isalpha():
            self.spaces(over_ends=False)  # else a macro that ends in itself is never within itself
        if not self._pay(_cost(macro.body) + _uses(macro.body, values)):
            return True
        tokens = _filled(macro.body, values)
        self._active[name] = self._active.get(name, 0) + 1
        self.stack.append(MACRO_END + name)
        self.stack.extend(reversed(tokens))
        return True

    def leave(self, mark: str) -> None:
        """Note that a macro's tokens are read to their end."""
        self._active[mark[len(MACRO_END) :]] -= 1


def _cost(tokens: list[str]) -> int:
    return sum(1 + len(token) // _LETTERS for token in tokens)


def _uses(body: list[str], values: list[list[str]]) -> int:
    """Return what the arguments cost in all their places."""
    costs = [_cost(value) for value in values]
    return sum(
        costs[int(token[1]) - 1]
        for token in body
        if token[0] == "#" and token[1:].isdigit() and int(token[1:]) <= len(costs)
    )


def _filled(body: list[str], values: list[list[str]]) -> list[str]:
    """Return a body with its arguments in their places; ## is a parameter of a macro that it defines."""
    held: list[str] = []
    for token in body:
        if token[0] != "#":
            held.append(token)
        elif token[:2] == "##":
            held.append(token[1:])
        elif token[1:] and int(token[1:]) <= len(values):
            held.extend(values[int(token[1:]) - 1])
    return held
