"""Network architectures in Keras."""
