import { Counter, Registry, type Metric, type RegistryContentType } from 'prom-client';

/** An empty registry. The library's types have a class for each content type, and could not mix them. */
export function registryOf(contentType: RegistryContentType): Registry {
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(contentType);
  return registry as Registry;
}

/** The metrics of a registry, shown as OpenMetrics. */
export function inOpenMetrics(registry: Registry): Registry {
  const shown = registryOf(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const { name } of registry.getMetricsAsArray()) {
    const metric = registry.getSingleMetric(name);
    if (metric !== undefined) shown.registerMetric(metric instanceof Counter ? renamable(metric) : metric);
  }
  return shown;
}

/** The same counter with a name of its own: the library takes `_total` away from the name of a counter that it shows. */
const renamable = (counter: Counter & { readonly name?: string }): Metric =>
  Object.create(counter, { name: { value: counter.name, writable: true } }) as Counter;
