# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine: its description, its CPU clocks, and how the bench gets ahead of what else runs."""
import ctypes
import glob
import os
import platform
import shutil
import subprocess
import time


def machine_describe():
    model = platform.processor()
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    virtual = ""
    if shutil.which("systemd-detect-virt"):
        virtual = subprocess.run(["systemd-detect-virt", "--vm"], capture_output=True, text=True, timeout=10).stdout.strip()
    with open("/proc/meminfo") as f:
        memory_kb = int(f.readline().split()[1])
    return {
        "cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(), "virtual": "" if virtual == "none" else virtual,
        "memory_gb": round(memory_kb / 1e6), "system_call_ns": system_call_ns(),
    }


def system_call_ns():
    """What one system call costs here: getppid, less a function of the library in the same interpreter."""
    libc = ctypes.CDLL(None)

    def timed(call):
        best = 1e9
        for _ in range(5):
            start = time.perf_counter_ns()
            for _ in range(20000):
                call(0)
            best = min(best, (time.perf_counter_ns() - start) / 20000)
        return best
    return round(timed(libc.getppid) - timed(libc.labs))


# ---- clocks ----

def ksoftirqd_ns(cpu):
    """Softirq work that the kernel moved out of the server's time into its own thread on the server's CPU."""
    for comm in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(comm) as f:
                if f.read().strip() == "ksoftirqd/%d" % cpu:
                    with open(comm[:-4] + "schedstat") as s:
                        return int(s.read().split()[0])
        except OSError:
            continue
    return 0


def cpu_busy(cpu):
    """(busy, stolen) in seconds since boot."""
    with open("/proc/stat") as f:
        fields = next(line.split() for line in f if line.startswith("cpu%d " % cpu))
    ticks = [int(v) for v in fields[1:9]]
    return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / os.sysconf("SC_CLK_TCK"), ticks[7] / os.sysconf("SC_CLK_TCK")


# ---- ahead of what else runs ----

def group_prioritise():
    """
    A control group ahead of what else runs, where that can be had: CGI programs have sessions of their own, and would be behind.
    Returns what removes it.
    """
    for folder, name, weight in (("/sys/fs/cgroup/cpu", "cpu.shares", "9548"), ("/sys/fs/cgroup", "cpu.weight", "932")):
        group = os.path.join(folder, "tux-bench-%d" % os.getpid())

        def leave(folder=folder, group=group):
            try:
                with open(os.path.join(folder, "cgroup.procs"), "w") as f:
                    f.write(str(os.getpid()))
                os.rmdir(group)
            except OSError:
                pass
        try:
            os.mkdir(group)
            with open(os.path.join(group, name), "w") as f:
                f.write(weight)
            with open(os.path.join(group, "cgroup.procs"), "w") as f:
                f.write(str(os.getpid()))
            return leave
        except OSError:
            leave()
    return lambda: None


def session_prioritise():
    """With sched_autogroup a nice value only counts within a session: this one gets its own, ahead of what else runs."""
    try:
        os.setsid()
    except OSError:
        pass
    try:
        with open("/proc/self/autogroup", "w") as f:
            f.write("-10")
    except OSError:
        pass
