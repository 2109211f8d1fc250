import type { Session } from '../../database/database.ts';

/** A name that is unique to this database, and the same for every process, whatever URL it connects by. */
const askName = {
  name: 'keyspace',
  text: `
    SELECT system_identifier || '.' || d.oid AS name
    FROM pg_control_system(), pg_database d
    WHERE d.datname = current_database()`,
};

/** The name of these books in a cache that other books may share. */
export async function keyspaceOf(primary: Session): Promise<string> {
  const [row] = await primary.query<{ name: string }>(askName);
  if (row === undefined) throw new RangeError('PostgreSQL did not name its database');
  return row.name;
}
