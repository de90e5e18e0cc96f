import { list, record } from '../../../shared/kubernetes/facts/read.ts';

/** What a Pod is to have. */
export interface Wish {
  /** Condition type of the gate to add. */
  readonly gateType?: string;
  /** For containers without a preStop handler of their own. */
  readonly preStopSleepSeconds?: number;
}

export interface PatchOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

/** What the API server sets where nothing is said. */
const defaultGraceSeconds = 30;

const gatePatch = (spec: Readonly<Record<string, unknown>>, gateType: string): readonly PatchOperation[] => {
  const gates = list(spec['readinessGates']);
  if (gates.some((gate) => record(gate)['conditionType'] === gateType)) return [];
  const gate = { conditionType: gateType };
  return gates.length === 0
    ? [{ op: 'add', path: '/spec/readinessGates', value: [gate] }]
    : [{ op: 'add', path: '/spec/readinessGates/-', value: gate }];
};

const preStopOf = (container: unknown): unknown => record(record(container)['lifecycle'])['preStop'];

/**
 * Never a second handler: the API server refuses a Pod with two. The grace period grows by as much as is slept, or
 * the containers would have less time to end than their author gave them; only once, though another webhook adds
 * containers and we are asked again.
 */
const preStopPatch = (
  spec: Readonly<Record<string, unknown>>,
  seconds: number,
): readonly PatchOperation[] => {
  const containers = list(spec['containers']);
  const preStop = { sleep: { seconds } };
  const operations = containers.flatMap((container, index): PatchOperation[] => {
    if (preStopOf(container) !== undefined && preStopOf(container) !== null) return [];
    const at = `/spec/containers/${index}/lifecycle`;
    const { lifecycle } = record(container);
    return lifecycle === undefined || lifecycle === null
      ? [{ op: 'add', path: at, value: { preStop } }]
      : [{ op: 'add', path: `${at}/preStop`, value: preStop }];
  });
  const slept = containers.some(
    (container) => record(record(preStopOf(container))['sleep'])['seconds'] === seconds,
  );
  if (operations.length === 0 || slept) return operations;
  const grace = spec['terminationGracePeriodSeconds'];
  const value = (typeof grace === 'number' ? grace : defaultGraceSeconds) + seconds;
  return [...operations, { op: 'add', path: '/spec/terminationGracePeriodSeconds', value }];
};

/** The JSON patch (RFC 6902) that adds what is missing, and nothing else; empty when nothing is. */
export const podPatch = (pod: unknown, wish: Wish): readonly PatchOperation[] => {
  const spec = record(record(pod)['spec']);
  return [
    ...(wish.gateType === undefined ? [] : gatePatch(spec, wish.gateType)),
    ...(wish.preStopSleepSeconds === undefined ? [] : preStopPatch(spec, wish.preStopSleepSeconds)),
  ];
};
