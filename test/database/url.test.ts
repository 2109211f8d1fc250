import { expect, it } from 'vitest';
import { withoutPassword } from '../../src/database/connection/url.ts';

it.each([
  ['postgres://me:secret@h:5432/d', 'postgres://me@h:5432/d'],
  ['postgres://me:secret@h/d?sslmode=require', 'postgres://me@h/d?sslmode=require'],
  ['postgres://me@h/d', 'postgres://me@h/d'],
  ['postgresql://:secret@h/d', 'postgresql://h/d'],
  ['postgres://h:5432/d?options=-c%20a%3Db@c', 'postgres://h:5432/d?options=-c%20a%3Db@c'],
  ['postgres://h/d?user=me&password=secret&x=1', 'postgres://h/d?user=me&x=1'],
  ['postgres://h/d?password=secret', 'postgres://h/d'],
  ['postgres://h/d?sslpassword=secret&password=secret', 'postgres://h/d'],
  ['postgres://me:secret@h1:5432,h2:5433/d', 'postgres://me@h1:5432,h2:5433/d'],
  ['postgres://me:se/cr#et?secret@h/d', 'postgres://me@h/d'],
  ['postgres://me:secret@secret@h:99999/d', 'postgres://me@h:99999/d'],
  ['postgres:///d?host=/var/run', 'postgres:///d?host=/var/run'],
])('the URL %s is shown without its password', (url, shown) => {
  expect(withoutPassword(url)).toBe(shown);
  expect(shown).not.toContain('secret');
});
