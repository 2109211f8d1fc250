import Type from 'typebox';
import type { App } from '../app.ts';
import type { Batches } from '../calls/batches.ts';
import { ref, strict } from '../schemas/common.ts';
import { answers } from '../schemas/responses.ts';
import { interruptedBatch, mixedResult, runningBatch } from '../schemas/results.ts';

/** The route that tells the outcome of a batch. */
export function outcomeRoutes(app: App, batches: Batches): void {
  app.get(
    '/v1/batches/:batchId',
    {
      // Any key may ask for its own batches.
      config: { scope: [] },
      schema: {
        operationId: 'getBatch',
        tags: ['Batches'],
        summary: 'The outcome of a batch, however the call that made it ended',
        params: strict({ batchId: Type.String({ description: 'UUID' }) }),
        response: answers(
          Type.Unsafe({ anyOf: [mixedResult, interruptedBatch].map(({ name }) => ({ $ref: `${name}#` })) }),
          { 202: ref(runningBatch) },
        ),
      },
    },
    (request, reply) => batches.sendOutcome(request.params.batchId, request, reply),
  );
}
