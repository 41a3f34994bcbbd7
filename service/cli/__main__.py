"""``python -m vitrail.service.cli``: the command line."""

from vitrail.service.cli import main

if __name__ == "__main__":
    main()
