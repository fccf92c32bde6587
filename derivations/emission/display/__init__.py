"""A formula on paper: from SymPy to a layout, and from the layout to Typst, LaTeX, MathML, text and Unicode."""
