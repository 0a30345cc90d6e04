# What every command of a cluster has in its environment: setup.sh has ~/.bashrc read this file on every host.
export PATH="$HOME/stopover-venv/bin:$PATH"
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 MLFLOW_DISABLE_TELEMETRY=true

# A worker that was away rejoins by itself within a week. Left alone, Ray gives a host up after 15 minutes.
export AUTOSCALER_NODE_START_WAIT_S=604800

# Ray's ports, in one range that firewall.sh closes to all but the cluster's hosts. Trials take those from 20100 up.
export STOPOVER_PORTS=20000-20999
export AUTOSCALER_METRIC_PORT=20008 DASHBOARD_METRIC_PORT=20009
export RAY_PORTS="--node-manager-port=20001 --object-manager-port=20002 --runtime-env-agent-port=20003 \
--dashboard-agent-grpc-port=20004 --dashboard-agent-listen-port=20005 --metrics-export-port=20006 \
--min-worker-port=20100 --max-worker-port=20999"
# Ray's client server (20007) cannot be turned off.
export RAY_HEAD_PORTS="--port=20000 --ray-client-server-port=20007 --dashboard-host=127.0.0.1 $RAY_PORTS"
