"""Which metrics a PromQL expression reads (prometheus.io/docs/prometheus/latest/querying/basics). Pure.

Names are all that is asked for, so words are told apart and nothing is parsed: what a label matcher, a list
of labels, a text or a duration holds is taken out first.
"""

import re

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
_REMARK = re.compile(r"#[^\n]*")
_BRACES = re.compile(r"\{[^{}]*\}")
_RANGE = re.compile(r"\[[^\[\]]*\]")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w.:])[A-Za-z_:][\w:]*(?!\s*\(|[\w:])")
_KEYWORDS = {
    *(
        "and",
        "or",
        "unless",
        "bool",
        "offset",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
    ),
    *("inf", "nan", "start", "end", "atan2"),
}


def metrics_of(expression: str) -> frozenset[str]:
    """Empty where none is named: `{__name__=~"a.*"}`, `vector(1)`."""
    text = _REMARK.sub(" ", _TEXT.sub('""', expression))
    for pattern in (_BRACES, _RANGE, _LABELS):
        text = pattern.sub(" ", text)
    return frozenset(word for word in _WORD.findall(text) if word.lower() not in _KEYWORDS)


def asks_for_absence(expression: str) -> bool:
    """Whether nothing being there is what it waits for."""
    return bool(re.search(r"\babsent(?:_over_time)?\s*\(", expression))
