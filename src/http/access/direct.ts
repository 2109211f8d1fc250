import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** Headers by which proxies name the client that they act for. */
const PROXY_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
];

/**
 * Whether a request to a service on a loopback address comes directly from this machine, as far as the request tells: it has
 * no header of a proxy, and its Host is a loopback address. A proxy that adds no header and rewrites the Host looks the same.
 */
export function isDirect({ headers, hostname }: Pick<FastifyRequest, 'headers' | 'hostname'>): boolean {
  return PROXY_HEADERS.every((name) => headers[name] === undefined) && isLoopback(hostname);
}

/** Whether only this machine can reach a host. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
