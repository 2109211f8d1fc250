import { DatabaseStates } from '../../live/database.ts';
import type { Pincex } from '../../pincex.ts';
import type { App } from '../app.ts';
import type { CallGate } from '../load/callGate.ts';
import { ref } from '../schemas/common.ts';
import { databaseState } from '../schemas/live.ts';
import { answers } from '../schemas/responses.ts';

/** The route that tells the state of the database. */
export function databaseRoute(app: App, pincex: Pincex, gate: CallGate): void {
  const states = new DatabaseStates(pincex);
  app.get(
    '/v1/database',
    {
      config: { scope: 'read', ofAll: ['users', 'markets'] },
      schema: {
        operationId: 'getDatabase',
        tags: ['Monitoring'],
        summary: 'What the doctor finds, the use of each index, and the last audit',
        description: 'All callers share what was found within 30 seconds.',
        response: answers(ref(databaseState)),
      },
    },
    async (request) => gate.run(request, () => states.read(), pastDeadline),
  );
}

const pastDeadline = () => ({
  detail: 'The deadline of Request-Timeout passed before the database was looked at',
});
