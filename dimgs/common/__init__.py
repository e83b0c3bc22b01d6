"""Common parts of dimgs: texts, files, advice, progress events, plug-ins and arrays."""
