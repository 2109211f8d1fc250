import { isSocket, type Endpoint } from './system/endpoint.ts';

/** The settings of the embedded server; every other one is PostgreSQL's default, `fsync = on` included. */
export function serverSettings(endpoint: Endpoint): string[] {
  const { host, port } = endpoint;
  const settings = {
    port,
    // Only programs of this machine can connect; with a socket, only those of the server's user.
    listen_addresses: isSocket(endpoint) ? '' : host,
    // The setting is a list; quotes make the path one element.
    unix_socket_directories: isSocket(endpoint) ? `"${host.replaceAll('"', '""')}"` : '',
    max_connections: 100,
    shared_buffers: '256MB',
    // JIT-compiling a plan takes longer than any of our statements runs.
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // The log is rotated only at a start, so messages that a busy day repeats are turned off.
    log_checkpoints: 'off',
    log_min_error_statement: 'panic',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
