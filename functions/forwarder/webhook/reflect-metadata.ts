/**
 * `@peculiar/x509` injects its algorithms with a library that asks for the `reflect-metadata` API and refuses to load
 * without it. It reads metadata that only a compiler would write; there is none, so readers that find nothing suffice.
 * A polyfill that is already there is left alone.
 */
export const provideReflectMetadata = (): void => {
  for (const name of ['getMetadata', 'getOwnMetadata', 'defineMetadata']) {
    if (name in Reflect) continue;
    Object.defineProperty(Reflect, name, { value: () => undefined, configurable: true, writable: true });
  }
};
