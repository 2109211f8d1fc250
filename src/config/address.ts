/** The address that a server listens on. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, with an IPv6 address in brackets; `null` if the text has another form. */
export function parseAddress(text: string): Address | null {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const [, host, port] = match ?? [];
  return host === undefined || Number(port) < 1 || Number(port) > 65_535
    ? null
    : { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}
