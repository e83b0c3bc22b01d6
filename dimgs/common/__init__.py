"""What every part of dimgs uses: texts, files, advice, news, plug-ins and arrays."""
