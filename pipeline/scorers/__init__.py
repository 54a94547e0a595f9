"""Scorers of every kind behind one protocol: what `ppaint predict` asks for predictions."""
