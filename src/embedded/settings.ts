import { isSocket, type Endpoint } from './system/endpoint.ts';

/** The settings of the embedded server; every other one is PostgreSQL's default, `fsync = on` included. */
export function serverSettings(endpoint: Endpoint): string[] {
  const { host, port } = endpoint;
  const settings = {
    port,
    // Nobody but this machine, and where it has a socket nobody but the server's user.
    listen_addresses: isSocket(endpoint) ? '' : host,
    // It is a list: what is in quotes is one of it.
    unix_socket_directories: isSocket(endpoint) ? `"${host.replaceAll('"', '""')}"` : '',
    max_connections: 100,
    shared_buffers: '256MB',
    // Compiling a plan takes longer than any of our statements runs.
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // The log is rotated at a start only, so what a busy day repeats stays out of it.
    log_checkpoints: 'off',
    log_min_error_statement: 'panic',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
