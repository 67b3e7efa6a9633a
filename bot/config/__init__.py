"""The configuration: one YAML file and its secrets → a frozen Config; or all mistakes at once."""
