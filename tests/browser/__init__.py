"""Pages in a real browser. A package, so that the fixture of scope "package" ends with its last test."""
