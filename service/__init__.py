"""What people touch: the command line."""

if __name__ != "vitrail.service":  # found as a folder of the sources; a second copy of each class
    raise ImportError("service is a folder of Vitrail's sources: import vitrail.service")
