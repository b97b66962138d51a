"""Running networks fast on the machine at hand."""
