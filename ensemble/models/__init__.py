"""The physical models, one file or folder each, behind the protocol of `model`."""
