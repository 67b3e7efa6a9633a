from tests.audit.cases.case import Case, Must, app, web

FIRE, NEAR, PASS = Must.FIRE, Must.NEAR, Must.PASS
MODULE = '[submodule "a"]\n\tpath = lib/theme\n\turl = https://git.example.net/theme\n'
ONE = "services: {web: {image: 'nginx:1.99.3'}}\n"


def beside(*folders: str) -> dict[str, str | bytes]:
    return {f"{folder}/compose.yml": ONE for folder in folders}


CASES = (
    Case("HYG-02", FIRE, "an option", {**app(web()), "app/--help": "x"}, says="starts with a dash"),
    Case("HYG-02", FIRE, "a new line", {**app(web()), "app/a\nb": "x"}, says="control characters"),
    Case("HYG-02", FIRE, "a blank", {**app(web()), "app/notes ": "x"}, says="blank"),
    Case("HYG-02", FIRE, "a slip", beside("mastadon", "mastodon"), says="nearly the same"),
    Case("HYG-02", NEAR, "numbers", beside("worker1", "worker2", "server-a1", "server-a22")),
    Case("HYG-02", NEAR, "one in the other", beside("supabase", "supabase2", "grafana", "grafanax")),
    Case("HYG-02", NEAR, "other words", beside("grafana", "grafite", "wikijs", "wiki")),
    Case("HYG-02", NEAR, "what an application wrote", {**app(web()), "app/data/-x": "x"}),
    Case("HYG-02", PASS, "plain", app(web())),
    Case("HYG-03", FIRE, "nobody says whose", app(web()), git=True, links=["lib/theme"], at="lib/theme:1"),
    Case(
        "HYG-03", FIRE, "another's path", {**app(web()), ".gitmodules": MODULE}, git=True, links=["lib/them"]
    ),
    Case("HYG-03", PASS, "a submodule", {**app(web()), ".gitmodules": MODULE}, git=True, links=["lib/theme"]),
    Case("HYG-03", NEAR, "a folder", {**app(web()), "lib/theme/a": "x"}, git=True),
)
