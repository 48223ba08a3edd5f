"""What builds the site: MkDocs hooks and Markdown extensions, one idea a file."""
