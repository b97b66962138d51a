"""Reading listings and pictures, writing results."""
