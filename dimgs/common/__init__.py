"""What every part of dimgs uses: texts, files, advice, progress events, plug-ins and arrays."""
