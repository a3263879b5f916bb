"""Message shapes between processes. They only grow: new fields have defaults, none is renamed or removed."""
