import type { Connection } from '../../../shared/kubernetes/connection.ts';
import { record, text } from '../../../shared/kubernetes/facts/read.ts';
import { KubernetesError } from '../../../shared/kubernetes/kubernetes-error.ts';
import { createObject, getObject, replaceObject } from '../../../shared/kubernetes/request.ts';
import { belongTogether, createAuthority, expiresAt, type KeyPair } from './certificates.ts';

export interface Authority {
  /** Signs server certificates. */
  readonly current: KeyPair;
  /** Everything to trust, PEM: the current one, and the one before it while replicas may still serve by it. */
  readonly bundlePem: string;
}

/** A new authority takes over so long before the old one ends. */
export const renewBeforeMs = 60 * 86_400_000;
const attempts = 5;

/** The certificates of a PEM text. */
export const pemBlocks = (pem: string): readonly string[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map(
    (block) => `${block}\n`,
  );

const decoded = (value: unknown): string => Buffer.from(text(value) ?? '', 'base64').toString('utf8');
const encoded = (value: string): string => Buffer.from(value).toString('base64');

interface Read {
  readonly authority: Authority | undefined;
  readonly certificates: readonly string[];
}

const readSecret = (secret: unknown): Read => {
  const fields = record(record(secret)['data']);
  const certificates = pemBlocks(decoded(fields['ca.crt']));
  const current = { certificatePem: certificates[0] ?? '', keyPem: decoded(fields['ca.key']) };
  const usable = belongTogether(current);
  return {
    authority: usable ? { current, bundlePem: certificates.join('') } : undefined,
    certificates: usable ? certificates : [],
  };
};

const isStatus = (error: unknown, status: number): boolean =>
  error instanceof KubernetesError && error.status === status;

/**
 * The certificate authority that all replicas share, kept in a Secret: read, made if there is none, replaced well
 * before it ends (the old one stays trusted until then). Who loses a race reads what the other wrote.
 *
 * @throws KubernetesError
 */
export const loadAuthority = async (
  connection: Connection,
  where: { readonly namespace: string; readonly name: string },
  nowMs: number,
): Promise<Authority> => {
  const collection = `/api/v1/namespaces/${encodeURIComponent(where.namespace)}/secrets`;
  const path = `${collection}/${encodeURIComponent(where.name)}`;
  for (let attempt = 1; ; attempt += 1) {
    const found = await getObject(connection, path).catch((error: unknown) => {
      if (isStatus(error, 404)) return undefined;
      throw error;
    });
    const { authority, certificates } = readSecret(found);
    if (authority !== undefined && expiresAt(authority.current.certificatePem) > nowMs + renewBeforeMs) {
      return authority;
    }
    const current = await createAuthority(nowMs);
    const trusted = certificates.filter((certificate) => expiresAt(certificate) > nowMs);
    const bundlePem = [current.certificatePem, ...trusted].join('');
    const body = {
      ...record(found),
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...record(record(found)['metadata']), name: where.name, namespace: where.namespace },
      type: 'Opaque',
      data: { 'ca.crt': encoded(bundlePem), 'ca.key': encoded(current.keyPem) },
    };
    try {
      await (found === undefined
        ? createObject(connection, collection, body)
        : replaceObject(connection, path, body));
      return { current, bundlePem };
    } catch (error) {
      if (!isStatus(error, 409) || attempt >= attempts) throw error;
    }
  }
};
