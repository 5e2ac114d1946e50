#!/usr/bin/env bash
# Stops the SLURM that start.sh started in a folder, by the process numbers it wrote there.
folder=$1
for service in slurmd slurmctld munged; do
  [[ -f $folder/$service.pid ]] && kill "$(<"$folder/$service.pid")" 2>/dev/null
done
exit 0
