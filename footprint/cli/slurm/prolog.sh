#!/bin/sh
# Prolog of slurm.conf: starts the record of the job on this node. Whatever goes wrong, the job goes on: exit 0, in seconds.
umask 022
set -a
FOOTPRINT=@FOOTPRINT@
FOOTPRINT_HOME=/var/lib/footprint
FOOTPRINT_STATE=/run/footprint
[ -r "${FOOTPRINT_SETTINGS:-/etc/footprint/slurm.env}" ] && . "${FOOTPRINT_SETTINGS:-/etc/footprint/slurm.env}"
# The devices of the job, if SLURM gives it some.
[ -n "$SLURM_JOB_GPUS" ] && CUDA_VISIBLE_DEVICES=$SLURM_JOB_GPUS
set +a
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case "$SLURM_JOB_ID" in ''|*[!0-9]*) exit 0 ;; esac
[ -x "$FOOTPRINT" ] && [ -d /proc ] && mkdir -p "$FOOTPRINT_STATE" || exit 0
told=$FOOTPRINT_STATE/$SLURM_JOB_ID.${SLURMD_NODENAME:-node}
rm -f "$told.run" "$told.pid"
# In a session of its own, with nothing of ours open: slurmd ends what is left of a prolog, and waits for its output.
setsid "$FOOTPRINT" slurm record "$SLURM_JOB_ID" --told "$told.run" </dev/null >/dev/null 2>"$told.log" &
echo $! >"$told.pid"
# Until it records, but no longer than three seconds: then it goes on without the job's first moments.
tries=0
while [ ! -e "$told.run" ] && [ $tries -lt 30 ] && kill -0 $! 2>/dev/null; do
    sleep 0.1
    tries=$((tries + 1))
done
exit 0
