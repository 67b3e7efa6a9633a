"""What the estate is made of, and the hands that read and change it."""
