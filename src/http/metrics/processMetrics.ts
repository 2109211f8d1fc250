import { collectDefaultMetrics, type Registry, type RegistryContentType } from 'prom-client';
import { registryOf } from './registry.ts';

const registries = new Map<RegistryContentType, Registry>();

/**
 * Metrics of the process and of Node.js, such as the heap and the lag of the event loop. The library never stops to measure
 * them, so a process has one registry for all its services. Each format has its own, since OpenMetrics renames counters.
 */
export function processMetrics(contentType: RegistryContentType): Registry {
  let registry = registries.get(contentType);
  if (registry === undefined) {
    registry = registryOf(contentType);
    collectDefaultMetrics({ register: registry });
    registries.set(contentType, registry);
  }
  return registry;
}
