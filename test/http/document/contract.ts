import { Compile, type Validator } from 'typebox/schema';
import type { Scope } from '../../../src/apiKeys/scopes.ts';

/** A JSON schema, as far as the tests look at it. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

interface Media {
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

interface Content {
  readonly description?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, Media>>;
}

interface DocumentedOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security: readonly { readonly key: readonly Scope[] }[];
  readonly parameters?: readonly { readonly name: string; readonly in: 'path' | 'query' | 'header' }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

/** The OpenAPI document of the service. */
export interface OpenApi {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

/** A route as the document describes it. */
export interface Operation extends DocumentedOperation {
  /** Such as `POST /v1/batches`. */
  readonly name: string;
  readonly method: string;
  /** The path, with parameters in braces. */
  readonly path: string;
  /** The scopes that a key needs, all of them; null where no key is needed. */
  readonly scopes: readonly Scope[] | null;
}

/** An answer as it was received. */
export interface Received {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** The client has read the beginning of the text, and then hung up. */
  readonly isCut?: boolean;
}

/** The only answer that a path without an operation may have: a problem. */
const PROBLEM: Content = {
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

/** Compares answers with the document that promises them. */
export class Contract {
  readonly operations: readonly Operation[];
  readonly document: OpenApi;
  readonly #validators = new Map<JsonSchema, Validator>();

  constructor(document: OpenApi) {
    this.document = document;
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([verb, operation]) => {
        const method = verb.toUpperCase();
        const scopes = operation.security[0]?.key ?? null;
        return { ...operation, name: `${method} ${path}`, method, path, scopes };
      }),
    );
  }

  /** The contract of a running service. */
  static async of(url: string, key: string): Promise<Contract> {
    const response = await fetch(`${url}/openapi.json`, { headers: { authorization: `Bearer ${key}` } });
    return new Contract((await response.json()) as OpenApi);
  }

  /** The operation of a call; `undefined` where the document has none. */
  operationOf(method: string, url: string): Operation | undefined {
    const parts = (url.split(/[?#]/, 1)[0] ?? '').split('/');
    return this.operations.find((operation) => {
      const wanted = operation.path.split('/');
      const fits = wanted.every((part, i) => part === parts[i] || (part.startsWith('{') && parts[i] !== ''));
      return fits && operation.method === method && wanted.length === parts.length;
    });
  }

  /** Follows references to the schema itself. */
  resolve(schema: JsonSchema): JsonSchema {
    if (schema.$ref === undefined) return schema;
    const named = this.document.components.schemas[schema.$ref.replace('#/components/schemas/', '')];
    if (named === undefined) throw new Error(`The document has no ${schema.$ref}`);
    return this.resolve(named);
  }

  /** How an answer breaks the document; `undefined` where it keeps to it. */
  breach(
    operation: Operation | undefined,
    { status, contentType, text, isCut }: Received,
  ): string | undefined {
    const response = operation === undefined ? PROBLEM : operation.responses[status];
    const media = contentType.split(';', 1)[0] ?? '';
    const schema = response?.content?.[media]?.schema;
    if (schema === undefined) return `${status} is not documented as ${media || 'nothing'}`;
    if (media === 'application/problem+json')
      return (
        this.#mismatch(schema, text) ?? mistold(status, text) ?? undocumented(response?.description, text)
      );
    if (media === 'text/event-stream')
      return firstOf(eventsOf(text), (event) => this.#mismatch(schema, event));
    if (media !== 'application/x-ndjson') return this.#mismatch(schema, text);
    const lines = text.split('\n');
    const rest = lines.pop();
    if (isCut) return firstOf(lines, (line) => this.#mismatch(schema, line));
    if (rest !== '' || lines.at(-1) !== '{"end":true}') return 'the stream has no end';
    return firstOf(lines, (line) => this.#mismatch(schema, line));
  }

  #mismatch(schema: JsonSchema, text: string): string | undefined {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return `no JSON: ${text.slice(0, 200)}`;
    }
    const validator = this.#validatorOf(schema);
    if (validator.Check(value)) return undefined;
    return JSON.stringify(validator.Errors(value)[1].slice(0, 5));
  }

  #validatorOf(schema: JsonSchema): Validator {
    let validator = this.#validators.get(schema);
    if (validator === undefined) {
      // References begin at the root of a schema, so the components have to be there.
      validator = Compile({ ...schema, components: this.document.components });
      this.#validators.set(schema, validator);
    }
    return validator;
  }
}

/** The events that came whole, each as JSON with its name and data. Such a stream has no end. */
function eventsOf(text: string): string[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks.map((block) => {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
    return `{"event":${JSON.stringify(name)},"data":${data}}`;
  });
}

/** Tells of a problem that names another status than it came with. */
function mistold(status: number, problem: string): string | undefined {
  const told = (JSON.parse(problem) as { readonly status: number }).status;
  return told === status ? undefined : `a ${status} tells of ${told}`;
}

/** Tells of a problem with a code that its operation does not document. */
function undocumented(description: string | undefined, problem: string): string | undefined {
  const { code } = JSON.parse(problem) as { readonly code: string };
  return description?.includes(`\`${code}\``) === false ? `${code} is not documented` : undefined;
}

function firstOf<Item>(
  items: readonly Item[],
  breach: (item: Item) => string | undefined,
): string | undefined {
  for (const item of items) {
    const found = breach(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
