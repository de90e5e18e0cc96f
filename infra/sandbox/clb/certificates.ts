import { newId } from './ids.ts';

/** A server's certificate with its key, or the CA that clients' certificates are checked with. PEM. */
export interface Certificate {
  readonly id: string;
  readonly name: string;
  /** The certificate first, then its chain. */
  readonly certPem: string;
  /** Absent: a CA. */
  readonly keyPem?: string;
}

/** The account's certificates, which listeners and rules name by id. */
export class Certificates {
  readonly #certificates = new Map<string, Certificate>();

  add(certificate: Omit<Certificate, 'id'> & { readonly id?: string }): Certificate {
    const added = { ...certificate, id: certificate.id ?? newId('cert') };
    this.#certificates.set(added.id, added);
    return added;
  }

  find(id: string): Certificate | undefined {
    return this.#certificates.get(id);
  }
}
