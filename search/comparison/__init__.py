"""Comparing: two sets of images by measures with intervals, and two images by what they share."""
