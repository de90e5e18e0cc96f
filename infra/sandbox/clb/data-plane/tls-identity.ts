import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Certificate, Certificates } from '../certificates.ts';
import type { Tls } from '../model.ts';

/** What clients are shown, as Node wants it. */
export interface TlsIdentity {
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
  /** Clients show a certificate of this server's CA: they must, they may, they are not asked. */
  readonly clients: 'must' | 'may' | 'no';
}

interface Known {
  readonly files: readonly (Certificate | undefined)[];
  readonly identity: TlsIdentity;
}

const identityOf = (
  { mode, verifyClient }: Tls,
  servers: readonly Certificate[],
  ca: Certificate | undefined,
): TlsIdentity => {
  const options: SecureContextOptions = {
    cert: servers.map(({ certPem }) => certPem),
    key: servers.flatMap(({ keyPem = [] }) => keyPem),
    ...(ca === undefined ? {} : { ca: ca.certPem }),
  };
  const mutual = verifyClient === 'OPTIONAL' ? 'may' : 'must';
  return { options, context: createSecureContext(options), clients: mode === 'MUTUAL' ? mutual : 'no' };
};

/** Reads certificates once for as long as they stay the same ones. */
export class TlsIdentities {
  readonly #certificates: Certificates;
  readonly #known = new WeakMap<Tls, Known>();

  constructor(certificates: Certificates) {
    this.#certificates = certificates;
  }

  /** @returns undefined where the account has none of these certificates any more */
  of(tls: Tls): TlsIdentity | undefined {
    const find = (id: string): Certificate | undefined => this.#certificates.find(id);
    const servers = tls.certIds.flatMap((id) => find(id) ?? []);
    const ca = tls.caId === undefined ? undefined : find(tls.caId);
    if (servers.length === 0) return undefined;
    const files = [...servers, ca];
    const known = this.#known.get(tls);
    const isSame =
      known?.files.length === files.length && files.every((file, at) => file === known.files[at]);
    if (known !== undefined && isSame) return known.identity;
    const identity = identityOf(tls, servers, ca);
    this.#known.set(tls, { files, identity });
    return identity;
  }
}
