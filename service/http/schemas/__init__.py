"""Requests and replies, as JSON has them."""
