# SPDX-License-Identifier: BSD-3-Clause
"""What machine this is, and the versions of what is measured on it."""
import glob
import os
import platform
import re
import subprocess


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else ""


def _field(text, name):
    found = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def describe(cores):
    cpus, memory = _read("/proc/cpuinfo"), _read("/proc/meminfo")
    node = "/sys/devices/system/node"
    cpu = f"/sys/devices/system/cpu/cpu{cores[0]}"
    return {
        "processor": _field(cpus, "model name"),
        "virtual": "hypervisor" in _field(cpus, "flags").split(),
        "cores": os.cpu_count(),
        "cores used": list(cores),
        "MHz": _field(cpus, "cpu MHz"),
        "last level cache": _read(f"{cpu}/cache/index3/size") or _read(f"{cpu}/cache/index2/size"),
        "NUMA nodes": len(glob.glob(f"{node}/node[0-9]*")) or 1,
        "memory": _field(memory, "MemTotal"),
        "governor": _read(f"{cpu}/cpufreq/scaling_governor") or "none",
        "idle states": [_read(path) for path in sorted(glob.glob(f"{cpu}/cpuidle/state*/name"))],
        "transparent huge pages": _read("/sys/kernel/mm/transparent_hugepage/enabled"),
        "kernel": platform.release(),
        "system": _first_line("sh", "-c", '. /etc/os-release; echo "$PRETTY_NAME"'),
    }


def versions(root):
    qemu = os.path.join(root, "build", "qemu", "qemu-system-x86_64")
    git = ("git", "-C", root)
    changed = _first_line(*git, "status", "--porcelain") != ""
    return {
        "commit": _first_line(*git, "describe", "--always", "--abbrev=12", "--exclude=*")
                  + (" with changes" if changed else ""),
        "QEMU": _first_line(qemu, "--version"),
        "DPDK": _first_line("pkg-config", "--modversion", "libdpdk"),
        "compiler": _first_line("cc", "--version"),
        "C library": " ".join(platform.libc_ver()),
    }


def two_cores():
    """Two that we may use, of one NUMA node and not of one physical core.

    The last ones: the first ones serve most interrupts.
    """
    allowed = os.sched_getaffinity(0)
    lines = _first_line("sh", "-c", "lscpu --parse=CPU,CORE,NODE | grep -v '^#' | tr '\\n' ' '")
    cpus = [line.split(",") for line in lines.split()]
    first = {}      # the first thread of each physical core
    for cpu, core, node in cpus:
        if int(cpu) in allowed:
            first.setdefault((node, core), int(cpu))
    nodes = {}
    for (node, _), cpu in first.items():
        nodes.setdefault(node, []).append(cpu)
    best = max(nodes.values(), key=len, default=[])
    if len(best) < 2:
        best = sorted(allowed)
    return tuple(best[-2:]) if len(best) > 1 else None
