"""Side by side with the peers, in one run: `python -m bench`. Loopback only; bounded in count and time."""
