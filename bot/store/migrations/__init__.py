"""Later changes of the schema: `0002_what.sql`, each run once, in the order of their names."""
