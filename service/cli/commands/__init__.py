"""The verbs of the command line, grouped as ``vitrail --help`` lists them."""
