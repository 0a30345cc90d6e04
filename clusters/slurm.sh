#!/bin/bash
# A sweep on a Slurm cluster: Ray's head on the job's first node, a Ray worker on every other, `stopover run` above.
#
#     sbatch --nodes=4 --gpus-per-node=4 clusters/slurm.sh my-space.yaml
#
# What follows the space goes to `stopover run` (--mirror FOLDER ...). Five minutes before its time is over the job
# stops the sweep and queues itself again; it goes on from the store. A job that was cancelled goes on when it is
# submitted again. docs/slurm.md has the whole way.
#
#SBATCH --job-name=stopover
#SBATCH --output=stopover-%j.log
#SBATCH --open-mode=append      # a job that was queued again goes on in its log
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1     # one Ray per node, which finds the node's GPUs
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@300     # not TERM: that is what scancel and a preemption send, and they must not queue it again
#SBATCH --requeue               # after a preemption
#SBATCH --no-kill               # a node that fails takes its trials with it, not the sweep

set -euo pipefail

bin="${STOPOVER_VENV:-$HOME/stopover-venv}/bin"  # on a disk that all nodes see (docs/slurm.md)
STOPOVER_HOME="$(realpath --canonicalize-missing "${STOPOVER_HOME:-.stopover}")"
export STOPOVER_HOME
export STOPOVER_STORE="${STOPOVER_STORE:-file://$STOPOVER_HOME/store}"  # a URL says: several nodes share this folder

# Each node's own disk. Short, as Ray's sockets lie below it and their names may have 107 characters.
export RAY_TMPDIR="/tmp/stopover-$SLURM_JOB_ID"
export STOPOVER_CACHE="${STOPOVER_CACHE:-$RAY_TMPDIR/cache}"

# Other people's jobs share the network. Who has the token may use this Ray, and it lies in a file that only you can
# read: command lines are seen by everybody.
private="$STOPOVER_HOME/slurm-$SLURM_JOB_ID"
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$private/token"
export RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true

export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"  # srun does not take it over from sbatch
steps=()
again=''

every_node() { srun --overlap --nodes="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 "$@"; }

address_of() { getent ahostsv4 "$1" | awk 'NR == 1 { print $1 }'; }

# start_ray NODE OPTIONS: a Ray that lives as long as its step. Two jobs may share a node, so every port is a free one.
start_ray() {
    local node=$1
    shift
    srun --overlap --nodes=1 --ntasks=1 --nodelist="$node" "$bin/ray" start "$@" --block \
        --node-ip-address="$(address_of "$node")" --num-cpus="$SRUN_CPUS_PER_TASK" --object-store-memory=200000000 \
        --dashboard-agent-listen-port=0 --dashboard-agent-grpc-port=0 --runtime-env-agent-port=0 \
        --metrics-export-port=0 --disable-usage-stats >>"$STOPOVER_HOME/slurm-$SLURM_JOB_ID-ray.log" 2>&1 &
    steps+=("$!")
}

head_answers() { "$bin/ray" health-check --address "$RAY_ADDRESS" >/dev/null 2>&1; }

clean_up() {
    trap '' TERM INT USR1
    if ((${#steps[@]})); then
        kill "${steps[@]}" 2>/dev/null || true
        wait "${steps[@]}" || true
    fi
    every_node rm -rf "$RAY_TMPDIR" || true
    rm -rf "$private"
}

trap clean_up EXIT

mkdir -p "$STOPOVER_HOME"
rm -rf "$private"
mkdir -m 700 "$private"
(umask 077 && "$bin/python" -c 'import secrets; print(secrets.token_hex(32))' >"$RAY_AUTH_TOKEN_PATH")
every_node rm -rf "$RAY_TMPDIR"  # left by a job of this number that was killed
every_node mkdir -m 700 "$RAY_TMPDIR"

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
read -r port client_port < <("$bin/python" -c '
from socket import create_server
servers = [create_server(("", 0)) for _ in range(2)]
print(*(server.getsockname()[1] for server in servers))')
RAY_ADDRESS="$(address_of "${nodes[0]}"):$port"
export RAY_ADDRESS

start_ray "${nodes[0]}" --head --port="$port" --ray-client-server-port="$client_port" --include-dashboard=false
for _ in {1..60}; do # about two minutes, or until its step ends
    if head_answers || ! kill -0 "${steps[0]}" 2>/dev/null; then break; fi
    sleep 1
done
if ! head_answers; then
    echo "Ray did not start on ${nodes[0]}; see $STOPOVER_HOME/slurm-$SLURM_JOB_ID-ray.log" >&2
    exit 1
fi
for node in "${nodes[@]:1}"; do start_ray "$node" --address="$RAY_ADDRESS"; done

echo "$(date '+%F %T') job $SLURM_JOB_ID on ${nodes[*]}: stopover run $*"
"$bin/stopover" run "$@" &
sweep=$!
trap 'kill "$sweep" || true' TERM INT
trap 'again=yes; kill "$sweep" || true' USR1
status=0
while :; do # a signal ends `wait`, not the sweep
    if wait "$sweep"; then status=0; else status=$?; fi
    if ! kill -0 "$sweep" 2>/dev/null; then break; fi
done

if [[ $again && $status != 0 ]]; then
    clean_up
    trap - EXIT
    echo "$(date '+%F %T') the time is over; job $SLURM_JOB_ID queues itself again"
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
