"""Collections seen from above: laid out in the plane, clusters named, and subsets that cover."""
