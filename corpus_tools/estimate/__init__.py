"""Estimates from counts, scored passages and labels: a library of its own, for any classifier on any topic."""

from corpus_tools.estimate.anyone import prevalence
from corpus_tools.estimate.audit import Estimates, Questions, estimate_audit
from corpus_tools.estimate.plan import Allocation, allocate, labels_needed

__all__ = ["Allocation", "Estimates", "Questions", "allocate", "estimate_audit", "labels_needed", "prevalence"]
