"""texts -> calibrated scores: the model, and how it is fitted, calibrated and evaluated."""

from corpus_tools.classifier.model import Classifier, load_classifier, score_texts

__all__ = ["Classifier", "load_classifier", "score_texts"]
