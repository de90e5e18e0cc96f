import { record, text } from './facts/read.ts';

/** What a `coordination.k8s.io/v1` Lease says. */
export interface LeaseRecord {
  /** Undefined: nobody has it. */
  readonly holder: string | undefined;
  readonly durationMs: number | undefined;
  readonly transitions: number;
  /** Differs whenever the holder wrote; other people's labels do not count. */
  readonly written: string;
}

export const leaseRecordOf = (lease: unknown): LeaseRecord => {
  const spec = record(record(lease)['spec']);
  const seconds = spec['leaseDurationSeconds'];
  const transitions = spec['leaseTransitions'];
  return {
    holder: text(spec['holderIdentity']),
    durationMs: typeof seconds === 'number' ? seconds * 1000 : undefined,
    transitions: typeof transitions === 'number' ? transitions : 0,
    written: JSON.stringify([spec['holderIdentity'], spec['acquireTime'], spec['renewTime'], transitions]),
  };
};

/** The API takes times of a Lease with six digits of a second and no other number of them. */
const microTime = (unixMs: number): string => new Date(unixMs).toISOString().replace('Z', '000Z');

/** The lease, taken or renewed. Keeps what others wrote on it, and its resourceVersion as the precondition. */
export const heldBy = (lease: unknown, identity: string, durationMs: number, nowMs: number): unknown => {
  const before = leaseRecordOf(lease);
  const renewed = before.holder === identity;
  return {
    ...record(lease),
    spec: {
      ...record(record(lease)['spec']),
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      ...(renewed ? {} : { acquireTime: microTime(nowMs), leaseTransitions: before.transitions + 1 }),
      renewTime: microTime(nowMs),
    },
  };
};

export const newLease = (
  name: string,
  namespace: string,
  identity: string,
  durationMs: number,
  nowMs: number,
) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace },
  spec: {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: microTime(nowMs),
    renewTime: microTime(nowMs),
    leaseTransitions: 0,
  },
});

/** The lease, given up: whoever asks next may have it at once. */
export const released = (lease: unknown, nowMs: number): unknown => ({
  ...record(lease),
  spec: {
    ...record(record(lease)['spec']),
    holderIdentity: '',
    leaseDurationSeconds: 1,
    renewTime: microTime(nowMs),
  },
});
