"""Cells that are trees: where their shape comes from, words for parts of it, and how it is cut into control volumes."""
