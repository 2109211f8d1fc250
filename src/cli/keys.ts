import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseTime } from '../commands/fields.ts';
import { SCOPES, type Scope } from '../apiKeys/scopes.ts';
import type { ApiKey } from '../apiKeys/store.ts';
import { limits } from '../limits.ts';
import { JSON_OPTION, type JsonOption, someText, wholeNumber } from './options.ts';
import { note, print, printJson, printTable, withPincex } from './session.ts';

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('list, create or revoke the API keys of the HTTP service');
  keys
    .command('create')
    .description('make a key and print it: once, since only its hash is stored')
    .requiredOption('--name <name>', 'the name by which people recognize it')
    .addOption(
      new Option('--scope <scope...>', 'a scope of the key; may be given several times')
        .choices(SCOPES)
        .makeOptionMandatory(),
    )
    .option('--expires <when>', 'after hours or days, such as 12h or 90d, or at an ISO 8601 time', expiry)
    .option(
      '--rate <items>',
      'items a second; default: the limit of the service',
      wholeNumber('--rate', 1, limits.apiKeys.itemsPerSecond),
    )
    .option('--users <ids>', 'the only users that it may touch, with commas', list)
    .option(
      '--user-prefix <text>',
      'it may touch users whose ids begin with this text',
      someText('--user-prefix'),
    )
    .option('--markets <symbols>', 'the only markets that it may touch, with commas', list)
    .option(
      '--addresses <networks>',
      'addresses that it may be used from, with commas, such as 10.0.0.0/8',
      list,
    )
    .option(...JSON_OPTION)
    .action(({ name, scope, expires, rate, json = false, ...bounds }: CreateOptions) =>
      withPincex(async (pincex) => {
        const created = await pincex.apiKeys.create({
          name,
          scopes: scope,
          expiresAt: expires ?? null,
          rateLimit: rate ?? null,
          ...bounds,
        });
        if (json) printJson(created);
        else print(created.key);
        note(`Keep the key of ${created.id}: it is not stored and will not be shown again`);
      }),
    );
  keys
    .command('list', { isDefault: true })
    .description('list the keys, the oldest first')
    .option(...JSON_OPTION)
    .action(({ json = false }: JsonOption) =>
      withPincex(async (pincex) => {
        const list = await pincex.apiKeys.list();
        if (json) printJson(list);
        else printKeys(list);
      }),
    );
  keys
    .command('revoke')
    .description('revoke a key; within a second it is refused everywhere')
    .argument('<id>', 'its id, as pincex keys list shows it')
    .option(...JSON_OPTION)
    .action((id: string, { json = false }: JsonOption) =>
      withPincex(async (pincex) => {
        const revoked = await pincex.apiKeys.revoke(id);
        const { name, revokedAt } = revoked;
        if (json) printJson(revoked);
        else print(`${id} (${name}) is revoked since ${revokedAt ?? ''}`);
      }),
    );
}

interface CreateOptions extends JsonOption {
  readonly name: string;
  readonly scope: readonly Scope[];
  readonly expires?: Date;
  readonly rate?: number;
  readonly users?: readonly string[];
  readonly userPrefix?: string;
  readonly markets?: readonly string[];
  readonly addresses?: readonly string[];
}

function printKeys(keys: readonly ApiKey[]): void {
  printTable(
    ['id', 'name', 'scopes', 'bound to', 'items/s', 'created', 'expires', 'state'],
    keys.map((key) => [
      key.id,
      key.name,
      key.scopes.join(' '),
      boundsOf(key),
      key.rateLimit === null ? '' : String(key.rateLimit),
      key.createdAt,
      key.expiresAt ?? 'never',
      stateOf(key),
    ]),
  );
}

/** A short form of the bounds, since a list may be long. */
function boundsOf({ users, userPrefix, markets, addresses }: ApiKey): string {
  const named = (what: string, names: readonly string[] | null): string[] =>
    names === null ? [] : [`${what} ${names.length > 3 ? `${names.length}` : names.join(',')}`];
  const prefix = userPrefix === null ? [] : [`users ${userPrefix}…`];
  return [
    ...named('users', users),
    ...prefix,
    ...named('markets', markets),
    ...named('from', addresses),
  ].join(' ');
}

function stateOf({ expiresAt, revokedAt }: ApiKey): string {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'valid';
}

const list = (text: string): string[] => text.split(',').map((one) => one.trim());

const HOUR_MS = 3_600_000;

function expiry(text: string): Date {
  const [, count, unit] = /^(\d{1,6})([hd])$/.exec(text) ?? [];
  if (count !== undefined) {
    return new Date(Date.now() + Number(count) * (unit === 'h' ? HOUR_MS : 24 * HOUR_MS));
  }
  const time = parseTime(text);
  if (time !== null) return time;
  throw new InvalidArgumentError(
    '--expires takes hours or days such as 12h or 90d, or a time such as 2030-01-31T12:00:00Z.',
  );
}
