import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** What proxies say of those whom they come for. */
const OF_PROXIES = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
];

/**
 * Whether a request to a service that listens on a loopback address is one of this machine's own, as far as can be told: no proxy
 * says that it passed it on, and it was sent to a loopback address by name. A proxy that says nothing and changes the name
 * looks the same.
 */
export function isDirect({ headers, hostname }: Pick<FastifyRequest, 'headers' | 'hostname'>): boolean {
  return OF_PROXIES.every((name) => headers[name] === undefined) && isLoopback(hostname);
}

/** Whether only this machine is at a host. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
