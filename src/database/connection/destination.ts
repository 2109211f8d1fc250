import { PincexError } from '../../errors.ts';
import { nearest } from '../../known.ts';

/** The values of `target_session_attrs`. */
const SESSION_ATTRIBUTES = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const;

export type SessionAttributes = (typeof SESSION_ATTRIBUTES)[number];

/** The authentication methods that `require_auth` may name, with the names of libpq. */
const PROOFS = ['scram-sha-256', 'md5', 'password'] as const;

export type Proof = (typeof PROOFS)[number];

/** A host of a URL. */
export interface Host {
  /** The name of the host in messages. */
  readonly name: string;
  /** The URL with this host only, and with only those parameters that the driver reads. */
  readonly url: string;
}

/** The hosts and settings of a database URL, read as libpq reads it. */
export interface Destination {
  /** The hosts in the order in which they are tried, at least one. */
  readonly hosts: readonly Host[];
  readonly wanted: SessionAttributes;
  /** The `options` for the sessions of the server; `undefined` if the URL has none. */
  readonly options: string | undefined;
  /** The timeout for each host in milliseconds, if the URL has one. */
  readonly connectTimeoutMs: number | undefined;
  /** The only authentication method that the server may use, if the URL names one. */
  readonly proof: Proof | undefined;
}

/** The timeout for one attempt at a host, so that all attempts at all hosts together take at most `totalMs`. */
export function timePerHost(
  { hosts, wanted, connectTimeoutMs = Infinity }: Destination,
  totalMs: number,
): number {
  const attempts = hosts.length * (wanted === 'prefer-standby' ? 2 : 1);
  return Math.max(1, Math.floor(Math.min(totalMs / attempts, connectTimeoutMs)));
}

/** Scheme, user and password, hosts, path, parameters, fragment. */
const PARTS = /^(postgres(?:ql)?:\/\/)(?:([^/?#]*)@)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?(#.*)?$/s;

const HOST = /^(?:\[([^[\]]+)\]|([^:[\]]*))(?::(\d*))?$/;

/** The parameters of a URL that the driver reads, each with its possible values; null for any text. */
const FOR_THE_DRIVER: Readonly<Record<string, readonly string[] | null>> = {
  user: null,
  password: null,
  application_name: null,
  fallback_application_name: null,
  sslmode: ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'],
  ssl: ['true', '1', '0', 'no-verify'],
  sslcert: null,
  sslkey: null,
  sslrootcert: null,
  sslnegotiation: ['postgres', 'direct'],
  uselibpqcompat: ['true'],
};

/** The parameters that are read here and not by the driver. */
const OURS = ['host', 'port', 'options', 'target_session_attrs', 'connect_timeout', 'require_auth'];

const KNOWN = [...Object.keys(FOR_THE_DRIVER), ...OURS];

const CANNOT = 'The URL of the database cannot be used: ';

const ENCODE =
  'in a user, a password or another part, / ? # @ : % are written %2F %3F %23 %40 %3A %25 (percent-encoded)';

/** The URL of another database on the same servers. */
export function withDatabase(url: string, name: string): string {
  return url.replace(/^(\w+:\/\/[^/?]*)(\/[^?]*)?/, `$1/${name}`);
}

/** The reason why a URL cannot be used; `undefined` if it can. */
export function problemOfUrl(url: string): string | undefined {
  try {
    readDestination(url);
    return undefined;
  } catch (error) {
    return (error as PincexError).message.slice(CANNOT.length);
  }
}

/** The reason why a URL cannot be used for the primary, which takes writes; `undefined` if it can. */
export function problemOfBooks(url: string): string | undefined {
  const problem = problemOfUrl(url);
  if (problem !== undefined) return problem;
  const { hosts, wanted } = readDestination(url);
  if (wanted === 'read-write' || wanted === 'primary') return undefined;
  const asked = 'target_session_attrs=read-write (or primary)';
  if (wanted !== 'any') return `the books need ${asked}: got ${wanted}`;
  return hosts.length === 1 ? undefined : `several hosts need ${asked}: only one of them takes writes`;
}

/**
 * @throws PincexError `invalid_configuration`, which never shows a part of the URL that may belong to a password
 */
export function readDestination(url: string): Destination {
  const [, scheme, credentials, authority = '', path = '/', query = '', fragment] = PARTS.exec(url) ?? [];
  if (scheme === undefined) throw wrong('it takes a URL such as postgres://user:password@host:5432/name');
  // A password with one of these characters was split, and its rest was read as another part of the URL.
  if (fragment !== undefined || `${path}${query}`.includes('@') || /%(?![\da-f]{2})/i.test(url)) {
    throw wrong(ENCODE);
  }
  const parameters = readParameters(query);
  const { host, port, options, target_session_attrs: wanted = 'any', connect_timeout: seconds } = parameters;
  const { require_auth: proof } = parameters;
  const forTheDriver = new URLSearchParams(
    Object.entries(parameters).filter(([name]) => Object.hasOwn(FOR_THE_DRIVER, name)),
  );
  // Without TLS there is nothing to negotiate, even if PGSSLNEGOTIATION asks for it.
  if (parameters['sslmode'] === 'disable') forTheDriver.set('sslnegotiation', 'postgres');
  const user = credentials === undefined ? '' : `${encoded(credentials)}@`;
  // Only the driver knows this variable. A replication session would run no statements.
  if (process.env['PGREPLICATION']) forTheDriver.set('replication', 'false');
  const hosts = readHosts(authority, host, port).map((each) => {
    const own = new URLSearchParams(forTheDriver);
    // As a parameter, the driver also reads the port of a URL without a host.
    if (each.port !== '') own.set('port', each.port);
    return {
      name: [each.host || 'the default host', each.port].filter(Boolean).join(':'),
      url: `postgres://${user}${inUrl(each.host)}${path}?${own.toString()}`,
    };
  });
  return {
    hosts,
    wanted: SESSION_ATTRIBUTES.find((known) => known === wanted) ?? 'any',
    options,
    connectTimeoutMs: seconds === undefined ? undefined : Number(seconds) * 1_000,
    proof: PROOFS.find((known) => known === proof),
  };
}

/** If a name occurs twice, the last value counts; only the values of `options` are joined. */
function readParameters(query: string): Readonly<Record<string, string>> {
  const given = new URLSearchParams(query);
  for (const [name, value] of given) {
    const accepts = acceptedOf(name);
    if (accepts === undefined) throw wrong(unknownParameter(name));
    if (accepts !== null && !accepts.includes(value)) {
      throw wrong(`${name} is ${JSON.stringify(value)}, and may be ${accepts.join(', ')}`);
    }
    if (name === 'connect_timeout' && !/^[1-9]\d{0,5}$/.test(value)) {
      throw wrong(`connect_timeout is ${JSON.stringify(value)}, and may be whole seconds, 1 or more`);
    }
  }
  const options = given.has('options') ? { options: given.getAll('options').join(' ') } : {};
  return { ...Object.fromEntries(given), ...options };
}

function acceptedOf(name: string): readonly string[] | null | undefined {
  if (name === 'target_session_attrs') return SESSION_ATTRIBUTES;
  if (name === 'require_auth') return PROOFS;
  if (OURS.includes(name)) return null;
  return Object.hasOwn(FOR_THE_DRIVER, name) ? FOR_THE_DRIVER[name] : undefined;
}

function unknownParameter(name: string): string {
  if (/^(schema|currentschema|search_path)$/i.test(name)) {
    return `${name} cannot be chosen: the tables are in the schema public; for others take another database`;
  }
  const near = nearest(name, KNOWN) ?? '';
  return `${JSON.stringify(name)} is not a parameter that is understood: the nearest is ${near}, of ${KNOWN.join(', ')}`;
}

/** Pairs hosts with ports. A single port applies to all hosts. */
function readHosts(
  authority: string,
  host: string | undefined,
  port: string | undefined,
): { host: string; port: string }[] {
  const written = authority.split(',').map((text) => {
    const match = HOST.exec(text);
    if (match === null) throw wrong(`its hosts are written host:port, with commas between them; ${ENCODE}`);
    return { host: decoded(match[1] ?? match[2] ?? ''), port: match[3] ?? '' };
  });
  const hosts = host?.split(',') ?? written.map((each) => each.host);
  const ports = port?.split(',') ?? written.map((each) => each.port);
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw wrong(`it has ${hosts.length} hosts and ${ports.length} ports: one port, or one for each`);
  }
  return hosts.map((name, n) => ({ host: name, port: portOf(ports[ports.length === 1 ? 0 : n] ?? '') }));
}

function portOf(text: string): string {
  if (text === '' || (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535)) return text;
  throw wrong(`a port is a number from 1 to 65535; ${ENCODE}`);
}

/** A host as it is written in a URL. The folder of a socket is percent-encoded. */
function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : encodeURIComponent(host);
}

/** User and password, percent-encoded, so that the driver cannot read them as other parts of the URL. */
function encoded(credentials: string): string {
  const [user = '', ...password] = credentials.split(':');
  const parts = password.length === 0 ? [user] : [user, password.join(':')];
  return parts.map((part) => encodeURIComponent(decoded(part))).join(':');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(ENCODE);
  }
}

function wrong(why: string): PincexError {
  return new PincexError('invalid_configuration', `${CANNOT}${why}`);
}
