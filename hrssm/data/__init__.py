"""Images and sequences to learn from: drawn, played or read from a folder; made once, kept outside the repository."""
