"""Encoders made better at one's own images; imported by nothing until it is asked for."""
