"""Pages of the site, each as the Markdown that MkDocs reads."""
