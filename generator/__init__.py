"""Prompts in, images out, recipes kept."""

if __name__ != "vitrail.generator":  # found as a folder of the sources; a second copy of each class
    raise ImportError("generator is a folder of Vitrail's sources: import vitrail.generator")
