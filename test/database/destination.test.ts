import pg from 'pg';
import { describe, expect, it } from 'vitest';
import {
  problemOfBooks,
  problemOfUrl,
  readDestination,
  timePerHost,
  withDatabase,
} from '../../src/database/connection/destination.ts';
import { PincexError } from '../../src/index.ts';

/** Each host of a URL as the driver reads it. */
function seenByDriver(url: string): Record<string, unknown>[] {
  return readDestination(url).hosts.map((host) => {
    const { host: name, port, user, password, database, ssl } = new pg.Client({ connectionString: host.url });
    return { host: name, port, user, password, database, ssl };
  });
}

const namesOf = (url: string): string[] => readDestination(url).hosts.map(({ name }) => name);

describe('a URL of a database', () => {
  it.each([
    ['postgres://u:p@one/db', ['one']],
    ['postgresql://u:p@one:1/db', ['one:1']],
    ['postgres://u:p@one:1,two:2,three/db', ['one:1', 'two:2', 'three']],
    ['postgres://u:p@one,two:2/db?port=3', ['one:3', 'two:3']],
    ['postgres://u:p@/db?host=one,two&port=1,2', ['one:1', 'two:2']],
    ['postgres:///db?host=one,two&port=1', ['one:1', 'two:1']],
    ['postgres://gone/db?host=one', ['one']],
    ['postgres://[::1]:1,[fe80::2]/db', ['::1:1', 'fe80::2']],
    ['postgres://u@%2Frun%2Fpg:1/db', ['/run/pg:1']],
    ['postgres:///db?host=/run/pg', ['/run/pg']],
    ['postgres:///db', ['the default host']],
  ])('the URL %s leads to %j, in that order', (url, names) => {
    expect(namesOf(url)).toEqual(names);
  });

  it('a URL has the same user, password, database and parameters for each of its hosts', () => {
    const url = 'postgres://me:secret@one:1,two:2/books?sslmode=no-verify&target_session_attrs=primary';
    const same = { user: 'me', password: 'secret', database: 'books', ssl: { rejectUnauthorized: false } };
    expect(seenByDriver(url)).toMatchObject([
      { ...same, host: 'one', port: 1 },
      { ...same, host: 'two', port: 2 },
    ]);
  });

  it('a URL may lead to a socket or to an IPv6 address, as the driver writes them', () => {
    expect(seenByDriver('postgres://u:p@%2Frun%2Fpg,[::1]:7/db')).toMatchObject([
      { host: '/run/pg', port: 5432 },
      { host: '::1', port: 7 },
    ]);
  });

  it('a URL gives its options and its target_session_attrs', () => {
    expect(
      readDestination('postgres://h/d?options=-c%20a%3D1&options=-c%20b%3D2&target_session_attrs=standby'),
    ).toMatchObject({ options: '-c a=1 -c b=2', wanted: 'standby' });
    expect(readDestination('postgres://h/d')).toMatchObject({ options: undefined, wanted: 'any' });
    expect(readDestination('postgres://h/d?options=')).toMatchObject({ options: '' });
  });

  it('withDatabase gives the URL of another database at the same hosts', () => {
    expect(withDatabase('postgres://u:p@a:1,b:2/db?sslmode=disable', 'other')).toBe(
      'postgres://u:p@a:1,b:2/other?sslmode=disable',
    );
    expect(withDatabase('postgres://h', 'other')).toBe('postgres://h/other');
  });
});

describe('the time for connecting to each host', () => {
  it.each([
    ['the time for a single host is the whole time', 'postgres://a/d', 10_000],
    ['the time for each of several hosts is its share', 'postgres://a,b,c,d/d', 2_500],
    [
      'the time for each host is half its share with prefer-standby, which tries them twice',
      'postgres://a,b/d?target_session_attrs=prefer-standby',
      2_500,
    ],
    [
      'the time for a host is connect_timeout if that is less than its share',
      'postgres://a,b/d?connect_timeout=3',
      3_000,
    ],
    [
      'the time for a host is its share if that is less than connect_timeout',
      'postgres://a,b/d?connect_timeout=30',
      5_000,
    ],
  ])('%s', (_, url, ms) => {
    expect(timePerHost(readDestination(url), 10_000)).toBe(ms);
  });
});

const ENCODE = /^in a user, a password or another part, \/ \? # @ : % are written %2F %3F %23 %40 %3A %25/;

describe('a password in a URL', () => {
  it.each([
    ['/', 'postgres://u:se/cret@h/d'],
    ['/ after a possible port', 'postgres://u:12/cret@h/d'],
    ['?', 'postgres://u:se?cret@h/d'],
    ['? after a possible port', 'postgres://u:12?cret@h/d'],
    ['#', 'postgres://u:se#cret@h/d'],
    ['# after a possible port', 'postgres://u:12#cret@h/d'],
    ['@ and /', 'postgres://u:se@c/ret@h/d'],
    ['@ and ?', 'postgres://u:se@c?ret@h/d'],
    ['@ and #', 'postgres://u:se@c#ret@h/d'],
    ['% that encodes nothing', 'postgres://u:50%secret@h/d'],
    ['% at its end', 'postgres://u:secret%@h/d'],
    ['% that encodes no character', 'postgres://u:secret%E9@h/d'],
  ])('a password with %s is refused with the advice to encode it, and is not shown', (_, url) => {
    const problem = problemOfUrl(url) ?? '';
    expect(problem).toMatch(ENCODE);
    expect(problem).not.toMatch(/cret|50/);
  });

  it.each(['/', '?', '#', '@', ':', '%', ' ', '%41', 'a@b:c/d?e#f%', 'ключ', '[', '+', '&'])(
    'the password %j is read if it is percent-encoded',
    (password) => {
      const url = `postgres://u:${encodeURIComponent(password)}@one,two:2/d`;
      expect(seenByDriver(url)).toMatchObject([{ password }, { password }]);
    },
  );

  it.each(['@', ':', ' ', 'a:b@c', '[', 'é'])('the password %j is read without being encoded', (password) => {
    expect(seenByDriver(`postgres://u:${password}@h/d`)).toMatchObject([{ user: 'u', password, host: 'h' }]);
  });
});

describe('a URL that is not understood', () => {
  it.each([
    [
      'postgres://h/d?ssl_mode=require',
      /^"ssl_mode" is not a parameter .*: the nearest is sslmode, of user,/,
    ],
    ['postgres://h/d?statement_timeout=5', /^"statement_timeout" is not a parameter that is understood/],
    ['postgres://h/d?schema=books', /^schema cannot be chosen: the tables are in the schema public/],
    ['postgres://h/d?currentSchema=books', /^currentSchema cannot be chosen/],
    ['postgres://h/d?search_path=books', /^search_path cannot be chosen/],
    ['postgres://h/d?toString=1', /^"toString" is not a parameter/],
    [
      'postgres://h/d?target_session_attrs=master',
      /^target_session_attrs is "master", and may be any, read-write,/,
    ],
    ['postgres://h/d?sslmode=allow', /^sslmode is "allow", and may be disable, prefer/],
    ['postgres://h/d?ssl=false', /^ssl is "false", and may be true, 1, 0, no-verify/],
    ['postgres://h/d?connect_timeout=soon', /^connect_timeout is "soon", and may be whole seconds/],
    ['postgres://a:1,b:2,c/d?port=1,2', /^it has 3 hosts and 2 ports/],
    ['postgres://h:99999/d', /^a port is a number from 1 to 65535/],
    ['postgres://h:a/d', /^its hosts are written host:port/],
    ['mysql://h/d', /^it takes a URL such as postgres/],
  ])('the URL %s is refused, and the message names the part', (url, problem) => {
    expect(problemOfUrl(url)).toMatch(problem);
    expect(() => readDestination(url)).toThrow(PincexError);
  });
});

describe('the URL at which the books are written', () => {
  it.each([
    'postgres://h/d',
    'postgres://a,b/d?target_session_attrs=read-write',
    'postgres://a,b/d?target_session_attrs=primary',
  ])('the books may be written at %s', (url) => {
    expect(problemOfBooks(url)).toBeUndefined();
  });

  it.each([
    ['postgres://a,b/d', 'several hosts need target_session_attrs=read-write (or primary)'],
    ['postgres://a,b/d?target_session_attrs=any', 'several hosts need target_session_attrs=read-write'],
    ['postgres://a/d?target_session_attrs=standby', 'got standby'],
    ['postgres://a,b/d?target_session_attrs=prefer-standby', 'got prefer-standby'],
    ['postgres://a,b/d?target_session_attrs=read-only', 'got read-only'],
    ['postgres://a,b/d?schema=x', 'schema cannot be chosen'],
  ])('the books may not be written at %s', (url, problem) => {
    expect(problemOfBooks(url)).toContain(problem);
  });
});
