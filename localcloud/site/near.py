"""Which known name did somebody mean?"""

from collections.abc import Iterable
from difflib import SequenceMatcher

_ALIKE = 0.6
_NEARLY_AS_GOOD = 0.1


def near(word: str, known: Iterable[str]) -> list[str]:
    """The name that looks most like the word, and those that do so nearly as well; at most three.

    What both have in front of the first ``_`` says nothing: every setting of a role begins so.
    """
    scores = {name: _likeness(word, name) for name in known}
    best = max(scores.values(), default=0.0)
    least = max(_ALIKE, best - _NEARLY_AS_GOOD)
    return sorted((name for name in scores if scores[name] >= least), key=lambda n: -scores[n])[:3]


def _likeness(word: str, name: str) -> float:
    first, sign, rest = word.partition("_")
    start = f"{first}{sign}"
    if sign and rest and name.startswith(start):
        word, name = rest, name.removeprefix(start)
    return SequenceMatcher(None, word, name).ratio()
