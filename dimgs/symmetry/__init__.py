"""Similarity, conserved quantities and symmetries of curves, trajectories and laws."""
