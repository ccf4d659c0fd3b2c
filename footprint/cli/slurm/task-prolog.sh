#!/bin/sh
# TaskProlog of slurm.conf: what it prints becomes the environment of the job's tasks.
FOOTPRINT_STATE=/run/footprint
[ -r "${FOOTPRINT_SETTINGS:-/etc/footprint/slurm.env}" ] && . "${FOOTPRINT_SETTINGS:-/etc/footprint/slurm.env}"
told=$FOOTPRINT_STATE/$SLURM_JOB_ID.${SLURMD_NODENAME:-node}.run
[ -r "$told" ] && read -r run <"$told" || exit 0
case "$run" in ''|*[!0-9a-f]*) exit 0 ;; esac
# Also where the batch script has one already: that is its own node's.
echo "export FOOTPRINT_PARENT=$run"
exit 0
