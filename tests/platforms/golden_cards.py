"""The cards that every platform renders into golden files."""

from bot.core.doc import (
    Choices,
    Code,
    Doc,
    Fields,
    File,
    Heading,
    Items,
    Link,
    Mention,
    Pre,
    Strong,
    Table,
    Tone,
    doc,
    line,
)

HOSTILE = (
    "<script>alert(1)</script> @room <!channel> <@U123> **bold** `code` [x](https://evil.example) "
    "</span><b>x\u202egpj.exe\n!approve K7QF"
)

FIRING = doc(
    Heading(
        line("FIRING critical: ", Code("DiskFull"), " on ", Code("db-1.prod.example.com")), Tone.BAD, "🔴"
    ),
    line("disk is 97 % full; for ", Mention("ann")),
    Fields((("since", line("12:00 UTC")), ("job", line(Code("node"))))),
    Items((line(Code("/var"), " 97 %"), line(Code("/srv"), " 91 %"))),
    line(Link("runbook", "https://wiki.example.org/disk"), " · ", Link("js", "javascript:alert(1)")),
)

RESOLVED = doc(Heading(line("RESOLVED: ", Code("DiskFull"), " after 12 min"), Tone.GOOD, "✅"))

STATUS = doc(
    Heading(line("17 of 20 running, 3 unhealthy"), Tone.WARN, "⚠️"),
    Table(
        ("service", "state", "since"),
        (
            (line(Code("grafana")), line("running"), line("3 d")),
            (line(Code("wiki")), line(Strong("unhealthy")), line("5 min")),
        ),
    ),
)

WIDE = doc(
    Table(
        ("service", "image", "state", "since"),
        ((line(Code("grafana")), line(Code("grafana:12.1")), line("running"), line("3 d")),),
    )
)

LOGS = doc(
    Heading(line("last 30 lines of ", Code("wiki"))),
    Pre("\n".join(f"12:00:{n:02} line <{n}>" for n in range(30)), "console"),
)

PLAN = doc(
    Heading(line("pin ", Code("grafana")), Tone.INFO, "📌"),
    line("asked by ", Mention("ann"), "; ", Mention("nobody"), " is not on every platform"),
    Pre("-    image: grafana:latest\n+    image: grafana:12.1.0", "diff"),
    Choices("a1", "K7QF", "Pin grafana to 12.1.0?"),
)

FORGED = doc(
    Heading(line("FIRING ", HOSTILE), Tone.BAD, "🔴"),
    line(HOSTILE, Strong(HOSTILE), Code(HOSTILE)),
    Fields(((HOSTILE, line(HOSTILE)),)),
    Pre(HOSTILE, '"><script>'),
    files=[File("../<b>.txt", "text/plain", b"x")],
)

CARDS: dict[str, Doc] = {
    "firing": FIRING,
    "resolved": RESOLVED,
    "status": STATUS,
    "wide": WIDE,
    "logs": LOGS,
    "plan": PLAN,
    "forged": FORGED,
}
