"""The DAG through a real Slurm on this machine, with a job, the node and the submitting Snakemake killed on the way.

    python -m tests.cluster.slurm        (make slurm-test)

Brings up munged, slurmctld and slurmd from Debian's packages, runs a small DAG locally and through
`profiles/slurm`, and holds the two against each other: the records must be equal. Takes everything down again, also
after a failure. Exits with 0 and says so where Slurm cannot be had (no root, no packages).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
CONF = Path("/etc/slurm/slurm.conf")
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
#: What a Slurm without a database needs: its jobs are asked for in the queue, and belong to no account.
HERE = ("--slurm-status-command", "squeue", "--slurm-no-account")
EXPERIMENT = """\
id: e1_small
title: Small
group: alignment
question: Do the records of a cluster equal those of one machine?
setup: tiny
metrics: [mse]
does_not_show: []
first_seed: 3
base:
  data: {branching: 2, depth: 3, observation_dim: 8, embedding_dim: 4}
  latent: {dim: 4}
  model: {hidden: 16, encoder: {width: 8}}
  training: {steps: 1200, batch: 8, length: 6}
  evaluation: {walks: 8, length: 5}
cells:
  hg: {latent: {family: hg}}
  gaussian: {latent: {family: gaussian}}
"""


def have_slurm() -> str | None:
    """Why Slurm cannot be had here; None where it can."""
    if os.geteuid() != 0:
        return "it needs root to start its daemons"
    if not all(shutil.which(name) for name in ("slurmctld", "slurmd", "munged", "sbatch")):
        apt = shutil.which("apt-get")
        if apt is None:
            return "its packages are not installed, and this is no Debian"
        subprocess.run([apt, "update", "-q"], capture_output=True)
        done = subprocess.run([apt, "install", "-y", "-q", *PACKAGES], capture_output=True)
        if done.returncode:
            return f"its packages ({', '.join(PACKAGES)}) cannot be installed"
    if CONF.exists():
        return f"{CONF} exists: the cluster that it belongs to is left alone"
    if subprocess.run(["pidof", "slurmctld", "slurmd"], capture_output=True).returncode == 0:
        return "a Slurm is running here already"
    return None


class Cluster:
    """A Slurm of one node, its state in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.daemons[name] = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def up(self) -> None:
        host = socket.gethostname().split(".")[0]
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        CONF.parent.mkdir(exist_ok=True)
        CONF.write_text(
            f"ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nSlurmdUser=root\n"
            "AuthType=auth/munge\nCredType=cred/munge\n"
            "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nMpiDefault=none\n"
            "SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\n"
            "JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\n"
            f"StateSaveLocation={self.folder}/state\nSlurmdSpoolDir={self.folder}/spool\n"
            f"SlurmctldPidFile={self.folder}/ctld.pid\nSlurmdPidFile={self.folder}/d.pid\n"
            "ReturnToService=2\nSlurmdTimeout=10\nKillWait=10\nInactiveLimit=0\n"
            f"NodeName={host} NodeAddr=127.0.0.1 CPUs={os.cpu_count()} RealMemory={memory} State=UNKNOWN\n"
            "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
        )
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        Path("/run/munge").mkdir(exist_ok=True)
        self.start("munged", "munged", "--foreground", "--force", f"--key-file={key}",
                   f"--log-file={self.folder}/munged.out", f"--pid-file={self.folder}/munged.pid",
                   f"--seed-file={self.folder}/munge.seed")  # fmt: skip
        self.wait(lambda: Path("/run/munge/munge.socket.2").exists(), "munged")
        self.start("slurmctld", "slurmctld", "-D")
        self.node_up()

    def node_up(self) -> None:
        self.start("slurmd", "slurmd", "-D")
        self.wait(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%t") or "mix" in self.ask("sinfo", "-h", "-o", "%t"),
                  "the node")  # fmt: skip

    def ask(self, *command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True).stdout

    def wait(self, until: Callable[[], bool], what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                logs = "\n".join(f"{p.name}: {p.read_text(errors='replace')[-600:]}" for p in self.folder.glob("*.log"))
                raise TimeoutError(f"{what} did not come up in {seconds:g} s\n{logs}")
            time.sleep(0.5)

    def kill(self, name: str) -> None:
        daemon = self.daemons.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()

    def down(self) -> None:
        self.ask("scancel", "--user=root")
        for name in list(self.daemons)[::-1]:
            self.kill(name)
        CONF.unlink(missing_ok=True)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A Slurm for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        made = Cluster(Path(folder))
        try:
            made.up()
            yield made
        finally:
            made.down()


def checkout(folder: Path) -> Path:
    """A copy of the sources whose only experiment is a small one, with the proofs taken as checked."""
    for name in ("hrssm", "derivations", "experiments", "profiles", "paper"):
        ignored = shutil.ignore_patterns("__pycache__", ".cache", "archive", "e[0-9]*.yaml", "*.pdf")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "Snakefile", folder)
    for path in folder.glob("experiments/*/*.yaml"):
        path.unlink()
    (folder / "experiments/rssm/e1_small.yaml").write_text(EXPERIMENT)
    (folder / "experiments/scales.yaml").write_text("small: {seeds: 2}\n")
    return folder


def snakemake(folder: Path, *options: str) -> list[str]:
    targets = "results/small/summary.json"
    return [sys.executable, "-m", "snakemake", *options, "--config", "scale=small", "device=cpu", "--", targets]


def prove(folder: Path, environment: dict[str, str]) -> None:
    """Lay the stamp of the proofs, which `make test` checks."""
    listed = subprocess.run(
        snakemake(folder, "--summary", "--cores", "1"), cwd=folder, env=environment, capture_output=True, text=True
    )
    said = listed.stdout + listed.stderr
    found = re.search(r"[^\s,]*/\.stamps/verified[^\s,]*", said)
    if found is None:
        raise RuntimeError(f"the DAG names no stamp of the proofs:\n{said[-2000:]}")
    stamp = found.group()
    (folder / stamp).parent.mkdir(parents=True, exist_ok=True)
    (folder / stamp).touch()


def records(folder: Path) -> dict[str, pd.DataFrame]:
    """What each run recorded, without what depends on the machine."""
    paths = sorted((folder / "results/small").glob("*/*/*.parquet"))
    return {str(path.relative_to(folder)): pd.read_parquet(path) for path in paths}


def main() -> int:
    """0 when the records are equal, or where Slurm cannot be had; 1 otherwise."""
    reason = have_slurm()
    if reason is not None:
        print(f"slurm-test: SKIPPED: {reason}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the cluster is taken down then, too
    with tempfile.TemporaryDirectory(prefix="dag-", dir=Path.home()) as place, cluster() as slurm:
        local, remote = checkout(Path(place) / "local"), checkout(Path(place) / "remote")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}
        for folder in (local, remote):
            prove(folder, environment | {"PYTHONPATH": str(folder)})
        print("slurm-test: locally", flush=True)
        subprocess.run(
            snakemake(local, "--cores", "2"), cwd=local, env=environment | {"PYTHONPATH": str(local)}, check=True
        )

        print("slurm-test: through Slurm", flush=True)
        here = environment | {"PYTHONPATH": str(remote)}
        command = snakemake(remote, "--profile", "profiles/slurm", *HERE)
        first = subprocess.Popen(command, cwd=remote, env=here, start_new_session=True)
        checkpoint = remote / "results/small/e1_small"
        slurm.wait(lambda: "R" in slurm.ask("squeue", "-h", "-o", "%t"), "a running job", 180)
        slurm.wait(lambda: any(checkpoint.rglob(".lock")), "training", 120)
        print("slurm-test: a running job is told to stop (SIGUSR1), as before its time limit", flush=True)
        job = slurm.ask("squeue", "-h", "-t", "R", "-o", "%A").split()[0]
        slurm.ask("scancel", "--signal=USR1", "--full", job)
        slurm.wait(lambda: job not in slurm.ask("squeue", "-h", "-o", "%A").split(), "the end of that job", 180)
        print("slurm-test: the node daemon is killed and started again", flush=True)
        slurm.kill("slurmd")
        time.sleep(5)
        slurm.node_up()
        print("slurm-test: the submitting Snakemake is killed and started again", flush=True)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        slurm.ask("scancel", "--user=root")
        done = subprocess.run(command, cwd=remote, env=here)
        if done.returncode:
            print("slurm-test: FAILED: the DAG did not finish through Slurm")
            return 1
        ours, theirs = records(local), records(remote)
        assert ours.keys() == theirs.keys(), (ours.keys(), theirs.keys())
        assert ours
        for name, frame in ours.items():
            pd.testing.assert_frame_equal(frame, theirs[name])
        print(f"slurm-test: passed: {len(ours)} files of records are equal, after three kills")
    return 0


if __name__ == "__main__":
    sys.exit(main())
