/** What the embedded server runs with; all else is PostgreSQL's default, `fsync = on` included. */
export function serverSettings(port: number): string[] {
  const settings = {
    port,
    // Nobody but this machine, and no sockets, whose paths may be 107 characters long at most.
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
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
