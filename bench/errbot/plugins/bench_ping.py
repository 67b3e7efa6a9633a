from errbot import BotPlugin, botcmd


class BenchPing(BotPlugin):
    """Answers ping."""

    @botcmd
    def ping(self, message, args):
        """Answers."""
        return "pong"
