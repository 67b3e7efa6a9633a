"""errbot's configuration for the bench: its own defaults, and the one admin it asks for."""

import logging
from pathlib import Path

BACKEND = "Text"
BOT_DATA_DIR = str(Path(__file__).parent / "data")
BOT_EXTRA_PLUGIN_DIR = str(Path(__file__).parent / "plugins")
BOT_LOG_FILE = str(Path(__file__).parent / "errbot.log")
BOT_LOG_LEVEL = logging.INFO
BOT_ADMINS = ("@ann",)
