"""The reference as a static site: pages made from the registry, the records and the library's docstrings."""
