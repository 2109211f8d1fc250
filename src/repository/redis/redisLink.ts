import { createClientPool, createCluster, type RedisClientOptions } from '@redis/client';
import type { RedisConfig } from '../../config/load.ts';
import { limits } from '../../limits.ts';

/** One Redis, or a cluster: sends a command to the node of its key. */
export interface RedisLink {
  /** The number of groups that keys are spread over. The keys of one group are on one node, so one command can have them. */
  readonly groups: number;
  send(key: string, command: readonly string[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Few enough that a batch of any size needs a few commands for each node, and enough that every node of a large cluster has some. */
const CLUSTER_GROUPS = 64;

export function linkTo(config: RedisConfig): RedisLink {
  return config.cluster === null ? single(config) : cluster(config);
}

function single(config: RedisConfig): RedisLink {
  const { url, host, port, database, poolSize, minIdleConnections } = config;
  const pool = createClientPool(
    {
      ...CLIENT,
      ...(url === null ? { socket: { ...SOCKET, host, port }, database } : { ...ofUrl(url), url }),
    },
    {
      minimum: Math.min(minIdleConnections, poolSize),
      maximum: poolSize,
      acquireTimeout: limits.repository.redisWaitMs,
    },
  );
  // Every failure rejects the command that was sent; without a listener the event would end the process as well.
  pool.on('error', () => undefined);
  void pool.connect().catch(() => undefined);
  return {
    groups: 1,
    send: (_, command) => pool.sendCommand([...command]),
    close() {
      pool.destroy();
      return Promise.resolve();
    },
  };
}

function cluster({ cluster: nodes, url }: RedisConfig): RedisLink {
  const defaults = { ...CLIENT, ...(url === null ? { socket: SOCKET } : ofUrl(url)) };
  const client = createCluster({
    rootNodes: (nodes ?? []).map(({ host, port }) => ({
      ...defaults,
      socket: { ...defaults.socket, host, port },
    })),
    defaults,
  });
  client.on('error', () => undefined);
  let connecting: Promise<unknown> | undefined;
  const connected = async (): Promise<void> => {
    if (client.isOpen && connecting === undefined) return;
    // The first call after a failure tries again.
    connecting ??= client.connect().finally(() => (connecting = undefined));
    await connecting;
  };
  void connected().catch(() => undefined);
  return {
    groups: CLUSTER_GROUPS,
    async send(key, command) {
      await connected();
      return client.sendCommand(key, false, [...command]);
    },
    close() {
      if (client.isOpen) client.destroy();
      return Promise.resolve();
    },
  };
}

/** A connection that is silent for this long is closed; a ping is sent before. */
const SILENCE_MS = 5_000;
const SOCKET = {
  connectTimeout: 2_000,
  socketTimeout: SILENCE_MS,
  reconnectStrategy: (retries: number): number => Math.min(100 * 2 ** retries, 2_000),
};

/** A command that cannot be sent at once fails at once: asking the database is faster than waiting in a queue. */
const CLIENT = { disableOfflineQueue: true, pingInterval: SILENCE_MS / 2 } satisfies RedisClientOptions;

/** The options that the nodes of a cluster take from a URL. */
function ofUrl(url: string) {
  const { protocol, username, password } = new URL(url);
  const socket = protocol === 'rediss:' ? { ...SOCKET, tls: true as const } : SOCKET;
  return {
    socket,
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  };
}
