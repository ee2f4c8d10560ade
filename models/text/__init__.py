"""Text preparation: cleaning with offsets, sentences, language."""
