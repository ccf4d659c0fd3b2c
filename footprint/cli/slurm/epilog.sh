#!/bin/sh
# Epilog of slurm.conf: ends the record of the job on this node. Whatever goes wrong, the node stays in use: exit 0, in seconds.
FOOTPRINT_STATE=/run/footprint
[ -r "${FOOTPRINT_SETTINGS:-/etc/footprint/slurm.env}" ] && . "${FOOTPRINT_SETTINGS:-/etc/footprint/slurm.env}"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case "$SLURM_JOB_ID" in ''|*[!0-9]*) exit 0 ;; esac
told=$FOOTPRINT_STATE/$SLURM_JOB_ID.${SLURMD_NODENAME:-node}
[ -r "$told.pid" ] && read -r pid <"$told.pid" || exit 0
case "$pid" in ''|*[!0-9]*) exit 0 ;; esac
# The number may be another program's by now.
if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "slurm record $SLURM_JOB_ID "; then
    kill -TERM "$pid"
    tries=0
    while [ -d "/proc/$pid" ] && [ $tries -lt 30 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
fi
rm -f "$told.run" "$told.pid"
[ -s "$told.log" ] || rm -f "$told.log"
exit 0
