"""From a posted payload to the card of an alert group in its rooms."""
