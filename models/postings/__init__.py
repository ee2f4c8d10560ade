"""The posting student: label spaces, preparation, decoding; its training, evaluation and export."""
