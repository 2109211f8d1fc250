import { Registry } from 'prom-client';
import type { Pincex } from '../../pincex.ts';
import { addFamilies, type Scrape } from './families.ts';
import { OperationHistograms } from './operationHistograms.ts';
import { processMetrics } from './processMetrics.ts';
import { inOpenMetrics } from './registry.ts';
import { traceIdOf } from '../../telemetry/api.ts';

/** The parts that count. */
export interface Source {
  readonly pincex: Pick<Pincex, 'monitor' | 'statistics' | 'pools'>;
  readonly gate: { readonly load: Scrape['calls'] };
}

/** The answer to a scrape. */
export interface Scraped {
  readonly contentType: string;
  readonly text: string;
}

/** Shows what a process has counted as text for Prometheus. */
export class Exposition {
  readonly #source: Source;
  readonly #histograms: OperationHistograms;
  readonly #update: (reading: Scrape) => void;
  readonly #plain: Registry;
  readonly #open: Registry;

  /** @param activeTraceId id of the active trace, for exemplars */
  constructor(source: Source, activeTraceId: () => string | undefined = traceIdOf) {
    this.#source = source;
    this.#histograms = new OperationHistograms(source.pincex.monitor, activeTraceId);
    const own = new Registry();
    this.#update = addFamilies(own);
    this.#histograms.registerIn(own);
    this.#plain = Registry.merge([own, processMetrics()]);
    this.#open = inOpenMetrics(this.#plain);
  }

  /** @param accept the header: OpenMetrics if it names that, else the text format of Prometheus */
  async scrape(accept = ''): Promise<Scraped> {
    const shown = accept.includes('application/openmetrics-text') ? this.#open : this.#plain;
    this.#update(this.#read());
    return { contentType: shown.contentType, text: await shown.metrics() };
  }

  /** Ends the observation of operations. */
  close(): void {
    this.#histograms.stop();
  }

  #read(): Scrape {
    const { pincex, gate } = this.#source;
    return {
      operations: pincex.monitor.tallies('start'),
      statistics: pincex.statistics.counters(),
      pools: pincex.pools(),
      calls: gate.load,
    };
  }
}
