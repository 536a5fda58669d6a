"""Training of the default network. Nothing else in `engines` imports this; it needs the extra `train`."""
