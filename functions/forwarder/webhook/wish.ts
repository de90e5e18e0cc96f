import { annotationKeys, maxPreStopSleepSeconds } from '../../../shared/kubernetes/facts/annotations.ts';
import { parseWhole, record, stringMap, text } from '../../../shared/kubernetes/facts/read.ts';
import { type DeriveOptions, holdersOf } from '../../../shared/model/claim.ts';
import type { PodFact } from '../../../shared/model/facts.ts';
import type { View } from '../../../shared/model/view.ts';
import type { Wish } from './pod-patch.ts';

export interface WishDependencies {
  readonly view: View;
  readonly options: DeriveOptions;
  readonly ownNamespace: string;
  /** For Pods of direct Services where neither says how long; 0: none. */
  readonly preStopSleepSeconds: number;
}

export interface WishFound {
  readonly wish: Wish;
  /** Shown to who creates the Pod. */
  readonly warnings: readonly string[];
}

const nothing: WishFound = { wish: {}, warnings: [] };
/** Pods of the node itself; the API server's copy is not what runs. */
const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** A Pod that does not exist yet, as far as Services select it. */
const comingPod = (namespace: string, labels: Readonly<Record<string, string>>): PodFact => ({
  ref: { kind: 'Pod', namespace, name: '', uid: '' },
  resourceVersion: '',
  labels,
  ips: [],
  hostNetwork: false,
  eni: false,
  containersReady: false,
  ready: false,
  gates: [],
  ended: false,
  problems: [],
});

/**
 * What a Pod that is being created is to have: our gate, if a claimed direct Service selects it or it asks by
 * annotation; the preStop sleep that it asks for, else the longest that one of these Services asks for, else the
 * configured one. Never anything in kube-system or in our own namespace: we could keep ourselves from starting.
 *
 * @param namespace of the request; a Pod need not say it
 */
export const wishFor = (pod: unknown, namespace: string, dependencies: WishDependencies): WishFound => {
  const { view, options, ownNamespace } = dependencies;
  const metadata = record(record(pod)['metadata']);
  const annotations = stringMap(metadata['annotations']);
  if (namespace === 'kube-system' || namespace === ownNamespace) return nothing;
  if (text(annotations[mirrorAnnotation]) !== undefined) return nothing;
  const holders = holdersOf(view, comingPod(namespace, stringMap(metadata['labels'])), options);
  const gated = holders.length > 0 || annotations[annotationKeys.readinessGate] === 'true';

  const asked = annotations[annotationKeys.preStopSleepSeconds];
  const own = asked === undefined ? undefined : parseWhole(asked, 0, maxPreStopSleepSeconds);
  const warnings =
    asked !== undefined && own === undefined
      ? [
          `annotation ${annotationKeys.preStopSleepSeconds} is ${JSON.stringify(asked.slice(0, 100))}; allowed: a whole number 0 to ${maxPreStopSleepSeconds}; it is ignored`,
        ]
      : [];
  const byServices = holders.flatMap((uid) => view.service(uid)?.preStopSleepSeconds ?? []);
  const byDefault = holders.length > 0 ? dependencies.preStopSleepSeconds : 0;
  const seconds = own ?? (byServices.length > 0 ? Math.max(...byServices) : byDefault);
  return {
    wish: {
      ...(gated ? { gateType: options.gateType } : {}),
      ...(seconds > 0 ? { preStopSleepSeconds: seconds } : {}),
    },
    warnings,
  };
};
