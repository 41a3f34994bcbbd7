"""What Vitrail can be asked to do, whoever asks: the command line, a server, a program.

Operations take frozen dataclasses and return frozen dataclasses. They tell a ``Progress`` where
they are and look at a ``Cancellation`` whether to stop. They print nothing, read neither
environment nor standard input, and never guess whether a text is a path: doors do that.
"""
