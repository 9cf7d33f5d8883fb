"""The studio: impasto in a browser, with the picture growing on the page.

A server on this computer alone, one page without any framework, and an HTTP interface that other programs can use
(docs/studio-api.md). Needs the extra `studio`. PyTorch is loaded by whoever first needs it, not by the import.
"""
