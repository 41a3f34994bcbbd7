"""``python -m vitrail``: the command line, where the script ``vitrail`` is not on the path."""

from vitrail.service.cli import main

if __name__ == "__main__":
    main()
