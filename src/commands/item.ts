/** A value that JSON can represent. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue | undefined;
}

/** The fields that an item of any command may have. */
export interface AnyItem {
  /** Items of one group succeed or fail together. */
  readonly group?: string | null | undefined;
  /**
   * The reason for the item: 1 to 200 characters, no control characters. Stored with the operation, shown in its journal
   * entries.
   */
  readonly reason?: string | null | undefined;
  /** Further data: an object of at most 4,096 bytes as JSON in UTF-8. Stored and shown like the reason. */
  readonly metadata?: JsonObject | null | undefined;
}
