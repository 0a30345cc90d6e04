"""The files that make clusters, as far as they can be checked without one: versions, secrets, doors, Ray's checks."""

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
CLUSTERS = REPOSITORY / "clusters"
RAY_FILES = ("cluster.yaml", "clusters/onprem.yaml")
FILES = ["cluster.yaml", *sorted(f"clusters/{path.name}" for path in CLUSTERS.iterdir() if path.is_file())]
SCRIPTS = [file for file in FILES if file.endswith(".sh")]
PINNED = {"clusters/kubernetes.yaml": {"ray"}, "clusters/Dockerfile": {"ray"}}  # what has to name a version
LOCK = dict(re.findall(r"^([\w.-]+)==(\S+)$", (REPOSITORY / "constraints.txt").read_text().lower(), re.MULTILINE))
MISSING = [name for name in ("jsonschema", "boto3") if importlib.util.find_spec(name) is None]


def text(file: str) -> str:
    return (REPOSITORY / file).read_text(encoding="utf-8")


# Versions


def pins(content: str) -> list[tuple[str, str]]:
    """Package and version of `ray==2.60.0`, `rayVersion: 2.60.0`, `ray:2.60.0-py311` and `stopover:0.1.0-ray2.60.0`."""
    found = re.findall(r"\b([\w.-]+)==(\d[\w.]*)", content)
    found += [("ray", version) for version in re.findall(r"\bray(?:Version: |:|)[\"']?(\d+\.\d+\.\d+)", content)]
    found += [("stopover", version) for version in re.findall(r"\bstopover:(\d+\.\d+\.\d+)", content)]
    return [(name.lower(), version) for name, version in found]


def drifted(content: str, lock: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, version) for name, version in pins(content) if lock.get(name) != version]


def test_a_pin_is_seen_in_every_spelling() -> None:
    content = "ray==2.1.0 torch==2.2, rayVersion: '2.4.0', image: a/ray:2.3.0-py311, b/stopover:0.5.0-ray2.6.0"
    assert sorted(pins(content)) == [
        *(("ray", version) for version in ("2.1.0", "2.3.0", "2.4.0", "2.6.0")),
        ("stopover", "0.5.0"),
        ("torch", "2.2"),
    ]
    assert drifted("ray==2.1.0 ray==2.2.0 unknown==1", {"ray": "2.1.0"}) == [("ray", "2.2.0"), ("unknown", "1")]


@pytest.mark.parametrize("file", FILES)
def test_versions_are_those_that_were_tested(file: str) -> None:
    (own,) = re.findall(r'^version = "(.+)"$', text("pyproject.toml"), re.MULTILINE)
    assert drifted(text(file), LOCK | {"stopover": own}) == []
    assert PINNED.get(file, set()) <= {name for name, _ in pins(text(file))}


def test_every_image_is_pinned() -> None:
    images = re.findall(r"^ *image: (?:&\w+ )?([^*\s]\S*)$", text("clusters/kubernetes.yaml"), re.MULTILINE)
    images += re.findall(r"^FROM (\S+)", text("clusters/Dockerfile"), re.MULTILINE)
    assert len(images) == 3 and all(re.search(r":[\w.-]*\d+\.\d+\.\d+", image) for image in images)


# Secrets and doors


def secrets_in(content: str) -> list[str]:
    """What looks like Amazon's key, a private key, a long random word, a password in an address or after its name."""
    looks = r"AKIA\w{12,}|-----BEGIN [A-Z ]*PRIVATE|\b(?=\w*\d)(?=\w*[a-zA-Z])\w{32,}\b|://[^\s/:@]+:[^\s/@]+@"
    named = r"(?i)\b\w*(?:password|secret|token)[=:] *[\"']?(?![$~/{])\w{8,}"
    return [match.group() for look in (looks, named) for match in re.finditer(look, content)]


def test_a_secret_is_seen() -> None:
    of_amazon, random = "AKIAIOSFODNN7EXAMPLE", "a" * 20 + "1" * 20
    named = ["RAY_AUTH_TOKEN=0123456789", "password: correcthorse", "postgresql://me:word@host/x"]
    for secret in (of_amazon, random, "-----BEGIN OPENSSH PRIVATE KEY", *named):
        assert secrets_in(f"before {secret} after"), secret


@pytest.mark.parametrize("file", FILES)
def test_there_are_no_secrets(file: str) -> None:
    assert secrets_in(text(file)) == []


@pytest.mark.parametrize("file", FILES)
def test_nothing_but_pods_listens_on_all_interfaces(file: str) -> None:
    open_to_all = [line.strip() for line in text(file).splitlines() if "0.0.0.0" in line or "::/0" in line]
    # a pod has an address of its own, and a policy of its own who may reach it
    assert open_to_all == (["- --host=0.0.0.0"] if file == "clusters/kubernetes.yaml" else [])


# Ray's cluster files


@pytest.fixture(params=RAY_FILES)
def ray_file(request: pytest.FixtureRequest) -> dict[str, Any]:
    return yaml.safe_load(text(request.param))


def prepared(config: dict[str, Any]) -> dict[str, Any]:
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)} (make setup brings them)")
    from ray.autoscaler._private.util import prepare_config, validate_config

    made: dict[str, Any] = prepare_config(config)
    validate_config(made)
    return made


def test_ray_takes_the_file(ray_file: dict[str, Any]) -> None:
    prepared(ray_file)


def test_ray_refuses_a_key_that_it_does_not_know(ray_file: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="idle_minutes"):
        prepared(ray_file | {"idle_minutes": 5})


def starts(config: dict[str, Any]) -> list[str]:
    commands = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    return [command for command in commands if "ray start" in command]


def environment() -> dict[str, str]:
    """What clusters/environment.sh, which setup.sh has every shell of a host read, sets."""
    script = 'env -i HOME="$HOME" PATH="$PATH" bash -c \'. "$1"; env -0\' bash clusters/environment.sh'
    output = subprocess.run(["bash", "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in output.split("\0") if line)


def test_every_ray_start_wants_the_token(ray_file: dict[str, Any]) -> None:
    assert len(starts(ray_file)) == 2
    assert environment()["RAY_AUTH_MODE"] == "token"
    assert any("clusters/setup.sh" in command for command in ray_file["setup_commands"])
    assert "environment.sh" in text("clusters/setup.sh") and ".bashrc" in text("clusters/setup.sh")
    assert not any("RAY_AUTH" in command for command in starts(ray_file))
    assert ray_file["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"


def test_the_head_takes_no_trial_and_its_dashboard_is_on_loopback(ray_file: dict[str, Any]) -> None:
    head, worker = starts(ray_file)
    assert "--head" in head and "--num-cpus=0" in head and "$RAY_HEAD_PORTS" in head
    assert "--num-cpus" not in worker and "$RAY_PORTS" in worker
    assert "--dashboard-host=127.0.0.1" in environment()["RAY_HEAD_PORTS"].split()
    (port,) = re.findall(r"--port=(\d+)", environment()["RAY_HEAD_PORTS"])
    assert f"--address=$RAY_HEAD_IP:{port} " in worker


def test_every_variable_of_a_command_is_set_by_ray_or_the_environment(ray_file: dict[str, Any]) -> None:
    for command in starts(ray_file):
        assert set(re.findall(r"\$(\w+)", command)) <= {"RAY_HEAD_IP", "HOME"} | environment().keys()


def test_what_is_sent_to_the_hosts_is_there_and_enough_to_install(ray_file: dict[str, Any]) -> None:
    sent = {here for there, here in ray_file["file_mounts"].items() if there.startswith("~/stopover-src/")}
    assert all((REPOSITORY / here).exists() for here in sent)
    (include,) = re.findall(r"packages\.find\]\ninclude = (.+)", text("pyproject.toml"))
    packages = re.findall(r'"(\w+)\*"', include)
    assert len(packages) == 3
    assert {*packages, "clusters", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"} <= sent


def test_both_ray_files_send_the_same() -> None:
    aws, onprem = (yaml.safe_load(text(file))["file_mounts"] for file in RAY_FILES)
    assert aws == onprem


# Amazon


@pytest.fixture(scope="module")
def aws() -> dict[str, Any]:
    return yaml.safe_load(text("cluster.yaml"))


def test_gpus_are_spot_machines_and_none_is_up_before_it_is_wanted(aws: dict[str, Any]) -> None:
    config = prepared(aws)
    head, gpu = (config["available_node_types"][name] for name in ("head", "gpu"))
    assert config["head_node_type"] == "head" and (head["min_workers"], head["max_workers"]) == (0, 0)
    assert (gpu["min_workers"], gpu["max_workers"]) == (0, config["max_workers"])
    assert head["resources"] == {"CPU": 0} and gpu["resources"]["GPU"] == 1
    assert gpu["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert "InstanceMarketOptions" not in head["node_config"]
    assert config["provider"]["cache_stopped_nodes"] is True and config["idle_timeout_minutes"] <= 15


def test_both_kinds_of_machines_have_locked_disks_and_own_roles(aws: dict[str, Any]) -> None:
    configs = {name: kind["node_config"] for name, kind in aws["available_node_types"].items()}
    for config in configs.values():
        assert all(disk["Ebs"]["Encrypted"] for disk in config["BlockDeviceMappings"])
        assert config["MetadataOptions"]["HttpTokens"] == "required"
    assert {name: config["IamInstanceProfile"] for name, config in configs.items()} == {
        "head": {"Name": "stopover-head"},
        "gpu": {"Name": "stopover-worker"},
    }


def test_the_security_group_lets_in_ssh_alone(aws: dict[str, Any]) -> None:
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)} (make setup brings them)")
    from ray.autoscaler._private.aws.config import _create_default_inbound_rules

    own = aws["provider"]["security_group"].get("IpPermissions", [])
    rules = _create_default_inbound_rules({"sg-of-the-cluster"}, own)
    from_outside = [rule for rule in rules if not rule.get("UserIdGroupPairs")]
    assert [(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in from_outside] == [(22, 22, "tcp")]
    assert len(rules) == 2


# Kubernetes

# The fields that clusters/kubernetes.yaml uses of the custom resource RayJob, as KubeRay 1.6 and 1.7 define ray.io/v1.
# Written by hand, as the whole definition has 25,000 lines. `...` stands for a part that Kubernetes itself defines.
RAY_JOB: dict[str, Any] = {
    "entrypoint": str,
    "backoffLimit": int,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "submitterPodTemplate": ...,
    "rayClusterSpec": {
        "rayVersion": str,
        "authOptions": {"mode": str, "secretName": str},
        "enableInTreeAutoscaling": bool,
        "autoscalerOptions": {"version": str, "idleTimeoutSeconds": int, "resources": ..., "securityContext": ...},
        "headGroupSpec": {"serviceType": str, "rayStartParams": {str: str}, "template": ...},
        "workerGroupSpecs": [
            {
                "groupName": str,
                "replicas": int,
                "minReplicas": int,
                "maxReplicas": int,
                "rayStartParams": {str: str},
                "template": ...,
            }
        ],
    },
}


def misfits(value: Any, known: Any, where: str = "spec") -> list[str]:
    """What a value has that is not known, or not of its type."""
    if known is ...:
        return []
    if isinstance(known, type):
        return [] if type(value) is known else [f"{where} is no {known.__name__}"]
    if isinstance(known, list):
        return [miss for index, one in enumerate(value) for miss in misfits(one, known[0], f"{where}[{index}]")]
    found = []
    for name, one in value.items():
        if name not in known and str not in known:
            found.append(f"{where}.{name} is unknown")
        else:
            found += misfits(one, known.get(name, known.get(str)), f"{where}.{name}")
    return found


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    """By kind and name."""
    documents = list(yaml.safe_load_all(text("clusters/kubernetes.yaml")))
    return {f"{one['kind']} {one['metadata']['name']}": one for one in documents}


@pytest.fixture
def pods(manifests: dict[str, Any]) -> dict[str, Any]:
    job = manifests["RayJob stopover"]["spec"]
    cluster = job["rayClusterSpec"]
    return {
        "mlflow": manifests["Deployment stopover-mlflow"]["spec"]["template"],
        "submitter": job["submitterPodTemplate"],
        "head": cluster["headGroupSpec"]["template"],
        "gpu": cluster["workerGroupSpecs"][0]["template"],
    }


def test_the_manifests_are_those_that_kubernetes_knows(manifests: dict[str, Any]) -> None:
    assert {kind: one["apiVersion"] for kind, one in ((name.split()[0], one) for name, one in manifests.items())} == {
        "ConfigMap": "v1",
        "ServiceAccount": "v1",
        "PersistentVolumeClaim": "v1",
        "Service": "v1",
        "Deployment": "apps/v1",
        "NetworkPolicy": "networking.k8s.io/v1",
        "RayJob": "ray.io/v1",
    }


def test_the_job_has_no_field_that_kuberay_does_not_know(manifests: dict[str, Any]) -> None:
    assert misfits(manifests["RayJob stopover"]["spec"], RAY_JOB) == []
    assert misfits({"entrypoint": 1, "rayClusterSpec": {"autoscaling": True}}, RAY_JOB) == [
        "spec.entrypoint is no str",
        "spec.rayClusterSpec.autoscaling is unknown",
    ]


def test_nothing_is_reached_from_outside_kubernetes(manifests: dict[str, Any]) -> None:
    for one in manifests.values():
        if one["kind"] == "Service":
            assert one["spec"]["type"] == "ClusterIP"
    head = manifests["RayJob stopover"]["spec"]["rayClusterSpec"]["headGroupSpec"]
    assert head["serviceType"] == "ClusterIP"
    assert not re.search("LoadBalancer|NodePort|hostPort|hostNetwork|Ingress$", text("clusters/kubernetes.yaml"))


def test_only_pods_of_the_sweep_reach_mlflow(manifests: dict[str, Any], pods: dict[str, Any]) -> None:
    (rule,) = manifests["NetworkPolicy stopover-mlflow"]["spec"]["ingress"]
    (allowed,) = rule["from"]
    assert pods["head"]["metadata"]["labels"] == allowed["podSelector"]["matchLabels"]
    assert manifests["ConfigMap stopover-settings"]["data"]["MLFLOW_TRACKING_URI"] == "http://stopover-mlflow:5000"
    (hosts,) = [argument for argument in pods["mlflow"]["spec"]["containers"][0]["args"] if "allowed-hosts" in argument]
    assert "stopover-mlflow:5000" in hosts.partition("=")[2].split(",")


def test_no_pod_runs_as_root(pods: dict[str, Any]) -> None:
    for name, pod in pods.items():
        assert pod["spec"]["securityContext"]["runAsNonRoot"], name
        for container in pod["spec"]["containers"]:
            context = container["securityContext"]
            assert (context["allowPrivilegeEscalation"], context["capabilities"]) == (False, {"drop": ["ALL"]}), name


def test_every_volume_and_setting_that_a_pod_names_is_there(manifests: dict[str, Any], pods: dict[str, Any]) -> None:
    made_by_hand = {"ConfigMap stopover-space", "Secret stopover-token"}  # as the file's first lines say
    for pod in pods.values():
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
            for source in container.get("envFrom", []):
                assert f"ConfigMap {source['configMapRef']['name']}" in manifests
        for volume in pod["spec"].get("volumes", []):
            if claim := volume.get("persistentVolumeClaim"):
                assert f"PersistentVolumeClaim {claim['claimName']}" in manifests
            if settings := volume.get("configMap"):
                assert f"ConfigMap {settings['name']}" in manifests.keys() | made_by_hand
    secret = manifests["RayJob stopover"]["spec"]["rayClusterSpec"]["authOptions"]["secretName"]
    assert f"Secret {secret}" in made_by_hand and secret in text("clusters/kubernetes.yaml").split("apiVersion")[0]


def test_gpu_pods_come_when_wanted_and_the_head_takes_no_trial(manifests: dict[str, Any], pods: dict[str, Any]) -> None:
    cluster = manifests["RayJob stopover"]["spec"]["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"] and cluster["authOptions"]["mode"] == "token"
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (group,) = cluster["workerGroupSpecs"]
    assert (group["replicas"], group["minReplicas"]) == (0, 0) < (group["maxReplicas"],) * 2
    (worker,) = pods["gpu"]["spec"]["containers"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert any(one["key"] == "nvidia.com/gpu" for one in pods["gpu"]["spec"]["tolerations"])
    assert worker["image"] == pods["head"]["spec"]["containers"][0]["image"]


def test_the_image_has_what_is_needed_to_install() -> None:
    copied = " ".join(re.findall(r"^COPY (.+) \S+$", text("clusters/Dockerfile"), re.MULTILINE)).split()
    folders, files = ["search", "spaces", "trainables"], ["LICENSE", "README.md", "constraints.txt", "pyproject.toml"]
    assert sorted(copied) == sorted(folders + files)
    assert re.search(r"^USER 1000$", text("clusters/Dockerfile"), re.MULTILINE)


# Scripts


@pytest.mark.parametrize("script", SCRIPTS)
def test_bash_can_read_the_script(script: str) -> None:
    assert text(script).startswith(("#!/bin/bash\n", "#!/usr/bin/env bash\n", "# "))
    assert "set -euo pipefail" in text(script) or script == "clusters/environment.sh"  # which is read, not run
    subprocess.run(["bash", "-n", str(REPOSITORY / script)], check=True)
