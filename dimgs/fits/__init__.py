"""Estimators fitted on contrasts between runs; scikit-learn conventions throughout."""
