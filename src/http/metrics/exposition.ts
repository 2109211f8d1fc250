import { Registry, type RegistryContentType } from 'prom-client';
import type { Pincex } from '../../pincex.ts';
import { addFamilies, type Scrape } from './families.ts';
import { OperationHistograms } from './operationHistograms.ts';
import { processMetrics } from './processMetrics.ts';
import { registryOf } from './registry.ts';
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

/** The metrics in one format. */
interface Format {
  readonly registry: Registry;
  readonly update: (scrape: Scrape) => void;
}

/** Shows what a process has counted as text for Prometheus. */
export class Exposition {
  readonly #source: Source;
  readonly #histograms: OperationHistograms;
  readonly #formats = new Map<RegistryContentType, Format>();

  /** @param activeTraceId id of the active trace, for exemplars */
  constructor(source: Source, activeTraceId: () => string | undefined = traceIdOf) {
    this.#source = source;
    this.#histograms = new OperationHistograms(source.pincex.monitor, activeTraceId);
  }

  /** @param accept the header: OpenMetrics if it names that, else the text format of Prometheus */
  async scrape(accept = ''): Promise<Scraped> {
    const contentType = accept.includes('application/openmetrics-text')
      ? Registry.OPENMETRICS_CONTENT_TYPE
      : Registry.PROMETHEUS_CONTENT_TYPE;
    const { registry, update } = this.#formatOf(contentType);
    update(this.#read());
    return { contentType, text: await registry.metrics() };
  }

  /** Ends the observation of operations. */
  close(): void {
    this.#histograms.stop();
  }

  #read(): Scrape {
    const { pincex, gate } = this.#source;
    return {
      operations: pincex.monitor.tallies('start'),
      statistics: pincex.statistics.snapshot(),
      pools: pincex.pools(),
      calls: gate.load,
    };
  }

  #formatOf(contentType: RegistryContentType): Format {
    let format = this.#formats.get(contentType);
    if (format === undefined) {
      const own = registryOf(contentType);
      const update = addFamilies(own);
      this.#histograms.registerIn(own);
      format = { registry: Registry.merge([own, processMetrics(contentType)]), update };
      this.#formats.set(contentType, format);
    }
    return format;
  }
}
