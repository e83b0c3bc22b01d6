"""The workbench: from a table to a law in the browser, on this machine alone."""
