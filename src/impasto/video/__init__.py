"""Clips: read, painted frame by frame so that nothing flickers, and written."""
