/** A value that JSON can tell. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue | undefined;
}

/** The fields that an item of any command may have. */
export interface AnyItem {
  /** Items of one group succeed or fail together. */
  readonly group?: string | null | undefined;
  /** Why it is asked: 1 to 200 characters, no control characters. Kept with the operation, told in its journal entries. */
  readonly reason?: string | null | undefined;
  /** More about it: an object of at most 4,096 bytes as JSON in UTF-8. Kept and told as the reason is. */
  readonly metadata?: JsonObject | null | undefined;
}
