"""How far the probabilities of laws can be believed: calibration, and what is confirmed wrongly."""
