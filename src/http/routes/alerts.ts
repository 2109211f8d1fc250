import Type from 'typebox';
import type { Pincex } from '../../pincex.ts';
import type { App } from '../app.ts';
import type { CallGate } from '../load/callGate.ts';
import { Problem, quoted } from '../problems/problem.ts';
import { body, ref, strict } from '../schemas/common.ts';
import { answers } from '../schemas/responses.ts';
import { alert } from '../schemas/views.ts';

/** Routes that list and acknowledge alerts. */
export function alertRoutes(app: App, { alerts }: Pincex, gate: CallGate): void {
  app.get(
    '/v1/alerts',
    {
      config: { scope: 'read', ofAll: ['users', 'markets'] },
      schema: {
        operationId: 'getAlerts',
        tags: ['Alerts'],
        summary: 'Alerts: those that fire, then the pending and the resolved ones, each the newest first',
        response: answers(strict({ alerts: Type.Array(ref(alert)) })),
      },
    },
    async (request) => ({ alerts: await gate.run(request, () => alerts.list(), pastDeadline) }),
  );

  app.post(
    '/v1/alerts/:id/acknowledge',
    {
      config: { scope: 'admin', ofAll: ['users', 'markets'], argument: { pointer: '/by' } },
      schema: {
        operationId: 'acknowledgeAlert',
        tags: ['Alerts'],
        summary: 'A person has seen an alert that fires or was resolved',
        description: 'The first acknowledgement stays: later calls change nothing, and return it.',
        params: strict({ id: Type.String({ description: 'The id of the alert' }) }),
        body: body(
          {
            by: Type.String({
              description: 'The name of the person, 1 to 128 characters',
              examples: ['ann'],
            }),
          },
          { by: 'ann' },
        ),
        response: answers(ref(alert)),
      },
    },
    async (request) => {
      const { id } = request.params;
      const acknowledge = () => alerts.acknowledgeIfThere(id, request.body);
      const acknowledged = await gate.run(request, acknowledge, pastDeadline);
      if (acknowledged !== undefined) return acknowledged;
      throw new Problem('not_found', `No alert that fires or was resolved has the id ${quoted(id)}`);
    },
  );
}

const pastDeadline = () => ({ detail: 'The deadline of Request-Timeout passed before the alerts were read' });
