#!/usr/bin/env bash
# A SLURM of one node on loopback, for tests: munged, slurmctld and slurmd under one folder.
# Needs root and Debian's slurm-wlm and munge. Prints why and exits 1 where it cannot start.
#   start.sh FOLDER   starts it; then export SLURM_CONF=FOLDER/slurm.conf
#   stop.sh FOLDER    stops what was started
set -euo pipefail
folder=$1
fail() { echo "$1"; exit 1; }
[[ $(id -u) == 0 ]] || fail "not root: munged and slurmd need it"
for program in munged slurmctld slurmd sinfo; do
  command -v "$program" >/dev/null || fail "no $program: apt-get install slurm-wlm munge"
done
mkdir -p "$folder"/{munge,state,spool,log}
chmod 755 "$folder"
chmod 700 "$folder/munge"
dd if=/dev/urandom of="$folder/munge/munge.key" bs=1 count=1024 2>/dev/null
chmod 400 "$folder/munge/munge.key"
munged --force --key-file="$folder/munge/munge.key" --socket="$folder/munge.socket" \
  --pid-file="$folder/munged.pid" --log-file="$folder/log/munged.log" \
  --seed-file="$folder/munge/seed" || fail "munged did not start: $(tail -n 1 "$folder/log/munged.log")"
host=$(hostname -s)
cores=$(nproc)
memory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo)
cat >"$folder/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmctldPort=${SLURM_TEST_PORT:-16817}
SlurmdPort=$((${SLURM_TEST_PORT:-16817} + 1))
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$memory State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$folder/slurm.conf
slurmctld -f "$SLURM_CONF" || fail "slurmctld did not start: $(tail -n 1 "$folder/log/slurmctld.log")"
slurmd -f "$SLURM_CONF" -N "$host" || fail "slurmd did not start: $(tail -n 1 "$folder/log/slurmd.log")"
for _ in $(seq 60); do
  [[ $(sinfo --noheader --format=%T 2>/dev/null) == idle ]] && exit 0
  sleep 0.5
done
fail "the node did not become idle: $(tail -n 1 "$folder/log/slurmd.log")"
