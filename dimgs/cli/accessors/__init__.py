"""The methods that `import dimgs.pandas` and `import dimgs.xarray` add to tables."""
