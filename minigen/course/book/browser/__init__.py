"""Python in a reader's browser: Pyodide and the wheels beside the pages, and what the worker of a page calls."""
