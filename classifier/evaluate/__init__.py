"""How good a model is on labelled sets: scores, intervals, slices, baselines, hard cases, and the report.

This file is the public surface; `measure.py` shows the order of the work.
"""

from classifier.evaluate.measure import by_set, evaluate, pooled_error, run
from classifier.evaluate.report import table
from classifier.evaluate.scores import expected_calibration_error, macro_f1, sentiment_scores, topic_scores

__all__ = [
    "by_set",
    "evaluate",
    "expected_calibration_error",
    "macro_f1",
    "pooled_error",
    "run",
    "sentiment_scores",
    "table",
    "topic_scores",
]
