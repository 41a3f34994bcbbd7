"""Weights laid over a checkpoint, on disk: LoRAs and IP-Adapters, found, checked and hashed."""
