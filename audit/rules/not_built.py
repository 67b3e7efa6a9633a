"""The rules of the catalogue that are not built, each with the reason. docs/rules.md lists them."""

LIVE = "not built yet: it asks a live program, and only the Docker Engine is asked so far"
LATER = "not built yet"
LOGS = "not built yet: it needs measurements over time"

NOT_BUILT: dict[str, tuple[str, str]] = {
    "IMG-04": ("An image without a digest", "left out: it would fire at nearly every image, and IMG-01 pins"),
    "IMG-05": ("Tag and digest that disagree", "not built yet: it asks a registry"),
    "IMG-06": ("Running is not what is declared", LATER),
    "IMG-07": ("A newer version is there", "not built yet: it asks a registry"),
    "IMG-09": ("A version at the end of its life", "not built yet: it needs a dated table"),
    "IMG-10": ("A repository that moved or was given up", "not built yet: it needs a dated table"),
    "IMG-12": ("An image for another architecture", LATER),
    "ENV-08": ("A variable that the image ignores", "not built yet: it needs a table of images"),
    "ENV-10": ("Secrets that docker inspect shows", LATER),
    "HC-05": ("A probe that contradicts the configuration", LATER),
    "HC-07": ("Unhealthy and routed", "told by HC-02: its rank rises with the route"),
    "TRF-09": ("Headers that do not mean what was meant", LATER),
    "TRF-12": ("Two routers with one rule", LATER),
    "TRF-13": ("A certificate that cannot be had", LATER),
    "TRF-15": ("A label that is misspelt", LATER),
    "CMP-03": ("An override file that is merged by itself", LATER),
    "CMP-06": ("Two projects with one name", LATER),
    "CMP-07": ("An external network or volume that is not there", LATER),
    "CMP-10": ("A compose file with a name of its own", "left out: such files are read as any other"),
    "RES-02": ("A limit that is too tight", LOGS),
    "RES-03": ("A container that takes a processor", LOGS),
    "RES-04": ("Logs without rotation", "not built yet: it needs the Engine's own default"),
    "RES-05": ("A disk that fills", LOGS),
    "RES-06": ("No limit on processes", LATER),
    "DOC-06": ("What a report says is not true any more", "not built yet: --check-report"),
    "HYG-02": ("Names that look like something else", LATER),
    "HYG-03": ("A submodule that leads nowhere", LATER),
    "BAK-02": (
        "A database that is copied while it runs",
        "told by BAK-01: a database counts only by its dump",
    ),
    "BAK-06": ("A backup script that cannot work", LATER),
    "BAK-07": ("A backup that is too small", "not built yet: it asks the repository"),
    "BAK-08": ("A backup on the same disk", LATER),
    "BAK-10": ("The only key lies in what is backed up", LATER),
    "BAK-11": ("A lock that nobody holds", "not built yet: it asks the repository"),
    "MON-03": ("A rule about a metric that is not there", LIVE),
    "MON-04": ("A target that is down", LIVE),
    "MON-06": ("A target that Prometheus cannot reach", LATER),
    "HOST-02": ("How the Engine is configured", "not built yet: it looks at the machine"),
    "HOST-03": ("Clock, DNS, disk", "not built yet: it looks at the machine"),
    "SEC-01": (
        "Hardening: privileges, capabilities, namespaces",
        "not built yet, with the rest of SEC-01…20",
    ),
}
