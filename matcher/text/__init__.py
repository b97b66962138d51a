"""Reading titles: cleaning, words, and what they say of the product (``attributes``)."""
