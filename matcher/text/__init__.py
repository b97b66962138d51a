"""Reading titles: cleaning, words, quantities, model numbers."""
