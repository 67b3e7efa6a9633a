"""Linux capabilities that lead from a container to its machine, by what each of them gives. Pure.

capabilities(7); the grading follows compose-lint's (CL-0011, CL-0024, CL-0027 to CL-0030).
"""

from audit.model import Severity

GIVES: dict[str, tuple[Severity, str]] = {
    "ALL": (Severity.CRITICAL, "everything that root may do"),
    "SYS_ADMIN": (Severity.CRITICAL, "mounting, namespaces, and with them the machine"),
    "SYS_MODULE": (Severity.CRITICAL, "loading code into the kernel"),
    "SYS_RAWIO": (Severity.CRITICAL, "raw memory and devices"),
    "BPF": (Severity.HIGH, "programs in the kernel"),
    "SYS_PTRACE": (Severity.HIGH, "reading and changing other processes"),
    "DAC_READ_SEARCH": (Severity.HIGH, "opening any file of the machine by its handle"),
    "NET_ADMIN": (Severity.HIGH, "routes and firewall of its network"),
    "SYS_BOOT": (Severity.HIGH, "starting the machine anew"),
    "PERFMON": (Severity.HIGH, "watching the kernel and other processes"),
    "SYSLOG": (Severity.MEDIUM, "reading the kernel's log and addresses"),
    "SYS_TIME": (Severity.MEDIUM, "setting the machine's clock"),
    "SYS_NICE": (Severity.LOW, "taking the processor before others"),
    "SYS_RESOURCE": (Severity.LOW, "going past limits"),
    "IPC_LOCK": (Severity.LOW, "holding memory"),
    "LEASE": (Severity.LOW, "delaying others' files"),
}


def plain(name: str) -> str:
    """`CAP_SYS_ADMIN`, `sys_admin` → `SYS_ADMIN`. Docker takes `ALL` without the prefix only."""
    upper = name.strip().upper()
    return upper if upper == "CAP_ALL" else upper.removeprefix("CAP_")
