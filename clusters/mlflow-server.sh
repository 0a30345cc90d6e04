#!/usr/bin/env bash
# Starts a cluster's MLflow server on the head's loopback, port 5000, unless it runs.
#   STOPOVER_DATABASE    where the runs go, as an SQLAlchemy address: sqlite:///$HOME/stopover/mlflow.db
#   STOPOVER_ARTIFACTS   where their files go, a folder or an address such as s3://...: $HOME/stopover/artifacts
set -euo pipefail
. "$(dirname "$0")/environment.sh"
home=~/stopover
log=$home/mlflow.log
answers() { python -c 'from urllib.request import urlopen; urlopen("http://127.0.0.1:5000/health", timeout=2)' 2>/dev/null; }

if answers; then
    echo "the MLflow server runs"
    exit
fi
mkdir -p "$home"
MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false setsid mlflow server --host 127.0.0.1 --port 5000 --workers 2 \
    --backend-store-uri "${STOPOVER_DATABASE:-sqlite:///$home/mlflow.db}" \
    --artifacts-destination "${STOPOVER_ARTIFACTS:-$home/artifacts}" </dev/null >>"$log" 2>&1 &
for _ in $(seq 90); do
    answers && exit
    kill -0 $! 2>/dev/null || break
    sleep 1
done
echo "the MLflow server did not start; $log ends with:" >&2
tail -n 20 "$log" >&2
exit 1
