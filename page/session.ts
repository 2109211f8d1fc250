import { computed, signal } from '@preact/signals';
import { PincexClient, PincexClientError } from '../src/client/index.ts';

const KEY = 'pincex.key';
const NAME = 'pincex.name';

/** The base URL of the service. The page is served at its root, wherever a proxy has put that. */
const serviceUrl = new URL('.', location.href.split('#')[0]).href;

/** Storage of the tab: it ends with it, and no other tab has it. */
const key = signal(sessionStorage.getItem(KEY));

/** Why the last session ended; shown where one signs in. */
export const refusal = signal<string | null>(null);

/** The client of the signed-in key; null if nobody is signed in. */
export const client = computed(() => (key.value === null ? null : clientOf(key.value)));

/** The client of the live figures. It reports a broken connection at once, since the page shows that. */
export const liveClient = computed(() => (key.value === null ? null : clientOf(key.value, 0)));

/** The name that acknowledges alerts, as long as the tab lives. */
export const personName = signal(sessionStorage.getItem(NAME) ?? '');

export function rememberName(name: string): void {
  sessionStorage.setItem(NAME, name);
  personName.value = name;
}

/** @returns why the key is of no use here; null if it signed in */
export async function signIn(given: string): Promise<string | null> {
  try {
    await clientOf(given).getAlerts();
  } catch (error) {
    return reasonOf(error);
  }
  sessionStorage.setItem(KEY, given);
  refusal.value = null;
  key.value = given;
  return null;
}

export function signOut(why: string | null = null): void {
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(NAME);
  personName.value = '';
  refusal.value = why;
  key.value = null;
}

/** A key that was revoked, or expired, ends the session. */
export function endIfUnauthorized(error: unknown): void {
  if (error instanceof PincexClientError && error.code === 'unauthorized') signOut(reasonOf(error));
}

// The page itself came by this protocol: whoever opened it by http:// trusts the network. Sign-in warns of it.
const clientOf = (given: string, maxRetries = 3): PincexClient =>
  new PincexClient({ url: serviceUrl, key: given, allowHttp: true, maxRetries });

/** The text of an answer in another form than JSON, or the problem that the service answers with. */
export async function fetchText(
  path: string,
  accept: string,
): Promise<{ readonly text: string | null; readonly problem: string | null }> {
  const headers = { authorization: `Bearer ${key.value ?? ''}`, accept };
  try {
    const response = await fetch(new URL(path, serviceUrl), { headers });
    const text = await response.text();
    return response.ok
      ? { text, problem: null }
      : { text: null, problem: `The service answered with ${response.status}.` };
  } catch {
    return { text: null, problem: 'The service cannot be reached.' };
  }
}

/** A failed call as a sentence for people. */
export function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'An API key has the form pincex_<id>_<secret>.';
  if (!(error instanceof PincexClientError)) throw error;
  if (error.code === 'unauthorized')
    return 'The service does not take this key: it is mistyped, revoked or expired.';
  const sentence = /[.?!]$/.test(error.message) ? error.message : `${error.message}.`;
  return error.code === 'forbidden'
    ? `${sentence} The page shows all users and markets: it needs a key with the scope read that is bound to none of them.`
    : sentence;
}
