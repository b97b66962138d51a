"""Fitting what is learnt from labels."""
