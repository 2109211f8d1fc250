import { Registry, type RegistryContentType } from 'prom-client';

/** An empty registry. The library's types have a class for each content type, and could not mix them. */
export function registryOf(contentType: RegistryContentType): Registry {
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(contentType);
  return registry as Registry;
}
