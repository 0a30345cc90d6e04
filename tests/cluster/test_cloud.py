"""cluster.yaml against an Amazon that moto plays: its machines are hosts of a lab, which no packet can leave.

What the two have not is left out: images (Stopover is installed there already), permissions of roles, GPUs (Ray is told
that a worker has one) and spot machines that are taken away.
"""

import importlib.util
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.lab import CHECKOUT, GATEWAY, Host, Lab, lab, why_not

pytestmark = pytest.mark.cluster

PORT = 5001
ADDRESS = f"http://{GATEWAY}:{PORT}"
REGION = "us-west-2"
IMAGE = "ami-12c6146b"  # one that moto has
CREDENTIALS = {
    "AWS_ENDPOINT_URL": ADDRESS,
    "AWS_ACCESS_KEY_ID": "a-key-id",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-tests",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": REGION,
}
RAY = str(Path(sys.executable).parent / "ray")
ON_A_GPU = """
import ray
ray.init(log_to_driver=False)
where = ray.remote(num_gpus=1)(lambda: ray.util.get_node_ip_address())
print("ran on", ray.get(where.remote()), "of", sorted(node["NodeManagerAddress"] for node in ray.nodes()))
"""
DOORS = """
import socket, sys
print(*(port for port in (22, 5000, 8265) if socket.socket().connect_ex((sys.argv[1], port)) == 0))
"""


def play_amazon(folder: str) -> None:
    """Serves EC2 and IAM, with the two roles of docs/aws.md, and writes down twice a second what there is."""
    import boto3
    from moto.server import ThreadedMotoServer

    ThreadedMotoServer(GATEWAY, PORT, verbose=False).start()
    iam, ec2 = boto3.client("iam"), boto3.client("ec2")
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    for name in ("stopover-head", "stopover-worker"):
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    while True:
        seen = {
            "instances": [one for many in ec2.describe_instances()["Reservations"] for one in many["Instances"]],
            "volumes": ec2.describe_volumes()["Volumes"],
            "groups": ec2.describe_security_groups()["SecurityGroups"],
            "keys": ec2.describe_key_pairs()["KeyPairs"],
            "profiles": iam.list_instance_profiles()["InstanceProfiles"],
            "roles": iam.list_roles()["Roles"],
        }
        new = Path(folder) / "amazon.json.new"
        new.write_text(json.dumps(seen, default=str))
        new.rename(new.with_suffix(""))
        time.sleep(0.5)


class Amazon:
    """What moto was asked for; every machine that it pretends to launch becomes a host of the lab."""

    def __init__(self, made: Lab) -> None:
        self._lab = made
        self.hosts: dict[str, Host] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._launch)

    def __enter__(self) -> "Amazon":
        serve = f"from {__name__} import play_amazon; play_amazon({str(self._lab.folder)!r})"
        log = self._lab.folder / "moto.log"
        command = ["sh", "-c", f'exec "$@" > {log} 2>&1 &', "moto", sys.executable, "-c", serve]
        self._lab.run(command, env=CREDENTIALS)
        # The networks that moto draws addresses from
        for network in ("172.31.0.0/16", "54.0.0.0/8"):
            self._lab.run(["ip", "route", "add", network, "dev", "bridge"])
        self.wait(lambda: (self._lab.folder / "amazon.json").exists(), 30)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def seen(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self._lab.folder / "amazon.json").read_text())[kind]
        return found

    def machines(self, kind: str, *states: str) -> list[dict[str, Any]]:
        """Instances that Ray tagged as `head` or `worker`; without `states` in any."""
        return [
            one
            for one in self.seen("instances")
            if tags(one).get("ray-node-type") == kind and (not states or one["State"]["Name"] in states)
        ]

    def wait(self, for_it: Callable[[], Any], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not for_it():
            assert time.monotonic() < end, (self._lab.folder / "moto.log").read_text()[-3000:]
            time.sleep(0.3)

    def _launch(self) -> None:
        while not self._ended.wait(0.3):
            for one in self.seen("instances"):
                if one["State"]["Name"] == "running" and one["InstanceId"] not in self.hosts:
                    self.hosts[one["InstanceId"]] = self._boot(one)

    def _boot(self, instance: dict[str, Any]) -> Host:
        host = self._lab.add_host()
        private, public = instance["PrivateIpAddress"], instance["PublicIpAddress"]
        host.run(["ip", "address", "add", f"{private}/16", "dev", "eth0"])
        host.run(["ip", "address", "add", f"{public}/32", "dev", "eth0"])
        host.run(["ip", "route", "replace", "default", "via", GATEWAY, "src", private])
        pem = f"/root/.ssh/{instance['KeyName']}.pem"
        self._lab.run(["sh", "-c", f"ssh-keygen -y -f {pem} >> {self._lab.folder}/key.pub"])
        return host


def tags(instance: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}


def for_moto(text: str) -> dict[str, Any]:
    """cluster.yaml as it is, but for what moto and the lab have not."""
    config: dict[str, Any] = yaml.safe_load(text.replace("IMAGE", IMAGE).replace("BUCKET", "bucket"))
    config["auth"]["ssh_user"] = "root"  # the hosts have nobody else
    config["idle_timeout_minutes"] = 0.2
    config["setup_commands"] = [
        command.replace("bash", f"STOPOVER_VENV={sys.prefix} bash") if "setup.sh" in command else command
        for command in config["setup_commands"]
    ]
    exports = "".join(f"export {name}={value}; " for name, value in CREDENTIALS.items())
    config["head_start_ray_commands"] = [exports + command for command in config["head_start_ray_commands"]]
    config["worker_start_ray_commands"][-1] += " --num-cpus=1 --num-gpus=1"
    return config


@dataclass
class Story:
    """What Ray said, and what there was at Amazon."""

    job: str = ""  # of a task that wants a GPU
    up: list[dict[str, Any]] = field(default_factory=list)  # instances once `ray up` was through
    at_work: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # everything once the task was done
    processes: dict[str, str] = field(default_factory=dict)  # command lines on the head and the worker then
    variables: dict[str, str] = field(default_factory=dict)  # of their raylets
    doors: list[int] = field(default_factory=list)  # ports of the head that another machine gets an answer from
    token: str = ""
    down: list[dict[str, Any]] = field(default_factory=list)  # instances after `ray down`
    idle: list[dict[str, Any]] = field(default_factory=list)  # and a while after the task, before it


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Everything once, in two minutes or three: up, a task that wants a GPU, nothing to do, down."""
    missing = [name for name in ("boto3", "moto", "flask", "flask_cors") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (make setup brings them)")
    if reason := why_not():
        pytest.skip(f"no lab: {reason}")
    folder = tmp_path_factory.mktemp("aws")
    told = Story()
    with lab(folder, hosts=0) as made, Amazon(made) as amazon:
        file = folder / "cluster.yaml"
        file.write_text(yaml.safe_dump(for_moto((CHECKOUT / "cluster.yaml").read_text())))

        def ray(*arguments: str, seconds: float = 200) -> str:
            environment = CREDENTIALS | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
            run = made.run([RAY, *arguments], seconds, environment)
            said = run.stdout + run.stderr
            assert run.returncode == 0, said[-4000:]
            return said

        ray("get-auth-token", "--generate")
        told.token = made.run(["cat", "/root/.ray/auth_token"]).stdout.strip()
        ray("up", "-y", "--no-config-cache", str(file))
        told.up = amazon.seen("instances")

        (folder / "on_a_gpu.py").write_text(ON_A_GPU)
        submit = f"ray job submit --address http://127.0.0.1:8265 -- python {folder}/on_a_gpu.py"
        told.job = ray("exec", str(file), submit)
        told.at_work = {kind: amazon.seen(kind) for kind in ("instances", "volumes", "groups", "keys")}
        for one in told.at_work["instances"]:
            kind, host = tags(one)["ray-node-type"], amazon.hosts[one["InstanceId"]]
            told.processes[kind] = host.run(["ps", "axww", "-o", "args"]).stdout
            told.variables[kind] = host.run(["sh", "-c", "tr '\\0' '\\n' < /proc/$(pgrep -o raylet)/environ"]).stdout
        address = amazon.machines("head")[0]["PrivateIpAddress"]
        told.doors = [int(port) for port in made.run([sys.executable, "-c", DOORS, address]).stdout.split()]

        amazon.wait(lambda: not amazon.machines("worker", "running"), 90)
        told.idle = amazon.seen("instances")
        ray("down", "-y", str(file))
        amazon.wait(lambda: not amazon.machines("head", "running"), 10)
        told.down = amazon.seen("instances")
    return told


def by_kind(instances: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Instances by what Ray tagged them as."""
    found = {tags(one)["ray-node-type"]: one for one in instances}
    assert len(found) == len(instances)
    return found


def test_up_launches_the_head_alone(story: Story) -> None:
    (head,) = story.up
    assert (tags(head)["ray-node-type"], tags(head)["ray-cluster-name"]) == ("head", "stopover")
    assert (head["InstanceType"], head["ImageId"]) == ("m6i.large", IMAGE)
    assert "InstanceLifecycle" not in head  # on demand


def test_a_trial_brings_a_spot_machine_and_runs_on_it(story: Story) -> None:
    machines = by_kind(story.at_work["instances"])
    worker = machines["worker"]
    assert (worker["InstanceType"], worker["InstanceLifecycle"]) == ("g5.xlarge", "spot")
    assert f"ran on {worker['PrivateIpAddress']} " in story.job


def test_the_machine_goes_when_it_has_nothing_to_do(story: Story) -> None:
    machines = by_kind(story.idle)
    # moto gives a spot machine no request id: Ray takes it for one on demand, and stops it where it would end it
    assert machines["worker"]["State"]["Name"] in ("stopped", "terminated")
    assert machines["head"]["State"]["Name"] == "running"


def test_down_keeps_the_disk_of_the_head(story: Story) -> None:
    assert by_kind(story.down)["head"]["State"]["Name"] == "stopped"


def test_machines_have_their_own_roles_locked_disks_and_guarded_metadata(story: Story) -> None:
    machines = by_kind(story.at_work["instances"])
    profiles = {kind: one["IamInstanceProfile"]["Arn"].rpartition("/")[2] for kind, one in machines.items()}
    assert profiles == {"head": "stopover-head", "worker": "stopover-worker"}
    assert [one["MetadataOptions"]["HttpTokens"] for one in machines.values()] == ["required", "required"]
    assert [(one["Encrypted"], one["Size"], one["VolumeType"]) for one in story.at_work["volumes"]] == [
        (True, 150, "gp3"),
        (True, 150, "gp3"),
    ]


def test_both_are_in_a_group_that_lets_in_ssh_alone(story: Story) -> None:
    (group,) = [one for one in story.at_work["groups"] if one["GroupName"] == "stopover"]
    for one in story.at_work["instances"]:
        assert [own["GroupId"] for own in one["SecurityGroups"]] == [group["GroupId"]]
    (key,) = story.at_work["keys"]
    assert {one["KeyName"] for one in story.at_work["instances"]} == {key["KeyName"]}
    from_outside = [rule for rule in group["IpPermissions"] if not rule["UserIdGroupPairs"]]
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in from_outside] == [("tcp", 22, 22)]
    (within,) = [rule for rule in group["IpPermissions"] if rule["UserIdGroupPairs"]]
    assert [pair["GroupId"] for pair in within["UserIdGroupPairs"]] == [group["GroupId"]]


def test_dashboard_and_mlflow_are_on_the_head_for_itself(story: Story) -> None:
    assert "mlflow" in story.processes["head"] and "dashboard" in story.processes["head"]
    assert story.doors == [22]


def test_ray_wants_a_token_that_no_command_line_shows(story: Story) -> None:
    assert len(story.token) >= 32
    for kind in ("head", "worker"):
        assert "raylet" in story.processes[kind] and story.token not in story.processes[kind]
        assert {"RAY_AUTH_MODE=token", "RAY_USAGE_STATS_ENABLED=0"} <= set(story.variables[kind].splitlines())
    assert story.token not in story.job
