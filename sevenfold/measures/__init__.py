"""Did it help? One file an analysis: a typed question in, a typed answer out.

`ask(warehouse, question)` answers any question; `python -m sevenfold ask` and `POST /api/ask/{analysis}` are
made from the same registry, so a new analysis is one new file.
"""

from sevenfold.measures.answer import Answer, Caveat, Doubt, Estimate, Question, QuestionError
from sevenfold.measures.registry import Analysis, analysis, ask, find, names, question_from
from sevenfold.measures.saved import Saved, ask_saved, find_saved, read_saved

__all__ = [
    "Analysis",
    "Answer",
    "Caveat",
    "Doubt",
    "Estimate",
    "Question",
    "QuestionError",
    "Saved",
    "analysis",
    "ask",
    "ask_saved",
    "find",
    "find_saved",
    "names",
    "question_from",
    "read_saved",
]
