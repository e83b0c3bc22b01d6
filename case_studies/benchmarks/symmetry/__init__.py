"""How well similarity variables, conserved quantities and symmetries are found."""
