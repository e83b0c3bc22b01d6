"""From a unit-tagged table to a closed-form scaling law that is dimensionally checked."""
